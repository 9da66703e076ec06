//! The ordered checks of the gate, as data.
//!
//! The same function judges when a draft is made, when its card is shown, when a person approves and
//! in the transaction that claims an attempt. Each check passes, refuses, asks a person, or holds the
//! message until a time. Deliberately absent: where the facts come from (see `facts`).

mod checks;

use crate::hours::{Hours, hours_at};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use signalbox::{
    time::said,
    wire::{
        ConsentKind, ConsentPolicy, ConsentState, GateCheck, GateVerdict, MessageChannel,
        OutboundPause, SendingHours,
    },
};

/// What is known about a message when it is judged.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What it is, for the words.
    pub channel: MessageChannel,
    /// The recipient, for the words.
    pub to: String,
    /// Why the recipient must never be written to, if so.
    pub opt_out: Option<OptOut>,
    /// What the recipient said, and what the organisation wants said.
    pub consent: ConsentFact,
    /// What holds back all that the organisation sends, if something does.
    pub pause: Option<OutboundPause>,
    /// When emails leave.
    pub hours: SendingHours,
    /// The zone of the recipient.
    pub zone: Tz,
    /// The zone is the organisation's: the contact's is not known.
    pub zone_is_guessed: bool,
    /// The caps that are set.
    pub caps: Vec<CapFact>,
    /// The budget, if one is set.
    pub budget: Option<BudgetFact>,
    /// Where the approval is.
    pub approval: ApprovalFact,
    /// The message that it sends again.
    pub repeats: Option<RepeatFact>,
    /// It may not leave after that.
    pub expires_at: Option<DateTime<Utc>>,
    /// Held until then, so that it can be taken back.
    pub held_until: Option<DateTime<Utc>>,
    /// The account that was approved.
    pub account: String,
    /// The account that the channel has now.
    pub account_now: String,
    /// It goes to the sandbox mailbox.
    pub sandbox: bool,
    /// The channel's trouble, if it has any.
    pub trouble: Option<TroubleFact>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Why a recipient must never be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptOut {
    /// A contact of the address is marked do not contact.
    Marked,
    /// The contact of the address had opted out and was deleted.
    Suppressed,
}

/// What a recipient said about emails, and what must have been said.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsentFact {
    /// What the organisation wants.
    pub policy: ConsentPolicy,
    /// What was said, at what it is worth now; none: nothing is known.
    pub said: Option<(ConsentState, ConsentKind)>,
    /// When it was said.
    pub at: Option<DateTime<Utc>>,
}

/// A cap of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapFact {
    /// It counts what goes to the recipient; else all that the organisation sends.
    pub of_contact: bool,
    /// At most.
    pub max: u32,
    /// That left today or may have left.
    pub sent: u64,
    /// When the next day begins.
    pub until: DateTime<Utc>,
}

/// A budget of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetFact {
    /// In millionths of a US dollar.
    pub limit_micros: u64,
    /// Spent today, as far as it is known.
    pub spent_micros: u64,
    /// What the message costs to send; nothing for an email.
    pub message_micros: u64,
    /// When the next day begins.
    pub until: DateTime<Utc>,
}

/// A channel that was not reached several times in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TroubleFact {
    /// How often.
    pub failures: u32,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it is tried again.
    pub retry_at: DateTime<Utc>,
    /// What happened last.
    pub detail: String,
}

/// An earlier message that a message sends again, after a manual retry or a fork.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatFact {
    /// Its subject.
    pub subject: String,
    /// Its recipient.
    pub to: String,
    /// When it left.
    pub at: Option<DateTime<Utc>>,
}

/// Where the approval of a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApprovalFact {
    /// Nobody has decided.
    Pending,
    /// Exactly this message was approved.
    Given {
        /// By whom.
        by: String,
    },
    /// Something else was approved.
    OtherContent,
}

/// What a check says about the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Pass,
    /// It will never leave.
    Refuse,
    /// A person is needed.
    Ask,
    /// Not before that time.
    Hold(DateTime<Utc>),
    /// Not before a person lets all outbound go on.
    Pause,
}

struct Checked {
    name: &'static str,
    effect: Effect,
    detail: String,
}

/// Why the recipient may not be written to at all, if so: the checks that no approval can change.
pub fn refusal(facts: &Facts) -> Option<String> {
    [checks::do_not_contact(facts), checks::consent(facts)]
        .into_iter()
        .find(|checked| checked.effect == Effect::Refuse)
        .map(|checked| checked.detail)
}

/// Judges a message.
pub fn judge(facts: &Facts) -> GateVerdict {
    let all = [
        checks::do_not_contact(facts),
        checks::consent(facts),
        // Before the other holds: it says most about when it will leave.
        checks::pause(facts),
        checks::quiet_hours(facts),
        checks::caps(facts),
        checks::budget(facts),
        checks::approval(facts),
        checks::provider(facts),
    ];
    let not_before = not_before(facts, &all);
    let first = |wanted: fn(&Effect) -> bool| all.iter().find(|checked| wanted(&checked.effect));
    let refused = first(|effect| *effect == Effect::Refuse);
    let asked = first(|effect| *effect == Effect::Ask);
    let held = first(|effect| matches!(effect, Effect::Hold(_) | Effect::Pause));
    let when = |checked: &Checked| {
        let at = not_before.map(|at| said(at, facts.now, facts.zone)).unwrap_or_default();
        let zone = facts.zone.name();
        format!("{at} {zone}, because {}", clause(&checked.detail))
    };
    let (verdict, because) = match (refused, asked, held) {
        (Some(refused), ..) => ("refuse", refused.detail.clone()),
        (None, Some(asked), Some(held)) if held.effect == Effect::Pause => {
            ("needs_approval", format!("{} {}", asked.detail, held.detail))
        }
        (None, Some(asked), Some(held)) => {
            ("needs_approval", format!("{} Then it will be sent {}", asked.detail, when(held)))
        }
        (None, Some(asked), None) => ("needs_approval", asked.detail.clone()),
        // When that will be nobody knows.
        (None, None, Some(held)) if held.effect == Effect::Pause => ("hold", held.detail.clone()),
        (None, None, Some(held)) => ("hold", format!("It will be sent {}", when(held))),
        (None, None, None) if not_before.is_some() => {
            let text = "It is approved and held for a moment, so that it can be taken back.";
            ("hold", text.to_owned())
        }
        (None, None, None) if facts.sandbox => {
            ("send", format!("It is approved and goes to {}.", checks::sandbox(facts)))
        }
        (None, None, None) => ("send", "It is approved and leaves now.".to_owned()),
    };
    let checks = all.into_iter().map(|checked| GateCheck {
        name: checked.name.into(),
        passed: checked.effect == Effect::Pass,
        detail: checked.detail,
    });
    GateVerdict { verdict: verdict.into(), because, not_before, checks: checks.collect() }
}

/// When it could leave at the earliest: past every hold, in the recipient's hours. A pause has no end that is known.
fn not_before(facts: &Facts, all: &[Checked]) -> Option<DateTime<Utc>> {
    let holds = all.iter().filter_map(|checked| match checked.effect {
        Effect::Hold(until) => Some(until),
        _ => None,
    });
    let mut at = holds.chain(facts.held_until).fold(facts.now, DateTime::max);
    if let Hours::QuietUntil(opening) = hours_at(&facts.hours, facts.zone, at) {
        at = opening;
    }
    (at > facts.now).then_some(at)
}

/// A sentence as a part of another one.
fn clause(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    format!("{first}{}", chars.as_str())
}

#[cfg(test)]
mod tests;
