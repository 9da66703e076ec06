//! From a step's parameters to a draft in the inbox.
//!
//! The message's id is derived from the call, so a call that is made again (after a crash, or by a
//! retry) finds its message and never makes a second one.

use super::{Gate, TellError, content_hash, facts, ride, verdict, voice};
use crate::{
    channel::{Channel, check_line, mailbox},
    store::{self, ContactFilter, Content, Message, NewApproval, Source, StoreError},
};
use chrono::TimeDelta;
use futures::FutureExt;
use lettre::message::Mailbox;
use serde_json::{Value, json};
use signalbox::{
    id::{ApprovalId, CallId, ContactId, MessageId, NodeId, OrganizationId, RunId},
    run::{ActivationId, ApprovalKind, Command, ErrorKind, StepError},
    wire::{ContactView, MessageChannel, MessageState},
};

/// Longest text or HTML, in bytes.
const BODY_MAX: usize = 512 * 1024;

/// On the card of a message that repeats one.
const REPEATED: &str =
    "This step has sent an email before, or may have: approving sends another one.";

/// The call that makes a message.
#[derive(Clone, Debug)]
pub struct GateCall {
    /// Whose.
    pub organization: OrganizationId,
    /// Of which run.
    pub run: RunId,
    /// The stable key.
    pub call: CallId,
    /// Which attempt; the result must name it.
    pub attempt: u32,
    /// Of which activation.
    pub activation: ActivationId,
    /// Of which node.
    pub node: NodeId,
    /// The message that it would send again, after a manual retry or a fork.
    pub repeats: Option<MessageId>,
}

/// What became of a submitted message.
#[derive(Clone, Debug, PartialEq)]
pub enum Submitted {
    /// It waits in the inbox or is on its way; the gate tells the run.
    Parked,
    /// It left before: the step's output.
    Done(Value),
    /// It will not leave.
    Failed(StepError),
}

fn wrong(message: impl Into<String>) -> StepError {
    StepError::new(ErrorKind::InvalidInput, message)
}

fn broken(error: impl std::fmt::Display) -> StepError {
    StepError::new(ErrorKind::ExecutorError, error.to_string())
}

impl Gate {
    /// Takes an email from a step: draft, approval and the run's parking in one commit.
    pub async fn submit_email(&self, call: &GateCall, parameters: &Value) -> Submitted {
        match self.submit(call, parameters).await {
            Ok(submitted) => submitted,
            Err(error) => Submitted::Failed(error),
        }
    }

    async fn submit(&self, call: &GateCall, parameters: &Value) -> Result<Submitted, StepError> {
        let id = MessageId::derive(call.call.0, &["message"]);
        match store::message_fetch(self.store(), call.organization, id).await {
            Ok(message) => return self.resubmit(call, message).await,
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(broken(error)),
        }
        let channel = self.channels().email(call.organization).await.map_err(broken)?;
        let contact = self.recipient(call, parameters).await?;
        let worded = self.worded(call, parameters, contact.as_ref(), channel.as_ref()).await?;
        let parameters = &worded;
        let mut content = content(parameters, contact.as_ref(), channel.as_ref())?;
        let links = self.track(call.organization, id, parameters, &mut content);
        let mut message = self.draft(call, id, parameters, contact.as_ref(), content);
        message.sandbox = channel.is_sandbox();
        let facts = self.facts(&message, channel.as_ref()).await.map_err(broken)?;
        if let Some(reason) = verdict::refusal(&facts) {
            return self.refuse(message, reason).await;
        }
        self.park(call, message, links).await
    }

    pub(super) fn draft(
        &self,
        call: &GateCall,
        id: MessageId,
        parameters: &Value,
        contact: Option<&ContactView>,
        content: Content,
    ) -> Message {
        let now = self.now();
        let minutes = parameters.get("expiresAfterMinutes").and_then(Value::as_i64);
        Message {
            organization: call.organization,
            id,
            rev: 0,
            channel: MessageChannel::Email,
            state: MessageState::PendingApproval,
            contact: contact.map(|contact| contact.id),
            recipient_key: store::email_key(&address_of(&content.to)),
            run: Some(call.run),
            call: Some(call.call),
            call_attempt: call.attempt,
            node: Some(call.node.clone()),
            approval: Some(ApprovalId::derive(id.0, &["approval"])),
            revision: 1,
            sandbox: false,
            content_hash: content_hash(&content),
            content,
            approved: None,
            stale: String::new(),
            due_at: None,
            gate_held: false,
            attempts: 0,
            begun_at: None,
            provider_id: None,
            detail: String::new(),
            parameters: parameters.clone(),
            repeats: call.repeats,
            expires_at: minutes
                .and_then(TimeDelta::try_minutes)
                .and_then(|d| now.checked_add_signed(d)),
            created_at: now,
            updated_at: now,
            sent_at: None,
        }
    }

