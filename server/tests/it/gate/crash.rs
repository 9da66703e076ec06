//! The process dies at every point of a send: nothing is lost, nothing is sent twice.

use super::world::{World, decide, email};
use crate::support::{clock::TestClock, folder::Folder, smtp_sink::*};
use futures::FutureExt;
use server::{
    gate::{CrashPoint, GateCall},
    store::{self, FaultPoint, Faults, Message, NewApproval, Store, StoreOptions},
};
use signalbox::{id::*, run::Command, wire::*};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use uuid::Uuid;

async fn interrupted(point: CrashPoint) -> (SmtpSink, World, MessageId) {
    let sink = SmtpSink::start().await;
    let world = World::smtp(&sink).await;
    let (_, message) = world.draft().await;
    world.approve().await;
    *world.crash_at.lock().unwrap() = Some(point);
    // What died stays in the set of the dead process; only a new one may take it up.
    for _ in 0..2 {
        let pumped = tokio::time::timeout(std::time::Duration::from_secs(5), world.gate.step());
        pumped.await.unwrap().unwrap();
    }
    let world = world.restarted();
    world.clock.advance(3_600);
    world.gate.step().await.unwrap();
    (sink, world, message)
}

#[tokio::test]
async fn a_send_that_was_interrupted_asks_a_person_and_is_never_repeated() {
    for (point, arrived) in [(CrashPoint::Claimed, 0), (CrashPoint::Sent, 1)] {
        let (sink, world, message) = interrupted(point).await;
        assert_eq!(world.state(message).await, MessageState::Uncertain, "{point:?}");
        assert_eq!(sink.received().len(), arrived, "{point:?}");
        let row = world.only_pending().await;
        assert_eq!(row.kind, signalbox::run::ApprovalKind::Uncertain);

        let approve = decide(DecideKind::Approve, row.revision);
        assert!(world.gate.decide(&world.decider(), row.id, &approve).await.is_err());
        let mut resolve = decide(DecideKind::Resolve, row.revision);
        resolve.uncertain = Some(UncertainChoice::MarkSent);
        world.gate.decide(&world.decider(), row.id, &resolve).await.unwrap();
        assert!(matches!(world.runs.told().last(), Some(Command::CallSucceeded { .. })));
        world.clock.advance(3_600);
        world.gate.step().await.unwrap();
        assert_eq!(sink.received().len(), arrived, "{point:?}");
    }
}

#[tokio::test]
async fn an_interrupted_message_whose_run_cannot_be_told_holds_up_no_other() {
    let sink = SmtpSink::start().await;
    let world = World::smtp(&sink).await;
    let (call, interrupted) = world.draft().await;
    world.approve().await;
    *world.crash_at.lock().unwrap() = Some(CrashPoint::Claimed);
    world.gate.step().await.unwrap();
    let world = world.restarted();
    world.clock.advance(3_600);
    world.runs.set_aside(Some(call.run));
    let (_, other) = world.draft().await;
    world.approve().await;
    world.gate.step().await.unwrap();
    assert_eq!(world.state(other).await, MessageState::Accepted);
    assert_eq!(world.state(interrupted).await, MessageState::InFlight);
    world.runs.set_aside(None);
    world.gate.step().await.unwrap();
    assert_eq!(world.state(interrupted).await, MessageState::Uncertain);
}

#[tokio::test]
async fn a_person_may_send_it_again_or_drop_it() {
    let (sink, world, message) = interrupted(CrashPoint::Claimed).await;
    let row = world.only_pending().await;
    let mut resolve = decide(DecideKind::Resolve, row.revision);
    resolve.uncertain = Some(UncertainChoice::Resend);
    world.gate.decide(&world.decider(), row.id, &resolve).await.unwrap();
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::Accepted);
    assert_eq!(sink.received().len(), 1);

    let (sink, world, message) = interrupted(CrashPoint::Claimed).await;
    let row = world.only_pending().await;
    resolve.uncertain = Some(UncertainChoice::Drop);
    world.gate.decide(&world.decider(), row.id, &resolve).await.unwrap();
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::Cancelled);
    assert!(matches!(world.runs.told().last(), Some(Command::CallFailed { .. })));
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn a_lost_answer_after_the_dot_is_doubt_and_before_it_a_retry() {
    let slow = std::time::Duration::from_secs(30);
    for fault in [Fault::Disconnect(Stage::Dot), Fault::Delay(Stage::Dot, slow)] {
        let sink = SmtpSink::start().await;
        let world = World::smtp(&sink).await;
        let (_, message) = world.draft().await;
        sink.fault(fault);
        world.approve().await;
        world.gate.step().await.unwrap();
        assert_eq!(world.state(message).await, MessageState::Uncertain, "{fault:?}");
        world.clock.advance(86_400);
        world.gate.step().await.unwrap();
        assert_eq!(sink.received().len(), 1, "{fault:?}");
        assert_eq!(world.only_pending().await.kind, signalbox::run::ApprovalKind::Uncertain);
    }
    for stage in [Stage::Greeting, Stage::Ehlo, Stage::Mail, Stage::Rcpt, Stage::Data] {
        let sink = SmtpSink::start().await;
        let world = World::smtp(&sink).await;
        let (_, message) = world.draft().await;
        sink.fault(Fault::Disconnect(stage));
        world.approve().await;
        world.gate.step().await.unwrap();
        assert_eq!(world.state(message).await, MessageState::RetryWait, "{stage:?}");
        world.clock.advance(60);
        world.gate.step().await.unwrap();
        assert_eq!(world.state(message).await, MessageState::Accepted, "{stage:?}");
        assert_eq!(sink.received().len(), 1, "{stage:?}");
    }
}

