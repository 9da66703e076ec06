//! What people decide about a message, and what leaves.

use super::world::{World, decide, email};
use crate::support::{
    clock::TestClock,
    database::{Place, on_each},
    smtp_sink::{Fault, SmtpSink, Stage},
};
use mail_parser::MessageParser;
use server::gate::{DecideError, Submitted};
use signalbox::{
    id::{MessageId, OrganizationId},
    run::{Command, Decision, ErrorKind},
    wire::*,
};

// WF-27
#[tokio::test]
async fn what_is_approved_with_an_edit_is_exactly_what_arrives() {
    let sink = SmtpSink::start().await;
    let world = World::smtp(&sink).await;
    let (call, message) = world.draft().await;
    assert!(matches!(&world.runs.told()[..], [Command::CallParked { .. }]));
    let row = world.only_pending().await;
    assert_eq!((row.recipient.as_str(), row.revision), ("Ada Lovelace <ada@example.com>", 1));

    let mut decision = decide(DecideKind::Approve, 1);
    decision.edits =
        Some(MessageEdit { subject: None, text: Some("Dear Ada,\n.dots..\n\nGrace\n".into()) });
    let outcome = world.gate.decide(&world.decider(), row.id, &decision).await.unwrap();
    assert_eq!(outcome.approval.state, ApprovalState::Approved);
    assert_eq!(outcome.approval.revision, 2);
    assert!(outcome.held_until.is_some());
    assert_eq!(world.gate.step().await.unwrap(), 0, "it is held");
    assert!(sink.received().is_empty());

    let approved = world.gate.approval_detail(world.organization, row.id).await.unwrap();
    assert_eq!(
        approved.revisions.iter().map(|r| r.author.as_str()).collect::<Vec<_>>(),
        ["the step", "Grace"]
    );
    world.clock.advance(10);
    world.gate.step().await.unwrap();

    let received = sink.received();
    assert_eq!(received.len(), 1);
    let parsed = MessageParser::default().parse(&received[0].data).unwrap();
    assert_eq!(parsed.subject(), Some("Welcome, Ada"));
    let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
    assert_eq!(text, approved.message.unwrap().text);
    assert_eq!(received[0].to, ["RCPT TO:<ada@example.com>"]);
    assert_eq!(world.state(message).await, MessageState::Accepted);
    match world.runs.told().last() {
        Some(Command::CallSucceeded { call: told, output, .. }) => {
            assert_eq!((*told, &output["edited"]), (call.call, &true.into()));
            assert_eq!(output["approvedBy"], "Grace");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_that_cannot_be_kept_is_replaced_before_anybody_approves_it() {
    on_each(async || {
        let organization = OrganizationId(uuid::Uuid::now_v7());
        let place = Place::new().await;
        let world = World::over(place.open().await, organization, TestClock::new());
        let (call, mut parameters) = (world.call(), email());
        parameters["body"] = "Your code is x\0y.".into();
        let submitted = world.gate.submit_email(&call, &parameters).await;
        assert_eq!(submitted, Submitted::Parked);
        world.approve().await;
        world.gate.step().await.unwrap();
        let message = world.message(MessageId::derive(call.call.0, &["message"])).await;
        assert_eq!(message.state, MessageState::Accepted, "what is sent is what was approved");
        assert_eq!(message.content.text, "Your code is x\u{fffd}y.");
    })
    .await;
}

#[tokio::test]
async fn a_decision_about_another_revision_is_a_conflict_and_twice_is_once() {
    let world = World::sandbox().await;
    world.draft().await;
    let row = world.only_pending().await;
    let decider = world.decider();
    let mut edit = decide(DecideKind::Edit, 1);
    edit.edits = Some(MessageEdit { subject: Some("Hello".into()), text: None });
    world.gate.decide(&decider, row.id, &edit).await.unwrap();

    match world.gate.decide(&decider, row.id, &decide(DecideKind::Approve, 1)).await {
        Err(DecideError::Conflict(current)) => {
            assert_eq!((current.revision, current.title.as_str()), (2, "Hello"))
        }
        other => panic!("{other:?}"),
    }
    let approve = decide(DecideKind::Approve, 2);
    let (first, second) = tokio::join!(
        world.gate.decide(&decider, row.id, &approve),
        world.gate.decide(&decider, row.id, &approve)
    );
    assert_eq!(first.unwrap().approval.state, ApprovalState::Approved);
    assert_eq!(second.unwrap().approval.state, ApprovalState::Approved);
    let approvals =
        world.runs.told().iter().filter(|c| matches!(c, Command::DecideApproval { .. })).count();
    assert_eq!(approvals, 1);
    let reject = world.gate.decide(&decider, row.id, &decide(DecideKind::Reject, 2)).await;
    assert!(matches!(reject, Err(DecideError::WrongState { .. })));
    let mut nobody = world.decider();
    nobody.may_approve = false;
    let refused = world.gate.decide(&nobody, row.id, &approve).await;
    assert!(matches!(refused, Err(DecideError::Forbidden)));
    let mut other = world.decider();
    other.organization = signalbox::id::OrganizationId(uuid::Uuid::now_v7());
    let refused = world.gate.decide(&other, row.id, &approve).await;
    assert!(matches!(refused, Err(DecideError::NotFound)));
}

#[tokio::test]
async fn a_rejection_tells_the_run_why_and_nothing_leaves() {
    let world = World::sandbox().await;
    let (_, message) = world.draft().await;
    let row = world.only_pending().await;
    let mut reject = decide(DecideKind::Reject, 1);
    reject.reason = "too pushy".into();
    world.gate.decide(&world.decider(), row.id, &reject).await.unwrap();
    world.clock.advance(3_600);
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::Rejected);
    let expected = Decision::Reject { reason: "too pushy".into(), retry: false };
    assert!(
        matches!(world.runs.told().last(), Some(Command::DecideApproval { decision, .. }) if *decision == expected)
    );
}

#[tokio::test]
async fn an_approval_can_be_taken_back_while_the_message_is_held() {
    let world = World::sandbox().await;
    let (_, message) = world.draft().await;
    let row = world.only_pending().await;
    let decider = world.decider();
    world.gate.decide(&decider, row.id, &decide(DecideKind::Approve, 1)).await.unwrap();
    world.clock.advance(9);
    world.gate.step().await.unwrap();
    let undone = world.gate.decide(&decider, row.id, &decide(DecideKind::Undo, 1)).await.unwrap();
    assert_eq!(undone.approval.state, ApprovalState::Pending);
    assert!(matches!(world.runs.told().last(), Some(Command::CallParked { .. })));
    world.clock.advance(60);
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::PendingApproval);

    world.approve().await;
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::Accepted);
    let late = world.gate.decide(&decider, row.id, &decide(DecideKind::Undo, 1)).await;
    assert!(matches!(late, Err(DecideError::WrongState { .. })));
    let mailbox =
        world.gate.sandbox_messages(world.organization, &PageQuery::default()).await.unwrap();
    assert_eq!(mailbox.items.len(), 1);
}

