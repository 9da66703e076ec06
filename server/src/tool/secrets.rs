//! Secrets on their way into a call, and back out of what it answers.
//!
//! A call carries markers; only a connector gets the values, and only for the moment of its request.
//! Where the far side repeats a value in its answer, the marker takes its place again, so that neither
//! an event nor a later step, a message or a model ever has it.

use crate::{
    engine::CallContext,
    setting::{SettingError, Settings},
    store::{self, Store},
};
use serde_json::Value;
use signalbox::{
    id::RunId,
    run::{ErrorKind, StepError, replace_secrets, secret_marker},
};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// The tools that are given secrets: those that sign in somewhere.
const CONNECTORS: [&str; 1] = ["http.request"];
/// A shorter value is not looked for in answers: it would be found in other words.
const SOUGHT_MIN: usize = 4;
/// The same for the words of a value such as `Bearer <key>`, of which an answer may repeat one.
const WORD_MIN: usize = 8;
/// What stands in the place of a word.
const TAKEN_OUT: &str = "[secret]";

/// The values that a call was given.
pub(super) struct Opened {
    run: RunId,
    values: HashMap<String, Zeroizing<String>>,
}

impl Opened {
    /// Puts the values in the place of the markers of a tool's parameters.
    pub(super) async fn put_in(
        store: &Store,
        settings: &Settings,
        context: &CallContext,
        tool: &str,
        parameters: &mut Value,
    ) -> Result<Self, StepError> {
        let mut opened = Self { run: context.run, values: HashMap::new() };
        // Looking is cheap; loading the version is not.
        let wanted = wanted(context.run, parameters)?;
        let Some(first) = wanted.first() else { return Ok(opened) };
        if !CONNECTORS.contains(&tool) {
            return Err(wrong(format!(
                "the secret \u{201c}{first}\u{201d} can be used in HTTP requests only; take it out of this step"
            )));
        }
        let broken = |error: store::StoreError| super::broken(error);
        let run =
            store::run_fetch(store, context.organization, context.run).await.map_err(broken)?;
        let version = store::version_fetch(store, context.organization, run.workflow, run.version);
        let own = version.await.map_err(broken)?.graph.settings.secrets;
        for name in wanted {
            let value = settings.secret_of_workflow(context.organization, &own, &name).await;
            if let Some(value) = value.map_err(|error| not_opened(&name, error))? {
                opened.values.insert(name, value);
            }
        }
        let mut lookup = |name: &str| opened.values.get(name).map(|value| value.to_string());
        replace_secrets(context.run, parameters, &mut lookup)
            .map_err(|error| wrong(error.to_string()))?;
        Ok(opened)
    }

    /// Takes the values out of an answer.
    pub(super) fn take_out(&self, answer: &mut Value) {
        if self.values.is_empty() {
            return;
        }
        match answer {
            Value::String(text) => *text = self.without(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.take_out(item)),
            Value::Object(fields) => {
                // Names too: `{"<key>": true}` gives it away as well.
                if fields.keys().any(|name| self.without(name) != *name) {
                    let taken = std::mem::take(fields);
                    fields
                        .extend(taken.into_iter().map(|(name, item)| (self.without(&name), item)));
                }
                fields.values_mut().for_each(|item| self.take_out(item));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Takes the values out of what an error says.
    pub(super) fn clean(&self, error: &mut StepError) {
        error.message = self.without(&error.message);
    }

    fn without(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in self.values.iter().filter(|(_, value)| value.len() >= SOUGHT_MIN) {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), &secret_marker(self.run, name));
            }
            for word in value.split_whitespace().filter(|word| word.len() >= WORD_MIN) {
                if text.contains(word) {
                    text = text.replace(word, TAKEN_OUT);
                }
            }
        }
        text
    }
}

/// The secrets that the parameters name.
fn wanted(run: RunId, parameters: &Value) -> Result<Vec<String>, StepError> {
    let mut wanted: Vec<String> = Vec::new();
    let mut note = |name: &str| {
        if !wanted.iter().any(|known| known == name) {
            wanted.push(name.to_owned());
        }
        Some(String::new())
    };
    let mut probe = parameters.clone();
    replace_secrets(run, &mut probe, &mut note).map_err(|error| wrong(error.to_string()))?;
    Ok(wanted)
}

fn wrong(message: String) -> StepError {
    StepError::new(ErrorKind::InvalidInput, message)
}

fn not_opened(name: &str, error: SettingError) -> StepError {
    match error {
        SettingError::Store(error) => super::broken(error),
        _ => wrong(format!(
            "the secret \u{201c}{name}\u{201d} was not encrypted by this server; set it again"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    #[test]
    fn answers_lose_the_values_and_keep_the_rest() {
        let run = RunId(Uuid::from_u128(7));
        let values = [("key", "s3cr3t"), ("pin", "123")];
        let values =
            values.map(|(name, value)| (name.to_owned(), Zeroizing::new(value.to_owned())));
        let opened = Opened { run, values: values.into() };
        let marker = secret_marker(run, "key");
        let mut answer =
            json!({ "a": "Bearer s3cr3t!", "b": [{ "s3cr3t": 123 }], "c": "123", "d": null });
        opened.take_out(&mut answer);
        let expected = json!({ "a": format!("Bearer {marker}!"), "b": [{ marker.clone(): 123 }], "c": "123", "d": null });
        assert_eq!(answer, expected, "too short a value is not looked for");
        let values = [("sign_in".to_owned(), Zeroizing::new("Bearer k-12345678".to_owned()))];
        let signed = Opened { run, values: values.into() };
        let mut answer = json!(["Bearer k-12345678", "k-12345678", "Bearer of news"]);
        signed.take_out(&mut answer);
        assert_eq!(answer, json!([secret_marker(run, "sign_in"), "[secret]", "Bearer of news"]));
        let mut error = StepError::new(ErrorKind::InvalidInput, "x answered 401: s3cr3t");
        opened.clean(&mut error);
        assert_eq!(error.message, format!("x answered 401: {marker}"));
    }
}