    pub(super) async fn refuse(
        &self,
        mut message: Message,
        reason: String,
    ) -> Result<Submitted, StepError> {
        message.state = MessageState::Refused;
        message.approval = None;
        message.detail = reason.clone();
        let now = message.created_at;
        let write = self.store().write(move |tx| {
            async move {
                if store::message_insert(tx, &message).await? {
                    store::message_revision_insert(tx, &message, "the step", now).await?;
                }
                Ok(())
            }
            .boxed()
        });
        write.await.map_err(broken)?;
        Err(StepError::new(
            ErrorKind::Refused,
            format!("{reason} The message was not written to the inbox."),
        ))
    }

    pub(super) async fn park(
        &self,
        call: &GateCall,
        message: Message,
        links: Vec<String>,
    ) -> Result<Submitted, StepError> {
        let command = parked(call.call, &message);
        let activation = call.activation;
        let prompt = self.repetition(call).await?;
        let write = ride(move |tx| {
            let (message, links, prompt) = (message.clone(), links.clone(), prompt.clone());
            async move {
                if store::message_insert(tx, &message).await? {
                    let now = message.created_at;
                    store::message_revision_insert(tx, &message, "the step", now).await?;
                    let (organization, id) = (message.organization, message.id);
                    store::message_links_insert(tx, organization, id, &links).await?;
                    let new = NewApproval { prompt, ..approval_of(&message, activation) };
                    store::approval_open(tx, &new, now).await?;
                }
                Ok(())
            }
            .boxed()
        });
        self.told(call, command, write).await
    }

    /// What the card says when the step has sent a message before; empty when it has not.
    async fn repetition(&self, call: &GateCall) -> Result<String, StepError> {
        let Some(id) = call.repeats else { return Ok(String::new()) };
        let earlier = match store::message_fetch(self.store(), call.organization, id).await {
            Ok(earlier) => earlier,
            Err(StoreError::NotFound { .. }) => return Ok(REPEATED.to_owned()),
            Err(error) => return Err(broken(error)),
        };
        let when =
            earlier.sent_at.map_or(String::new(), |at| format!(", {}", at.format("%F %H:%M UTC")));
        let Content { to, subject, .. } = &earlier.content;
        Ok(format!("{REPEATED} The earlier one: \u{201c}{subject}\u{201d} to {to}{when}."))
    }

    /// Tells the run; a run that does not want it any more is no failure of the message.
    async fn told(
        &self,
        call: &GateCall,
        command: Command,
        write: super::Ride,
    ) -> Result<Submitted, StepError> {
        match self.tell(call.organization, Some(call.run), Some(command), write).await {
            Ok(()) => {
                self.wake();
                Ok(Submitted::Parked)
            }
            Err(TellError::Refused(_)) => Ok(Submitted::Parked),
            Err(TellError::Store(error)) => Err(broken(error)),
        }
    }

    /// The call was made before: go on where its message is.
    pub(super) async fn resubmit(
        &self,
        call: &GateCall,
        message: Message,
    ) -> Result<Submitted, StepError> {
        use MessageState::*;
        let failed = |kind, text: &str| {
            let detail = if message.detail.is_empty() { text } else { &message.detail };
            Ok(Submitted::Failed(StepError::new(kind, detail)))
        };
        match message.state {
            Accepted | Delivered | Bounced => Ok(Submitted::Done(self.output(&message).await)),
            Rejected => failed(ErrorKind::HumanRejected, "A person rejected it."),
            Expired => failed(ErrorKind::Expired, "Nobody decided in time."),
            Refused => failed(ErrorKind::Refused, "The send gate refused it."),
            Cancelled => failed(ErrorKind::Refused, "It was taken back."),
            FailedPermanent => failed(ErrorKind::InvalidInput, "It could not be sent."),
            PendingApproval | Held | Queued | InFlight | RetryWait | Uncertain => {
                self.reattach(call, message).await
            }
        }
    }

