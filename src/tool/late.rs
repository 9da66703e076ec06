//! A subject that is worded where its email is sent: it speaks of who writes and of who is written to, which a run
//! does not know.
//!
//! Only the step of an email with a stored template has such a subject, so that step and template read alike. It
//! travels in the call as it is written, `{"$template": source}`, and never as plain text: what a template gave is not
//! read as one again.

use serde_json::{Value, json};

/// What is known of a message where it is sent, by name.
pub const MESSAGE_NAMES: [&str; 4] = ["contact", "customer", "sender", "previousStep"];
/// The only parameter that may speak of the message.
pub const SUBJECT: &str = "subject";

const EMAIL: &str = "email.send";
const MARK: &str = "$template";

/// Whether a parameter of a step may speak of the message itself. The tool goes by its canonical name.
pub fn may_speak_of_message(tool: &str, name: &str, parameters: &Value) -> bool {
    let template = parameters.get("templateId").and_then(Value::as_str);
    tool == EMAIL && name == SUBJECT && template.is_some_and(|id| !id.trim().is_empty())
}

/// The subject of a step, where only the send gate can word it.
pub fn late_subject<'p>(tool: &str, parameters: &'p Value) -> Option<&'p str> {
    if !may_speak_of_message(tool, SUBJECT, parameters) {
        return None;
    }
    // Found in other words as well: then the gate words what the run could have, to the same end.
    let speaks = |source: &&str| {
        source.contains("{{") && MESSAGE_NAMES.iter().any(|name| source.contains(*name))
    };
    parameters.get(SUBJECT).and_then(Value::as_str).filter(speaks)
}

/// How a text that is not worded yet travels.
pub fn late_text(source: &str) -> Value {
    json!({ MARK: source })
}

/// The source of a text that is not worded yet.
pub fn late_source<'v>(tool: &str, name: &str, value: &'v Value) -> Option<&'v str> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    (tool == EMAIL && name == SUBJECT).then(|| fields.get(MARK)?.as_str()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_subject_beside_a_template_that_speaks_of_the_message_waits() {
        let check = |tool: &str, parameters: Value, expected: Option<&str>| {
            assert_eq!(late_subject(tool, &parameters), expected, "{tool} {parameters}");
        };
        let greeting = "Hi {{contact.name}}";
        let with = |subject: &str| json!({"templateId": "t", "subject": subject});
        check(EMAIL, with(greeting), Some(greeting));
        check(EMAIL, with("From {{sender.name}}"), Some("From {{sender.name}}"));
        check(EMAIL, with("About {{input.product}}"), None);
        check(EMAIL, with("Please contact us"), None);
        check(EMAIL, json!({"templateId": " ", "subject": greeting}), None);
        check(EMAIL, json!({"subject": greeting, "body": "x"}), None);
        check("crm.note", with(greeting), None);
        assert_eq!(late_source(EMAIL, SUBJECT, &late_text(greeting)), Some(greeting));
        for other in [json!(greeting), json!({"a": 1}), json!({"$template": "x", "a": 1})] {
            assert_eq!(late_source(EMAIL, SUBJECT, &other), None, "{other}");
        }
    }
}
