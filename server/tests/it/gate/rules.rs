//! The organisation's rules over real messages: consent, opt-outs, sending hours, caps; and that the
//! claim before each attempt sees what changed after the approval.

use super::world::{World, decide};
use chrono::{DateTime, Utc};
use serde_json::json;
use server::{
    gate::{DecideError, Submitted},
    setting::General,
};
use signalbox::{
    id::MessageId,
    run::{Command, ErrorKind},
    wire::*,
};

fn contact(name: &str, email: &str) -> ContactInput {
    ContactInput { name: Some(name.into()), email: Some(email.into()), ..Default::default() }
}

fn said(state: ConsentState) -> ContactInput {
    ContactInput { consent: Some(vec![consent(Some(state))]), ..Default::default() }
}

fn consent(state: Option<ConsentState>) -> ConsentInput {
    ConsentInput {
        channel: MessageChannel::Email,
        state,
        kind: ConsentKind::Express,
        source: "a form".into(),
        at: None,
        expires_at: None,
    }
}

impl World {
    async fn rules(&self, rules: OutboundSettings) {
        let settings = self.gate.channels().settings();
        settings.outbound_set(self.organization, &rules, self.clock.now()).await.unwrap();
    }

    async fn contact(&self, input: &ContactInput) -> ContactView {
        self.gate.contact_create(self.organization, input).await.unwrap()
    }

    async fn change(&self, contact: &ContactView, input: &ContactInput) -> ContactView {
        self.gate.contact_update(self.organization, contact.id, input).await.unwrap()
    }

    async fn submit(&self, to: &str) -> (MessageId, Submitted) {
        let call = self.call();
        let email = json!({ "to": to, "subject": "Hi", "body": "Hello" });
        let submitted = self.gate.submit_email(&call, &email).await;
        (MessageId::derive(call.call.0, &["message"]), submitted)
    }

    /// A draft that was approved; its hold is over.
    async fn approved(&self, to: &str) -> MessageId {
        let (message, submitted) = self.submit(to).await;
        assert_eq!(submitted, Submitted::Parked);
        self.approve().await;
        message
    }

    async fn verdict(&self, message: MessageId) -> GateVerdict {
        self.gate.verdict(&self.message(message).await).await.unwrap()
    }

    fn at(&self, text: &str) {
        let wanted = DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        self.clock.advance((wanted - self.clock.now()).num_seconds());
    }
}

fn utc(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

#[tokio::test]
async fn what_a_contact_said_decides_with_what_the_organisation_wants() {
    use ConsentState::{Expired, Granted, Revoked};
    // What was said, by which policy it is refused.
    let cases: [(Option<ConsentState>, &[ConsentPolicy]); 4] = [
        (None, &[ConsentPolicy::Any, ConsentPolicy::Express]),
        (Some(Granted), &[]),
        (Some(Expired), &[ConsentPolicy::Any, ConsentPolicy::Express]),
        (Some(Revoked), &[ConsentPolicy::NotRequired, ConsentPolicy::Any, ConsentPolicy::Express]),
    ];
    for policy in [ConsentPolicy::NotRequired, ConsentPolicy::Any, ConsentPolicy::Express] {
        for (state, refused_by) in cases {
            let world = World::sandbox().await;
            world.rules(OutboundSettings { email_consent: policy, ..Default::default() }).await;
            let mut ada = contact("Ada", "ada@example.com");
            ada.consent = Some(vec![consent(state)]);
            world.contact(&ada).await;
            let (message, submitted) = world.submit("ADA@example.com").await;
            let case = format!("{state:?} under {policy:?}");
            match refused_by.contains(&policy) {
                true => {
                    let Submitted::Failed(error) = submitted else { panic!("{case}") };
                    assert_eq!(error.kind, ErrorKind::Refused, "{case}");
                    assert_eq!(world.state(message).await, MessageState::Refused, "{case}");
                    assert!(world.pending().await.is_empty(), "{case}");
                }
                false => {
                    assert_eq!(submitted, Submitted::Parked, "{case}");
                    world.approve().await;
                    world.gate.step().await.unwrap();
                    assert_eq!(world.state(message).await, MessageState::Accepted, "{case}");
                }
            }
        }
    }
}

#[tokio::test]
async fn consent_runs_out_between_approval_and_send() {
    let world = World::sandbox().await;
    world.rules(OutboundSettings { email_consent: ConsentPolicy::Any, ..Default::default() }).await;
    let mut ada = contact("Ada", "ada@example.com");
    let expires_at = Some(world.clock.now() + chrono::TimeDelta::seconds(5));
    ada.consent = Some(vec![ConsentInput { expires_at, ..consent(Some(ConsentState::Granted)) }]);
    world.contact(&ada).await;
    let message = world.approved("ada@example.com").await;
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::Refused);
    let told = world.runs.told();
    let Some(Command::CallFailed { error, .. }) = told.last() else { panic!("{told:?}") };
    assert!(error.message.contains("has expired"), "{error:?}");
}

