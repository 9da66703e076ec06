//! Bad documents, made from good ones: cut off at each byte, something else at each place. All are read, or
//! refused with a place.

use super::support::plans;
use crate::format::{Notation, detect, import, import_text, parse, yaml};
use serde_json::{Value, json};

/// The texts of all fixtures.
fn texts() -> Vec<(String, String)> {
    let visual = super::fixtures().into_iter().map(|(path, document)| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), document.to_string())
    });
    let small = visual.filter(|(_, text)| text.len() < 6_000);
    let plans = plans();
    assert!(plans.iter().any(|(name, _)| name.ends_with("yaml")));
    plans.into_iter().chain(small).collect()
}

#[test]
fn cut_off_at_each_byte_it_is_refused_with_a_line() {
    let mut seen = 0;
    for (name, text) in texts() {
        for end in (1..text.trim_end().len()).filter(|end| text.is_char_boundary(*end)) {
            let cut = &text[..end];
            let lines = cut.lines().count() + 1;
            match import_text(cut) {
                Ok(_) => assert_eq!(Notation::of(&text), Notation::Yaml, "{name} at {end}"),
                Err(error) => {
                    let place = error.place().unwrap_or_else(|| panic!("{name} at {end}: {error}"));
                    assert!(
                        (1..=lines).contains(&place.line) && place.column >= 1,
                        "{name} at {end}: {error}"
                    );
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 10_000, "{seen}");
}

/// Every pointer of a document with its value.
fn places(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(at, item)| places(item, format!("{pointer}/{at}"), found)),
        Value::Object(fields) => fields.iter().for_each(|(key, field)| {
            places(
                field,
                format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")),
                found,
            );
        }),
        _ => {}
    }
    found.push(pointer);
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

#[test]
fn something_else_at_each_place_is_refused_with_its_line_or_read() {
    let (mut refused, mut read) = (0, 0);
    for (name, text) in texts() {
        let (document, notation) = parse(&text).unwrap();
        let format = detect(&document);
        let mut pointers = vec![];
        places(&document, String::new(), &mut pointers);
        for pointer in pointers {
            for other in
                [json!(true), json!(-7.5), json!("x"), json!([]), json!({}), json!([[{"a": {}}]])]
            {
                let mut document = document.clone();
                let at = document.pointer_mut(&pointer).unwrap();
                if kind(at) == kind(&other) {
                    continue;
                }
                *at = other.clone();
                let text = match notation {
                    Notation::Json => serde_json::to_string_pretty(&document).unwrap(),
                    Notation::Yaml => yaml::write(&document).unwrap(),
                };
                match import_text(&text) {
                    Err(error) => {
                        let place = error.place();
                        let place =
                            place.unwrap_or_else(|| panic!("{name} {pointer} {other}: {error}"));
                        assert!(
                            place.line <= text.lines().count(),
                            "{name} {pointer} {other}: {error}"
                        );
                        refused += 1;
                    }
                    Ok(imported) => {
                        // What is passed over comes out again.
                        let written = crate::format::export(
                            &imported.graph,
                            &imported.name,
                            &imported.description,
                            imported.format,
                        );
                        assert_eq!(written.unwrap(), document, "{name} {pointer} {other}");
                        assert!(
                            Some(imported.format) != format || !must_fit(&name, &pointer),
                            "{name} {pointer} {other}"
                        );
                        read += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 2_000 && read > 500, "{refused} refused, {read} read");
}

/// Whether the plans' documents say what type stands at this place: all that they name.
fn must_fit(name: &str, pointer: &str) -> bool {
    let is_plan = !name.starts_with(char::is_numeric) && !name.contains('_');
    // Whatever a schema says and a check is told is theirs.
    if pointer.starts_with("/schemas/launchBrief/") || pointer.ends_with("/config") {
        return false;
    }
    let unnamed = ["note", "/transitions"].iter().any(|key| pointer.ends_with(key));
    is_plan && !pointer.is_empty() && !unnamed
}

#[test]
fn a_document_too_large_is_refused() {
    let many = json!({"steps": vec![json!({"id": "a", "prompt": "x"}); 5_001]});
    assert!(import(&many).unwrap_err().to_string().contains("too many steps"));
    let ids: Vec<String> = (0..300).map(|at| format!("s{at}")).collect();
    let steps: Vec<Value> =
        (0..300).map(|at| json!({"id": ids[at], "prompt": "x", "dependsOn": ids[..at]})).collect();
    assert!(
        import(&json!({ "steps": steps }))
            .unwrap_err()
            .to_string()
            .contains("too many connections")
    );
}
