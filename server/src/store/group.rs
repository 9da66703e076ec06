//! Operations that share a commit of the one writer and asked the database nothing.
//!
//! What they write waits and goes to SQLite's thread together, because each question to the thread costs as much as a
//! small statement. One that fails is undone alone, as if each had been sent by itself: as long as nobody has asked
//! anything, all can be undone and the others be sent again, each in a savepoint now; later on each has its savepoint
//! from the first, for what was answered cannot be asked again. An operation that asks something first lets those
//! before it be sent.

use super::{
    StoreError, StoreResult, Tx,
    gather::{PREPARED_MAX, Statement, first_error, send_as_text},
    tx::{BEGIN, Conn, RELEASE, ROLLBACK, SAVEPOINT, UNDO},
};
use std::collections::VecDeque;

/// Operations in one text, at most. Texts of like operations are kept prepared, one for each power of two.
const TOGETHER_MAX: usize = 8;
/// Statements in one text of several operations, at most: every one of them is kept prepared.
const STATEMENTS_MAX: usize = 96;

/// What the one writer knows of the operations of a commit.
#[derive(Default)]
pub(super) struct Group {
    waiting: Vec<Waiting>,
    /// Those that were sent without a savepoint, in order.
    bare: Vec<Waiting>,
    /// An operation was sent that asked something, or one failed: from now on each has its savepoint.
    careful: bool,
    /// `BEGIN` waits to go out with the first of them.
    begin_waits: bool,
    /// The database was asked during the operation that runs.
    asked: bool,
    /// Operations that were kept and failed when they were sent.
    failed: Vec<(usize, StoreError)>,
    /// Why the connection may be in any state.
    broken: Option<StoreError>,
}

/// What one operation writes.
struct Waiting {
    operation: usize,
    statements: Vec<Statement>,
}

impl Waiting {
    fn is_like(&self, other: &Self) -> bool {
        let pairs = || self.statements.iter().zip(&other.statements);
        self.statements.len() == other.statements.len() && pairs().all(|(a, b)| a.is_like(b))
    }
}

impl Group {
    /// Whether `BEGIN` was sent or is gathered.
    pub(super) fn is_begun(&self) -> bool {
        !self.begin_waits
    }

    /// Why the connection may be in any state, whatever an operation made of that.
    pub(super) fn take_broken(&mut self) -> Option<StoreError> {
        self.broken.take()
    }

    /// Why operations failed after they were kept.
    pub(super) fn take_failed(&mut self) -> Vec<(usize, StoreError)> {
        std::mem::take(&mut self.failed)
    }
}

/// How many of the first go as one text: like ones, as many as the largest power of two.
fn together(waiting: &VecDeque<Waiting>) -> usize {
    let Some(first) = waiting.front() else { return 0 };
    let fit = (STATEMENTS_MAX / first.statements.len().max(1)).clamp(1, TOGETHER_MAX);
    let alike = waiting.iter().take(fit).take_while(|other| first.is_like(other)).count();
    1 << alike.ilog2()
}

impl Tx {
    /// An operation begins, behind others of the group.
    pub(super) fn group_operation_begin(&mut self) {
        self.group.asked = false;
    }

    /// An operation of this number is kept. If it asked nothing, what it wrote waits for the next ones.
    pub(super) async fn group_operation_end(&mut self, operation: usize) -> StoreResult<()> {
        let begins = self.waits_first(BEGIN);
        if self.group.asked || !(begins || self.waits_first(SAVEPOINT)) {
            if operation > 0 {
                self.savepoint_keep();
            }
            return self.send().await;
        }
        let mut statements = std::mem::take(&mut self.gathered);
        statements.remove(0);
        self.group.begin_waits |= begins;
        if !statements.is_empty() {
            self.group.waiting.push(Waiting { operation, statements });
        }
        Ok(())
    }