/// A second contact of the same address opts out after the approval: only the claim can see it.
#[tokio::test]
async fn the_claim_sees_opt_outs_that_came_after_the_approval() {
    let opt_out = ContactInput { do_not_contact: Some(true), ..Default::default() };
    for change in [opt_out, said(ConsentState::Revoked)] {
        let world = World::sandbox().await;
        world.contact(&contact("Ada", "ada@example.com")).await;
        let twin = world.contact(&contact("Ada again", "Ada@Example.com")).await;
        let message = world.approved("ada@example.com").await;
        world.change(&twin, &change).await;
        world.gate.step().await.unwrap();
        assert_eq!(world.state(message).await, MessageState::Refused, "{change:?}");
        let told = world.runs.told();
        let Some(Command::CallFailed { error, .. }) = told.last() else { panic!("{told:?}") };
        assert_eq!(error.kind, ErrorKind::Refused);
    }
}

#[tokio::test]
async fn revoked_consent_puts_what_waits_back_into_the_inbox_where_it_cannot_be_approved() {
    let world = World::sandbox().await;
    let ada = world.contact(&contact("Ada", "ada@example.com")).await;
    let message = world.approved("ada@example.com").await;
    let ada = world.change(&ada, &said(ConsentState::Revoked)).await;
    assert_eq!(ada.consent[0].source, "a form");
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::PendingApproval);
    let row = world.only_pending().await;
    assert!(row.stale);
    let again = decide(DecideKind::Approve, row.revision);
    let refused = world.gate.decide(&world.decider(), row.id, &again).await;
    assert!(matches!(refused, Err(DecideError::WrongState { .. })), "{refused:?}");
    assert_eq!(world.verdict(message).await.verdict, "refuse");
    // The contact takes it back: the same message may leave.
    world.change(&ada, &said(ConsentState::Granted)).await;
    world.approve().await;
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::Accepted);
}

#[tokio::test]
async fn an_opt_out_outlives_its_contact_and_is_seen_on_the_next_one() {
    let opt_out = ContactInput { do_not_contact: Some(true), ..Default::default() };
    for change in [opt_out, said(ConsentState::Revoked)] {
        let world = World::sandbox().await;
        let ada = world.contact(&contact("Ada", "Ada@example.com")).await;
        world.change(&ada, &change).await;
        world.gate.contact_delete(world.organization, ada.id).await.unwrap();
        let (_, submitted) = world.submit("ada@EXAMPLE.com").await;
        assert!(matches!(submitted, Submitted::Failed(_)), "{change:?}");

        let anew = world.contact(&contact("Ada", "ada@example.com")).await;
        let revoked = anew.consent.iter().any(|c| c.state == ConsentState::Revoked);
        assert_eq!(
            (anew.do_not_contact, revoked),
            (change.do_not_contact.is_some(), change.consent.is_some())
        );
        let (_, submitted) = world.submit("ada@example.com").await;
        assert!(matches!(submitted, Submitted::Failed(_)), "{change:?}");
        // Lifted where people see it.
        let mut lifted = said(ConsentState::Granted);
        lifted.do_not_contact = Some(false);
        world.change(&anew, &lifted).await;
        assert_eq!(world.submit("ada@example.com").await.1, Submitted::Parked, "{change:?}");
    }
}

