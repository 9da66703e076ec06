//! PostgreSQL: statements about different tables go as parts of one.
//!
//! What an operation that asked nothing writes is often one such statement, and so a transaction by itself: one trip
//! instead of one for the beginning, one for the end and one for each part ([`send_whole`]).

use super::{Arg, Sent, Statement, renumber};
use sqlx::{Arguments, AssertSqlSafe, PgConnection, Row, postgres::PgArguments};
use std::fmt::Write;

/// PostgreSQL takes several as parts of one statement when each writes a table of its own, because the parts do not see
/// one another. A fence goes alone: what comes after it must not be tried when it does not hold.
pub(super) async fn send_by_table(conn: &mut PgConnection, statements: &[&Statement]) -> Sent {
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

/// What became of statements that were to be a transaction by themselves.
pub(in super::super) enum Whole {
    /// They are committed.
    Committed,
    /// Nothing happened; send them within a transaction, which says why.
    Undone,
    /// It is not known.
    Unknown(sqlx::Error),
}

/// Sends all statements as one, outside of a transaction, if each is about a table of its own. A fence that does not
/// hold is an error of the whole.
pub(in super::super) async fn send_whole(
    conn: &mut PgConnection,
    statements: &[&Statement],
) -> Whole {
    let mut tables: Vec<_> = statements.iter().map(|statement| statement.table).collect();
    tables.sort_unstable();
    if tables.windows(2).any(|pair| pair[0] == pair[1]) {
        return Whole::Undone;
    }
    let mut all = PgArguments::default();
    for statement in statements {
        if let Err(error) = add_args(&mut all, statement) {
            tracing::debug!(%error, "a value cannot be sent");
            return Whole::Undone;
        }
    }
    let sent = sqlx::query_with(AssertSqlSafe(whole_text(statements)), all).execute(conn).await;
    match sent {
        Ok(_) => Whole::Committed,
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| is_undone(&code)) => {
            Whole::Undone
        }
        Err(error) => Whole::Unknown(error),
    }
}

/// Whether an error of this code leaves nothing behind: what the values or the rules forbid, a deadlock, a lock that did
/// not come. After others, such as a server that is going down, the commit may have happened.
fn is_undone(code: &str) -> bool {
    ["22", "23", "40", "55"].iter().any(|class| code.starts_with(class))
}

/// How many of the first statements can go as one.
fn part_length(statements: &[&Statement]) -> usize {
    let mut tables = Vec::new();
    for statement in statements {
        let alone = statement.fence.is_some()
            || statement.table.is_empty()
            || tables.contains(&statement.table);
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

/// Sends statements as parts of one; how many rows each wrote.
async fn send_part(conn: &mut PgConnection, part: &[&Statement]) -> sqlx::Result<Vec<u64>> {
    let (mut sql, mut all) = (String::new(), PgArguments::default());
    let is_alone = part.len() == 1;
    for (number, statement) in part.iter().enumerate() {
        if !is_alone {
            sql.push_str(if number == 0 { "WITH " } else { ", " });
            sql.push_str(&format!("s{number} AS ("));
        }
        renumber(&mut sql, statement.sql, all.len());
        if statement.behind && number > 0 {
            sql.push_str(" WHERE (SELECT count(*) FROM s0) >= 0");
        }
        if !is_alone {
            sql.push_str(" RETURNING 1)");
        }
        add_args(&mut all, statement)?;
    }
    if is_alone {
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

/// All statements as one: the last is the statement itself if it can hold the fences, the others are its parts. A fence
/// that does not hold divides by zero.
fn whole_text(statements: &[&Statement]) -> String {
    let fenced = |(number, statement): (usize, &&Statement)| statement.fence.map(|_| number);
    let fences: Vec<usize> = statements.iter().enumerate().filter_map(fenced).collect();
    let ends_itself = statements.last().is_some_and(|last| last.behind || fences.is_empty());
    let parts = statements.len() - usize::from(ends_itself);
    let (mut sql, mut values) = (String::new(), 0);
    for (number, statement) in statements.iter().enumerate() {
        if number < parts {
            sql.push_str(if number == 0 { "WITH " } else { ", " });
            let _ = write!(sql, "s{number} AS ("); // a text takes everything
        } else {
            sql.push(' ');
        }
        renumber(&mut sql, statement.sql, values);
        values += statement.args.len();
        if number < parts {
            sql.push_str(if fences.contains(&number) { " RETURNING 1)" } else { ")" });
        }
    }
    if !ends_itself {
        sql.push_str(" SELECT 1");
    }
    for (at, number) in fences.iter().enumerate() {
        sql.push_str(if at == 0 { " WHERE " } else { " AND " });
        let _ = write!(sql, "1 / (SELECT count(*) FROM s{number}) > 0");
    }
    sql
}

fn add_args(all: &mut PgArguments, statement: &Statement) -> sqlx::Result<()> {
    for arg in &statement.args {
        let added = match arg.clone() {
            Arg::Int(value) => all.add(value),
            Arg::Text(value) => all.add(value),
            Arg::Id(value) => all.add(value),
            Arg::Bytes(value) => all.add(value),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_and_a_fence_come_once_in_a_part() {
        let statement =
            |table, fence| Statement { table, sql: "", args: vec![], fence, behind: false };
        let (a, b) = (&statement("a", None), &statement("b", None));
        let fence = &statement("c", Some("c"));
        assert_eq!(part_length(&[a, b, a]), 2);
        assert_eq!(part_length(&[a, a]), 1);
        assert_eq!(part_length(&[fence, a, b]), 1);
        assert_eq!(part_length(&[a, fence]), 1);
        assert_eq!(part_length(&[a, b]), 2);
        let begin = &Statement::plain("BEGIN");
        assert_eq!(part_length(&[begin, a, b]), 1);
    }

    #[test]
    fn what_is_sent_whole_is_one_statement_that_holds_its_fences() {
        let of = |sql, fence: Option<&'static str>, behind| Statement {
            table: sql,
            sql,
            args: crate::args![1i64],
            fence,
            behind,
        };
        let (a, b) = (&of("A $1", None, false), &of("B $1", None, false));
        let (fence, feed) = (&of("F $1", Some("f"), false), &of("I $1", None, true));
        let texts = [
            (vec![a], " A $1"),
            (
                vec![fence],
                "WITH s0 AS (F $1 RETURNING 1) SELECT 1 WHERE 1 / (SELECT count(*) FROM s0) > 0",
            ),
            (vec![a, b, feed], "WITH s0 AS (A $1), s1 AS (B $2) I $3"),
            (
                vec![fence, a, feed],
                "WITH s0 AS (F $1 RETURNING 1), s1 AS (A $2) I $3 WHERE 1 / (SELECT count(*) FROM s0) > 0",
            ),
        ];
        for (statements, text) in texts {
            assert_eq!(whole_text(&statements), text);
        }
    }
}
