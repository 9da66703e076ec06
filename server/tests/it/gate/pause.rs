//! A pause of outbound: what it holds and whom it does not touch, how it ends slowly; and what brings one about by
//! itself.

use super::world::{HOLD_S, World, decide};
use crate::support::{
    clock::TestClock,
    database::{Place, on_each},
    folder::Folder,
};
use chrono::TimeDelta;
use futures::FutureExt;
use server::{
    store::{self, Store},
    time_travel::Guard,
};
use signalbox::{
    id::{MessageId, OrganizationId},
    run::Command,
    wire::*,
};
use std::fs;
use uuid::Uuid;

async fn organization(store: &Store, clock: &TestClock) -> OrganizationId {
    let (id, now) = (OrganizationId(Uuid::now_v7()), clock.now());
    let made = store.write(move |tx| {
        async move { store::organization_create(tx, id, "Acme", "UTC", now).await }.boxed()
    });
    made.await.unwrap();
    id
}

async fn world(place: &Place) -> World {
    let (store, clock) = (place.open().await, TestClock::new());
    let organization = organization(&store, &clock).await;
    World::over(store, organization, clock)
}

impl World {
    /// Another organisation of the same server.
    async fn other(&self) -> World {
        World {
            organization: organization(&self.store, &self.clock).await,
            store: self.store.clone(),
            gate: self.gate.clone(),
            runs: self.runs.clone(),
            clock: self.clock.clone(),
            crash_at: self.crash_at.clone(),
        }
    }

    async fn pause(&self) -> OutboundState {
        let note = "wrong prices".to_owned();
        self.gate.outbound_pause(self.organization, "Grace".into(), note).await.unwrap()
    }

    async fn resume(&self) -> OutboundState {
        self.gate.outbound_resume(self.organization, "Ada".into()).await.unwrap()
    }

    async fn outbound(&self) -> OutboundState {
        self.gate.outbound(self.organization).await.unwrap()
    }

