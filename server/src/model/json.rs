//! JSON in a model's answer.

use serde_json::Value;

/// The JSON value in a text: the whole of it, what stands in a code fence, or the first object or list.
pub fn extract(text: &str) -> Option<Value> {
    let text = text.trim();
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    fenced(text)
        .chain(first_value(text))
        .find_map(|candidate| serde_json::from_str(candidate.trim()).ok())
}

/// What stands between code fences, without the language's name.
fn fenced(text: &str) -> impl Iterator<Item = &str> {
    text.split("```").skip(1).step_by(2).map(|block| {
        let (first, rest) = block.split_once('\n').unwrap_or(("", block));
        if first.trim().chars().all(|c| c.is_alphanumeric()) && !rest.is_empty() {
            rest
        } else {
            block
        }
    })
}

/// From the first bracket to the one that closes it.
fn first_value(text: &str) -> Option<&str> {
    let start = text.find(['{', '['])?;
    let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
    for (at, c) in text[start..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            '{' | '[' if !in_text => depth += 1,
            '}' | ']' if !in_text => {
                depth -= 1;
                if depth == 0 {
                    return Some(&text[start..=start + at]);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_found_where_models_put_it() {
        let check =
            |text: &str, expected: Option<Value>| assert_eq!(extract(text), expected, "{text}");
        check(r#"{"a": 1}"#, Some(json!({"a": 1})));
        check("```json\n{\"a\": 1}\n```", Some(json!({"a": 1})));
        check("Here it is:\n```\n[1, 2]\n```\nDone.", Some(json!([1, 2])));
        check("Sure: {\"a\": \"}{\", \"b\": [1]} and more }", Some(json!({"a": "}{", "b": [1]})));
        check("\"just text\"", Some(json!("just text")));
        check("no json here", None);
        check("{ broken", None);
        check("}", None);
        check("", None);
    }
}
