//! Where a part of a JSON text stands: from a JSON pointer, or from a node's name, to a line and column.
//!
//! The text is known to be JSON, so this only has to find the ends of things.

use super::source::Place;
use serde_json::Value;

/// Where the value of a JSON pointer begins.
pub fn locate(text: &str, pointer: &str) -> Option<Place> {
    let mut at = skip_space(text, 0);
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        at = child(text, at, &segment)?;
    }
    Some(place_of(text, at))
}

/// The pointer of a problem's place in a document: the field if it is written there, else the node.
pub fn pointer_of(document: &Value, node: Option<&str>, field: Option<&str>) -> Option<String> {
    let (step, key) = node_pointer(document, node?)?;
    let inside = field.filter(|field| !field.is_empty());
    let bases = ["/config", "/kind", ""];
    let written = inside.and_then(|field| {
        let candidates = bases.iter().map(|base| format!("{step}{base}{field}"));
        // A visual step calls its tool its type.
        let tool = (field == "/tool").then(|| format!("{step}/config/type"));
        candidates.chain(tool).find(|pointer| document.pointer(pointer).is_some())
    });
    Some(written.unwrap_or_else(|| format!("{step}/{key}")))
}

fn node_pointer(document: &Value, node: &str) -> Option<(String, &'static str)> {
    let lists = [("/steps", "stepSlug"), ("/stepsConfig", "stepSlug"), ("/graph/nodes", "id")];
    lists.into_iter().find_map(|(list, key)| {
        let items = document.pointer(list)?.as_array()?;
        let at =
            items.iter().position(|item| item.get(key).and_then(Value::as_str) == Some(node))?;
        Some((format!("{list}/{at}"), key))
    })
}

fn place_of(text: &str, at: usize) -> Place {
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
    loop {
        let found = if is_object {
            let end = skip_string(bytes, at)?;
            let key: String = serde_json::from_str(text.get(at..end)?).ok()?;
            at = skip_space(text, end);
            (*bytes.get(at)? == b':').then_some(())?;
            at = skip_space(text, at + 1);
            key == segment
        } else {
            (*bytes.get(at)? != b']').then_some(())?;
            segment.parse() == Ok(index)
        };
        if found {
            return Some(at);
        }
        at = skip_space(text, skip_value(bytes, at)?);
        (*bytes.get(at)? == b',').then_some(())?;
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
    }

    #[test]
    fn a_problem_is_at_its_field_or_else_at_its_node() {
        let document = serde_json::json!({"steps": [{"stepSlug": "s"},
            {"stepSlug": "a", "config": {"parameters": {"to": "x"}}, "condition": "y"}]});
        let of = |field| pointer_of(&document, Some("a"), field);
        assert_eq!(of(Some("/parameters/to")).as_deref(), Some("/steps/1/config/parameters/to"));
        assert_eq!(of(Some("/condition")).as_deref(), Some("/steps/1/condition"));
        assert_eq!(of(Some("/parameters/cc")).as_deref(), Some("/steps/1/stepSlug"));
        assert_eq!(of(None).as_deref(), Some("/steps/1/stepSlug"));
        assert_eq!(pointer_of(&document, Some("b"), None), None);
    }
}
