//! Putting a change back into a document that has more in it than we understand.
//!
//! `base` is what we would write for the document as it was read, `current` what we would write now.
//! Where the two agree, the original stays as its author wrote it.

use serde_json::{Map, Value};

/// The original with the difference between `base` and `current` made in it.
pub fn patch(original: &Value, base: &Value, current: &Value) -> Value {
    if base == current {
        return original.clone();
    }
    match (original, base, current) {
        (Value::Object(original), Value::Object(base), Value::Object(current)) => {
            Value::Object(patch_fields(original, base, current))
        }
        _ => current.clone(),
    }
}

fn patch_fields(
    original: &Map<String, Value>,
    base: &Map<String, Value>,
    current: &Map<String, Value>,
) -> Map<String, Value> {
    let mut result = original.clone();
    for key in base.keys().filter(|key| !current.contains_key(*key)) {
        result.shift_remove(key);
    }
    for (key, now) in current {
        let then = base.get(key);
        if then == Some(now) {
            continue;
        }
        let value = match (original.get(key), then) {
            (Some(written), Some(then)) => patch(written, then, now),
            _ => now.clone(),
        };
        result.insert(key.clone(), value);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_changed_is_changed() {
        let original = json!({"b": 1.0, "own": true, "a": {"x": 1, "own": [1]}, "gone": 1});
        let base = json!({"a": {"x": 1}, "b": 1, "gone": 1});
        let current = json!({"a": {"x": 2}, "b": 1, "new": 3});
        let text = patch(&original, &base, &current).to_string();
        assert_eq!(text, r#"{"b":1.0,"own":true,"a":{"x":2,"own":[1]},"new":3}"#);
    }
}
