//! What is sent again after a manual retry: a person must approve it, and is told what it repeats.

use super::world::{World, email};
use crate::support::{
    clock::TestClock,
    database::{Place, on_each},
    smtp_sink::{Fault, SmtpSink, Stage},
    town::{Town, action},
};
use serde_json::json;
use server::{engine::WaitFor, gate::Submitted};
use signalbox::{
    id::{MessageId, OrganizationId},
    run::{ApprovalKind, Command},
    wire::MessageState,
};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn the_card_names_the_message_that_is_repeated() {
    on_each(async || {
        let place = Place::new().await;
        let organization = OrganizationId(Uuid::now_v7());
        let world = World::over(place.open().await, organization, TestClock::new());
        let (_, first) = world.draft().await;
        world.approve().await;
        world.gate.step().await.unwrap();
        assert_eq!(world.state(first).await, MessageState::Accepted);

        let mut again = world.call();
        again.repeats = Some(first);
        let mut parameters = email();
        parameters["subject"] = json!("Welcome again");
        assert_eq!(world.gate.submit_email(&again, &parameters).await, Submitted::Parked);
        let second = MessageId::derive(again.call.0, &["message"]);
        assert_eq!(world.message(second).await.repeats, Some(first));
        let row = world.only_pending().await;
        let detail = world.gate.approval_detail(organization, row.id).await.unwrap();
        let gate = detail.gate.unwrap();
        assert_eq!(gate.verdict, "needs_approval");
        let named =
            "It repeats \u{201c}Welcome, Ada\u{201d}, which left to Ada Lovelace <ada@example.com>";
        assert!(gate.because.starts_with(named), "{}", gate.because);
        // Nothing leaves by itself, however long it waits.
        world.clock.advance(86_400);
        world.gate.step().await.unwrap();
        assert_eq!(world.state(second).await, MessageState::PendingApproval);
        world.approve().await;
        world.gate.step().await.unwrap();
        assert_eq!(world.state(second).await, MessageState::Accepted);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_reopened_asks_before_it_sends_again() {
    let town = Town::new().await;
    let sink = SmtpSink::start().await;
    town.use_sink(&sink).await;
    let mail = json!({ "to": "ada@example.com", "subject": "Your invoice", "body": "Here it is." });
    let workflow = town.publish(json!([action("mail", "email.send", mail)])).await;
    let run = town.start(workflow, json!({})).await;
    town.until(run, WaitFor::Person).await;
    // The server takes the mail and goes away before it says so: nobody knows whether it left.
    sink.fault(Fault::Disconnect(Stage::Dot));
    let row = town.pending().await.remove(0);
    let decide = super::world::decide(signalbox::wire::DecideKind::Approve, row.revision);
    town.gate.decide(&town.decider(), row.id, &decide).await.unwrap();
    while !town.pending().await.iter().any(|row| row.kind == ApprovalKind::Uncertain) {
        tokio::task::yield_now().await;
    }
    let stop = Command::Stop { reason: "wrong".into(), by: "Grace".into(), replaced_by: None };
    town.engine.command(town.organization, run, stop).await.unwrap();
    let reopen = Command::Reopen { by: "Grace".into(), from: None };
    town.engine.command(town.organization, run, reopen).await.unwrap();
    town.engine.settled().await;
    let asked = town.pending().await.into_iter().find(|row| row.kind == ApprovalKind::Message);
    let asked = asked.expect("the second mail waits for a person");
    let detail = town.gate.approval_detail(town.organization, asked.id).await.unwrap();
    let because = detail.gate.unwrap().because;
    assert!(because.starts_with("It repeats \u{201c}Your invoice\u{201d}"), "{because}");
}
