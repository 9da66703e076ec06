//! A call in the making: a stored script becomes a draft that a person approves, as an email does.
//!
//! What is said, what a machine is told and when the call ends stand in the one text that is approved, so that its
//! hash covers them. Deliberately absent: a real telephone. Calls go to the sandbox phone, which keeps them beside the
//! emails of the sandbox mailbox, answers as a person and lets nothing out.

use super::{Gate, GateCall, Submitted, content_hash, verdict};
use crate::{
    channel::Channel,
    store::{self, Content, StoreError},
};
use serde_json::{Value, json};
use signalbox::{
    id::MessageId,
    run::{ErrorKind, StepError},
    wire::{ContactView, MessageChannel},
};

/// Digits of a telephone number.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// A stored text that is spoken, with its words put in.
struct Spoken {
    name: String,
    text: String,
}

impl Gate {
    /// Takes a call from a step: draft, approval and the run's parking in one commit.
    pub async fn submit_call(&self, call: &GateCall, parameters: &Value) -> Submitted {
        match self.submit_spoken(call, parameters).await {
            Ok(submitted) => submitted,
            Err(error) => Submitted::Failed(error),
        }
    }

    async fn submit_spoken(
        &self,
        call: &GateCall,
        parameters: &Value,
    ) -> Result<Submitted, StepError> {
        let id = MessageId::derive(call.call.0, &["message"]);
        match store::message_fetch(self.store(), call.organization, id).await {
            Ok(message) => return self.resubmit(call, message).await,
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(broken(error)),
        }
        let contact = self.recipient(call, parameters).await?;
        let contact = contact.ok_or_else(|| wrong("a call needs a customer"))?;
        let channel = self.channels().phone(caller(parameters)?);
        let content = self.words_of_call(call, parameters, &contact, channel.as_ref()).await?;
        let key = content.to.clone();
        let mut message = self.draft(call, id, parameters, Some(&contact), content);
        message.channel = MessageChannel::Voice;
        message.recipient_key = number_of(&key).unwrap_or(key);
        message.sandbox = channel.is_sandbox();
        message.content_hash = content_hash(&message.content);
        let facts = self.facts(&message, channel.as_ref()).await.map_err(broken)?;
        if let Some(reason) = verdict::refusal(&facts) {
            return self.refuse(message, reason).await;
        }
        self.park(call, message, Vec::new()).await
    }

    async fn words_of_call(
        &self,
        call: &GateCall,
        parameters: &Value,
        contact: &ContactView,
        channel: &dyn Channel,
    ) -> Result<Content, StepError> {
        let phone = contact.phone.as_deref().map(str::trim).filter(|phone| !phone.is_empty());
        let name = contact.name.trim();
        let Some(phone) = phone else {
            let who = if name.is_empty() { "the customer" } else { name };
            return Err(wrong(format!("{who} has no telephone number")));
        };
        let number = number_of(phone).ok_or_else(|| not_a_number(phone))?;
        let id = text_of(parameters, "/scriptId").unwrap_or_default();
        let script = self.spoken(call, id, contact, channel).await?;
        if script.text.trim().is_empty() {
            return Err(wrong(format!("the script {id} has no text, so nothing would be said")));
        }
        let mut text = script.text;
        if let Some(line) = self.to_a_machine(call, parameters, contact, channel).await? {
            text.push_str(&format!("\n\n[{line}]"));
        }
        if let Some(max_ms) = parameters.get("maxDurationMs").and_then(Value::as_u64) {
            text.push_str(&format!(
                "\n\n[The call is ended after {} seconds.]",
                max_ms.div_ceil(1_000)
            ));
        }
        let content = Content {
            account: channel.account().to_owned(),
            from: channel.from().to_owned(),
            to: if name.is_empty() { number } else { format!("{name} {number}") },
            subject: format!("Call: {}", script.name),
            text,
            ..Content::default()
        };
        Ok(content.as_kept())
    }

