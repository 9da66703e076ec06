//! Statements whose rows nobody looks at: gathered in a transaction and sent to the database together.
//!
//! Asking PostgreSQL means a trip over the network, which costs more than a small statement: statements about different
//! tables go as one. Asking SQLite means a trip to its thread: they go as one text, and a transaction in which nothing
//! was written is spared. What only writes is gathered, in order, and goes out before the next statement that reads, or
//! at the end of the operation. An error shows there, and undoes the operation as it would have at once.
//!
//! Deliberately absent: statements that answer with rows; they go through [`on_tx!`](crate::on_tx), which sends what
//! was gathered first.

use super::{StoreError, StoreResult, Tx, tx::Conn};
use futures::StreamExt;
use sqlx::{
    Arguments, AssertSqlSafe, Either, Executor, PgConnection, Row, SqliteConnection,
    postgres::PgArguments, sqlite::SqliteArguments,
};
use uuid::Uuid;

/// Statements that are gathered before they are sent, at most.
const GATHERED_MAX: usize = 64;

/// A value of a gathered statement.
#[derive(Clone, Debug)]
pub(super) enum Arg {
    Int(Option<i64>),
    Text(Option<String>),
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
    String => |value| Self::Text(Some(value));
    &str => |value| Self::Text(Some(value.to_owned()));
    &Option<String> => |value| Self::Text(value.clone());
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
    sql: &'static str,
    args: Vec<Arg>,
    /// What was changed by others when it writes no row.
    fence: Option<&'static str>,
}

impl Tx {
    /// Gathers a statement that writes one table. Its parameters are `$1`, `$2` …, and it ends before any `RETURNING`.
    pub(super) async fn gather(
        &mut self,
        table: &'static str,
        sql: &'static str,
        args: Vec<Arg>,
    ) -> StoreResult<()> {
        self.gathered.push(Statement { table, sql, args, fence: None });
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
        self.gathered.push(Statement { table, sql, args, fence: Some(what) });
    }

    /// Gathers a statement about the transaction itself.
    pub(super) fn gather_plain(&mut self, sql: &'static str) {
        self.gathered.push(Statement { table: "", sql, args: vec![], fence: None });
    }

    /// Whether this statement is gathered and not sent yet, before all others.
    pub(super) fn waits_first(&self, sql: &str) -> bool {
        self.gathered.first().is_some_and(|statement| statement.sql == sql)
    }

    /// Sends what was gathered.
    pub(super) async fn send(&mut self) -> StoreResult<()> {
        super::on_model!(self, |model| model.send());
        if self.gathered.is_empty() {
            return Ok(());
        }
        let statements = std::mem::take(&mut self.gathered);
        let (written, result) = match &mut self.conn {
            Conn::Sqlite(conn) => send_as_text(conn, &statements).await,
            Conn::Postgres(conn) => send_by_table(conn, &statements).await,
            // The model is told by calls of its own, before anything is gathered.
            #[cfg(test)]
            Conn::Model(_) => unreachable!("the model speaks no SQL"),
        };
        // A fence that did not hold explains whatever went wrong after it.
        for (statement, rows) in statements.iter().zip(written) {
            if let (Some(what), 0) = (statement.fence, rows) {
                return Err(StoreError::Conflict { what });
            }
        }
        Ok(result?)
    }

    /// As [`send`](Self::send), in front of a statement of its own; for [`on_tx!`](crate::on_tx).
    pub(crate) async fn send_first(&mut self) -> sqlx::Result<()> {
        // Its kind is found again by `StoreError::from`.
        self.send().await.map_err(|error| sqlx::Error::AnyDriverError(Box::new(error)))
    }
}

/// How many rows each statement wrote, up to the first error.
type Sent = (Vec<u64>, sqlx::Result<()>);

/// Behind a fence on SQLite: an error when the fence wrote no row. Not folded into a constant, because `changes()` is none.
const HELD: &str = "SELECT json(iif(changes() = 0, 'the fence did not hold', '1'))";

/// Longer texts are seldom the same again, and would push the usual ones out of the prepared statements.
const PREPARED_MAX: usize = 12;

