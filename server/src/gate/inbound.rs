//! Emails that come in: an answer to a message of ours, a report about one, or something else.
//!
//! The same email is taken in once, whoever delivers it how often. What it means for runs, drafts and the
//! message itself is one commit; an opt-out is on disk before anything else is done with it.

mod mail;

use super::{ContactError, Gate, contact, may_follow, ride};
use crate::{
    channel::answer_bytes,
    store::{self, ContactFilter, Inbound, Message, OutsideEvent, StoreError, StoreResult},
};
use chrono::TimeDelta;
use futures::FutureExt;
use mail::{Kind, Mail};
use serde_json::json;
use signalbox::{
    event_type,
    id::{ContactId, InboundId, MessageId, OrganizationId},
    run::Command,
    wire::{
        ConsentInput, ConsentKind, ConsentState, ContactInput, InboundOutcome, MessageChannel,
        MessageState,
    },
};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// An email without a reference belongs to the newest message that went to its sender, if that is no older.
const RECENT_DAYS: i64 = 30;
const ANSWERED: &str = "The contact has written since.";

/// Why an email was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum InboundError {
    /// These bytes are no email with a sender.
    #[error("this is no email: it must be a message as RFC 5322 has it, with a From")]
    NotMail,
    /// The opt-out was not written.
    #[error(transparent)]
    Contact(#[from] ContactError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an email is, and about what.
struct Reading {
    mail: Mail,
    message: Option<Message>,
    contact: Option<ContactId>,
}

impl Reading {
    /// The word that is kept.
    fn kind(&self) -> &'static str {
        match (&self.mail.kind, &self.message) {
            (Kind::OptOut, _) => "opt_out",
            (Kind::Bounce(_), _) => "bounce",
            (Kind::Delay, _) => "delay",
            (Kind::Delivered, _) => "delivered",
            (Kind::Auto, _) => "auto_reply",
            (Kind::Written, Some(_)) => "reply",
            (Kind::Written, None) => "other",
        }
    }

    /// What the run of the message is told.
    fn signal(&self) -> Option<&'static str> {
        match self.kind() {
            "reply" => Some("reply"),
            "bounce" => Some("bounce"),
            "delivered" => Some("delivered"),
            "opt_out" => Some("unsubscribed"),
            _ => None,
        }
    }
}

