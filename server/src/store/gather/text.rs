//! SQLite: statements go as one text.

use super::{Arg, Statement, renumber};
use futures::StreamExt;
use sqlx::{Arguments, AssertSqlSafe, Either, Executor, SqliteConnection, sqlite::SqliteArguments};

/// How many rows each statement wrote, up to the first error.
pub(in super::super) type Sent = (Vec<u64>, sqlx::Result<()>);

/// Behind a fence on SQLite: an error when the fence wrote no row, and no row otherwise, because each takes a message.
/// Not folded into a constant, because `changes()` is none.
const HELD: &str =
    "SELECT json(iif(changes() = 0, 'the fence did not hold', '1')) WHERE changes() = 0";

/// SQLite takes them as one text, in order: each question to its thread costs as much as a small statement. It stops at
/// the first error, so nothing behind a statement that failed is tried, a commit among it
/// (`nothing_behind_an_error_is_tried`). `comes_again`: the same text is likely to come again and is kept prepared.
pub(in super::super) async fn send_as_text(
    conn: &mut SqliteConnection,
    statements: &[&Statement],
    comes_again: bool,
) -> Sent {
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
    let query = query.persistent(comes_again);
    let mut answers = conn.fetch_many(query);
    let mut is_guard = is_guard.into_iter();
    let mut written = Vec::with_capacity(statements.len());
    // With the last answer it is over; the end of the stream would be a message more to wait for.
    while written.len() < statements.len()
        && let Some(answer) = answers.next().await
    {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;

    async fn send_all(conn: &mut SqliteConnection, statements: &[Statement]) -> Sent {
        send_as_text(conn, &statements.iter().collect::<Vec<_>>(), true).await
    }

    fn plain(sql: &'static str, args: Vec<Arg>) -> Statement {
        Statement { table: "", sql, args, fence: None, behind: false }
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
            let (written, result) = send_all(&mut conn, &sent).await;
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
            send_all(&mut conn, &first).await.1.expect("nothing fails");
            let why = format!("{broken:?}");
            let sent = [broken, plain(INSERT, args![2i64]), plain("COMMIT", vec![])];
            let (written, result) = send_all(&mut conn, &sent).await;
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