/// SQLite takes them as one text, in order: each question to its thread costs as much as a small statement. It stops at
/// the first error, so nothing behind a statement that failed is tried, a commit among it
/// (`nothing_behind_an_error_is_tried`).
async fn send_as_text(conn: &mut SqliteConnection, statements: &[Statement]) -> Sent {
    let (mut sql, mut all) = (String::new(), SqliteArguments::default());
    let mut is_guard = Vec::with_capacity(statements.len());
    for statement in statements {
        renumber(&mut sql, statement.sql, all.len());
        sql.push_str(";\n");
        is_guard.push(false);
        if statement.fence.is_some() {
            sql.push_str(HELD);
            sql.push_str(";\n");
            is_guard.push(true);
        }
        for arg in &statement.args {
            let added = match arg.clone() {
                Arg::Int(value) => all.add(value),
                Arg::Text(value) => all.add(value),
                Arg::Id(value) => all.add(value),
                Arg::Bytes(value) => all.add(value),
            };
            if let Err(error) = added {
                return (Vec::new(), Err(sqlx::Error::Encode(error)));
            }
        }
    }
    let query = sqlx::query_with(AssertSqlSafe(sql), all);
    let query = query.persistent(statements.len() <= PREPARED_MAX);
    let mut answers = conn.fetch_many(query);
    let mut is_guard = is_guard.into_iter();
    let mut written = Vec::with_capacity(statements.len());
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(Either::Left(done)) if is_guard.next() == Some(false) => {
                written.push(done.rows_affected());
            }
            Ok(_) => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

/// PostgreSQL takes several as parts of one statement when each writes a table of its own, because the parts do not see
/// one another. A fence goes alone: what comes after it must not be tried when it does not hold.
async fn send_by_table(conn: &mut PgConnection, statements: &[Statement]) -> Sent {
    let mut written = Vec::with_capacity(statements.len());
    let mut rest = statements;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(part_length(rest));
        match send_part(conn, part).await {
            Ok(rows) => written.extend(rows),
            Err(error) => return (written, Err(error)),
        }
        let held = part.iter().zip(&written[written.len() - part.len()..]);
        if held.into_iter().any(|(statement, rows)| statement.fence.is_some() && *rows == 0) {
            return (written, Ok(()));
        }
        rest = after;
    }
    (written, Ok(()))
}

/// How many of the first statements can go as one.
fn part_length(statements: &[Statement]) -> usize {
    let mut tables = Vec::new();
    for statement in statements {
        let alone = statement.fence.is_some() || tables.contains(&statement.table);
        if alone && !tables.is_empty() {
            break;
        }
        tables.push(statement.table);
        if alone {
            break;
        }
    }
    tables.len()
}

