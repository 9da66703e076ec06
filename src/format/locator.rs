//! Where the parts of a document stand in its text, for many questions about one text: it is read once.

use super::place::Places;
use super::{Notation, Place};

/// Where the parts of one text stand.
pub struct Locator<'t> {
    found: Found<'t>,
}

enum Found<'t> {
    Json(Places<'t>),
    #[cfg(any(test, feature = "yaml"))]
    Yaml(Option<super::yaml::Placed>),
    #[cfg(not(any(test, feature = "yaml")))]
    NotRead,
}

impl<'t> Locator<'t> {
    /// For a text that can be read. A byte order mark is no part of it.
    pub fn new(text: &'t str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let found = match Notation::of(text) {
            Notation::Json => Found::Json(Places::new(text)),
            #[cfg(any(test, feature = "yaml"))]
            Notation::Yaml => Found::Yaml(super::yaml::Placed::read(text)),
            #[cfg(not(any(test, feature = "yaml")))]
            Notation::Yaml => Found::NotRead,
        };
        Self { found }
    }

    /// Where the value of a JSON pointer begins.
    pub fn locate(&mut self, pointer: &str) -> Option<Place> {
        match &mut self.found {
            Found::Json(places) => places.locate(pointer),
            #[cfg(any(test, feature = "yaml"))]
            Found::Yaml(placed) => placed.as_ref()?.locate(pointer),
            #[cfg(not(any(test, feature = "yaml")))]
            Found::NotRead => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_is_asked_for_many_parts_in_either_notation() {
        let check = |text: &str, expected: &[(&str, Option<(usize, usize)>)]| {
            let mut locator = Locator::new(text);
            for (pointer, expected) in expected {
                let found = locator.locate(pointer).map(|place| (place.line, place.column));
                assert_eq!(found, *expected, "{pointer} of {text}");
            }
        };
        check(
            "\u{feff}{\"a\": [1,\n 2]}",
            &[("/a/1", Some((2, 2))), ("/a", Some((1, 7))), ("/b", None)],
        );
        check(
            "a: 1\nb:\n- c: x\n- d: y\n",
            &[("/b/1/d", Some((4, 6))), ("/b/0/c", Some((3, 6))), ("/b/2", None)],
        );
        check("{a: [x, {b: y}]}", &[("/a/1/b", Some((1, 13)))]);
    }

    /// Each part was looked for from the beginning of the text: this took minutes.
    #[test]
    fn a_long_text_is_asked_as_fast_as_it_is_read() {
        let json: Vec<String> = (0..3_000).map(|at| format!("{{\"id\": \"s{at}\"}}")).collect();
        let json = format!("{{\"steps\": [{}]}}", json.join(",\n"));
        let yaml: Vec<String> = (0..3_000).map(|at| format!("- id: s{at}\n")).collect();
        let yaml = format!("steps:\n{}", yaml.concat());
        for (text, first) in [(json, 1), (yaml, 2)] {
            let mut locator = Locator::new(&text);
            for at in 0..3_000 {
                let place = locator.locate(&format!("/steps/{at}/id"));
                assert_eq!(place.map(|place| place.line), Some(at + first));
            }
        }
    }
}
