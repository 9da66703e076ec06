//! Secrets: they never enter an event. In their place stands a marker that the server replaces
//! when the call is made, and that names the run, so that text from outside cannot forge it for another one.

use crate::id::RunId;
use serde_json::Value;

const OPEN: &str = "\u{2063}secret:";
const CLOSE: char = '\u{2063}';

/// A secret that a request names and that nobody has set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret \u{201c}{0}\u{201d} is not set: add it under Settings, Secrets, and try again")]
pub struct SecretMissing(pub String);

/// What stands in events in place of a secret.
pub fn secret_marker(run: RunId, name: &str) -> String {
    format!("{OPEN}{run}:{name}{CLOSE}")
}

/// Puts the secrets into every string of `value`. Markers of other runs stay as they are.
pub fn replace_secrets(
    run: RunId,
    value: &mut Value,
    lookup: &mut dyn FnMut(&str) -> Option<String>,
) -> Result<(), SecretMissing> {
    match value {
        Value::String(text) => {
            if let Some(replaced) = replace_in_text(run, text, lookup)? {
                *text = replaced;
            }
            Ok(())
        }
        Value::Array(items) => {
            items.iter_mut().try_for_each(|item| replace_secrets(run, item, lookup))
        }
        Value::Object(fields) => {
            fields.values_mut().try_for_each(|field| replace_secrets(run, field, lookup))
        }
        _ => Ok(()),
    }
}

/// The text with its markers replaced; `None` when there are none.
pub fn replace_in_text(
    run: RunId,
    text: &str,
    lookup: &mut dyn FnMut(&str) -> Option<String>,
) -> Result<Option<String>, SecretMissing> {
    let open = format!("{OPEN}{run}:");
    if !text.contains(&open) {
        return Ok(None);
    }
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(&open) {
        let after = &rest[at + open.len()..];
        let Some(end) = after.find(CLOSE) else { break };
        let name = &after[..end];
        let secret = lookup(name).ok_or_else(|| SecretMissing(name.to_owned()))?;
        replaced.push_str(&rest[..at]);
        replaced.push_str(&secret);
        rest = &after[end + CLOSE.len_utf8()..];
    }
    replaced.push_str(rest);
    Ok(Some(replaced))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    #[test]
    fn markers_are_replaced_everywhere_and_only_in_their_own_run() {
        let (run, other) = (RunId(Uuid::from_u128(1)), RunId(Uuid::from_u128(2)));
        let key = secret_marker(run, "key");
        let foreign = secret_marker(other, "key");
        let mut value =
            json!({"a": format!("Bearer {key}!{key}"), "b": [{"c": key}], "d": foreign});
        let mut lookup = |name: &str| (name == "key").then(|| "s3".to_owned());
        replace_secrets(run, &mut value, &mut lookup).unwrap();
        assert_eq!(value, json!({"a": "Bearer s3!s3", "b": [{"c": "s3"}], "d": foreign}));
        let mut missing = json!(secret_marker(run, "other"));
        let refused = replace_secrets(run, &mut missing, &mut lookup).unwrap_err();
        assert_eq!(refused, SecretMissing("other".into()));
    }
}
