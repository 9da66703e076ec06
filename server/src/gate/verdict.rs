//! The ordered checks of the gate, as data.
//!
//! The same function judges when a draft is made, when its card is shown, when a person approves and
//! in the transaction that claims an attempt. Checks for which no data exists yet say so and pass.

use chrono::{DateTime, Utc};
use signalbox::wire::{GateCheck, GateVerdict};

/// What is known about a message when it is judged.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The recipient, for the words.
    pub to: String,
    /// A contact of this address or the message's own says do not contact.
    pub blocked: bool,
    /// Where the approval is.
    pub approval: ApprovalFact,
    /// It may not leave after that.
    pub expires_at: Option<DateTime<Utc>>,
    /// Held until then.
    pub held_until: Option<DateTime<Utc>>,
    /// The account that was approved.
    pub account: String,
    /// The account that the channel has now.
    pub account_now: String,
    /// It goes to the sandbox mailbox.
    pub sandbox: bool,
    /// Now.
    pub now: DateTime<Utc>,
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

fn check(name: &str, passed: bool, detail: impl Into<String>) -> GateCheck {
    GateCheck { name: name.into(), passed, detail: detail.into() }
}

fn do_not_contact(facts: &Facts) -> GateCheck {
    match facts.blocked {
        true => check(
            "do_not_contact",
            false,
            format!("{} is marked \u{201c}do not contact\u{201d}.", facts.to),
        ),
        false => check("do_not_contact", true, "The contact may be written to."),
    }
}

fn expiry(facts: &Facts) -> Option<GateCheck> {
    let expired = facts.expires_at.is_some_and(|at| at <= facts.now);
    expired.then(|| check("approval", false, "Its time is over: nobody decided before it expired."))
}

fn approval(facts: &Facts) -> GateCheck {
    match &facts.approval {
        ApprovalFact::Pending => check("approval", false, "A person must approve it."),
        ApprovalFact::Given { by } => check("approval", true, format!("Approved by {by}.")),
        ApprovalFact::OtherContent => check(
            "approval",
            false,
            "It was changed after it was approved; it must be approved again.",
        ),
    }
}

fn provider(facts: &Facts) -> GateCheck {
    if facts.account != facts.account_now {
        let detail = format!(
            "The email channel was changed from {} to {}; it must be approved again.",
            facts.account, facts.account_now
        );
        return check("provider", false, detail);
    }
    match facts.sandbox {
        true => check("provider", true, "Goes to the sandbox mailbox; nothing leaves."),
        false => check("provider", true, format!("Leaves through {}.", facts.account)),
    }
}

/// Judges a message.
pub fn judge(facts: &Facts) -> GateVerdict {
    let absent = |name: &str, detail: &str| check(name, true, detail);
    let checks = vec![
        do_not_contact(facts),
        absent("consent", "No consent is recorded for or against it."),
        absent("quiet_hours", "No quiet hours are set."),
        absent("caps", "No caps are set."),
        absent("budget", "No budget is set."),
        expiry(facts).unwrap_or_else(|| approval(facts)),
        provider(facts),
    ];
    let held = facts.held_until.filter(|at| *at > facts.now);
    let verdict = match checks.iter().find(|check| !check.passed) {
        Some(check) if check.name == "do_not_contact" => "refuse",
        Some(_) if expiry(facts).is_some() => "refuse",
        Some(_) => "needs_approval",
        None if held.is_some() => "hold",
        None => "send",
    };
    let because = match (checks.iter().find(|check| !check.passed), held) {
        (Some(check), _) => check.detail.clone(),
        (None, Some(_)) => {
            "It is approved and held for a moment, so that it can be taken back.".into()
        }
        (None, None) if facts.sandbox => "It is approved and goes to the sandbox mailbox.".into(),
        (None, None) => "It is approved and leaves now.".into(),
    };
    GateVerdict { verdict: verdict.into(), because, not_before: held, checks }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            to: "Ada <ada@example.com>".into(),
            blocked: false,
            approval: ApprovalFact::Given { by: "Grace".into() },
            expires_at: None,
            held_until: None,
            account: "sandbox".into(),
            account_now: "sandbox".into(),
            sandbox: true,
            now: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn each_fact_decides_and_opt_out_wins() {
        let check = |name: &str, edit: fn(&mut Facts), verdict: &str| {
            let mut facts = facts();
            edit(&mut facts);
            let judged = judge(&facts);
            assert_eq!(judged.verdict, verdict, "{name}: {judged:?}");
            assert_eq!(judged.checks.len(), 7, "{name}");
        };
        check("all well", |_| {}, "send");
        check("blocked", |f| f.blocked = true, "refuse");
        check("pending", |f| f.approval = ApprovalFact::Pending, "needs_approval");
        check("other content", |f| f.approval = ApprovalFact::OtherContent, "needs_approval");
        check("expired", |f| f.expires_at = Some(f.now), "refuse");
        check("held", |f| f.held_until = Some(f.now + chrono::TimeDelta::seconds(1)), "hold");
        check("hold over", |f| f.held_until = Some(f.now), "send");
        check("channel changed", |f| f.account_now = "smtp mail:25".into(), "needs_approval");
        check(
            "blocked wins",
            |f| (f.blocked, f.approval) = (true, ApprovalFact::Pending),
            "refuse",
        );
    }
}
