//! Where a part of a JSON text stands: from a JSON pointer to a line and column.
//!
//! The text is known to be JSON, so this only has to find the ends of things.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};

/// A place in a text, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

/// The places of a JSON text. What was looked through once is remembered: many problems may be in one list.
pub struct Places<'t> {
    text: &'t str,
    /// Where each line begins.
    lines: Vec<usize>,
    /// Where the parts of a list or an object begin, by where it begins itself.
    known: HashMap<usize, Parts<'t>>,
}

/// Where the parts of a value begin.
enum Parts<'t> {
    List(Vec<usize>),
    Object(HashMap<Cow<'t, str>, usize>),
}

impl<'t> Places<'t> {
    pub fn new(text: &'t str) -> Self {
        let behind = text.match_indices('\n').map(|(newline, _)| newline + 1);
        let lines = std::iter::once(0).chain(behind).collect();
        Self { text, lines, known: HashMap::new() }
    }

    /// Where the value of a JSON pointer begins.
    pub fn locate(&mut self, pointer: &str) -> Option<Place> {
        let mut at = skip_space(self.text, 0);
        for segment in segments(pointer) {
            at = self.part(at, &segment)?;
        }
        Some(self.place_of(at))
    }

    /// Where a member or an item of the value at `at` begins.
    fn part(&mut self, at: usize, segment: &str) -> Option<usize> {
        let parts = match self.known.entry(at) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(parts(self.text, at)?),
        };
        match parts {
            Parts::List(items) => items.get(segment.parse::<usize>().ok()?).copied(),
            Parts::Object(fields) => fields.get(segment).copied(),
        }
    }

    /// The line and column of a byte.
    fn place_of(&self, at: usize) -> Place {
        let line = self.lines.partition_point(|start| *start <= at);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let before = self.text.get(start..at).unwrap_or_default();
        Place { line: line.max(1), column: before.chars().count() + 1 }
    }
}

/// The first key that its object has already, and the byte where it stands.
pub(super) fn repeated_key(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let bytes = text.as_bytes();
    // The keys of each object that is open; none of a list.
    let mut open: Vec<HashSet<Cow<str>>> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => open.push(HashSet::new()),
            b'}' | b']' => drop(open.pop()),
            b'"' => {
                let end = skip_string(bytes, at)?;
                let is_key = bytes.get(skip_space(text, end)) == Some(&b':');
                if is_key {
                    let key = key(text.get(at..end)?)?;
                    let keys = open.last_mut()?;
                    if keys.contains(&key) {
                        return Some((key, at));
                    }
                    keys.insert(key);
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
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

fn skip_space(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + (rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len())
}

/// Where the members or items of the value at `at` begin; none of a value that has no parts.
fn parts(text: &str, at: usize) -> Option<Parts<'_>> {
    let bytes = text.as_bytes();
    let is_object = match bytes.get(at)? {
        b'{' => true,
        b'[' => false,
        _ => return None,
    };
    let (mut items, mut fields) = (Vec::new(), HashMap::new());
    let mut at = skip_space(text, at + 1);
    while !matches!(bytes.get(at)?, b'}' | b']') {
        if is_object {
            let end = skip_string(bytes, at)?;
            let key = key(text.get(at..end)?)?;
            at = skip_space(text, end);
            (*bytes.get(at)? == b':').then_some(())?;
            at = skip_space(text, at + 1);
            // Of a key that is written twice the last one counts.
            fields.insert(key, at);
        } else {
            items.push(at);
        }
        at = skip_space(text, skip_value(bytes, at)?);
        if *bytes.get(at)? == b',' {
            at = skip_space(text, at + 1);
        }
    }
    Some(if is_object { Parts::Object(fields) } else { Parts::List(items) })
}

/// The key that is written so, with its quotes.
fn key(written: &str) -> Option<Cow<'_, str>> {
    if written.contains('\\') {
        return serde_json::from_str(written).ok().map(Cow::Owned);
    }
    written.get(1..written.len().checked_sub(1)?).map(Cow::Borrowed)
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
        let mut places = Places::new(text);
        let mut check = |pointer: &str, expected: Option<(usize, usize)>| {
            // The second time from memory.
            for _ in 0..2 {
                let found = places.locate(pointer).map(|place| (place.line, place.column));
                assert_eq!(found, expected, "{pointer}");
            }
        };
        check("", Some((1, 1)));
        check("/a~1b", Some((2, 10)));
        check("/a~1b/1", Some((2, 14)));
        check("/a~1b/3/c", Some((3, 19)));
        check("/d", Some((4, 8)));
        check("/e", None);
        check("/a~1b/4", None);
        check("/d/0", None);
        let twice = Places::new(r#"{"a": 1, "a": 2}"#).locate("/a");
        assert_eq!(twice, Some(Place { line: 1, column: 15 }));
    }

    #[test]
    fn a_key_that_its_object_has_already_is_found() {
        let check = |text: &str, expected: Option<(&str, usize)>| {
            let found = repeated_key(text);
            assert_eq!(found.as_ref().map(|(key, at)| (&**key, *at)), expected, "{text}");
        };
        check(r#"{"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": "a"}, "a"]}"#, None);
        check(r#"{"a": 1, "b": {"a": 2, "c": [], "a" : 3}}"#, Some(("a", 32)));
        check(r#"[{"ab": {"x": 1}, "\u0061b": 2}]"#, Some(("ab", 18)));
        check(r#"{"a": "\"b\": {", "b": 1}"#, None);
    }

    #[test]
    fn pointers_read_as_paths() {
        assert_eq!(path("/steps/3/config"), "steps[3].config");
        assert_eq!(path("/schemas/a~1b/0"), "schemas[\"a/b\"][0]");
        assert_eq!(path(""), "the document");
    }
}