    async fn approved_email(&self) -> MessageId {
        let (_, message) = self.draft().await;
        self.approve().await;
        message
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_one_organisation_and_says_why() {
    on_each(async || {
        let place = Place::new().await;
        let acme = world(&place).await;
        let other = acme.other().await;
        let before = acme.approved_email().await;
        let paused = acme.pause().await;
        assert_eq!((paused.due, paused.ramping_until), (1, None));
        let pause = paused.paused.clone().unwrap();
        assert_eq!((pause.reason, pause.by.as_deref()), (PauseReason::ByHand, Some("Grace")));
        // A second one changes nothing.
        acme.clock.advance(1);
        assert_eq!(acme.pause().await.paused, paused.paused);

        // Whoever approves meanwhile reads of it, and may approve all the same.
        let (_, after) = acme.draft().await;
        let verdict = acme.gate.verdict(&acme.message(after).await).await.unwrap();
        assert_eq!(verdict.verdict, "needs_approval");
        let said = "by Grace: wrong prices. An administrator resumes it";
        assert!(verdict.because.contains("Outbound has been paused since"), "{}", verdict.because);
        assert!(verdict.because.contains(said), "{}", verdict.because);
        acme.approve().await;
        let free = other.approved_email().await;

        acme.gate.step().await.unwrap();
        assert_eq!(other.state(free).await, MessageState::Accepted);
        for message in [before, after] {
            let held = acme.message(message).await;
            assert_eq!((held.state, held.attempts), (MessageState::Held, 0));
            assert!(held.detail.contains(said), "{}", held.detail);
            let verdict = acme.gate.verdict(&held).await.unwrap();
            assert_eq!((verdict.verdict.as_str(), verdict.not_before), ("hold", None));
        }
        let told = acme.runs.told();
        let noted = |command: &Command| {
            matches!(command, Command::MessageMoved { until: None, detail, .. } if detail.contains(said))
        };
        assert!(told.iter().any(noted), "{told:?}");

        // Once they know, nothing is done about them, however long it takes.
        assert_eq!(acme.gate.next_due().await.unwrap(), None);
        acme.clock.advance(7_200);
        assert_eq!(acme.gate.step().await.unwrap(), 0);
        let waiting = acme.outbound().await;
        assert_eq!(waiting.due, 2);
        assert_eq!(waiting.oldest_due_at, acme.message(before).await.due_at);

        // They can be taken back as long as it lasts.
        let approval = acme.message(after).await.approval.unwrap();
        let view = acme.gate.approval_view(acme.organization, approval).await.unwrap();
        assert_eq!((view.held_until, view.message_state), (None, Some(MessageState::Held)));
        let undo = decide(DecideKind::Undo, view.revision);
        acme.gate.decide(&acme.decider(), approval, &undo).await.unwrap();
        assert_eq!(acme.state(after).await, MessageState::PendingApproval);
        acme.store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_something_else_learns_of_the_pause_when_its_time_comes() {
    on_each(async || {
        let place = Place::new().await;
        let acme = world(&place).await;
        let id = acme.approved_email().await;
        let (mut message, now) = (acme.message(id).await, acme.clock.now());
        message.gate_held = true;
        message.due_at = Some(now + TimeDelta::hours(1));
        message.updated_at = now;
        let write = acme.store.write(move |tx| {
            async move { store::message_save(tx, &mut message).await }.boxed()
        });
        write.await.unwrap();
        acme.pause().await;
        assert_eq!(acme.gate.step().await.unwrap(), 0);
        assert!(acme.gate.next_due().await.unwrap().is_some());

        acme.clock.advance(3_600);
        acme.gate.step().await.unwrap();
        let held = acme.message(id).await;
        assert!(held.waits_without_time());
        assert_eq!(held.due_at, Some(now + TimeDelta::hours(1)), "it keeps its place");
        assert!(held.detail.contains("Outbound has been paused since"), "{}", held.detail);
        let is_said = |command: &Command| {
            matches!(command, Command::MessageMoved { until: None, detail, .. } if *detail == held.detail)
        };
        assert!(acme.runs.told().iter().any(is_said));
        assert_eq!(acme.gate.next_due().await.unwrap(), None);
        // It can be taken back like the others.
        acme.clock.advance(60);
        let approval = held.approval.unwrap();
        let view = acme.gate.approval_view(acme.organization, approval).await.unwrap();
        let undo = decide(DecideKind::Undo, view.revision);
        acme.gate.decide(&acme.decider(), approval, &undo).await.unwrap();
        assert_eq!(acme.state(id).await, MessageState::PendingApproval);
        acme.store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_leaves_one_by_one_the_oldest_first() {
    on_each(async || {
        let place = Place::new().await;
        let acme = world(&place).await;
        let other = acme.other().await;
        acme.pause().await;
        let mut waiting = Vec::new();
        for _ in 0..4 {
            waiting.push(acme.approved_email().await);
        }
        let resumed = acme.resume().await;
        assert_eq!((resumed.paused, resumed.due), (None, 4));
        assert_eq!(resumed.ramping_until, Some(acme.clock.now() + TimeDelta::minutes(5)));
        for sent in 1..=3 {
            acme.gate.step().await.unwrap();
            for (number, message) in waiting.iter().enumerate() {
                let expected =
                    if number < sent { MessageState::Accepted } else { MessageState::Held };
                assert_eq!(acme.state(*message).await, expected, "{number} of {sent}");
            }
            acme.clock.advance(2);
        }
        // Nobody else waits for them.
        let free = [other.approved_email().await, other.approved_email().await];
        acme.gate.step().await.unwrap();
        for message in free {
            assert_eq!(other.state(message).await, MessageState::Accepted);
        }
        assert_eq!(acme.state(waiting[3]).await, MessageState::Accepted);
        // Five minutes later all that is due leaves at once.
        acme.clock.advance(300);
        let usual = [acme.approved_email().await, acme.approved_email().await];
        acme.gate.step().await.unwrap();
        for message in usual {
            assert_eq!(acme.state(message).await, MessageState::Accepted);
        }
        assert_eq!(acme.outbound().await.ramping_until, None);
        acme.store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_after_the_slow_beginning_leaves_as_usual() {
    on_each(async || {
        let place = Place::new().await;
        let acme = world(&place).await;
        let (still, other) = (acme.other().await, acme.other().await);
        let mut waiting = vec![acme.approved_email().await];
        still.pause().await;
        acme.pause().await;
        // One learns of the pause from the sender, the others when they are approved; more than are looked at at once.
        acme.gate.step().await.unwrap();
        while waiting.len() < 20 {
            waiting.push(acme.approved_email().await);
        }
        let held = still.approved_email().await;
        let now = acme.clock.now();
        assert!(acme.message(waiting[0]).await.waits_without_time());
        assert_eq!(acme.gate.next_due().await.unwrap(), None);

        acme.resume().await;
        acme.clock.advance(300);
        let free = other.approved_email().await;
        let oldest = acme.message(waiting[0]).await.due_at;
        assert!(oldest.is_some_and(|due| due < now));
        assert_eq!(acme.gate.next_due().await.unwrap(), oldest);
        acme.gate.step().await.unwrap();
        for message in waiting {
            assert_eq!(acme.state(message).await, MessageState::Accepted);
        }
        assert_eq!(other.state(free).await, MessageState::Accepted);
        assert_eq!(still.state(held).await, MessageState::Held);
        assert_eq!(acme.gate.next_due().await.unwrap(), None);
        acme.store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_in_a_pause_can_be_taken_back_as_long_as_anything_else() {
    on_each(async || {
        let place = Place::new().await;
        let acme = world(&place).await;
        acme.pause().await;
        let (_, message) = acme.draft().await;
        let row = acme.only_pending().await;
        let approve = decide(DecideKind::Approve, row.revision);
        acme.gate.decide(&acme.decider(), row.id, &approve).await.unwrap();
        let leaves = Some(acme.clock.now() + TimeDelta::seconds(HOLD_S));

        // The pause is over before the time to take it back is.
        acme.clock.advance(2);
        acme.resume().await;
        acme.gate.step().await.unwrap();
        assert_eq!(acme.state(message).await, MessageState::Held);
        let view = acme.gate.approval_view(acme.organization, row.id).await.unwrap();
        assert_eq!(view.held_until, leaves);
        let undo = decide(DecideKind::Undo, view.revision);
        acme.gate.decide(&acme.decider(), row.id, &undo).await.unwrap();
        assert_eq!(acme.state(message).await, MessageState::PendingApproval);

        acme.approve().await;
        acme.gate.step().await.unwrap();
        assert_eq!(acme.state(message).await, MessageState::Accepted);
        acme.store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_while_time_is_not_sound() {
    on_each(async || {
        let place = Place::new().await;
        let acme = world(&place).await;
        let message = acme.approved_email().await;
        acme.gate.watch_time(std::sync::Arc::new(|| false));
        assert_eq!(acme.gate.step().await.unwrap(), 0);
        assert_eq!(acme.state(message).await, MessageState::Held);
        acme.store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_after_hours_or_on_another_database_pauses_everybody() {
    on_each(async || {
        let (place, folder) = (Place::new().await, Folder::new());
        let acme = world(&place).await;
        let other = acme.other().await;
        let file = folder.0.join("generation");
        let guard = || Guard::new(acme.store.clone(), Some(folder.0.clone()), TimeDelta::hours(6));
        let boot = async |hours: i64| {
            acme.clock.advance(hours * 3_600);
            guard().at_boot(acme.clock.now()).await.unwrap()
        };
        let reasons = async || {
            [acme.outbound().await, other.outbound().await]
                .map(|state| state.paused.map(|pause| pause.reason))
        };

        // A fresh database, one whose server was away for a while, one whose server beat.
        for hours in [0, 5, 5] {
            assert_eq!(boot(hours).await, None);
            assert_eq!(reasons().await, [None, None]);
        }
        acme.clock.advance(5 * 3_600);
        assert_eq!(guard().beat(acme.clock.now()).await.unwrap(), None);
        assert_eq!(boot(5).await, None);

        assert_eq!(boot(6).await, Some(PauseReason::Downtime));
        assert_eq!(reasons().await, [Some(PauseReason::Downtime); 2]);
        let pause = acme.outbound().await.paused.unwrap();
        assert_eq!((pause.note.as_str(), pause.by), ("the server was down for 6 hours", None));
        // Each administrator looks for the own organisation.
        acme.resume().await;
        assert_eq!(reasons().await, [None, Some(PauseReason::Downtime)]);
        assert_eq!(boot(0).await, None);

        // A clock that was set back while the server was away.
        acme.clock.advance(-3_600);
        assert_eq!(boot(0).await, Some(PauseReason::ClockJump));
        acme.resume().await;

        // The database is put into another folder; an older copy is put in its place.
        fs::remove_file(&file).unwrap();
        assert_eq!(boot(0).await, Some(PauseReason::Restored));
        assert_eq!(reasons().await[0], Some(PauseReason::Restored));
        acme.resume().await;
        let old = fs::read(&file).unwrap();
        for _ in 0..2 {
            assert_eq!(guard().beat(acme.clock.now()).await.unwrap(), None);
        }
        fs::write(&file, old).unwrap();
        assert_eq!(boot(0).await, Some(PauseReason::Restored));
        acme.resume().await;
        assert_eq!(boot(0).await, None);

        // One without marks, beside a file: the backup that an older version made.
        let older_place = Place::new().await;
        let older = world(&older_place).await;
        let guard_of_older =
            Guard::new(older.store.clone(), Some(folder.0.clone()), TimeDelta::hours(6));
        let found = guard_of_older.at_boot(older.clock.now()).await.unwrap();
        assert_eq!(found, Some(PauseReason::Restored));
        assert_eq!(older.outbound().await.paused.unwrap().reason, PauseReason::Restored);
        older.store.close().await;
        assert_eq!(boot(0).await, Some(PauseReason::Restored), "the file is the other one's");
        acme.resume().await;

        // Told never to pause, it does not, and begins from there when it may again.
        acme.clock.advance(9 * 3_600);
        let quiet = guard().only_noting();
        assert_eq!(quiet.at_boot(acme.clock.now()).await.unwrap(), None);
        assert_eq!(boot(1).await, None);

        // A pause that is there stays.
        acme.pause().await;
        assert_eq!(boot(9).await, Some(PauseReason::Downtime));
        assert_eq!(reasons().await[0], Some(PauseReason::ByHand));
        acme.store.close().await;
    })
    .await;
}