#[tokio::test]
async fn consent_is_checked_and_merged_by_channel() {
    let world = World::sandbox().await;
    let ada = world.contact(&contact("Ada", "ada@example.com")).await;
    let now = world.clock.now();
    let day = chrono::TimeDelta::days(1);
    let granted = consent(Some(ConsentState::Granted));
    for bad in [
        ConsentInput { at: Some(now + day), ..granted.clone() },
        ConsentInput { expires_at: Some(now - day), ..granted.clone() },
        ConsentInput { expires_at: Some(now + day), ..consent(Some(ConsentState::Revoked)) },
        ConsentInput { source: "a\r\nb".into(), ..granted.clone() },
    ] {
        let input = ContactInput { consent: Some(vec![bad.clone()]), ..Default::default() };
        let refused = world.gate.contact_update(world.organization, ada.id, &input).await;
        assert!(matches!(refused, Err(server::gate::ContactError::Invalid { .. })), "{bad:?}");
    }
    let sms = ConsentInput { channel: MessageChannel::Sms, ..granted.clone() };
    let both = ContactInput { consent: Some(vec![granted, sms]), ..Default::default() };
    assert_eq!(world.change(&ada, &both).await.consent.len(), 2);
    let forgotten = ContactInput { consent: Some(vec![consent(None)]), ..Default::default() };
    let left = world.change(&ada, &forgotten).await.consent;
    assert_eq!(left.iter().map(|c| c.channel).collect::<Vec<_>>(), [MessageChannel::Sms]);
}

fn office_hours() -> OutboundSettings {
    let days = vec![Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri];
    let sending_hours =
        SendingHours { enabled: true, from: "09:00".into(), to: "17:00".into(), days };
    OutboundSettings { sending_hours, ..Default::default() }
}

#[tokio::test]
async fn quiet_hours_hold_until_the_contacts_own_morning() {
    // The contact's zone (none: the organisation's, Berlin), approved at, leaves at.
    let cases = [
        (Some("America/New_York"), "2026-11-23T10:00:00Z", "2026-11-23T14:00:00Z"),
        (Some("America/New_York"), "2026-11-20T22:30:00Z", "2026-11-23T14:00:00Z"),
        (None, "2026-11-23T20:00:00Z", "2026-11-24T08:00:00Z"),
        // The clocks go back in the night: nine o'clock comes an hour later.
        (None, "2026-10-23T15:30:00Z", "2026-10-26T08:00:00Z"),
        (None, "2026-03-27T16:30:00Z", "2026-03-30T07:00:00Z"),
    ];
    for (zone, approved, leaves) in cases {
        let world = World::sandbox().await;
        let general = General { timezone: "Europe/Berlin".into(), ..Default::default() };
        let settings = world.gate.channels().settings();
        settings.general_set(world.organization, &general, world.clock.now()).await.unwrap();
        world.rules(office_hours()).await;
        let mut ada = contact("Ada", "ada@example.com");
        ada.timezone = zone.map(str::to_owned);
        world.contact(&ada).await;
        world.at(approved);
        let (message, submitted) = world.submit("ada@example.com").await;
        assert_eq!(submitted, Submitted::Parked);
        let card = world.verdict(message).await;
        assert_eq!(card.verdict, "needs_approval");
        assert_eq!(card.not_before, Some(utc(leaves)), "{card:#?}");

        world.approve().await;
        world.gate.step().await.unwrap();
        let held = world.message(message).await;
        assert_eq!((held.state, held.attempts), (MessageState::Held, 0), "{held:#?}");
        assert_eq!(held.due_at, Some(utc(leaves)), "{approved} in {zone:?}");
        assert_eq!(world.gate.next_due().await.unwrap(), Some(utc(leaves)));
        let told = world.runs.told();
        let Some(Command::MessageMoved { until, detail, .. }) = told.last() else {
            panic!("{told:?}")
        };
        assert_eq!(*until, Some(utc(leaves)));
        assert!(detail.contains("because it is"), "{detail}");

        world.at(leaves);
        world.clock.advance(-1);
        world.gate.step().await.unwrap();
        assert_eq!(world.state(message).await, MessageState::Held);
        world.clock.advance(1);
        world.gate.step().await.unwrap();
        assert_eq!(world.state(message).await, MessageState::Accepted);
    }
}