#[tokio::test]
async fn the_sandbox_repeats_an_interrupted_send_by_itself() {
    let world = World::sandbox().await;
    let (_, message) = world.draft().await;
    world.approve().await;
    *world.crash_at.lock().unwrap() = Some(CrashPoint::Claimed);
    let _ = world.gate.step().await;
    let world = world.restarted();
    world.gate.step().await.unwrap();
    assert_eq!(world.state(message).await, MessageState::Accepted);
    let page =
        world.gate.sandbox_messages(world.organization, &PageQuery::default()).await.unwrap();
    assert_eq!(page.items.len(), 1);
}

/// Strikes at the n-th commit.
struct Nth {
    left: AtomicUsize,
    point: FaultPoint,
}

impl Faults for Nth {
    fn strike(&self, point: FaultPoint) -> bool {
        point == self.point && self.left.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

/// One life of the process: does whatever of the story is left to do, until it ends or the store dies.
async fn live(world: &World, call: &GateCall) -> Option<()> {
    world.gate.submit_email(call, &email()).await;
    let page = PageQuery::default();
    let state = Some(ApprovalState::Pending);
    let pending = world.gate.approvals(world.organization, state, &page).await.ok()?.items;
    for row in pending {
        if row.kind == signalbox::run::ApprovalKind::Message {
            let approve = decide(DecideKind::Approve, row.revision);
            world.gate.decide(&world.decider(), row.id, &approve).await.ok()?;
        }
    }
    world.clock.advance(3_600);
    world.gate.step().await.ok()?;
    Some(())
}

#[tokio::test]
async fn whichever_commit_is_the_last_one_no_mail_is_lost_or_doubled() {
    let mut reached_the_end = 0;
    for point in [FaultPoint::BeforeCommit, FaultPoint::AfterCommit] {
        for nth in 1..40 {
            let (folder, sink) = (Folder::new(), SmtpSink::start().await);
            let organization = OrganizationId(Uuid::now_v7());
            let clock = TestClock::new();
            let setup = World::open(&folder.0, organization, clock.clone()).await;
            setup.use_sink(&sink).await;
            let call = setup.call();
            setup.store.close().await;
            drop(setup);

            let faults = Arc::new(Nth { left: AtomicUsize::new(nth), point });
            let options = StoreOptions { faults: Some(faults.clone()), ..StoreOptions::default() };
            let store = Store::open_with(&folder.0, options).await.unwrap();
            let dying = World::over(store, organization, clock.clone());
            let _ =
                tokio::time::timeout(std::time::Duration::from_secs(20), live(&dying, &call)).await;
            let struck =
                faults.left.load(Ordering::SeqCst) == 0 || faults.left.load(Ordering::SeqCst) > nth;
            dying.store.close().await;
            drop(dying);

            let world = World::open(&folder.0, organization, clock).await;
            for _ in 0..3 {
                let _ = live(&world, &call).await;
            }
            let message = MessageId::derive(call.call.0, &["message"]);
            let arrived = sink.received().len();
            let state = world.state(message).await;
            let case = format!("{point:?} of commit {nth}: {state:?}, {arrived} arrived");
            assert!(arrived <= 1, "{case}");
            match state {
                MessageState::Accepted => assert_eq!(arrived, 1, "{case}"),
                MessageState::Uncertain => {
                    assert_eq!(
                        world.only_pending().await.kind,
                        signalbox::run::ApprovalKind::Uncertain,
                        "{case}"
                    );
                }
                _ => panic!("{case}"),
            }
            if !struck {
                reached_the_end += 1;
                break;
            }
        }
    }
    assert_eq!(reached_the_end, 2, "every commit of the story was struck");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_organisation_has_due_does_not_hide_what_another_has() {
    let sink = SmtpSink::start().await;
    sink.fault(Fault::Delay(Stage::Mail, std::time::Duration::from_secs(30)));
    let world = World::smtp(&sink).await;
    let (_, first) = world.draft().await;
    world.approve().await;
    // As many again as the sender looks at in one round, approved like it, and older.
    let one = world.message(first).await;
    let approval = one.approval.unwrap();
    let request = store::approval_fetch(&world.store, world.organization, approval).await.unwrap();
    let copies = world.store.write(move |tx| {
        async move {
            for _ in 0..600 {
                let (id, approval) = (MessageId(Uuid::new_v4()), ApprovalId(Uuid::new_v4()));
                let copy = Message { id, approval: Some(approval), call: None, ..one.clone() };
                store::message_insert(tx, &copy).await?;
                let new =
                    NewApproval { id: approval, message: Some(id), ..request.request.clone() };
                store::approval_open(tx, &new, copy.created_at).await?;
                let decided = request.decided.clone().unwrap();
                let (ours, state) = (copy.organization, ApprovalState::Approved);
                store::approval_close(tx, ours, approval, None, state, &decided).await?;
            }
            Ok(())
        }
        .boxed()
    });
    copies.await.unwrap();
    world.clock.advance(60);
    let other = OrganizationId(Uuid::now_v7());
    let neighbour = World::over(world.store.clone(), other, world.clock.clone());
    let (_, message) = neighbour.draft().await;
    neighbour.approve().await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let gate = world.gate.clone();
    let sender = tokio::spawn(async move { gate.run_sender(stopped).await });
    let sent = async {
        while neighbour.state(message).await != MessageState::Accepted {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(8), sent).await;
    in_time.expect("it waits for those of an organisation whose mail server does not answer");
    stop.send(true).unwrap();
    sender.await.unwrap();
}
