//! What is heard of a message after it left by its tracked links and its pixel: opens and clicks.
//!
//! Each kind is noted once for a message, in the commit that tells its run; a second one changes nothing. Opens
//! are never sure: mail programs load pictures on their own, and a picture that was not loaded says nothing.

use super::{Gate, ride, tracking::Tracked};
use crate::store::{self, Message, OutsideEvent, StoreError, StoreResult};
use futures::FutureExt;
use serde_json::{Value, json};
use signalbox::{
    event_type,
    run::{Command, SIGNALS},
    wire::MessageState,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Longest name of a program that is kept, in characters.
const AGENT_MAX: usize = 200;
/// Words in the names of programs that follow links by themselves.
const ROBOTS: [&str; 12] = [
    "bot",
    "crawl",
    "spider",
    "scan",
    "preview",
    "barracuda",
    "mimecast",
    "proofpoint",
    "curl",
    "wget",
    "python",
    "headless",
];

/// Who fetched a tracked address, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// The program's name, as it gives it.
    pub agent: String,
    /// It only looks ahead: HEAD, or a prefetch that says so.
    pub ahead: bool,
    /// It comes from somebody who is signed in here.
    pub own: bool,
}

impl Visit {
    fn is_robot(&self) -> bool {
        let agent = self.agent.to_ascii_lowercase();
        self.ahead || agent.is_empty() || ROBOTS.iter().any(|word| agent.contains(word))
    }

    fn agent(&self) -> String {
        self.agent.chars().take(AGENT_MAX).collect()
    }
}

/// Whether it may have left.
fn has_left(message: &Message) -> bool {
    use MessageState::*;
    matches!(message.state, InFlight | Accepted | Delivered | Bounced | Uncertain)
}

/// The outside event of a kind.
fn event_name(kind: &str) -> Option<&'static str> {
    match kind {
        "open" => Some(event_type::EMAIL_OPENED),
        "click" => Some(event_type::EMAIL_CLICKED),
        _ => None,
    }
}

impl Gate {
    /// The pixel was fetched. Whoever made the address up is not told so.
    pub async fn opened(&self, tracked: &Tracked, visit: &Visit) -> StoreResult<()> {
        let Some(message) = self.tracked_message(tracked, "").await? else { return Ok(()) };
        if !has_left(&message) || (visit.own && !message.sandbox) {
            return Ok(());
        }
        let detail = json!({ "agent": visit.agent(), "verified": false });
        // A picture that is fetched ahead was seen by nobody.
        let kind = if visit.ahead { "open_ahead" } else { "open" };
        self.heard(&message, kind, detail).await.map(|_| ())
    }

    /// A link was followed; gives where it leads. `None`: it was not made here.
    pub async fn clicked(&self, tracked: &Tracked, visit: &Visit) -> StoreResult<Option<String>> {
        let (organization, id) = (tracked.organization, tracked.message);
        let links = store::message_links(self.store(), organization, id).await?;
        let url = links.into_iter().find(|(number, _)| *number == tracked.number);
        let Some((number, url)) = url else { return Ok(None) };
        let Some(message) = self.tracked_message(tracked, &url).await? else { return Ok(None) };
        if has_left(&message) && (!visit.own || message.sandbox) {
            let detail = json!({ "agent": visit.agent(), "url": url, "link": number });
            let kind = if visit.is_robot() { "click_bot" } else { "click" };
            // Whoever follows a link gets there, whatever becomes of the note.
            if let Err(error) = self.heard(&message, kind, detail).await {
                tracing::warn!(%error, %id, "a click was not noted");
            }
        }
        Ok(Some(url))
    }

    async fn tracked_message(
        &self,
        tracked: &Tracked,
        target: &str,
    ) -> StoreResult<Option<Message>> {
        let ours = self.inner.links.get().is_some_and(|links| links.is_ours(tracked, target));
        if !ours {
            return Ok(None);
        }
        match store::message_fetch(self.store(), tracked.organization, tracked.message).await {
            Ok(message) => Ok(Some(message)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes what was heard of a message, once, and tells its run in the same commit. Kinds that are not
    /// signals of a run are noted only. Whether it was news.
    pub(super) async fn heard(
        &self,
        message: &Message,
        kind: &'static str,
        detail: Value,
    ) -> StoreResult<bool> {
        let (organization, id, now) = (message.organization, message.id, self.now());
        let known = store::message_facts(self.store(), organization, id).await?;
        if known.iter().any(|(known, ..)| known == kind) {
            return Ok(false);
        }
        let news = Arc::new(AtomicBool::new(false));
        let event = event_of(message, kind, &detail);
        let (noted, kept) = (news.clone(), detail.clone());
        let write = ride(move |tx| {
            let (event, detail, noted) = (event.clone(), kept.clone(), noted.clone());
            async move {
                let is_new =
                    store::message_fact_insert(tx, organization, id, kind, &detail, now).await?;
                noted.store(is_new, Ordering::Relaxed);
                if let Some(event) = event.filter(|_| is_new) {
                    store::outside_note(tx, organization, &event, now).await?;
                }
                Ok(())
            }
            .boxed()
        });
        let command = SIGNALS.contains(&kind).then(|| Command::Signal {
            message: id,
            signal: kind.to_owned(),
            payload: detail,
        });
        self.tell_or_write(organization, message.run, command, write).await?;
        Ok(news.load(Ordering::Relaxed))
    }
}

/// What others may wait for: the run that sent, or without one those about the contact.
fn event_of(message: &Message, kind: &str, detail: &Value) -> Option<OutsideEvent> {
    let name = event_name(kind)?;
    let contact = message.contact.filter(|_| message.run.is_none());
    if message.run.is_none() && contact.is_none() {
        return None; // an event about nobody would concern everybody
    }
    let mut payload = json!({
        "type": name, "messageId": message.id, "customerId": message.contact, "runId": message.run,
        "channel": "email", "to": message.content.to, "subject": message.content.subject,
    });
    if let (Value::Object(payload), Value::Object(detail)) = (&mut payload, detail) {
        payload.extend(detail.clone());
    }
    let source_key = Some(format!("{name} {}", message.id));
    Some(OutsideEvent { name: name.to_owned(), contact, run: message.run, source_key, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn robots_are_told_from_people() {
        let visit = |agent: &str| Visit { agent: agent.to_owned(), ..Visit::default() };
        let person = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert!(!visit(person).is_robot());
        assert!(Visit { ahead: true, ..visit(person) }.is_robot());
        for robot in ["", "Googlebot/2.1", "BarracudaCentral", "python-requests/2.32", "curl/8"] {
            assert!(visit(robot).is_robot(), "{robot}");
        }
    }
}
