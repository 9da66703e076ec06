//! Texts given on the command line: read with a bound, and shown with a caret where something is wrong.

use super::CommandError;
use serde_json::Value;
use signalbox::format::{self, FormatError, Locator};
use std::{
    fmt::Write as _,
    io::Read,
    path::{Path, PathBuf},
};

/// Longest text read, in bytes; one more than any format takes, so that its own limit is what people see.
const BYTES_MAX: u64 = 8 * 1024 * 1024 + 1;
/// Characters of a line that an excerpt shows.
const EXCERPT_MAX: usize = 100;

/// A text with the name people know it by.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path, `standard input`, or the option's name.
    pub name: String,
    /// What it says, without a byte order mark.
    pub text: String,
}

pub use signalbox::format::Place;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Stable, kebab-case.
    pub code: &'static str,
    /// A sentence.
    pub message: String,
    /// Where, if it is known.
    pub place: Option<Place>,
}

impl Source {
    /// Reads a file; `-` is standard input.
    pub fn read(path: &Path) -> Result<Self, CommandError> {
        let name = if path == Path::new("-") {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        let unreadable = |why: String| CommandError::usage(format!("cannot read {name}: {why}"));
        let mut bytes = Vec::new();
        let read = if path == Path::new("-") {
            std::io::stdin().lock().take(BYTES_MAX).read_to_end(&mut bytes)
        } else {
            std::fs::File::open(path).and_then(|file| file.take(BYTES_MAX).read_to_end(&mut bytes))
        };
        read.map_err(|error| unreadable(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            unreadable(format!("it is not UTF-8 text ({})", error.utf8_error()))
        })?;
        Ok(Self::named(name, &text))
    }

    /// The text of an option: itself, or with `@` in front the name of a file that holds it.
    pub fn option(name: &str, value: &str) -> Result<Self, CommandError> {
        match value.strip_prefix('@') {
            Some(path) => Self::read(&PathBuf::from(path)),
            None => Ok(Self::named(name.to_owned(), value)),
        }
    }

    fn named(name: String, text: &str) -> Self {
        Self { name, text: text.strip_prefix('\u{feff}').unwrap_or(text).to_owned() }
    }

    /// Its JSON.
    pub fn json(&self) -> Result<Value, Complaint> {
        format::parse_text(&self.text).map_err(|error| self.complaint(&error))
    }

    /// A format's refusal, with its place in this text.
    pub fn complaint(&self, error: &FormatError) -> Complaint {
        let (code, message, place) = match error {
            FormatError::Syntax { notation, line, column, message } => {
                let is_json = notation == "JSON";
                // The JSON parser counts bytes.
                let place = match is_json {
                    true => self.place(*line, *column),
                    false => Some(Place { line: *line, column: *column }),
                };
                let code = if is_json { "not-json" } else { "not-yaml" };
                (code, format!("this is not {notation}: {message}"), place)
            }
            FormatError::Invalid { pointer, message, place } => {
                let place = place.or_else(|| self.locator().locate(pointer));
                ("invalid-document", format!("{message} (at {pointer:?})"), place)
            }
            FormatError::Unknown | FormatError::NotHere { .. } => {
                ("unknown-format", error.to_string(), error.place())
            }
            FormatError::TooMany { .. } => ("too-many", error.to_string(), error.place()),
            FormatError::TooDeep { .. } => ("too-deep", error.to_string(), error.place()),
        };
        Complaint { code, message, place }
    }

    /// Where the parts of its document stand.
    pub fn locator(&self) -> Locator<'_> {
        Locator::new(&self.text)
    }

    /// The parser counts bytes; people count characters. Past the end of a line means its end.
    fn place(&self, line: usize, byte_column: usize) -> Option<Place> {
        let text = self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let before = text.char_indices().take_while(|(at, _)| at + 1 < byte_column).count();
        Some(Place { line: line.max(1), column: before + 1 })
    }

    /// `file:line:column`, or only the name.
    pub fn label(&self, place: Option<Place>) -> String {
        match place {
            Some(Place { line, column }) => format!("{}:{line}:{column}", self.name),
            None => self.name.clone(),
        }
    }

    /// The line of a place with a caret under it. Long lines are cut to the part around the place.
    pub fn excerpt(&self, place: Place) -> String {
        let line = self.text.lines().nth(place.line - 1).unwrap_or_default();
        let column = place.column.min(line.chars().count() + 1);
        let skipped = if column > EXCERPT_MAX * 3 / 4 { column - EXCERPT_MAX / 2 } else { 0 };
        // Tabs and control characters would put the caret elsewhere, or do things to the terminal.
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let shown: String = line.chars().skip(skipped).take(EXCERPT_MAX).map(plain).collect();
        let number = place.line.to_string();
        let gap = " ".repeat(number.len());
        let caret = " ".repeat(column - 1 - skipped);
        let mut text = String::new();
        let _ = writeln!(text, " {number} | {shown}");
        let _ = write!(text, " {gap} | {caret}^");
        text
    }

    /// A complaint as people read it: where, what, and the line it is about.
    pub fn explain(&self, complaint: &Complaint) -> String {
        let mut text = format!("{}: {}", self.label(complaint.place), complaint.message);
        if let Some(place) = complaint.place {
            let _ = write!(text, "\n{}", self.excerpt(place));
        }
        text
    }

    /// The complaint as a command's refusal.
    pub fn refuse(&self, complaint: &Complaint) -> CommandError {
        CommandError::usage(self.explain(complaint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(text: &str) -> String {
        let source = Source::named("a.json".into(), text);
        let complaint = source.json().unwrap_err();
        source.explain(&complaint)
    }

    #[test]
    fn the_caret_stands_under_the_mistake() {
        let text = explained("{\n  \"ä\": trux\n}");
        assert_eq!(
            text,
            "a.json:2:11: this is not JSON: expected ident\n 2 |   \"ä\": trux\n   |           ^"
        );
        assert!(explained("\u{feff}").starts_with("a.json:1:1: "), "{}", explained("\u{feff}"));
    }

    #[test]
    fn a_long_line_is_cut_around_the_mistake() {
        let text = explained(&format!("[{}x]", "1, ".repeat(400)));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("a.json:1:1202: "), "{text}");
        let caret = lines[2].find('^').unwrap();
        assert_eq!(&lines[1][caret..=caret], "x");
        assert!(lines[1].chars().count() < 120);
    }
}
