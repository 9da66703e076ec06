//! Each check by itself: what it says about a message, in a sentence that says what happened and, where
//! somebody can do something, what.

use super::{ApprovalFact, Checked, Effect, Facts, OptOut};
use crate::{
    hours::{Hours, hours_at},
    money::dollars,
};
use chrono::TimeDelta;
use signalbox::wire::{
    ConsentKind, ConsentPolicy, ConsentState, Day, MessageChannel, SendingHours,
};

fn checked(name: &'static str, effect: Effect, detail: impl Into<String>) -> Checked {
    Checked { name, effect, detail: detail.into() }
}

/// What is sent, in the singular with its article, and in the plural.
fn nouns(facts: &Facts) -> (&'static str, &'static str) {
    match facts.channel {
        MessageChannel::Voice => ("a call", "calls"),
        MessageChannel::Email | MessageChannel::Sms => ("an email", "emails"),
    }
}

/// Where it goes when nothing leaves.
pub(super) fn sandbox(facts: &Facts) -> &'static str {
    match facts.channel {
        MessageChannel::Voice => "the sandbox phone",
        MessageChannel::Email | MessageChannel::Sms => "the sandbox mailbox",
    }
}

/// With a capital letter.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

pub(super) fn do_not_contact(facts: &Facts) -> Checked {
    let name = "do_not_contact";
    let to = &facts.to;
    match facts.opt_out {
        None if facts.channel == MessageChannel::Voice => {
            checked(name, Effect::Pass, "The contact may be called.")
        }
        None => checked(name, Effect::Pass, "The contact may be written to."),
        Some(OptOut::Marked) => {
            let text = format!("{to} is marked \u{201c}do not contact\u{201d}.");
            checked(name, Effect::Refuse, text)
        }
        Some(OptOut::Suppressed) => {
            let text = format!("{to} had opted out before the contact was deleted.");
            checked(name, Effect::Refuse, text)
        }
    }
}

pub(super) fn consent(facts: &Facts) -> Checked {
    let name = "consent";
    let fact = &facts.consent;
    let (one, many) = nouns(facts);
    let on = fact.at.map(|at| at.with_timezone(&facts.zone).format(" on %-d %b %Y").to_string());
    let on = on.unwrap_or_default();
    let kind = |kind: ConsentKind| match kind {
        ConsentKind::Express => "Express",
        ConsentKind::Implied => "Implied",
    };
    let missing = |text: String| match fact.policy {
        ConsentPolicy::NotRequired => {
            checked(name, Effect::Pass, format!("{text} None is required for {many}."))
        }
        _ => {
            let text = format!(
                "{text} It is required before {one} is {}: note it in the contact.",
                if facts.channel == MessageChannel::Voice { "made" } else { "sent" }
            );
            checked(name, Effect::Refuse, text)
        }
    };
    match fact.said {
        Some((ConsentState::Revoked, _)) => {
            let text = format!("{} has revoked the consent to {many}{on}.", facts.to);
            checked(name, Effect::Refuse, text)
        }
        Some((ConsentState::Expired, given)) => {
            missing(format!("{} consent given{on} has expired.", kind(given)))
        }
        Some((ConsentState::Granted, ConsentKind::Implied))
            if fact.policy == ConsentPolicy::Express =>
        {
            missing(format!("Consent{on} is only implied, not express."))
        }
        Some((ConsentState::Granted, given)) => {
            checked(name, Effect::Pass, format!("{} consent was given{on}.", kind(given)))
        }
        None => missing(format!("No consent to {many} is known.")),
    }
}

pub(super) fn pause(facts: &Facts) -> Checked {
    let name = "pause";
    let Some(pause) = &facts.pause else {
        return checked(name, Effect::Pass, "Outbound is not paused.");
    };
    let since = pause.since.with_timezone(&facts.zone).format("%a %-d %b %H:%M");
    let text = format!(
        "Outbound has been paused since {since} {}. An administrator resumes it under Settings \u{2192} Outbound.",
        pause.why()
    );
    checked(name, Effect::Pause, text)
}

pub(super) fn quiet_hours(facts: &Facts) -> Checked {
    let name = "quiet_hours";
    let zone = match facts.zone_is_guessed {
        true => format!("{} (the organisation\u{2019}s zone)", facts.zone.name()),
        false => facts.zone.name().to_owned(),
    };
    let clock = facts.now.with_timezone(&facts.zone).format("%a %H:%M");
    let hours = words(&facts.hours);
    let many = nouns(facts).1;
    match hours_at(&facts.hours, facts.zone, facts.now) {
        Hours::Open if !facts.hours.enabled => {
            checked(name, Effect::Pass, format!("{} leave at any hour.", capital(many)))
        }
        Hours::Open => {
            let text = format!("It is {clock} in {zone}; {many} leave {hours}.");
            checked(name, Effect::Pass, text)
        }
        Hours::QuietUntil(opening) => {
            let text = format!("It is {clock} in {zone}, and {many} leave {hours}.");
            checked(name, Effect::Hold(opening), text)
        }
        Hours::Never => {
            let text =
                "The sending hours leave no time at all: set them under Settings \u{2192} Sending.";
            checked(name, Effect::Hold(facts.now + TimeDelta::hours(1)), text)
        }
    }
}

