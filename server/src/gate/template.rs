//! A stored template becomes the text of a message, in the words of the run that sends it.
//!
//! So does a subject of the step itself that speaks of the message. What comes out stands in the draft: it is what a
//! person approves, whatever becomes of the template later.

use super::{Gate, GateCall};
use crate::{
    channel::{Channel, mailbox},
    store::{self, StoreError},
};
use serde_json::{Map, Value, json};
use signalbox::{
    expr::{EvalError, Scope, Template},
    run::{ErrorKind, StepError},
    tool::{SUBJECT, late_source},
    wire::{ContactView, TemplateView},
};

/// What is to be worded for a message.
pub struct Letter {
    /// The template, where the step has one and no text of its own.
    pub template: Option<TemplateView>,
    /// The step's own subject, where it speaks of the message.
    pub subject: Option<String>,
    /// Whether the template's subject is wanted. It is too where the step's own comes out empty.
    pub with_subject: bool,
    /// What is known of the message, by name.
    pub about: Map<String, Value>,
}

/// What came out, as parameters of the step: `subject`, `body`, `html`.
pub type Written = Map<String, Value>;

/// How a template is worded.
type Render = fn(&Template, &dyn Scope) -> Result<String, EvalError>;

impl Letter {
    /// Puts the words in: those of `scope` into the template, those of `step` into what the step says itself.
    pub fn write(&self, scope: &dyn Scope, step: &dyn Scope) -> Result<Written, StepError> {
        let mut written = Map::new();
        let mut with_subject = self.with_subject;
        if let Some(source) = &self.subject {
            let text = worded(source, step, Template::render_text)
                .map_err(|why| wrong(format!("the subject: {why}")))?;
            with_subject = text.trim().is_empty();
            written.insert(SUBJECT.to_owned(), Value::String(text));
        }
        let Some(template) = &self.template else { return Ok(written) };
        let mut put = |part: &str, name: &str, source: &str, render: Render| {
            let text = worded(source, scope, render).map_err(|why| {
                wrong(format!("the {part} of the message template {}: {why}", template.id))
            })?;
            written.insert(name.to_owned(), Value::String(text));
            Ok::<_, StepError>(())
        };
        if with_subject {
            put("subject", SUBJECT, &template.subject, Template::render_text)?;
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

/// A text with its words put in, or why that cannot be.
fn worded(source: &str, scope: &dyn Scope, render: Render) -> Result<String, String> {
    let template = Template::parse(source).map_err(|error| error.to_string())?;
    render(&template, scope).map_err(|error| error.to_string())
}

fn wrong(text: String) -> StepError {
    StepError::new(ErrorKind::InvalidInput, text)
}

fn is_blank(parameters: &Value, name: &str) -> bool {
    match parameters.get(name) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

impl Gate {
    /// The step's parameters with the texts of its template, where it has one and no text of its own, and with its
    /// subject worded.
    pub(super) async fn worded(
        &self,
        call: &GateCall,
        parameters: &Value,
        contact: Option<&ContactView>,
        channel: &dyn Channel,
    ) -> Result<Value, StepError> {
        let template = self.template_of(call, parameters).await?;
        let subject = late_source("email.send", SUBJECT, &parameters[SUBJECT]).map(str::to_owned);
        if template.is_none() && subject.is_none() {
            return Ok(parameters.clone());
        }
        let with_subject = is_blank(parameters, SUBJECT);
        let about = about(parameters, contact, channel);
        let letter = Letter { template, subject, with_subject, about };
        let written = self.write_letter(call, letter).await?;
        let mut filled = parameters.clone();
        if let Value::Object(fields) = &mut filled {
            fields.extend(written);
        }
        Ok(filled)
    }

    /// The template that a step names, where it has no text of its own.
    async fn template_of(
        &self,
        call: &GateCall,
        parameters: &Value,
    ) -> Result<Option<TemplateView>, StepError> {
        let id = parameters.get("templateId").and_then(Value::as_str).map(str::trim);
        let Some(id) = id.filter(|id| !id.is_empty()) else { return Ok(None) };
        if !is_blank(parameters, "body") || !is_blank(parameters, "html") {
            return Ok(None);
        }
        match store::template_fetch(self.store(), call.organization, id).await {
            Ok(template) => Ok(Some(template)),
            Err(StoreError::NotFound { .. }) => {
                let text = format!(
                    "there is no message template {id}; make it under Templates, or write the body into the step"
                );
                Err(StepError::new(ErrorKind::NotFound, text))
            }
            Err(error) => Err(StepError::new(ErrorKind::ExecutorError, error.to_string())),
        }
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
        let template = Some(template);
        self.write_letter(call, Letter { template, subject: None, with_subject: false, about })
            .await
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