#[tokio::test]
async fn what_is_held_is_looked_at_again_when_the_rules_or_the_zone_change() {
    let world = World::sandbox().await;
    let ada = world.contact(&contact("Ada", "ada@example.com")).await;
    world.rules(office_hours()).await;
    world.at("2026-11-23T20:00:00Z");
    let message = world.approved("ada@example.com").await;
    world.gate.step().await.unwrap();
    assert_eq!(world.message(message).await.due_at, Some(utc("2026-11-24T09:00:00Z")));
    // It can be taken back while it is held, and approved again.
    let approval = world.message(message).await.approval.unwrap();
    world.gate.decide(&world.decider(), approval, &decide(DecideKind::Undo, 1)).await.unwrap();
    world.approve().await;
    world.gate.step().await.unwrap();
    assert_eq!(world.message(message).await.due_at, Some(utc("2026-11-24T09:00:00Z")));

    let moved = ContactInput { timezone: Some("Asia/Tokyo".into()), ..Default::default() };
    world.change(&ada, &moved).await;
    world.gate.step().await.unwrap();
    assert_eq!(world.message(message).await.due_at, Some(utc("2026-11-24T00:00:00Z")));

    world.rules(OutboundSettings::default()).await;
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::Accepted);
}

#[tokio::test]
async fn a_cap_that_is_reached_after_the_approval_holds_until_the_next_day() {
    let one = |of_contact: bool| OutboundSettings {
        contact_daily_max: of_contact.then_some(1),
        organization_daily_max: (!of_contact).then_some(1),
        ..Default::default()
    };
    // The cap, to whom the second message goes, whether it waits.
    for (of_contact, second_to, waits) in [
        (true, "Ada L. <ada@example.com>", true),
        (true, "grace@example.com", false),
        (false, "grace@example.com", true),
    ] {
        let world = World::sandbox().await;
        world.rules(one(of_contact)).await;
        world.at("2026-11-23T12:00:00Z");
        let (first, _) = world.submit("ada@example.com").await;
        world.approve().await;
        let (second, _) = world.submit(second_to).await;
        world.approve().await;
        world.gate.step().await.unwrap();
        let case = format!("{of_contact} {second_to}");
        let states = [world.state(first).await, world.state(second).await];
        if !waits {
            assert_eq!(states, [MessageState::Accepted; 2], "{case}");
            continue;
        }
        // One of them left, and it was the claim that stopped the other: both were approved.
        assert_eq!(states.iter().filter(|s| **s == MessageState::Accepted).count(), 1, "{case}");
        let late = if states[0] == MessageState::Accepted { second } else { first };
        let held = world.message(late).await;
        assert_eq!(held.due_at, Some(utc("2026-11-24T00:00:00Z")), "{case}");
        assert!(held.detail.contains("of 1 at most"), "{}", held.detail);
        world.at("2026-11-24T00:00:00Z");
        world.gate.step().await.unwrap();
        assert_eq!(world.state(late).await, MessageState::Accepted, "{case}");
    }
}

#[tokio::test]
async fn rules_are_checked_and_belong_to_their_organisation() {
    let world = World::sandbox().await;
    let settings = world.gate.channels().settings();
    let hours = |from: &str, to: &str| SendingHours {
        enabled: true,
        from: from.into(),
        to: to.into(),
        ..Default::default()
    };
    let of = |sending_hours| OutboundSettings { sending_hours, ..Default::default() };
    for bad in [
        of(hours("20:00", "08:00")),
        of(hours("08:00", "08:30")),
        of(hours("8 am", "20:00")),
        of(SendingHours { days: Vec::new(), ..Default::default() }),
        OutboundSettings { contact_daily_max: Some(0), ..Default::default() },
        OutboundSettings { model_budget_micros: Some(u64::MAX), ..Default::default() },
    ] {
        let refused = settings.outbound_set(world.organization, &bad, world.clock.now()).await;
        assert!(matches!(refused, Err(server::setting::SettingError::Invalid { .. })), "{bad:?}");
    }
    world.rules(OutboundSettings { organization_daily_max: Some(7), ..Default::default() }).await;
    world.approved("ada@example.com").await;
    world.gate.step().await.unwrap();
    let view = settings.outbound(world.organization, world.clock.now()).await.unwrap();
    assert_eq!((view.settings.organization_daily_max, view.sent_today), (Some(7), 1));
    let other = signalbox::id::OrganizationId(uuid::Uuid::now_v7());
    let theirs = settings.outbound(other, world.clock.now()).await.unwrap();
    assert_eq!((theirs.settings, theirs.sent_today), (OutboundSettings::default(), 0));
}
