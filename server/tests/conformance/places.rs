//! Places of queues that runs of runs take, and timers that a server may have died over, on every store.

use super::*;

impl Bed {
    /// Whether a run is started for a call of this parent, while the queue has so many places.
    async fn begins(&self, number: usize, link: RunLink, places: u32) -> bool {
        let full = StoreError::Conflict { what: RUN_QUEUE_FULL };
        let ours = self.ours;
        let began = self.of(number).write(move |tx| {
            async move {
                match run_queue_has_room(tx, ours, link.parent, "slow", places, false).await? {
                    true => link_insert(tx, &link).await,
                    false => Err(StoreError::Conflict { what: RUN_QUEUE_FULL }),
                }
            }
            .boxed()
        });
        match began.await {
            Ok(()) => true,
            Err(error) if error == full => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// A run with an open call, and the link of the run that it would start.
    async fn parent(&self, number: u128) -> RunLink {
        let parent = RunId(Uuid::from_u128(number));
        let open = RunWrite::CallOpen(Box::new(self.call(parent, 1)));
        self.insert(self.one(), parent, None, vec![open]).await.unwrap();
        RunLink {
            organization: self.ours,
            run: RunId(Uuid::from_u128(number + 1_000)),
            parent,
            call: self.call(parent, 1).call,
            attempt: 1,
            root_workflow: self.workflow,
            depth: 1,
        }
    }

    /// Whether a call that was just made would have room.
    async fn has_room(&self, link: RunLink, places: u32) -> bool {
        let ours = self.ours;
        let room = self.one().write(move |tx| {
            async move { run_queue_has_room(tx, ours, link.parent, "slow", places, true).await }
                .boxed()
        });
        room.await.unwrap()
    }

    async fn admit(&self, places: u32) -> u32 {
        let ours = self.ours;
        let admitted = self.one().write(move |tx| {
            async move { run_queue_admit(tx, ours, "slow", places).await }.boxed()
        });
        admitted.await.unwrap()
    }

    async fn is_at(&self, link: RunLink, state: CallState) {
        let at = call_state(self.one(), self.ours, link.parent, link.call).await;
        assert_eq!(at, Ok(Some(state)));
    }
}

/// So many runs of runs of a queue at once, whichever server begins them; those that wait are let in when one is over.
pub async fn places_of_queues(bed: &Bed) {
    let mut links = Vec::new();
    for number in 1..=6 {
        links.push(bed.parent(number).await);
    }
    let begun = links.iter().enumerate().map(|(number, link)| bed.begins(number, *link, 2));
    let begun = futures::future::join_all(begun).await;
    assert_eq!(begun.iter().filter(|began| **began).count(), 2, "{begun:?}");
    let (live, waiting): (Vec<_>, Vec<_>) = links.into_iter().zip(begun).partition(|(_, b)| *b);
    assert!(!bed.has_room(waiting[0].0, 2).await && bed.has_room(waiting[0].0, 3).await);
    for (link, _) in &waiting {
        bed.call_step(link.parent, CallStep::Queued).await;
        bed.is_at(*link, CallState::Waiting).await;
    }
    let queue = (bed.ours, "slow".to_owned());
    let queues = async |after| run_queues_waiting(bed.one(), after, 10).await.unwrap();
    assert_eq!(queues(None).await, vec![queue.clone()]);
    assert_eq!(queues(Some(&queue)).await, vec![]);
    assert_eq!(bed.admit(2).await, 0, "it is full");
    let may = async |places| run_queue_may_admit(bed.one(), bed.ours, "slow", places).await;
    assert!(!bed.has_room(waiting[0].0, 3).await, "others were before it");
    assert_eq!((may(2).await, may(3).await), (Ok(false), Ok(true)));

    // One is over, and another one nobody waits for: it has its place until it is over.
    let (first, second) = (live[0].0, live[1].0);
    let stop = RunWrite::ChildStop(second.call);
    bed.advance(bed.one(), bed.commit(second.parent, 1, vec![stop])).await.unwrap();
    assert_eq!(bed.admit(2).await, 0);
    bed.insert(bed.one(), first.run, None, vec![]).await.unwrap();
    bed.advance(bed.one(), bed.commit(first.run, 1, vec![RunWrite::End])).await.unwrap();
    let ended = async |of: RunLink| links_ended(bed.one(), bed.ours, of.parent).await;
    assert_eq!(ended(first).await, Ok(vec![first]));
    assert_eq!(ended(second).await, Ok(vec![]), "it is only to be stopped");
    assert_eq!(may(2).await, Ok(true));
    assert_eq!(bed.admit(2).await, 1);
    let open = |at: CallState| at == CallState::Open;
    let mut let_in = None;
    for (link, _) in &waiting {
        let at = call_state(bed.one(), bed.ours, link.parent, link.call).await.unwrap().unwrap();
        let_in = let_in.or(open(at).then_some(*link));
    }
    let let_in = let_in.expect("one is to be made again");
    let call = bed.call(let_in.parent, 1);
    let claim = bed.one().write(move |tx| async move { call_claim(tx, &call).await }.boxed());
    assert_eq!(claim.await, Ok(Some(1)), "its beginnings are counted anew");
    assert!(bed.begins(0, let_in, 2).await);
    assert_eq!(bed.admit(3).await, 1, "a place more");

    // A run in the queue shares its place with what it starts, or both would wait for ever.
    let inside = bed.parent(let_in.run.0.as_u128()).await;
    assert!(!bed.begins(0, inside, 1).await, "others are in it too");
    assert_eq!(may(2).await, Ok(false));
    bed.call_step(inside.parent, CallStep::Queued).await;
    assert_eq!(may(2).await, Ok(true), "it shares a place");
    assert_eq!(bed.admit(2).await, 1);
    bed.is_at(inside, CallState::Open).await;
    assert!(bed.begins(0, inside, 2).await);
}

/// A timer that a server may have died over is counted until it fires, is set anew or is let go on by a person.
pub async fn timers_are_counted(bed: &Bed) {
    let set = || RunWrite::TimerSet(TimerId("a1.wait".into()), at(10));
    let run = bed.run(1, vec![set()]).await;
    let (ours, one) = (bed.ours, bed.one());
    let due = async || timers_due(one, at(20), 10).await.unwrap().remove(0);
    let count = async |timer: DueTimer| {
        let counted = one.write(move |tx| async move { timer_try(tx, &timer).await }.boxed());
        counted.await.unwrap();
    };
    let first = due().await;
    assert_eq!((first.tries, first.is_left), (0, false));
    count(first.clone()).await;
    count(first.clone()).await;
    assert_eq!((due().await.tries, due().await.is_left), (2, false), "no server died");
    let moved = DueTimer { due_at: at(9), ..first };
    count(moved).await;
    assert_eq!(due().await.tries, 2, "it is not due as it was");
    bed.advance(one, bed.commit(run, 1, vec![set()])).await.unwrap();
    assert_eq!(due().await.tries, 0, "set anew");
    count(due().await).await;
    let aside = one
        .write(move |tx| async move { run_quarantine(tx, ours, run, "look", at(1)).await }.boxed());
    aside.await.unwrap();
    assert_eq!(timers_due(one, at(20), 10).await.unwrap(), vec![]);
    let back = one.write(move |tx| async move { run_release(tx, ours, run, at(1)).await }.boxed());
    back.await.unwrap();
    assert_eq!(due().await.tries, 0, "a person looked");
}