fn words(hours: &SendingHours) -> String {
    let days: Vec<&str> =
        Day::ALL.into_iter().filter(|day| hours.days.contains(day)).map(Day::word).collect();
    let on = match days.len() {
        7 => "every day".to_owned(),
        _ => format!("on {}", days.join(", ")),
    };
    format!("from {} to {} {on}", hours.from, hours.to)
}

pub(super) fn caps(facts: &Facts) -> Checked {
    let name = "caps";
    let whose = |of_contact: bool| match of_contact {
        true => "to this contact",
        false => "from this organisation",
    };
    let full = facts.caps.iter().filter(|cap| cap.sent >= u64::from(cap.max));
    // The one that frees a place last decides.
    if let Some(cap) = full.max_by_key(|cap| cap.until) {
        let (sent, max) = (cap.sent, cap.max);
        let text =
            format!("{sent} emails {} were sent today, of {max} at most.", whose(cap.of_contact));
        return checked(name, Effect::Hold(cap.until), text);
    }
    if facts.caps.is_empty() {
        return checked(name, Effect::Pass, "Any number of emails may leave in a day.");
    }
    let counts = facts
        .caps
        .iter()
        .map(|cap| format!("{} of {} emails {} today.", cap.sent, cap.max, whose(cap.of_contact)));
    checked(name, Effect::Pass, counts.collect::<Vec<_>>().join(" "))
}

pub(super) fn budget(facts: &Facts) -> Checked {
    let name = "budget";
    let costs = match facts.channel {
        MessageChannel::Voice => "Calling the sandbox phone costs nothing",
        MessageChannel::Email | MessageChannel::Sms => "Sending an email costs nothing",
    };
    let Some(budget) = &facts.budget else {
        return checked(name, Effect::Pass, format!("{costs}; no budget is set."));
    };
    let spent = format!(
        "{} of today\u{2019}s {} are spent",
        dollars(budget.spent_micros),
        dollars(budget.limit_micros)
    );
    if budget.message_micros == 0 {
        let text = format!("{costs} ({spent}).");
        return checked(name, Effect::Pass, text);
    }
    let cost = dollars(budget.message_micros);
    match budget.spent_micros.saturating_add(budget.message_micros) <= budget.limit_micros {
        true => checked(name, Effect::Pass, format!("It costs {cost}; {spent}.")),
        false => {
            checked(name, Effect::Hold(budget.until), format!("It costs {cost}, and {spent}."))
        }
    }
}

pub(super) fn approval(facts: &Facts) -> Checked {
    let name = "approval";
    if facts.expires_at.is_some_and(|at| at <= facts.now) {
        let text = "Its time is over: nobody decided before it expired.";
        return checked(name, Effect::Refuse, text);
    }
    match &facts.approval {
        ApprovalFact::Pending => match &facts.repeats {
            None => checked(name, Effect::Ask, "A person must approve it."),
            Some(earlier) => {
                let at = earlier.at.map(|at| at.with_timezone(&facts.zone));
                let at = at.map(|at| at.format(" on %-d %b %Y at %H:%M").to_string());
                let text = format!(
                    "It repeats \u{201c}{}\u{201d}, which left to {}{}: a person must approve that it is sent again.",
                    earlier.subject,
                    earlier.to,
                    at.unwrap_or_default()
                );
                checked(name, Effect::Ask, text)
            }
        },
        ApprovalFact::Given { by } => checked(name, Effect::Pass, format!("Approved by {by}.")),
        ApprovalFact::OtherContent => checked(
            name,
            Effect::Ask,
            "It was changed after it was approved; it must be approved again.",
        ),
    }
}

pub(super) fn provider(facts: &Facts) -> Checked {
    let name = "provider";
    if facts.account != facts.account_now {
        let text = format!(
            "The email channel was changed from {} to {}; it must be approved again.",
            facts.account, facts.account_now
        );
        return checked(name, Effect::Ask, text);
    }
    if facts.sandbox {
        return checked(name, Effect::Pass, format!("Goes to {}; nothing leaves.", sandbox(facts)));
    }
    if let Some(trouble) = facts.trouble.as_ref().filter(|trouble| trouble.retry_at > facts.now) {
        let since = trouble.since.with_timezone(&facts.zone).format("%a %H:%M");
        let text = format!(
            "The mail server was not reached {} times in a row since {since}: {}.",
            trouble.failures,
            trouble.detail.trim_end_matches('.')
        );
        return checked(name, Effect::Hold(trouble.retry_at), text);
    }
    checked(name, Effect::Pass, format!("Leaves through {}.", facts.account))
}