    /// The message lives on under the new attempt.
    async fn reattach(&self, call: &GateCall, message: Message) -> Result<Submitted, StepError> {
        let (organization, id, attempt) = (message.organization, message.id, call.attempt);
        let write = ride(move |tx| {
            async move {
                let mut message = store::message_fetch_in(tx, organization, id).await?;
                message.call_attempt = attempt;
                store::message_save(tx, &mut message).await
            }
            .boxed()
        });
        let command = match message.state {
            MessageState::PendingApproval => parked(call.call, &message),
            state => Command::MessageMoved {
                call: call.call,
                message: id,
                state: store::message_state_word(state).into(),
                detail: message.detail.clone(),
                until: message.due_at,
            },
        };
        self.told(call, command, write).await
    }

    pub(super) async fn recipient(
        &self,
        call: &GateCall,
        parameters: &Value,
    ) -> Result<Option<ContactView>, StepError> {
        let organization = call.organization;
        if let Some(reference) = contact_reference(parameters) {
            let found =
                self.contact_by_reference(organization, &reference).await.map_err(broken)?;
            return found.map(Some).ok_or_else(|| {
                StepError::new(
                    ErrorKind::NotFound,
                    format!("there is no customer \u{201c}{reference}\u{201d}"),
                )
            });
        }
        if let Some(to) = text_of(parameters, "to") {
            let email = mailbox(to).map_err(wrong)?.email.to_string();
            let filter = ContactFilter { email: Some(email), ..ContactFilter::default() };
            let list = store::contact_list(self.store(), organization, &filter, None, 1);
            return Ok(list.await.map_err(broken)?.into_iter().next());
        }
        let about =
            store::run_contacts(self.store(), organization, call.run).await.map_err(broken)?;
        match about.as_slice() {
            [one] => store::contact_fetch(self.store(), organization, *one)
                .await
                .map(Some)
                .map_err(broken),
            _ => Err(wrong("nobody is named: give “to” an address or “customerId” a customer")),
        }
    }

    /// A contact by its id, or by its id in another system.
    pub async fn contact_by_reference(
        &self,
        organization: OrganizationId,
        reference: &str,
    ) -> Result<Option<ContactView>, StoreError> {
        if let Ok(id) = reference.parse::<ContactId>() {
            match store::contact_fetch(self.store(), organization, id).await {
                Err(StoreError::NotFound { .. }) => {}
                other => return other.map(Some),
            }
        }
        let filter =
            ContactFilter { external_id: Some(reference.to_owned()), ..ContactFilter::default() };
        let found = store::contact_list(self.store(), organization, &filter, None, 1).await?;
        Ok(found.into_iter().next())
    }

    /// The facts of a message outside a transaction, for cards and decisions.
    pub(super) async fn facts(
        &self,
        message: &Message,
        channel: &dyn Channel,
    ) -> Result<verdict::Facts, StoreError> {
        facts::gather(&mut Source::Pool(self.store()), message, channel, self.now()).await
    }

    /// What the step gives when its message has left.
    pub(super) async fn output(&self, message: &Message) -> Value {
        if message.channel == MessageChannel::Voice {
            return voice::output(message);
        }
        json!({
            "messageId": message.id,
            "status": "accepted",
            "to": message.content.to,
            "subject": message.content.subject,
            "body": message.content.text,
            "edited": message.revision > 1,
            "approvedBy": message.approved.as_ref().map(|approved| approved.by.clone()),
            "sentAt": message.sent_at.map(|at| at.to_rfc3339()),
            "via": message.content.account,
            "sandbox": message.sandbox,
        })
    }
}

/// The bare address of `Name <address>`; the text itself when it is none.
pub(super) fn address_of(text: &str) -> String {
    mailbox(text).map_or_else(|_| text.to_owned(), |mailbox| mailbox.email.to_string())
}

