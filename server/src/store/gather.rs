//! Statements whose rows nobody looks at: gathered in a transaction and sent to the database together.
//!
//! Asking PostgreSQL means a trip over the network, which costs more than a small statement: statements about different
//! tables go as one. Asking SQLite means a trip to its thread: they go as one text, and a transaction in which nothing
//! was written is spared. What only writes is gathered, in order, and goes out before the next statement that reads, or
//! at the end of the operation, or with the operations that come next (`group`). An error shows there, and undoes the
//! operation as it would have at once.
//!
//! Deliberately absent: statements that answer with rows; they go through [`on_tx!`](crate::on_tx), which sends what
//! was gathered first.

mod parts;
mod text;

pub(super) use parts::{Whole, send_whole};
pub(super) use text::{Sent, send_as_text};

use super::{StoreError, StoreResult, Tx, tx::Conn};
use std::{fmt::Write, sync::Arc};
use uuid::Uuid;

/// Statements that are gathered before they are sent, at most.
const GATHERED_MAX: usize = 64;

/// Longer texts are seldom the same again, and would push the usual ones out of the prepared statements.
pub(super) const PREPARED_MAX: usize = 12;

/// A value of a gathered statement.
#[derive(Clone, Debug)]
pub(super) enum Arg {
    Int(Option<i64>),
    Text(Option<Arc<str>>),
    Id(Option<Uuid>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! arg_of {
    ($($from:ty => |$value:ident| $arg:expr;)*) => {
        $(impl From<$from> for Arg {
            fn from($value: $from) -> Self {
                $arg
            }
        })*
    };
}

arg_of! {
    i64 => |value| Self::Int(Some(value));
    Option<i64> => |value| Self::Int(value);
    u16 => |value| Self::Int(Some(i64::from(value)));
    u32 => |value| Self::Int(Some(i64::from(value)));
    String => |value| Self::Text(Some(value.into()));
    &str => |value| Self::Text(Some(value.into()));
    &Option<String> => |value| Self::Text(value.as_deref().map(Arc::from));
    Uuid => |value| Self::Id(Some(value));
    Option<Uuid> => |value| Self::Id(value);
    Vec<u8> => |value| Self::Bytes(Some(value));
    Option<Vec<u8>> => |value| Self::Bytes(value);
}

/// The values of a gathered statement, `$1` first.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::gather::Arg::from($value)),*] };
}

/// A statement that waits to be sent.
#[derive(Debug)]
pub(super) struct Statement {
    /// What it writes; empty for a statement about the transaction itself.
    table: &'static str,
    pub(super) sql: &'static str,
    args: Vec<Arg>,
    /// What was changed by others when it writes no row.
    fence: Option<&'static str>,
    /// It inserts what it selects, without a condition, and must not run before the first of its part.
    behind: bool,
}

impl Statement {
    /// About the transaction itself.
    pub(super) fn plain(sql: &'static str) -> Self {
        Self { table: "", sql, args: vec![], fence: None, behind: false }
    }

    /// Whether it is the same but for its values.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.sql == other.sql && self.fence.is_some() == other.fence.is_some()
    }
}

/// What went wrong first in what was sent: the place of the statement, and why.
pub(super) fn first_error(
    statements: &[&Statement],
    (written, result): Sent,
) -> Option<(usize, StoreError)> {
    // A fence that did not hold explains whatever went wrong after it.
    for (place, (statement, rows)) in statements.iter().zip(&written).enumerate() {
        if let (Some(what), 0) = (statement.fence, *rows) {
            return Some((place, StoreError::Conflict { what }));
        }
    }
    result.err().map(|error| (written.len(), error.into()))
}

impl Tx {
    /// Gathers a statement that writes one table. Its parameters are `$1`, `$2` …, and it ends before any `RETURNING`.
    pub(super) async fn gather(
        &mut self,
        table: &'static str,
        sql: &'static str,
        args: Vec<Arg>,
    ) -> StoreResult<()> {
        self.gathered.push(Statement { table, sql, args, fence: None, behind: false });
        if self.gathered.len() >= GATHERED_MAX {
            return self.send().await;
        }
        Ok(())
    }

    /// As [`gather`](Self::gather), for a statement that must write a row: otherwise sending it is a
    /// [`StoreError::Conflict`] over `what`. Send it before anything that cannot be gathered.
    pub(super) fn gather_fence(
        &mut self,
        table: &'static str,
        what: &'static str,
        sql: &'static str,
        args: Vec<Arg>,
    ) {
        self.gathered.push(Statement { table, sql, args, fence: Some(what), behind: false });
    }

    /// As [`gather`](Self::gather), for `INSERT … SELECT … FROM …` without a condition, which runs behind the first
    /// statement that it goes with: behind the lock of the run that it is about.
    pub(super) fn gather_behind(&mut self, table: &'static str, sql: &'static str, args: Vec<Arg>) {
        self.gathered.push(Statement { table, sql, args, fence: None, behind: true });
    }

    /// Gathers a statement about the transaction itself.
    pub(super) fn gather_plain(&mut self, sql: &'static str) {
        self.gathered.push(Statement::plain(sql));
    }

    /// Whether this statement is gathered and not sent yet, before all others.
    pub(super) fn waits_first(&self, sql: &str) -> bool {
        self.gathered.first().is_some_and(|statement| statement.sql == sql)
    }

    /// Sends what was gathered, behind the operations that wait before this one.
    pub(super) async fn send(&mut self) -> StoreResult<()> {
        super::on_model!(self, |model| model.send());
        self.group_send().await?;
        if self.gathered.is_empty() {
            return Ok(());
        }
        self.group_open();
        let statements = std::mem::take(&mut self.gathered);
        let statements: Vec<&Statement> = statements.iter().collect();
        let sent = match &mut self.conn {
            Conn::Sqlite(conn) => {
                send_as_text(conn, &statements, statements.len() <= PREPARED_MAX).await
            }
            Conn::Postgres(conn) => {
                conn.is_open = true;
                parts::send_by_table(conn, &statements).await
            }
            // The model is told by calls of its own, before anything is gathered.
            #[cfg(test)]
            Conn::Model(_) => unreachable!("the model speaks no SQL"),
        };
        first_error(&statements, sent).map_or(Ok(()), |(_, error)| Err(error))
    }

    /// As [`send`](Self::send), in front of a statement of its own; for [`on_tx!`](crate::on_tx).
    pub(crate) async fn send_first(&mut self) -> sqlx::Result<()> {
        // Its kind is found again by `StoreError::from`.
        self.send().await.map_err(|error| sqlx::Error::AnyDriverError(Box::new(error)))
    }
}

/// Appends a statement whose parameters count on from `before`.
fn renumber(to: &mut String, sql: &str, before: usize) {
    let mut pieces = sql.split('$');
    to.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let number: usize = piece[..digits].parse().unwrap_or(0);
        let _ = write!(to, "${}", number + before); // a text takes everything
        to.push_str(&piece[digits..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_count_on() {
        let mut sql = String::new();
        renumber(&mut sql, "UPDATE a SET b = $2, c = $10 WHERE d = $1", 7);
        assert_eq!(sql, "UPDATE a SET b = $9, c = $17 WHERE d = $8");
    }
}
