//! A stored template becomes the text of a message, in the words of the run that sends it.
//!
//! What comes out stands in the draft: it is what a person approves, whatever becomes of the template later.

use super::{Gate, GateCall};
use crate::{
    channel::{Channel, mailbox},
    store::{self, StoreError},
};
use serde_json::{Map, Value, json};
use signalbox::{
    expr::{EvalError, Scope, Template},
    run::{ErrorKind, StepError},
    wire::{ContactView, TemplateView},
};

/// A template with the words that are to be put into it.
pub struct Letter {
    /// The template.
    pub template: TemplateView,
    /// Whether its subject is wanted.
    pub with_subject: bool,
    /// What is known of the message, by name.
    pub about: Map<String, Value>,
}

/// What came out of a template, as parameters of the step: `subject`, `body`, `html`.
pub type Written = Map<String, Value>;

impl Letter {
    /// Puts the words in.
    pub fn write(&self, scope: &dyn Scope) -> Result<Written, StepError> {
        let template = &self.template;
        let mut written = Map::new();
        let wrong = |part: &str, error: &dyn std::fmt::Display| {
            let text = format!("the {part} of the message template {}: {error}", template.id);
            StepError::new(ErrorKind::InvalidInput, text)
        };
        let mut put =
            |part: &'static str,
             name: &'static str,
             source: &str,
             render: fn(&Template, &dyn Scope) -> Result<String, EvalError>| {
                let parsed = Template::parse(source).map_err(|error| wrong(part, &error))?;
                let text = render(&parsed, scope).map_err(|error| wrong(part, &error))?;
                written.insert(name.to_owned(), Value::String(text));
                Ok::<_, StepError>(())
            };
        if self.with_subject {
            put("subject", "subject", &template.subject, Template::render_text)?;
        }
        if !template.text.trim().is_empty() {
            put("text", "body", &template.text, Template::render_text)?;
        }
        if let Some(html) = &template.html {
            put("HTML part", "html", html, Template::render_html)?;
        }
        Ok(written)
    }
}

fn is_blank(parameters: &Value, name: &str) -> bool {
    match parameters.get(name) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

impl Gate {
    /// The step's parameters with the texts of its template, where it has one and no text of its own.
    pub(super) async fn worded(
        &self,
        call: &GateCall,
        parameters: &Value,
        contact: Option<&ContactView>,
        channel: &dyn Channel,
    ) -> Result<Value, StepError> {
        let id = parameters.get("templateId").and_then(Value::as_str).map(str::trim);
        let Some(id) = id.filter(|id| !id.is_empty()) else { return Ok(parameters.clone()) };
        if !is_blank(parameters, "body") || !is_blank(parameters, "html") {
            return Ok(parameters.clone());
        }
        let template = match store::template_fetch(self.store(), call.organization, id).await {
            Ok(template) => template,
            Err(StoreError::NotFound { .. }) => {
                let text = format!(
                    "there is no message template {id}; make it under Templates, or write the body into the step"
                );
                return Err(StepError::new(ErrorKind::NotFound, text));
            }
            Err(error) => return Err(StepError::new(ErrorKind::ExecutorError, error.to_string())),
        };
        let with_subject = is_blank(parameters, "subject");
        let about = about(parameters, contact, channel);
        let written = self.write_letter(call, Letter { template, with_subject, about }).await?;
        let mut filled = parameters.clone();
        if let Value::Object(fields) = &mut filled {
            fields.extend(written);
        }
        Ok(filled)
    }

    /// A template's text in the words of the run, for a contact.
    pub(super) async fn written(
        &self,
        call: &GateCall,
        template: TemplateView,
        contact: Option<&ContactView>,
        channel: &dyn Channel,
    ) -> Result<Written, StepError> {
        let about = about(&Value::Null, contact, channel);
        self.write_letter(call, Letter { template, with_subject: false, about }).await
    }

    async fn write_letter(&self, call: &GateCall, letter: Letter) -> Result<Written, StepError> {
        let Some(runs) = self.inner.runs.get() else {
            let text = "the engine is not started";
            return Err(StepError::new(ErrorKind::ExecutorError, text));
        };
        runs.write(call.organization, call.run, call.activation, letter).await
    }
}

/// What a template can say of the message: `contact` (also `customer`) and `sender`.
fn about(
    parameters: &Value,
    contact: Option<&ContactView>,
    channel: &dyn Channel,
) -> Map<String, Value> {
    let person = |line: &str| match mailbox(line) {
        Ok(mailbox) => json!({ "name": mailbox.name, "email": mailbox.email.to_string() }),
        Err(_) => json!({ "name": null, "email": line }),
    };
    let contact = match contact {
        Some(contact) => crate::tool::record(contact),
        None => person(parameters.get("to").and_then(Value::as_str).unwrap_or_default()),
    };
    let mut about = Map::new();
    about.insert("customer".into(), contact.clone());
    about.insert("contact".into(), contact);
    about.insert("sender".into(), person(channel.from()));
    about
}
