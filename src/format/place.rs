//! Where a part of a JSON text stands: from a JSON pointer to a line and column.
//!
//! The text is known to be JSON, so this only has to find the ends of things.

use serde::{Deserialize, Serialize};

/// A place in a text, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

/// Where the value of a JSON pointer begins.
pub fn locate(text: &str, pointer: &str) -> Option<Place> {
    let mut at = skip_space(text, 0);
    for segment in segments(pointer) {
        at = child(text, at, &segment)?;
    }
    Some(place_of(text, at))
}

/// The parts of a pointer, unescaped.
pub(super) fn segments(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"))
}

/// A pointer as people write it: `/steps/3/config` reads `steps[3].config`.
pub(super) fn path(pointer: &str) -> String {
    let mut path = String::new();
    for segment in segments(pointer) {
        let plain = |c: char| c.is_alphanumeric() || c == '_';
        if !segment.is_empty() && segment.chars().all(|c| c.is_ascii_digit()) {
            path.push_str(&format!("[{segment}]"));
        } else if segment.is_empty() || !segment.chars().all(plain) {
            path.push_str(&format!("[{segment:?}]"));
        } else {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(&segment);
        }
    }
    if path.is_empty() { "the document".to_owned() } else { path }
}

/// The line and column of a byte.
pub(super) fn place_of(text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

fn skip_space(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + (rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len())
}

/// Where a member or an item of the value at `at` begins.
fn child(text: &str, at: usize, segment: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_object = match bytes.get(at)? {
        b'{' => true,
        b'[' => false,
        _ => return None,
    };
    let mut at = skip_space(text, at + 1);
    let mut index = 0_usize;
    // Of a key that is written twice the last one counts, as in the parser.
    let mut last = None;
    loop {
        let found = if is_object {
            let Some(end) = skip_string(bytes, at) else { return last };
            let key: String = serde_json::from_str(text.get(at..end)?).ok()?;
            at = skip_space(text, end);
            (*bytes.get(at)? == b':').then_some(())?;
            at = skip_space(text, at + 1);
            key == segment
        } else {
            (*bytes.get(at)? != b']').then_some(())?;
            segment.parse() == Ok(index)
        };
        if found && !is_object {
            return Some(at);
        }
        last = if found { Some(at) } else { last };
        at = skip_space(text, skip_value(bytes, at)?);
        if *bytes.get(at)? != b',' {
            return last;
        }
        at = skip_space(text, at + 1);
        index += 1;
    }
}

/// Behind the string that begins at `at`.
fn skip_string(bytes: &[u8], at: usize) -> Option<usize> {
    (*bytes.get(at)? == b'"').then_some(())?;
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Behind the value that begins at `at`.
fn skip_value(bytes: &[u8], at: usize) -> Option<usize> {
    let (mut at, mut depth) = (at, 0_usize);
    loop {
        match bytes.get(at) {
            Some(b'"') => {
                at = skip_string(bytes, at)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            Some(b'{' | b'[') => (depth, at) = (depth + 1, at + 1),
            Some(b'}' | b']') if depth <= 1 => return Some(at + usize::from(depth == 1)),
            Some(b'}' | b']') => (depth, at) = (depth - 1, at + 1),
            Some(b',') if depth == 0 => return Some(at),
            Some(_) => at += 1,
            None => return (depth == 0).then_some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_found_in_the_text() {
        let text = "{\n  \"a/b\": [1, {\"x\\\"]\": \"}\\\\\"}, [[]],\n    {\"ü\": 2, \"c\": true}],\n  \"d\": null\n}";
        let check = |pointer: &str, expected: Option<(usize, usize)>| {
            let found = locate(text, pointer).map(|place| (place.line, place.column));
            assert_eq!(found, expected, "{pointer}");
        };
        check("", Some((1, 1)));
        check("/a~1b", Some((2, 10)));
        check("/a~1b/1", Some((2, 14)));
        check("/a~1b/3/c", Some((3, 19)));
        check("/d", Some((4, 8)));
        check("/e", None);
        check("/a~1b/4", None);
        check("/d/0", None);
        assert_eq!(locate(r#"{"a": 1, "a": 2}"#, "/a"), Some(Place { line: 1, column: 15 }));
    }

    #[test]
    fn pointers_read_as_paths() {
        assert_eq!(path("/steps/3/config"), "steps[3].config");
        assert_eq!(path("/schemas/a~1b/0"), "schemas[\"a/b\"][0]");
        assert_eq!(path(""), "the document");
    }
}