impl Gate {
    /// Takes an email in.
    pub async fn inbound(
        &self,
        organization: OrganizationId,
        raw: &[u8],
    ) -> Result<InboundOutcome, InboundError> {
        let mail = Mail::read(raw).ok_or(InboundError::NotMail)?;
        let id = InboundId::derive(organization.0, &[&mail.key]);
        match store::inbound_fetch(self.store(), organization, id).await {
            Ok(known) => return Ok(outcome(&known, true)),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let reading = self.matched(organization, mail).await?;
        if reading.mail.kind == Kind::OptOut {
            self.opt_out(organization, &reading).await?;
        }
        self.take_in(organization, id, reading).await
    }

    async fn matched(&self, organization: OrganizationId, mail: Mail) -> StoreResult<Reading> {
        let mut message = None;
        for id in &mail.about {
            match store::message_fetch(self.store(), organization, *id).await {
                Ok(found) if found.sent_at.is_some() || found.begun_at.is_some() => {
                    message = Some(found);
                    break;
                }
                Ok(_) | Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        // What answers somebody else's message is no answer to ours.
        let by_address = match mail.kind {
            Kind::Auto => false,
            Kind::Written | Kind::OptOut => !mail.is_answer,
            Kind::Bounce(_) | Kind::Delay | Kind::Delivered => true,
        };
        if message.is_none() && by_address {
            let address = mail.recipient.as_deref().unwrap_or(&mail.from);
            let since = self.now() - TimeDelta::days(RECENT_DAYS);
            message = store::message_newest_to(self.store(), organization, address, since).await?;
        }
        let contact = match message.as_ref().and_then(|message| message.contact) {
            Some(contact) => Some(contact),
            None => {
                let email = Some(mail.from.clone());
                let filter = ContactFilter { email, ..ContactFilter::default() };
                let found = store::contact_list(self.store(), organization, &filter, None, 1);
                found.await?.first().map(|contact| contact.id)
            }
        };
        Ok(Reading { mail, message, contact })
    }

    /// Nothing more goes to whoever said so.
    async fn opt_out(
        &self,
        organization: OrganizationId,
        reading: &Reading,
    ) -> Result<(), InboundError> {
        let Some(contact) = reading.contact else {
            let (address, now) = (reading.mail.from.clone(), self.now());
            let write = self.store().write(move |tx| {
                async move {
                    let kind = store::SuppressionKind::ConsentRevoked;
                    store::suppression_put(tx, organization, &address, kind, now).await
                }
                .boxed()
            });
            return Ok(write.await?);
        };
        let revoked = ConsentInput {
            channel: MessageChannel::Email,
            state: Some(ConsentState::Revoked),
            kind: ConsentKind::Express,
            source: format!("email of {}", reading.mail.from),
            at: None,
            expires_at: None,
        };
        let input = ContactInput { consent: Some(vec![revoked]), ..ContactInput::default() };
        self.contact_update(organization, contact, &input).await?;
        Ok(())
    }

    /// Keeps it, tells the run of its message, and has drafts to its sender looked at again: one commit.
    async fn take_in(
        &self,
        organization: OrganizationId,
        id: InboundId,
        reading: Reading,
    ) -> Result<InboundOutcome, InboundError> {
        let now = self.now();
        let inbound = Inbound {
            organization,
            id,
            at: now,
            kind: reading.kind().to_owned(),
            sender: reading.mail.from.clone(),
            subject: reading.mail.subject.clone(),
            body: reading.mail.text.clone(),
            message: reading.message.as_ref().map(|message| message.id),
            contact: reading.contact,
        };
        let events = self.events_of(organization, id, &reading).await?;
        let taken: Arc<Mutex<Taken>> = Arc::default();
        let signal = reading.signal();
        let moved = match &reading.mail.kind {
            Kind::Bounce(why) => Some((MessageState::Bounced, format!("It bounced: {why}"))),
            Kind::Delivered => {
                let text = "The recipient\u{2019}s mail server has delivered it.";
                Some((MessageState::Delivered, text.to_owned()))
            }
            _ => None,
        };
        let by_person = reading.mail.kind == Kind::Written;
        let (kept, outcome_of) = (inbound.clone(), taken.clone());
        let write = ride(move |tx| {
            let (inbound, events, moved, taken) =
                (kept.clone(), events.clone(), moved.clone(), outcome_of.clone());
            async move {
                let mut now_taken = Taken::default();
                if store::inbound_insert(tx, &inbound).await? {
                    now_taken.is_new = true;
                    if let Some(message) = inbound.message {
                        let kind = signal.unwrap_or(&inbound.kind);
                        let detail = json!({ "inbound": inbound.id, "from": inbound.sender });
                        store::message_fact_insert(tx, organization, message, kind, &detail, now)
                            .await?;
                        if let Some((state, detail)) = moved {
                            move_to(tx, organization, message, state, detail, now).await?;
                        }
                    }
                    for event in &events {
                        store::outside_note(tx, organization, event, now).await?;
                    }
                    if let Some(contact) = inbound.contact.filter(|_| by_person) {
                        now_taken.approved =
                            contact::stale(tx, organization, contact, ANSWERED, now).await?;
                    }
                }
                *taken.lock().unwrap_or_else(PoisonError::into_inner) = now_taken;
                Ok(())
            }
            .boxed()
        });
        let run = reading.message.as_ref().and_then(|message| message.run);
        let command =
            reading.message.as_ref().zip(signal).map(|(message, signal)| Command::Signal {
                message: message.id,
                signal: signal.to_owned(),
                payload: json!({
                    "from": inbound.sender, "subject": inbound.subject, "text": inbound.body,
                }),
            });
        self.tell_or_write(organization, run, command, write).await?;
        let taken = std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner));
        self.take_back(organization, taken.approved, now).await;
        Ok(outcome(&inbound, !taken.is_new))
    }

    /// What others may wait for: every run about the contact, and the run that sent.
    async fn events_of(
        &self,
        organization: OrganizationId,
        id: InboundId,
        reading: &Reading,
    ) -> StoreResult<Vec<OutsideEvent>> {
        let name = match reading.signal() {
            Some("reply") => event_type::EMAIL_REPLIED,
            Some("bounce") => event_type::EMAIL_BOUNCED,
            Some("unsubscribed") => event_type::EMAIL_UNSUBSCRIBED,
            _ => return Ok(Vec::new()),
        };
        let (mail, message) = (&reading.mail, reading.message.as_ref());
        let payload = json!({
            "type": name, "messageId": message.map(|message| message.id), "customerId": reading.contact,
            "runId": message.and_then(|message| message.run), "channel": "email", "from": mail.from,
            "subject": mail.subject, "text": mail.text,
        });
        let event = |of: &str, contact, run| OutsideEvent {
            name: name.to_owned(),
            contact,
            run,
            source_key: Some(format!("{name} {id} {of}")),
            payload: payload.clone(),
        };
        let mut events = Vec::new();
        let mut is_told = false;
        let run = message.and_then(|message| message.run);
        if let Some(contact) = reading.contact {
            events.push(event("contact", Some(contact), None));
            if let Some(run) = run {
                let about = store::run_contacts(self.store(), organization, run).await?;
                is_told = about.contains(&contact);
            }
        }
        if let Some(run) = run.filter(|_| !is_told) {
            events.push(event("run", None, Some(run)));
        }
        Ok(events)
    }

    /// An answer to a message of the sandbox mailbox, as its recipient would write it.
    pub async fn sandbox_answer(
        &self,
        organization: OrganizationId,
        id: MessageId,
        text: &str,
    ) -> Result<InboundOutcome, InboundError> {
        self.sandbox_message(organization, id).await?;
        let message = store::message_fetch(self.store(), organization, id).await?;
        let raw = answer_bytes(id, &message.content, text, Uuid::now_v7(), self.now())
            .map_err(|_| InboundError::NotMail)?;
        self.inbound(organization, &raw).await
    }
}

/// What the commit did.
#[derive(Default)]
struct Taken {
    is_new: bool,
    /// Drafts that were approved and must be approved again.
    approved: Vec<(Message, &'static str)>,
}

/// What a report says of a message, where that can still become of it.
async fn move_to(
    tx: &mut store::Tx,
    organization: OrganizationId,
    id: MessageId,
    state: MessageState,
    detail: String,
    now: chrono::DateTime<chrono::Utc>,
) -> StoreResult<()> {
    let mut message = store::message_fetch_in(tx, organization, id).await?;
    if !may_follow(message.state, state) {
        return Ok(());
    }
    message.detail = detail;
    super::save_as(tx, &mut message, state, now).await
}

fn outcome(inbound: &Inbound, duplicate: bool) -> InboundOutcome {
    InboundOutcome {
        kind: inbound.kind.clone(),
        message: inbound.message,
        contact: inbound.contact,
        duplicate,
    }
}
