//! One fact at a time, then their order.

use super::*;
use chrono::TimeDelta;
use signalbox::wire::{Day, PauseReason};

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// Approved, nothing against it; Monday noon.
fn facts() -> Facts {
    Facts {
        channel: MessageChannel::Email,
        to: "Ada <ada@example.com>".into(),
        opt_out: None,
        consent: ConsentFact { policy: ConsentPolicy::NotRequired, said: None, at: None },
        pause: None,
        hours: SendingHours::default(),
        zone: Tz::Europe__Berlin,
        zone_is_guessed: false,
        caps: Vec::new(),
        budget: None,
        approval: ApprovalFact::Given { by: "Grace".into() },
        repeats: None,
        expires_at: None,
        held_until: None,
        account: "smtp mail:25".into(),
        account_now: "smtp mail:25".into(),
        sandbox: false,
        trouble: None,
        now: at("2026-11-23T11:00:00Z"),
    }
}

fn tomorrow() -> DateTime<Utc> {
    at("2026-11-23T23:00:00Z")
}

fn cap(of_contact: bool, sent: u64) -> CapFact {
    CapFact { of_contact, max: 3, sent, until: tomorrow() }
}

fn budget(spent_micros: u64, message_micros: u64) -> Option<BudgetFact> {
    Some(BudgetFact { limit_micros: 1_000_000, spent_micros, message_micros, until: tomorrow() })
}

fn trouble(retry_at: &str) -> Option<TroubleFact> {
    let since = at("2026-11-23T10:00:00Z");
    let detail = "connection refused".into();
    Some(TroubleFact { failures: 4, since, retry_at: at(retry_at), detail })
}

fn paused(facts: &mut Facts) {
    facts.pause = Some(OutboundPause {
        reason: PauseReason::Downtime,
        note: "the server was down for 9 hours".into(),
        since: at("2026-11-23T08:00:00Z"),
        by: None,
    });
}

type Edit = fn(&mut Facts);

#[test]
fn each_fact_decides_by_its_own_check() {
    use {ConsentKind::*, ConsentPolicy as Policy, ConsentState::*};
    let check = |title: &str, edit: Edit, verdict: &str, by: &str| {
        let mut facts = facts();
        edit(&mut facts);
        let judged = judge(&facts);
        assert_eq!(judged.verdict, verdict, "{title}: {judged:#?}");
        let failed: Vec<&str> =
            judged.checks.iter().filter(|c| !c.passed).map(|c| c.name.as_str()).collect();
        let expected: Vec<&str> = if by.is_empty() { vec![] } else { vec![by] };
        assert_eq!(failed, expected, "{title}");
        assert_eq!(judged.checks.len(), 8, "{title}");
        assert!(judged.because.ends_with('.'), "{title}: {}", judged.because);
        let refused = matches!(by, "do_not_contact" | "consent").then_some(judged.because.clone());
        assert_eq!(refusal(&facts), refused, "{title}");
    };
    check("all well", |_| {}, "send", "");
    check("marked", |f| f.opt_out = Some(OptOut::Marked), "refuse", "do_not_contact");
    check("suppressed", |f| f.opt_out = Some(OptOut::Suppressed), "refuse", "do_not_contact");
    check("revoked", |f| f.consent.said = Some((Revoked, Express)), "refuse", "consent");
    check("expired, not required", |f| f.consent.said = Some((Expired, Express)), "send", "");
    check("required, none", |f| f.consent.policy = Policy::Any, "refuse", "consent");
    check(
        "required, expired",
        |f| (f.consent.policy, f.consent.said) = (Policy::Any, Some((Expired, Express))),
        "refuse",
        "consent",
    );
    check(
        "required, implied",
        |f| (f.consent.policy, f.consent.said) = (Policy::Any, Some((Granted, Implied))),
        "send",
        "",
    );
    check(
        "express required, implied",
        |f| (f.consent.policy, f.consent.said) = (Policy::Express, Some((Granted, Implied))),
        "refuse",
        "consent",
    );
    check(
        "express required, express",
        |f| (f.consent.policy, f.consent.said) = (Policy::Express, Some((Granted, Express))),
        "send",
        "",
    );
    check("paused", paused, "hold", "pause");
    check("open hours", |f| f.hours.enabled = true, "send", "");
    check(
        "quiet hours",
        |f| (f.hours.enabled, f.now) = (true, at("2026-11-23T22:15:00Z")),
        "hold",
        "quiet_hours",
    );
    check("cap not reached", |f| f.caps = vec![cap(true, 2), cap(false, 2)], "send", "");
    check("cap of the contact", |f| f.caps = vec![cap(true, 3)], "hold", "caps");
    check("cap of the organisation", |f| f.caps = vec![cap(false, 4)], "hold", "caps");
    check("an email is free", |f| f.budget = budget(2_000_000, 0), "send", "");
    check("within the budget", |f| f.budget = budget(999_999, 1), "send", "");
    check("over the budget", |f| f.budget = budget(999_999, 2), "hold", "budget");
    check("pending", |f| f.approval = ApprovalFact::Pending, "needs_approval", "approval");
    check("other", |f| f.approval = ApprovalFact::OtherContent, "needs_approval", "approval");
    check("expired", |f| f.expires_at = Some(f.now), "refuse", "approval");
    check("held", |f| f.held_until = Some(f.now + TimeDelta::seconds(1)), "hold", "");
    check("hold over", |f| f.held_until = Some(f.now), "send", "");
    check("other channel", |f| f.account_now = "sandbox".into(), "needs_approval", "provider");
    check("trouble", |f| f.trouble = trouble("2026-11-23T11:05:00Z"), "hold", "provider");
    check("trouble, to be tried", |f| f.trouble = trouble("2026-11-23T11:00:00Z"), "send", "");
}

