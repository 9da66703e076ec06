//! Patterns that find text in a column whatever its case, in every script. SQLite's `lower()` knows ASCII only, and
//! that of PostgreSQL what its locale knows, so the other forms of a letter stand in the pattern.

use super::Store;

/// Characters of a search that count.
const CHARS_MAX: usize = 200;

/// The pattern that finds a text somewhere in `lower(column)`: of `GLOB` where the database is embedded, else of `~`.
pub(super) fn pattern(store: &Store, text: &str) -> String {
    match store.pick("GLOB", "~") {
        "GLOB" => format!("*{}*", written(text, |c| format!("[{c}]"), "*?[")),
        _ => written(text, |c| format!("\\{c}"), "\\.*+?()[]{}^$|"),
    }
}

/// Each character with its other forms. Those in `special` mean something to the database and are quoted.
fn written(text: &str, quote: impl Fn(char) -> String, special: &str) -> String {
    let lower = text.chars().take(CHARS_MAX).flat_map(char::to_lowercase);
    let one = |c: char| match other_forms(c) {
        _ if special.contains(c) => quote(c),
        others if others.is_empty() => c.to_string(),
        others => format!("[{c}{others}]"),
    };
    lower.map(one).collect()
}

/// The other forms of a letter that `lower()` may leave as it is.
fn other_forms(c: char) -> String {
    if c.is_ascii() {
        return String::new();
    }
    let upper = alone(c.to_uppercase());
    let lower = upper.and_then(|upper| alone(upper.to_lowercase()));
    // A sigma at a word's end is another letter than one within it.
    [upper, lower].into_iter().flatten().filter(|other| *other != c).collect()
}

/// A form that is one character.
fn alone(mut form: impl Iterator<Item = char>) -> Option<char> {
    let first = form.next()?;
    form.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_with_their_other_forms_and_signs_for_themselves() {
        let glob = |text: &str| written(text, |c| format!("[{c}]"), "*?[");
        assert_eq!(glob("\u{dc}bEr"), "[\u{fc}\u{dc}]ber");
        assert_eq!(glob("\u{fc}ber"), "[\u{fc}\u{dc}]ber");
        assert_eq!(glob("a*[b]?"), "a[*][[]b][?]");
        assert_eq!(
            glob("\u{df}\u{4e2d}"),
            "\u{df}\u{4e2d}",
            "they have no other form of one character"
        );
        assert_eq!(glob("\u{3c2}"), "[\u{3c2}\u{3a3}\u{3c3}]");
        let regex = |text: &str| written(text, |c| format!("\\{c}"), "\\.*+?()[]{}^$|");
        assert_eq!(regex("1.5% (\u{c4})"), "1\\.5% \\([\u{e4}\u{c4}]\\)");
        assert_eq!(glob(&"x".repeat(900)).len(), CHARS_MAX);
    }
}
