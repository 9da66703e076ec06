//! What an organisation lets out, when and how much, and what contacts said about being written to.
//!
//! Deliberately absent: the law. Which consent is needed where is data that an organisation sets.

use super::MessageChannel;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a contact said about one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Consent {
    /// About which channel.
    pub channel: MessageChannel,
    /// What was said. Granted consent whose `expires_at` is over counts as expired.
    pub state: ConsentState,
    /// Said by the contact, or concluded from what the contact did.
    pub kind: ConsentKind,
    /// Where it comes from: a form, its wording, a call.
    pub source: String,
    /// When it was said.
    pub at: DateTime<Utc>,
    /// When granted consent runs out.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Consent {
    /// What it is worth at a time.
    pub fn state_at(&self, now: DateTime<Utc>) -> ConsentState {
        match (self.state, self.expires_at) {
            (ConsentState::Granted, Some(at)) if at <= now => ConsentState::Expired,
            (state, _) => state,
        }
    }
}

/// What a contact said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// Yes.
    Granted,
    /// No; nothing leaves, whatever the organisation requires.
    Revoked,
    /// Yes, once; it is over.
    Expired,
}

/// How consent was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// The contact said so.
    #[default]
    Express,
    /// It follows from what the contact did, such as buying something.
    Implied,
}

/// A change of a contact's consent for one channel; the other channels stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConsentInput {
    /// About which channel.
    pub channel: MessageChannel,
    /// What was said; null: nothing is known, the record goes away.
    pub state: Option<ConsentState>,
    /// How; express unless given.
    #[serde(default)]
    pub kind: ConsentKind,
    /// Where it comes from.
    #[serde(default)]
    pub source: String,
    /// When it was said; now unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// When granted consent runs out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// `PUT /api/settings/outbound`. Absent fields take their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct OutboundSettings {
    /// Whether a contact must have consented before an email leaves. Revoked consent always refuses.
    pub email_consent: ConsentPolicy,
    /// When emails leave.
    pub sending_hours: SendingHours,
    /// Emails to one contact a day of the contact's zone, at most; null: any number.
    pub contact_daily_max: Option<u32>,
    /// Emails of the organisation a day of its zone, at most; null: any number.
    pub organization_daily_max: Option<u32>,
    /// What models may cost a day of the organisation's zone, in millionths of a US dollar; null: anything.
    pub model_budget_micros: Option<u64>,
}

/// Whether a contact must have consented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConsentPolicy {
    /// No: emails that belong to something the contact did need none.
    #[default]
    NotRequired,
    /// Express or implied consent that has not expired.
    Any,
    /// Express consent that has not expired.
    Express,
}

/// The hours in which emails leave, in the contact's zone or else the organisation's. Outside of them it
/// is quiet, and approved messages are held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SendingHours {
    /// Whether they count; off: emails leave at any hour.
    pub enabled: bool,
    /// From this time on, like 08:00.
    pub from: String,
    /// Before this time, like 20:00; later than `from`, 24:00 at most.
    pub to: String,
    /// On these days.
    pub days: Vec<Day>,
}

impl Default for SendingHours {
    /// Off. Where they are switched on: 8 to 20 on every day, which lies within the hours of the strictest
    /// of the rules for calls and texts that we know of.
    fn default() -> Self {
        Self { enabled: false, from: "08:00".into(), to: "20:00".into(), days: Day::ALL.to_vec() }
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    /// The week, from Monday.
    pub const ALL: [Self; 7] =
        [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// As people read it: `Mon`.
    pub fn word(self) -> &'static str {
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][self as usize]
    }
}

/// `GET /api/settings/outbound`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OutboundView {
    /// As set.
    pub settings: OutboundSettings,
    /// Emails that left today, the sandbox's among them where it is the channel.
    pub sent_today: u64,
    /// What models cost today as far as it is known, in millionths of a US dollar.
    pub model_spent_micros: u64,
    /// Model calls of today whose price is not known.
    pub model_unpriced_calls: u64,
    /// When it was changed last.
    pub updated_at: Option<DateTime<Utc>>,
}

/// `GET /api/outbound`: whether messages leave at all, and what waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OutboundState {
    /// What holds every message back; null: nothing does.
    pub paused: Option<OutboundPause>,
    /// Approved messages whose time has come and that have not left.
    pub due: u64,
    /// Since when the oldest of them is due.
    pub oldest_due_at: Option<DateTime<Utc>>,
    /// After a pause messages leave slowly at first: until then.
    pub ramping_until: Option<DateTime<Utc>>,
}

/// A pause of all that an organisation sends. Workflows go on, and people decide; approved messages wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OutboundPause {
    /// What brought it about.
    pub reason: PauseReason,
    /// What the person wrote, or what the server saw, as a part of a sentence.
    pub note: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// By whom; null: by the server itself.
    pub by: Option<String>,
}

impl OutboundPause {
    /// Why, as it goes on after "Outbound has been paused since Mon 09:00": "because the server was down for 9 hours",
    /// "by Grace: wrong prices".
    pub fn why(&self) -> String {
        let note = self.note.trim_end_matches('.');
        match &self.by {
            None => format!("because {note}"),
            Some(by) if note.is_empty() => format!("by {by}"),
            Some(by) => format!("by {by}: {note}"),
        }
    }
}

/// What brought a pause about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// A person.
    ByHand,
    /// The server stood still for hours.
    Downtime,
    /// The server's clock was set.
    ClockJump,
    /// The database is a copy, or was restored from a backup.
    Restored,
    /// The database server is another one than before.
    Failover,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_says_why() {
        let pause = |by: Option<&str>, note: &str| OutboundPause {
            reason: PauseReason::ByHand,
            note: note.into(),
            since: DateTime::UNIX_EPOCH,
            by: by.map(str::to_owned),
        };
        assert_eq!(pause(None, "the clock was set.").why(), "because the clock was set");
        assert_eq!(pause(Some("Grace"), "").why(), "by Grace");
        assert_eq!(pause(Some("Grace"), "wrong prices.").why(), "by Grace: wrong prices");
    }
}