async fn send_part(conn: &mut PgConnection, part: &[Statement]) -> sqlx::Result<Vec<u64>> {
    let (mut sql, mut all) = (String::new(), PgArguments::default());
    for (number, statement) in part.iter().enumerate() {
        if part.len() > 1 {
            sql.push_str(if number == 0 { "WITH " } else { ", " });
            sql.push_str(&format!("s{number} AS ("));
        }
        renumber(&mut sql, statement.sql, all.len());
        if part.len() > 1 {
            sql.push_str(" RETURNING 1)");
        }
        for arg in &statement.args {
            let added = match arg.clone() {
                Arg::Int(value) => all.add(value),
                Arg::Text(value) => all.add(value),
                Arg::Id(value) => all.add(value),
                Arg::Bytes(value) => all.add(value),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
    }
    if part.len() == 1 {
        let done = sqlx::query_with(AssertSqlSafe(sql), all).execute(conn).await?;
        return Ok(vec![done.rows_affected()]);
    }
    for number in 0..part.len() {
        sql.push_str(if number == 0 { " SELECT " } else { ", " });
        sql.push_str(&format!("(SELECT count(*) FROM s{number})"));
    }
    let row = sqlx::query_with(AssertSqlSafe(sql), all).fetch_one(conn).await?;
    let rows = |number| row.try_get::<i64, _>(number).map(|rows| u64::try_from(rows).unwrap_or(0));
    (0..part.len()).map(rows).collect()
}

/// Appends a statement whose parameters count on from `before`.
fn renumber(to: &mut String, sql: &str, before: usize) {
    let mut pieces = sql.split('$');
    to.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let number: usize = piece[..digits].parse().unwrap_or(0);
        to.push('$');
        to.push_str(&(number + before).to_string());
        to.push_str(&piece[digits..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(table: &'static str, fence: Option<&'static str>) -> Statement {
        Statement { table, sql: "", args: vec![], fence }
    }

    #[test]
    fn parameters_count_on() {
        let mut sql = String::new();
        renumber(&mut sql, "UPDATE a SET b = $2, c = $10 WHERE d = $1", 7);
        assert_eq!(sql, "UPDATE a SET b = $9, c = $17 WHERE d = $8");
    }

    #[test]
    fn a_table_and_a_fence_come_once_in_a_part() {
        let (a, b) = (|| statement("a", None), || statement("b", None));
        let fence = || statement("c", Some("c"));
        assert_eq!(part_length(&[a(), b(), a()]), 2);
        assert_eq!(part_length(&[a(), a()]), 1);
        assert_eq!(part_length(&[fence(), a(), b()]), 1);
        assert_eq!(part_length(&[a(), fence()]), 1);
        assert_eq!(part_length(&[a(), b()]), 2);
    }

    fn plain(sql: &'static str, args: Vec<Arg>) -> Statement {
        Statement { table: "", sql, args, fence: None }
    }

    async fn numbers(conn: &mut SqliteConnection) -> Vec<i64> {
        let rows = sqlx::query_scalar("SELECT n FROM numbers ORDER BY n").fetch_all(conn).await;
        rows.expect("the table")
    }

    async fn table() -> SqliteConnection {
        use sqlx::Connection;
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.expect("a database");
        let made = sqlx::query("CREATE TABLE numbers (n INTEGER PRIMARY KEY)").execute(&mut conn);
        made.await.expect("the table");
        conn
    }

    const INSERT: &str = "INSERT INTO numbers (n) VALUES ($1)";

    #[tokio::test]
    async fn a_text_is_written_in_order() {
        let mut conn = table().await;
        let sent = [
            plain("BEGIN IMMEDIATE", vec![]),
            plain("INSERT INTO numbers (n) VALUES ($1), ($2)", args![1i64, 2i64]),
            Statement {
                fence: Some("f"),
                ..plain("UPDATE numbers SET n = $2 WHERE n = $1", args![2i64, 3i64])
            },
            plain(INSERT, args![4i64]),
            plain("COMMIT", vec![]),
        ];
        for again in 0..2 {
            let (written, result) = send_as_text(&mut conn, &sent).await;
            result.expect("nothing fails");
            assert_eq!(written[1..4], [2, 1, 1], "pass {again}");
            assert_eq!(numbers(&mut conn).await, [1, 3, 4]);
            sqlx::query("DELETE FROM numbers").execute(&mut conn).await.expect("deleted");
        }
    }

    #[tokio::test]
    async fn nothing_behind_an_error_is_tried() {
        let failing = [
            (plain("BEGIN IMMEDIATE", vec![]), 0), // within a transaction there is no other
            (plain(INSERT, args![1i64]), 0),       // it is there
            (Statement { fence: Some("f"), ..plain("DELETE FROM numbers WHERE n = 7", vec![]) }, 1),
        ];
        for (broken, answered) in failing {
            let mut conn = table().await;
            let first = [plain("BEGIN IMMEDIATE", vec![]), plain(INSERT, args![1i64])];
            send_as_text(&mut conn, &first).await.1.expect("nothing fails");
            let why = format!("{broken:?}");
            let sent = [broken, plain(INSERT, args![2i64]), plain("COMMIT", vec![])];
            let (written, result) = send_as_text(&mut conn, &sent).await;
            assert!(result.is_err(), "{why}");
            assert_eq!(written.len(), answered, "{why}");
            sqlx::query("ROLLBACK")
                .execute(&mut conn)
                .await
                .expect("the transaction is open still");
            assert_eq!(numbers(&mut conn).await, [] as [i64; 0], "{why}");
        }
    }
}
