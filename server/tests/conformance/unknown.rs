//! A commit whose outcome nobody heard: all of it is on disk or nothing, and deciding again brings it to the same end.
//! Held against SQLite, PostgreSQL and the model, as [`store`](super).

use super::*;
use futures::future::LocalBoxFuture;

/// What becomes of the next commit, which is answered as unavailable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nothing of it happened.
    Before,
    /// It happened.
    After,
}

/// A bed whose store can lose the outcome of a commit.
pub struct Unsure {
    pub bed: Bed,
    /// From now on the store loses the outcome of each commit.
    pub lose: Box<dyn Fn(Lost)>,
    /// The store of whoever comes after, which loses nothing.
    pub after: Box<dyn FnOnce(Store) -> LocalBoxFuture<'static, Store>>,
}

/// Every way of losing an outcome, on a bed of its own.
pub async fn all_unsure(unsure: impl AsyncFn() -> Unsure) {
    for lost in [Lost::Before, Lost::After] {
        a_run_moved_on(unsure().await, lost).await;
        a_run_was_made(unsure().await, lost).await;
    }
}

impl Unsure {
    /// The commit's outcome is lost; who comes after.
    async fn lose(mut self, lost: Lost, commit: impl AsyncFnOnce(&Bed) -> StoreResult<()>) -> Bed {
        (self.lose)(lost);
        let heard = commit(&self.bed).await;
        assert!(matches!(heard, Err(StoreError::Unavailable(_))), "{lost:?}: {heard:?}");
        let store = (self.after)(self.bed.stores.remove(0)).await;
        Bed { stores: vec![store], ..self.bed }
    }
}

/// What is written of a run: its event number, its events, timers that are due, calls that are open.
async fn written(bed: &Bed, run: RunId) -> (u64, usize, usize, usize) {
    let row = run_fetch(bed.one(), bed.ours, run).await.unwrap();
    let (events, _) = events_after(bed.one(), bed.ours, run, 0, 100).await.unwrap();
    events_check_dense(&events, 0).unwrap();
    let calls = calls_open(bed.one(), 10).await.unwrap().len();
    (row.seq, events.len(), timers_count(bed, run).await, calls)
}

/// Timers of the run that are due.
async fn timers_count(bed: &Bed, run: RunId) -> usize {
    let due = timers_due(bed.one(), at(5), 100).await.unwrap();
    due.iter().filter(|due| due.run == run).count()
}

async fn a_run_moved_on(unsure: Unsure, lost: Lost) {
    let run = unsure.bed.run(1, vec![]).await;
    let decided = |bed: &Bed| {
        let timer = RunWrite::TimerSet(TimerId("a1.wait".into()), at(1));
        bed.commit(run, 1, vec![timer, RunWrite::CallOpen(Box::new(bed.call(run, 1)))])
    };
    let bed = unsure.lose(lost, async |bed| bed.advance(bed.one(), decided(bed)).await).await;
    let again = bed.advance(bed.one(), decided(&bed)).await;
    match lost {
        Lost::Before => assert_eq!(again, Ok(())),
        Lost::After => assert_eq!(again, Err(StoreError::Conflict { what: RUN_FENCE })),
    }
    assert_eq!(written(&bed, run).await, (2, 2, 1, 1), "{lost:?}");
}

async fn a_run_was_made(unsure: Unsure, lost: Lost) {
    let [first, second] = [1, 2].map(|number| RunId(Uuid::from_u128(number)));
    let timer = || vec![RunWrite::TimerSet(TimerId("a1.wait".into()), at(1))];
    let make = async |bed: &Bed, run| bed.insert(bed.one(), run, Some("once"), timer()).await;
    let bed = unsure.lose(lost, async |bed| make(bed, first).await).await;
    let again = make(&bed, second).await;
    let made = run_by_key(bed.one(), bed.ours, "once").await.unwrap().map(|run| run.id);
    match lost {
        Lost::Before => assert_eq!((again, made), (Ok(()), Some(second))),
        Lost::After => {
            assert!(is_fenced(&again), "{again:?}");
            assert_eq!(made, Some(first));
        }
    }
    let made = made.unwrap_or(first);
    assert_eq!(written(&bed, made).await, (1, 1, 1, 0), "{lost:?}");
}
