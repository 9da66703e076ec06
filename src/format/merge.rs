//! Putting a change back into a document that has more in it than we understand.
//!
//! `base` is what we would write for the document as it was read, `current` what we would write now.
//! Where the two agree, the original stays as its author wrote it.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How the lists of a format are put together.
#[derive(Clone, Copy, Default)]
pub struct Rules<'a> {
    /// Lists whose items are known by some of their fields: `("steps", ["id"])`.
    pub keys: &'a [(&'a str, &'a [&'a str])],
    /// Objects that change as a whole: a duration whose hours are changed has no days of before.
    pub atoms: &'a [&'a str],
    /// Nodes that got another id: the old one with the new one.
    pub renamed: Option<&'a BTreeMap<String, String>>,
}

/// The original with the difference between `base` and `current` made in it.
pub fn patch(original: &Value, base: &Value, current: &Value) -> Value {
    patch_by(original, base, current, Rules::default())
}

/// The same, with rules for its lists.
pub fn patch_by(original: &Value, base: &Value, current: &Value, rules: Rules) -> Value {
    if base == current {
        return original.clone();
    }
    match (original, base, current) {
        (Value::Object(original), Value::Object(base), Value::Object(current)) => {
            Value::Object(patch_fields(original, base, current, rules))
        }
        _ => current.clone(),
    }
}

fn patch_fields(
    original: &Map<String, Value>,
    base: &Map<String, Value>,
    current: &Map<String, Value>,
    rules: Rules,
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
            _ if rules.atoms.contains(&key.as_str()) => now.clone(),
            (Some(Value::Array(written)), Some(Value::Array(then))) => match now {
                Value::Array(now) => Value::Array(patch_list(key, [written, then, now], rules)),
                _ => now.clone(),
            },
            (Some(written), Some(then)) => patch_by(written, then, now, rules),
            _ => now.clone(),
        };
        result.insert(key.clone(), value);
    }
    result
}

/// Items are matched by their key. What is in the original alone stays; what is in `base` as it is in
/// `current`, but not in the original, need not be written.
fn patch_list(name: &str, [original, base, current]: [&Vec<Value>; 3], rules: Rules) -> Vec<Value> {
    let Some((_, fields)) = rules.keys.iter().find(|(list, _)| *list == name) else {
        return current.clone();
    };
    let index = |items: &[Value], renamed: bool| -> Option<HashMap<String, usize>> {
        let mut index = HashMap::new();
        for (at, item) in items.iter().enumerate() {
            let renamed = rules.renamed.filter(|_| renamed);
            if index.insert(key_of(item, fields, renamed), at).is_some() {
                return None;
            }
        }
        Some(index)
    };
    let (Some(written), Some(then), Some(now)) =
        (index(original, true), index(base, true), index(current, false))
    else {
        return current.clone();
    };
    let by_place = |index: &HashMap<String, usize>| {
        let mut keys: Vec<(usize, String)> =
            index.iter().map(|(key, at)| (*at, key.clone())).collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, key)| key).collect::<Vec<String>>()
    };
    let patched = |key: &str| -> Option<Value> {
        let now = &current[*now.get(key)?];
        match (written.get(key), then.get(key)) {
            (Some(at), Some(then)) => Some(patch_by(&original[*at], &base[*then], now, rules)),
            (None, Some(then)) if base[*then] == *now => None,
            _ => Some(now.clone()),
        }
    };
    let kept: Vec<String> = by_place(&written)
        .into_iter()
        .filter(|key| now.contains_key(key) || !then.contains_key(key))
        .collect();
    let order = arranged(kept, &by_place(&then), &by_place(&now));
    let stays =
        |key: &String| patched(key).or_else(|| written.get(key).map(|at| original[*at].clone()));
    order.iter().filter_map(stays).collect()
}

/// The order of the original, with what is new behind what stands before it now; the present order where
/// somebody changed it.
fn arranged(kept: Vec<String>, then: &[String], now: &[String]) -> Vec<String> {
    let set = |list: &[String]| -> HashSet<String> { list.iter().cloned().collect() };
    let both = |list: &[String], other: &[String]| -> Vec<String> {
        let other = set(other);
        list.iter().filter(|key| other.contains(*key)).cloned().collect()
    };
    if both(then, now) != both(now, then) {
        let known = set(now);
        let strange = kept.into_iter().filter(|key| !known.contains(key));
        return now.iter().cloned().chain(strange).collect();
    }
    let old = set(&kept);
    let mut behind: HashMap<Option<&String>, Vec<&String>> = HashMap::new();
    let mut before = None;
    for key in now {
        if old.contains(key) {
            before = Some(key);
        } else {
            behind.entry(before).or_default().push(key);
        }
    }
    let mut order: Vec<String> = Vec::new();
    for key in std::iter::once(None).chain(kept.iter().map(Some)) {
        order.extend(key.cloned());
        order.extend(behind.get(&key).into_iter().flatten().map(|new| (*new).clone()));
    }
    order
}

/// The key of an item: its fields, with a renamed node under its new name.
fn key_of(item: &Value, fields: &[&str], renamed: Option<&BTreeMap<String, String>>) -> String {
    let part = |field: &&str| {
        let text = item.get(*field).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let text = text.unwrap_or_default();
        renamed.and_then(|renamed| renamed.get(&text)).cloned().unwrap_or(text)
    };
    fields.iter().map(part).collect::<Vec<String>>().join("\u{1f}")
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

    #[test]
    fn lists_are_matched_by_key() {
        let rules = Rules { keys: &[("s", &["id"])], atoms: &["d"], renamed: None };
        let item = |id: &str, x: i64| json!({"id": id, "x": x});
        let check = |current: Value, expected: &str| {
            let original =
                json!({"s": [{"id": "a", "x": 1, "o": 1}, {"o": 2}, {"id": "b", "o": 3}]});
            let base = json!({"s": [item("a", 1), item("b", 2), item("implied", 0)]});
            let text = patch_by(&original, &base, &json!({ "s": current }), rules).to_string();
            assert_eq!(text, format!("{{\"s\":{expected}}}"));
        };
        let implied = || item("implied", 0);
        check(
            json!([item("a", 5), item("n", 7), item("b", 2), implied()]),
            r#"[{"id":"a","x":5,"o":1},{"id":"n","x":7},{"o":2},{"id":"b","o":3}]"#,
        );
        check(json!([item("b", 2), implied()]), r#"[{"o":2},{"id":"b","o":3}]"#);
        check(
            json!([item("b", 2), item("a", 1), implied()]),
            r#"[{"id":"b","o":3},{"id":"a","x":1,"o":1},{"o":2}]"#,
        );
        let atom = patch_by(
            &json!({"d": {"h": 84}}),
            &json!({"d": {"d": 3, "h": 12}}),
            &json!({"d": {"d": 3, "h": 13}}),
            rules,
        );
        assert_eq!(atom, json!({"d": {"d": 3, "h": 13}}));
    }
}