#[tokio::test]
async fn a_draft_that_nobody_decides_expires() {
    let world = World::sandbox().await;
    let mut parameters = email();
    parameters["expiresAfterMinutes"] = 5.into();
    let call = world.call();
    assert_eq!(world.gate.submit_email(&call, &parameters).await, Submitted::Parked);
    let row = world.only_pending().await;
    world.clock.advance(300);
    world.gate.step().await.unwrap();
    assert!(world.pending().await.is_empty());
    let told = world.runs.told();
    assert!(matches!(
        told.last(),
        Some(Command::DecideApproval { decision: Decision::Expire, .. })
    ));
    let late = world.gate.decide(&world.decider(), row.id, &decide(DecideKind::Approve, 1)).await;
    assert!(matches!(late, Err(DecideError::WrongState { .. })));
    match world.gate.submit_email(&call, &parameters).await {
        Submitted::Failed(error) => assert_eq!(error.kind, ErrorKind::Expired),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_changed_channel_needs_a_new_approval() {
    let sink = SmtpSink::start().await;
    let world = World::sandbox().await;
    let (_, message) = world.draft().await;
    world.approve().await;
    world.use_sink(&sink).await;
    world.gate.step().await.unwrap();
    assert!(sink.received().is_empty());
    assert_eq!(world.state(message).await, MessageState::PendingApproval);
    let row = world.only_pending().await;
    assert!(row.stale && row.revision > 1);
    world.approve().await;
    world.gate.step().await.unwrap();
    assert_eq!(sink.received().len(), 1);
}

#[tokio::test]
async fn temporary_refusals_wait_and_permanent_ones_end_it() {
    let stages = [Stage::Greeting, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Dot];
    for stage in stages {
        let sink = SmtpSink::start().await;
        let world = World::smtp(&sink).await;
        let (_, message) = world.draft().await;
        sink.fault(Fault::Reply(stage, 451));
        world.approve().await;
        world.gate.step().await.unwrap();
        assert_eq!(world.state(message).await, MessageState::RetryWait, "{stage:?}");
        world.clock.advance(31);
        world.gate.step().await.unwrap();
        assert_eq!(world.state(message).await, MessageState::Accepted, "{stage:?}");
        assert_eq!(sink.received().len(), 1, "{stage:?}");
    }
    for stage in [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Dot] {
        let sink = SmtpSink::start().await;
        let world = World::smtp(&sink).await;
        let (_, message) = world.draft().await;
        sink.fault(Fault::Reply(stage, 550));
        world.approve().await;
        world.gate.step().await.unwrap();
        assert_eq!(world.state(message).await, MessageState::FailedPermanent, "{stage:?}");
        assert!(matches!(world.runs.told().last(), Some(Command::CallFailed { .. })), "{stage:?}");
        world.clock.advance(7_200);
        world.gate.step().await.unwrap();
        assert!(sink.received().is_empty(), "{stage:?}");
    }
}

#[tokio::test]
async fn a_step_cannot_write_to_nobody_or_into_headers() {
    let world = World::sandbox().await;
    let check = async |change: fn(&mut serde_json::Value), kind: ErrorKind| {
        let mut parameters = email();
        change(&mut parameters);
        match world.gate.submit_email(&world.call(), &parameters).await {
            Submitted::Failed(error) => assert_eq!(error.kind, kind, "{parameters}: {error}"),
            other => panic!("{parameters}: {other:?}"),
        }
    };
    check(|p| p["to"] = "nobody".into(), ErrorKind::InvalidInput).await;
    check(|p| p["to"] = serde_json::Value::Null, ErrorKind::InvalidInput).await;
    check(|p| p["subject"] = "a\r\nBcc: x@example.com".into(), ErrorKind::InvalidInput).await;
    check(|p| p["subject"] = " ".into(), ErrorKind::InvalidInput).await;
    check(|p| p["body"] = "".into(), ErrorKind::InvalidInput).await;
    check(|p| p["replyTo"] = "x\ny@example.com".into(), ErrorKind::InvalidInput).await;
    check(|p| p["from"] = "Shop\r\nBcc: x@example.com".into(), ErrorKind::InvalidInput).await;
    check(|p| p["customerId"] = "no-such".into(), ErrorKind::NotFound).await;
    assert!(world.pending().await.is_empty());
}

#[tokio::test]
async fn a_message_that_is_on_its_way_when_its_run_ends_gets_its_outcome() {
    let world = World::sandbox().await;
    let (_, message) = world.draft().await;
    world.approve().await;
    world.runs.end();
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::Accepted);

    let world = World::sandbox().await;
    world.draft().await;
    let row = world.only_pending().await;
    world.runs.end();
    let late = world.gate.decide(&world.decider(), row.id, &decide(DecideKind::Approve, 1)).await;
    assert!(matches!(late, Err(DecideError::WrongState { .. })), "{late:?}");
}

#[tokio::test]
async fn the_server_is_signed_in_to_with_the_kept_password() {
    let sink = SmtpSink::start().await;
    sink.require("shop", "s3cret");
    let world = World::smtp(&sink).await;
    let settings = world.gate.channels().settings().clone();
    let mut channel = settings.email(world.organization).await.unwrap().channel;
    if let EmailChannel::Smtp { username, password, .. } = &mut channel {
        (*username, *password) = (Some("shop".into()), Some("wrong".into()));
    }
    let view = settings.email_set(world.organization, &channel, world.clock.now()).await.unwrap();
    assert!(view.password_set && !format!("{view:?}").contains("wrong"));
    let (_, message) = world.draft().await;
    world.approve().await;
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::RetryWait);
    let probe = world.gate.channels().email(world.organization).await.unwrap().probe().await;
    assert!(probe.unwrap_err().contains("535"));

    if let EmailChannel::Smtp { password, .. } = &mut channel {
        *password = Some("s3cret".into());
    }
    settings.email_set(world.organization, &channel, world.clock.now()).await.unwrap();
    if let EmailChannel::Smtp { password, .. } = &mut channel {
        *password = None;
    }
    settings.email_set(world.organization, &channel, world.clock.now()).await.unwrap();
    world.clock.advance(60);
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::Accepted);
    assert_eq!(sink.received().len(), 1);
}

#[tokio::test]
async fn a_connection_that_must_be_secured_is_never_used_in_the_clear() {
    for security in [SmtpSecurity::Starttls, SmtpSecurity::Tls] {
        let sink = SmtpSink::start().await;
        let world = World::smtp(&sink).await;
        let settings = world.gate.channels().settings().clone();
        let mut channel = settings.email(world.organization).await.unwrap().channel;
        if let EmailChannel::Smtp { security: set, username, password, .. } = &mut channel {
            *set = security;
            (*username, *password) = (Some("shop".into()), Some("s3cret".into()));
        }
        settings.email_set(world.organization, &channel, world.clock.now()).await.unwrap();
        let (_, message) = world.draft().await;
        world.approve().await;
        world.gate.step().await.unwrap();
        assert_eq!(world.state(message).await, MessageState::RetryWait, "{security:?}");
        assert!(sink.received().is_empty() && !sink.heard("AUTH"), "{security:?}");
    }
}