#[test]
fn refusing_wins_over_asking_and_asking_over_holding() {
    let quiet: Edit = |f| (f.hours.enabled, f.now) = (true, at("2026-11-23T22:15:00Z"));
    let pending: Edit = |f| f.approval = ApprovalFact::Pending;
    let marked: Edit = |f| f.opt_out = Some(OptOut::Marked);
    let cases: [(&[Edit], &str); 4] = [
        (&[quiet, pending, marked], "refuse"),
        (&[quiet, pending], "needs_approval"),
        (&[pending, marked], "refuse"),
        (&[quiet, marked], "refuse"),
    ];
    for (edits, verdict) in cases {
        let mut facts = facts();
        edits.iter().for_each(|edit| edit(&mut facts));
        assert_eq!(judge(&facts).verdict, verdict);
    }
}

#[test]
fn the_time_lies_past_every_hold_and_within_the_hours() {
    let mut facts = facts();
    facts.hours = SendingHours { enabled: true, days: vec![Day::Mon, Day::Tue], ..facts.hours };
    facts.caps = vec![cap(true, 3)];
    // The cap ends at midnight, when it is quiet.
    assert_eq!(judge(&facts).not_before, Some(at("2026-11-24T07:00:00Z")));
    facts.trouble = trouble("2026-11-24T20:00:00Z");
    // Past Tuesday's hours: the next Monday.
    assert_eq!(judge(&facts).not_before, Some(at("2026-11-30T07:00:00Z")));
}

#[test]
fn the_reason_says_when_and_why_in_the_contacts_zone() {
    let mut facts = facts();
    (facts.hours.enabled, facts.now) = (true, at("2026-11-23T22:15:00Z"));
    let said = "Tue 08:00 (in 9 h) Europe/Berlin, because it is Mon 23:15 in Europe/Berlin, and emails \
        leave from 08:00 to 20:00 every day.";
    assert_eq!(judge(&facts).because, format!("It will be sent {said}"));
    facts.approval = ApprovalFact::Pending;
    assert_eq!(
        judge(&facts).because,
        format!("A person must approve it. Then it will be sent {said}")
    );
    facts.zone_is_guessed = true;
    assert!(judge(&facts).because.contains("the organisation\u{2019}s zone"));
}

#[test]
fn a_pause_is_named_with_its_reason_and_no_time() {
    let mut facts = facts();
    paused(&mut facts);
    let said = "Outbound has been paused since Mon 23 Nov 09:00 because the server was down for 9 hours. \
        An administrator resumes it under Settings \u{2192} Outbound.";
    let judged = judge(&facts);
    assert_eq!((judged.because.as_str(), judged.not_before), (said, None));
    // Whoever approves meanwhile reads of it.
    facts.approval = ApprovalFact::Pending;
    assert_eq!(judge(&facts).because, format!("A person must approve it. {said}"));
    // It says more than that it is quiet; refusing still wins.
    facts.approval = ApprovalFact::Given { by: "Grace".into() };
    (facts.hours.enabled, facts.now) = (true, at("2026-11-23T22:15:00Z"));
    assert_eq!(judge(&facts).because, said);
    facts.opt_out = Some(OptOut::Marked);
    assert_eq!(judge(&facts).verdict, "refuse");
}
