//! Variables that are set as hidden. Their values stand in events and in the state, because later steps read them;
//! wherever either is shown, a text stands in their place.
//!
//! Deliberately absent: what a step is given or gives with such a value in it, which its workflow says itself, and
//! secrets ([`super::secret_marker`]), whose values never come here.

use super::{Event, EventBody};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What is shown in place of a value that is hidden.
pub const NOT_SHOWN: &str = "(not shown)";

/// Takes out of an event what must not be shown.
pub fn hide_in_event(event: &mut Event) {
    if let EventBody::VariablesSet { values, secure, .. }
    | EventBody::Forked { variables: values, secure, .. } = &mut event.body
    {
        cover(values, secure.iter().map(String::as_str));
    }
}

/// Takes out of variables those that are hidden, by their names.
pub fn hide_in_variables(variables: &mut Map<String, Value>, hidden: &BTreeSet<String>) {
    cover(variables, hidden.iter().map(String::as_str));
}

fn cover<'n>(values: &mut Map<String, Value>, names: impl Iterator<Item = &'n str>) {
    for name in names {
        if let Some(value) = values.get_mut(name) {
            *value = Value::String(NOT_SHOWN.to_owned());
        }
    }
}

/// Whether somebody gave back what was shown in place of a hidden value.
pub(super) fn is_not_shown(value: &Value) -> bool {
    value == NOT_SHOWN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RunId;
    use crate::run::{ActivationId, RunState, apply};
    use chrono::DateTime;
    use serde_json::json;

    fn set(seq: u64, values: Value, secure: &[&str]) -> Event {
        let body = EventBody::VariablesSet {
            activation: ActivationId(1),
            values: values.as_object().cloned().unwrap_or_default(),
            secure: secure.iter().map(|name| (*name).to_owned()).collect(),
        };
        Event { seq, at: DateTime::UNIX_EPOCH, body }
    }

    #[test]
    fn what_is_hidden_stays_so_until_it_is_set_openly() {
        let mut state = RunState::new(RunId(uuid::Uuid::nil()));
        let mut first = set(1, json!({"pin": "4711-secret", "open": "x"}), &["pin"]);
        apply(&mut state, &first);
        assert_eq!(state.variables["pin"], "4711-secret", "later steps read it");
        let shown = |state: &RunState| {
            let mut variables = state.variables.clone();
            hide_in_variables(&mut variables, &state.hidden);
            Value::Object(variables)
        };
        assert_eq!(shown(&state), json!({"pin": NOT_SHOWN, "open": "x"}));
        hide_in_event(&mut first);
        assert!(!serde_json::to_string(&first).unwrap().contains("4711"));
        // Folding what is shown gives what is shown.
        let mut seen = RunState::new(RunId(uuid::Uuid::nil()));
        apply(&mut seen, &first);
        assert_eq!(Value::Object(seen.variables), shown(&state));
        apply(&mut state, &set(2, json!({"pin": 1, "other": 2}), &["other"]));
        assert_eq!(shown(&state), json!({"pin": 1, "open": "x", "other": NOT_SHOWN}));
    }
}