/// The command that parks the call of a message.
pub(super) fn parked(call: CallId, message: &Message) -> Command {
    Command::CallParked {
        call,
        approval: message
            .approval
            .unwrap_or_else(|| ApprovalId::derive(message.id.0, &["approval"])),
        message: Some(message.id),
        summary: format!(
            "{} to {} waits for approval: {}",
            match message.channel {
                MessageChannel::Voice => "Call",
                MessageChannel::Email | MessageChannel::Sms => "Email",
            },
            message.content.to,
            message.content.subject
        ),
    }
}

fn approval_of(message: &Message, activation: ActivationId) -> NewApproval {
    let id = message.approval.unwrap_or_else(|| ApprovalId::derive(message.id.0, &["approval"]));
    let title = message.content.subject.clone();
    let mut new = NewApproval::new(message.organization, id, ApprovalKind::Message, title);
    new.run = message.run;
    new.activation = Some(activation);
    new.node = message.node.clone();
    new.message = Some(message.id);
    new.content_hash = Some(message.content_hash.clone());
    new.expires_at = message.expires_at;
    new
}

fn text_of<'a>(parameters: &'a Value, name: &str) -> Option<&'a str> {
    parameters.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// The contact that the parameters name: an id, or a record with one.
fn contact_reference(parameters: &Value) -> Option<String> {
    let id = |value: &Value| match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Object(fields) => {
            ["id", "_id"].iter().find_map(|name| fields.get(*name)?.as_str().map(str::to_owned))
        }
        _ => None,
    };
    ["customerId", "contact", "contactId"].iter().find_map(|name| id(parameters.get(*name)?))
}

fn content(
    parameters: &Value,
    contact: Option<&ContactView>,
    channel: &dyn Channel,
) -> Result<Content, StepError> {
    let subject = text_of(parameters, "subject").unwrap_or_default().to_owned();
    if subject.is_empty() {
        return Err(wrong("the subject is empty"));
    }
    check_line("the subject", &subject).map_err(wrong)?;
    let html = text_of(parameters, "html").map(str::to_owned);
    let text = match parameters.get("body") {
        None | Some(Value::Null) => html.as_deref().map(plain_of).unwrap_or_default(),
        Some(Value::String(text)) => text.replace("\r\n", "\n"),
        Some(other) => other.to_string(),
    };
    if text.trim().is_empty() && html.is_none() {
        return Err(wrong("the body is empty"));
    }
    if text.len() > BODY_MAX || html.as_ref().is_some_and(|html| html.len() > BODY_MAX) {
        return Err(wrong("the body is larger than 512 KiB"));
    }
    let reply_to = text_of(parameters, "replyTo").map(|text| mailbox(text).map(|m| m.to_string()));
    let content = Content {
        account: channel.account().to_owned(),
        from: sender(text_of(parameters, "from"), channel.from())?,
        to: to_line(text_of(parameters, "to"), contact)?,
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: reply_to.transpose().map_err(wrong)?,
        subject,
        text,
        html,
    };
    Ok(content.as_kept())
}

/// The recipient's line. An address that is given with a contact wins; the contact's name is added.
fn to_line(to: Option<&str>, contact: Option<&ContactView>) -> Result<String, StepError> {
    let name = contact.map(|contact| contact.name.trim()).filter(|name| !name.is_empty());
    let mut line = match (to, contact.and_then(|contact| contact.email.as_deref())) {
        (Some(to), _) => mailbox(to).map_err(wrong)?,
        (None, Some(email)) => mailbox(email).map_err(wrong)?,
        (None, None) => {
            let who = name.unwrap_or("the customer");
            return Err(wrong(format!("{who} has no email address")));
        }
    };
    if line.name.is_none() {
        line = Mailbox::new(name.map(str::to_owned), line.email);
    }
    check_line("the recipient's name", line.name.as_deref().unwrap_or_default()).map_err(wrong)?;
    Ok(line.to_string())
}

/// The channel's sender, under the name that the step gives.
fn sender(name: Option<&str>, from: &str) -> Result<String, StepError> {
    let line = mailbox(from).map_err(broken)?;
    let Some(name) = name else { return Ok(line.to_string()) };
    let name = mailbox(name).map_or(Some(name.to_owned()), |mailbox| mailbox.name);
    if let Some(name) = &name {
        check_line("the sender's name", name).map_err(wrong)?;
    }
    Ok(Mailbox::new(name.or(line.name), line.email).to_string())
}

/// A readable text of an HTML body: without its tags.
fn plain_of(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