    /// Before what was gathered is sent: the transaction begins with it, if nothing was sent before.
    pub(super) fn group_open(&mut self) {
        self.group.careful = true;
        self.group.bare.clear();
        if std::mem::take(&mut self.group.begin_waits) {
            self.gathered.insert(0, Statement::plain(BEGIN));
        }
    }

    /// Sends the operations that wait. An error says that the connection may be in any state.
    pub(super) async fn group_send(&mut self) -> StoreResult<()> {
        self.group.asked = true;
        let mut waiting = VecDeque::from(std::mem::take(&mut self.group.waiting));
        while !waiting.is_empty() {
            let mut all: Vec<_> = waiting.drain(..together(&waiting)).collect();
            let sent = self.send_together(&all).await;
            let failed = sent.inspect_err(|error| self.group.broken = Some(error.clone()))?;
            let behind = failed.map(|place| all.split_off(place + 1)).unwrap_or_default();
            behind.into_iter().rev().for_each(|one| waiting.push_front(one));
            if self.group.careful {
                continue;
            }
            self.group.bare.append(&mut all);
            if failed.is_some() {
                // The last of them is undone with all before it, which are sent again.
                self.group.bare.pop();
                let again = std::mem::take(&mut self.group.bare);
                again.into_iter().rev().for_each(|one| waiting.push_front(one));
                self.group.careful = true;
            }
        }
        Ok(())
    }

    /// Sends like operations; the place of the first that failed, which is undone, without savepoints with all others.
    async fn send_together(&mut self, all: &[Waiting]) -> StoreResult<Option<usize>> {
        let [begin, savepoint, release] = [BEGIN, SAVEPOINT, RELEASE].map(Statement::plain);
        let careful = self.group.careful;
        let Conn::Sqlite(conn) = &mut self.conn else { return Ok(None) };
        let (mut statements, mut places) = (Vec::new(), Vec::new());
        if self.group.begin_waits {
            statements.push(&begin);
            places.push(None);
        }
        for (place, one) in all.iter().enumerate() {
            statements.extend(careful.then_some(&savepoint));
            statements.extend(&one.statements);
            statements.extend(careful.then_some(&release));
            places.resize(statements.len(), Some(place));
        }
        let comes_again = all.len() > 1 || statements.len() <= PREPARED_MAX;
        let sent = send_as_text(conn, &statements, comes_again).await;
        let Some((at, error)) = first_error(&statements, sent) else {
            self.group.begin_waits = false;
            return Ok(None);
        };
        let Some(place) = places.get(at).copied().flatten() else { return Err(error) };
        self.seen.forget();
        if careful {
            self.run(UNDO).await?;
            self.run(RELEASE).await?;
        } else {
            self.run(ROLLBACK).await?;
        }
        self.group.begin_waits = !careful;
        self.feed.forget(all[place].operation);
        self.group.failed.push((all[place].operation, error));
        Ok(Some(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(sql: &'static str, count: usize) -> Waiting {
        let statements = (0..count).map(|_| Statement::plain(sql)).collect();
        Waiting { operation: 0, statements }
    }

    #[test]
    fn like_operations_go_together_by_powers_of_two() {
        let alike = |count| (0..count).map(|_| waiting("a", 2)).collect::<VecDeque<_>>();
        let counts = [1, 2, 3, 5, 7, 8, 20].map(|count| together(&alike(count)));
        assert_eq!(counts, [1, 2, 2, 4, 4, 8, 8]);
        let mut mixed: VecDeque<_> = ["a", "a", "b", "a"].map(|sql| waiting(sql, 2)).into();
        assert_eq!(together(&mixed), 2);
        mixed.pop_front();
        assert_eq!(together(&mixed), 1);
        let long: VecDeque<_> = (0..4).map(|_| waiting("a", 40)).collect();
        assert_eq!(together(&long), 2);
        assert_eq!(together(&[waiting("a", 100), waiting("a", 100)].into()), 1);
    }
}