    /// What a machine that answers is told, as a line of the draft.
    async fn to_a_machine(
        &self,
        call: &GateCall,
        parameters: &Value,
        contact: &ContactView,
        channel: &dyn Channel,
    ) -> Result<Option<String>, StepError> {
        let voicemail = parameters.get("voicemail").filter(|voicemail| voicemail.is_object());
        let detects = voicemail.and_then(|voicemail| voicemail.get("detect"));
        if voicemail.is_none() || detects == Some(&json!(false)) {
            return Ok(None);
        }
        let words = match text_of(parameters, "/voicemail/messageId") {
            Some(id) => Some(self.spoken(call, id, contact, channel).await?.text),
            None => text_of(parameters, "/voicemail/fallbackTTS").map(str::to_owned),
        };
        Ok(Some(match words {
            Some(words) => format!("If a machine answers: {words}"),
            None => "If a machine answers, nothing is said.".to_owned(),
        }))
    }

    /// A stored text in the words of the run. Scripts are kept among the message templates.
    async fn spoken(
        &self,
        call: &GateCall,
        id: &str,
        contact: &ContactView,
        channel: &dyn Channel,
    ) -> Result<Spoken, StepError> {
        let template = match store::template_fetch(self.store(), call.organization, id).await {
            Ok(template) => template,
            Err(StoreError::NotFound { .. }) => {
                let text = format!("there is no script {id}; make it under Templates");
                return Err(StepError::new(ErrorKind::NotFound, text));
            }
            Err(error) => return Err(broken(error)),
        };
        let name = template.name.clone();
        let written = self.written(call, template, Some(contact), channel).await?;
        let text = written.get("body").and_then(Value::as_str).unwrap_or_default();
        Ok(Spoken { name, text: text.to_owned() })
    }
}

/// What the step gives when its call was made.
pub(super) fn output(message: &store::Message) -> Value {
    json!({
        "callId": message.id,
        "messageId": message.id,
        "status": "answered",
        "to": message.content.to,
        "from": message.content.from,
        "said": message.content.text,
        "edited": message.revision > 1,
        "approvedBy": message.approved.as_ref().map(|approved| approved.by.clone()),
        "sentAt": message.sent_at.map(|at| at.to_rfc3339()),
        "via": message.content.account,
        "sandbox": message.sandbox,
    })
}

/// The number that is shown to who is called.
fn caller(parameters: &Value) -> Result<Option<String>, StepError> {
    let Some(given) = text_of(parameters, "/callerId") else { return Ok(None) };
    number_of(given).map(Some).ok_or_else(|| not_a_number(given))
}

/// A number as it is dialled: `+` and digits. `None`: it is none.
fn number_of(text: &str) -> Option<String> {
    let text = text.rsplit_once('+').map_or(text, |(_, digits)| digits);
    let plain = |c: &char| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/');
    let digits: String = text.chars().filter(plain).collect();
    let is_number = DIGITS.contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit());
    is_number.then(|| format!("+{digits}"))
}

fn text_of<'a>(parameters: &'a Value, pointer: &str) -> Option<&'a str> {
    parameters.pointer(pointer)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

fn not_a_number(text: &str) -> StepError {
    wrong(format!("{text} is no telephone number: write it as +15551234567"))
}

fn wrong(message: impl Into<String>) -> StepError {
    StepError::new(ErrorKind::InvalidInput, message)
}

fn broken(error: impl std::fmt::Display) -> StepError {
    StepError::new(ErrorKind::ExecutorError, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dialled_alike_however_they_are_written() {
        for (text, expected) in [
            ("+15551234567", Some("+15551234567")),
            ("+1 (555) 123-4567", Some("+15551234567")),
            ("Ada Byron +44 20 7946 0000", Some("+442079460000")),
            ("12", None),
            ("call me", None),
            ("+1555123456789012345", None),
        ] {
            assert_eq!(number_of(text).as_deref(), expected, "{text}");
        }
    }
}
