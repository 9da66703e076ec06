//! The workflow's settings that a format has no word for: under our own key stand those that differ from what its
//! words say.

use super::OWN_KEY;
use crate::graph::Settings;
use serde_json::{Map, Value};

/// The settings that differ from what the words give, by name; null: the words give one where there is none.
pub fn difference(words: &Settings, settings: &Settings) -> Option<Value> {
    let (then, now) = (fields_of(words), fields_of(settings));
    let mut changed = Map::new();
    for key in then.keys().chain(now.keys()) {
        if then.get(key) != now.get(key) {
            changed.insert(key.clone(), now.get(key).cloned().unwrap_or_default());
        }
    }
    (!changed.is_empty()).then_some(Value::Object(changed))
}

/// The settings of the words with those over them that the document keeps under our own key.
pub fn with_own(words: &Settings, document: &Value) -> Result<Settings, serde_json::Error> {
    let own = document.get(OWN_KEY).and_then(|own| own.get("settings")?.as_object());
    let Some(own) = own else { return Ok(words.clone()) };
    let mut whole = fields_of(words);
    for (key, value) in own {
        match value {
            Value::Null => drop(whole.shift_remove(key)),
            value => drop(whole.insert(key.clone(), value.clone())),
        }
    }
    serde_json::from_value(Value::Object(whole))
}

fn fields_of(settings: &Settings) -> Map<String, Value> {
    // Settings are plain data with text keys: they always have a JSON form, and it is an object.
    match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{ExitCondition, RunConcurrency};
    use serde_json::json;

    #[test]
    fn a_difference_brings_one_to_the_other() {
        let exit = ExitCondition { when: "input.x".into(), outcome: "gone".into() };
        let plain = Settings { timeout_ms: Some(5), ..Settings::default() };
        let full = Settings {
            exits: vec![exit],
            concurrency: Some(RunConcurrency { key: "k".into(), limit: 2 }),
            turns_max: Some(7),
            ..Settings::default()
        };
        for (words, settings) in [(&plain, &full), (&full, &plain), (&full, &Settings::default())] {
            let changed = difference(words, settings).unwrap();
            let document = json!({ OWN_KEY: { "settings": changed } });
            assert_eq!(with_own(words, &document).unwrap(), *settings, "{document}");
        }
        assert_eq!(difference(&full, &full), None);
        assert_eq!(with_own(&full, &json!({ OWN_KEY: 5 })).unwrap(), full);
        assert!(with_own(&full, &json!({ OWN_KEY: { "settings": { "exits": 5 } } })).is_err());
    }
}
