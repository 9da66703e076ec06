//! Lists of runs: by state, workflow, contact, time and words.
//!
//! Each list goes down one index from the newest run, that of a contact down two, and stops when the page is full.
//! Words are looked for by patterns in a few short columns: parts of words count (numbers of orders, halves of
//! addresses), which a full-text index does not find, both databases answer alike, and retention bounds what is read.

use super::{Run, Store, StoreResult, Tx, on_model, runs::Row, search, value};
use crate::{args, on_db};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use signalbox::{
    id::{ContactId, OrganizationId, RunId, WorkflowId},
    run::RunPhase,
};
use uuid::Uuid;

/// Characters of an input, and of an error, that are looked through.
const WORDS_CHARS_MAX: usize = 1_000;
/// Words that a search may have; more are not looked for.
const WORDS_MAX: usize = 3;

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Only in this phase.
    pub phase: Option<RunPhase>,
    /// Only of this workflow.
    pub workflow: Option<WorkflowId>,
    /// Only those that were started about this contact, or wrote it a message in one of their steps, whether it left
    /// or not.
    pub contact: Option<ContactId>,
    /// Only started at this time or later.
    pub after: Option<DateTime<Utc>>,
    /// Only started before this time.
    pub before: Option<DateTime<Utc>>,
    /// Every word (the first three) must occur in the workflow's name, who started it, the input, or why it
    /// failed. Parts of words count, case does not.
    pub words: Option<String>,
}

macro_rules! list_sql {
    ($matches:literal, $index:literal, $which:literal) => {
        concat!(
            "SELECT * FROM runs r ",
            $index,
            " WHERE r.organization_id = $1 AND $8 IS NULL AND ",
            $which,
            " AND r.id < $4 AND r.id >= $5",
            fits_sql!($matches),
            " ORDER BY r.id DESC LIMIT $12"
        )
    };
}

/// The runs of a contact: those that were started about it, and those that wrote it a message; a run that is both is
/// listed once. Each half goes down its own index from the contact's newest run until it has a page. So a page costs
/// the rows of this contact that are passed on the way: where hardly any fits the rest of the filter, all of them,
/// but never those of others.
macro_rules! contact_sql {
    ($matches:literal) => {
        concat!(
            "SELECT r.* FROM (
               SELECT run_id FROM (SELECT x.run_id FROM run_contacts x",
            half_sql!($matches),
            ") about
               UNION
               SELECT run_id FROM (SELECT DISTINCT x.run_id FROM messages x",
            half_sql!($matches),
            ") written
             ) found CROSS JOIN runs r WHERE r.organization_id = $1 AND r.id = found.run_id
             ORDER BY r.id DESC LIMIT $12"
        )
    };
}

/// SQLite takes the tables of a CROSS JOIN in the order they are written in: the contact's rows first.
macro_rules! half_sql {
    ($matches:literal) => {
        concat!(
            " CROSS JOIN runs r
               WHERE x.organization_id = $1 AND x.contact_id = $8 AND x.run_id < $4 AND x.run_id >= $5
                 AND r.organization_id = $1 AND r.id = x.run_id
                 AND ($2 IS NULL OR r.workflow_id = $2) AND ($3 IS NULL OR r.phase = $3)",
            fits_sql!($matches),
            " ORDER BY x.run_id DESC LIMIT $12"
        )
    };
}

macro_rules! fits_sql {
    ($matches:literal) => {
        concat!(
            " AND ($6 IS NULL OR r.created_at >= $6) AND ($7 IS NULL OR r.created_at < $7)",
            words_sql!($matches, "$9"),
            words_sql!($matches, "$10"),
            words_sql!($matches, "$11")
        )
    };
}

macro_rules! words_sql {
    ($matches:literal, $word:literal) => {
        concat!(
            " AND (",
            $word,
            " IS NULL OR lower(r.started_by) ",
            $matches,
            $word,
            " OR EXISTS (SELECT 1 FROM run_search s WHERE s.organization_id = $1 AND s.run_id = r.id
                AND (s.input ",
            $matches,
            $word,
            " OR s.error ",
            $matches,
            $word,
            ")) OR EXISTS (SELECT 1 FROM workflows w WHERE w.organization_id = $1
                AND w.id = r.workflow_id AND lower(w.name) ",
            $matches,
            $word,
            "))"
        )
    };
}

/// Runs of an organisation, newest first, older than `cursor` if given, at most `limit`.
pub async fn run_list(
    store: &Store,
    organization: OrganizationId,
    filter: &RunFilter,
    cursor: Option<RunId>,
    limit: u32,
) -> StoreResult<Vec<Run>> {
    let sql = sql_of(store, filter);
    let words: Vec<String> = filter
        .words
        .iter()
        .flat_map(|text| text.split_whitespace())
        .take(WORDS_MAX)
        .map(|word| search::pattern(store, word))
        .collect();
    let (below, from) = ids_between(filter);
    let below = cursor.map_or(below, |cursor| cursor.0.min(below));
    let rows: Vec<Row> = on_db!(store, |pool| sqlx::query_as(sql)
        .bind(organization.0)
        .bind(filter.workflow.map(|id| id.0))
        .bind(filter.phase.map(RunPhase::as_str))
        .bind(below)
        .bind(from)
        .bind(filter.after.map(value::ms))
        .bind(filter.before.map(value::ms))
        .bind(filter.contact.map(|id| id.0))
        .bind(words.first())
        .bind(words.get(1))
        .bind(words.get(2))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Row::run).collect()
}

/// A statement that goes down the index which leaves the fewest runs to look at; a contact has fewer than a workflow
/// or a phase. SQLite would go through all runs by their ids, since it keeps no statistics, and must be told the index.
fn sql_of(store: &Store, filter: &RunFilter) -> &'static str {
    macro_rules! both {
        ($index:literal, $which:literal) => {
            store.pick(list_sql!("GLOB ", $index, $which), list_sql!("~ ", "", $which))
        };
    }
    if filter.contact.is_some() {
        return store.pick(contact_sql!("GLOB "), contact_sql!("~ "));
    }
    match (filter.workflow, filter.phase) {
        (Some(_), _) => both!(
            "INDEXED BY runs_by_workflow",
            "r.workflow_id = $2 AND ($3 IS NULL OR r.phase = $3)"
        ),
        (None, None) => both!("", "$2 IS NULL AND $3 IS NULL"),
        (None, Some(phase)) if phase.is_terminal() => {
            both!("INDEXED BY runs_over", "$2 IS NULL AND r.ended_at IS NOT NULL AND r.phase = $3")
        }
        (None, Some(_)) => both!(
            "INDEXED BY runs_unfinished",
            "$2 IS NULL AND r.ended_at IS NULL AND r.phase = $3"
        ),
    }
}

/// Between which ids runs of these times are. An id begins with the time it was made at, so an index by id is
/// one by time; a day more on each side forgives a clock that was set.
fn ids_between(filter: &RunFilter) -> (Uuid, Uuid) {
    let day = TimeDelta::days(1);
    let below = filter.before.and_then(|at| at.checked_add_signed(day)).map(first_id_at);
    let from = filter.after.and_then(|at| at.checked_sub_signed(day)).map(first_id_at);
    (below.unwrap_or(Uuid::max()), from.unwrap_or(Uuid::nil()))
}

/// The smallest id that is made at a time.
pub(super) fn first_id_at(at: DateTime<Utc>) -> Uuid {
    let ms = u64::try_from(at.timestamp_millis()).unwrap_or(0).min((1 << 48) - 1);
    Uuid::from_u128(u128::from(ms) << 80)
}

/// Keeps the first words of a run's input.
pub(super) async fn words_of_input(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    input: &Value,
) -> StoreResult<()> {
    on_model!(tx, |_model| Ok(()));
    let mut words = Words::default();
    words.add(input);
    if words.text.is_empty() {
        return Ok(());
    }
    tx.gather(
        "run_search",
        "INSERT INTO run_search (organization_id, run_id, input) VALUES ($1, $2, $3)
         ON CONFLICT (organization_id, run_id) DO UPDATE SET input = excluded.input",
        args![organization.0, run.0, words.text],
    )
    .await
}

/// Keeps why a run failed, was blocked or stopped; the newest reason counts.
pub(super) async fn words_of_error(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    error: &str,
) -> StoreResult<()> {
    on_model!(tx, |_model| Ok(()));
    let mut words = Words::default();
    words.add_text(error);
    tx.gather(
        "run_search",
        "INSERT INTO run_search (organization_id, run_id, error) VALUES ($1, $2, $3)
         ON CONFLICT (organization_id, run_id) DO UPDATE SET error = excluded.error",
        args![organization.0, run.0, words.text],
    )
    .await
}

/// The start of a value's texts and numbers, in lower case, one a line.
#[derive(Default)]
struct Words {
    text: String,
    chars: usize,
}

impl Words {
    fn add(&mut self, value: &Value) {
        if self.chars >= WORDS_CHARS_MAX {
            return;
        }
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => self.add_text(&number.to_string()),
            Value::String(text) => self.add_text(text),
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.add(field)),
        }
    }

    fn add_text(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
            self.chars += 1;
        }
        // Control characters are nobody's words, and one database cannot keep them all.
        let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        for c in plain.flat_map(char::to_lowercase) {
            if self.chars >= WORDS_CHARS_MAX {
                return;
            }
            self.text.push(c);
            self.chars += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Pool;
    use serde_json::json;
    use sqlx::AssertSqlSafe;

    #[tokio::test]
    async fn the_list_of_a_contact_reads_rows_of_that_contact_only() {
        let store = Store::in_memory().await.unwrap();
        let Pool::Sqlite(pool) = store.pool() else { panic!("it is SQLite") };
        let filter = RunFilter { contact: Some(ContactId(Uuid::nil())), ..RunFilter::default() };
        let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql_of(&store, &filter)));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(sql).fetch_all(pool).await.unwrap();
        let reads = |what: &str| -> Vec<&str> {
            plan.iter().map(|step| &*step.3).filter(|step| step.starts_with(what)).collect()
        };
        let key = "(organization_id=? AND contact_id=? AND run_id>? AND run_id<?)";
        let halves = ["PRIMARY KEY", "COVERING INDEX messages_by_contact"];
        assert_eq!(reads("SEARCH x "), halves.map(|by| format!("SEARCH x USING {by} {key}")));
        let by_id = "SEARCH r USING PRIMARY KEY (organization_id=? AND id=?)";
        assert_eq!(reads("SEARCH r "), [by_id; 3]);
        assert_eq!(reads("SCAN "), ["SCAN about", "SCAN written", "SCAN found"]);
        // Sorted are the rows of two pages, not the contact's.
        assert_eq!(reads("USE TEMP B-TREE "), ["USE TEMP B-TREE FOR ORDER BY"]);
    }

    #[test]
    fn words_are_the_values_in_lower_case_and_bounded() {
        let mut words = Words::default();
        words.add(&json!({ "name": "\u{c4}da\u{0}X", "order": 4711, "tags": ["VIP", true, null] }));
        assert_eq!(words.text, "\u{e4}da x\n4711\nvip");
        let mut long = Words::default();
        long.add(&json!(["x".repeat(900), "\u{130}".repeat(900), "never"]));
        assert_eq!(long.text.chars().count(), WORDS_CHARS_MAX);
    }

    #[test]
    fn ids_are_in_the_order_of_their_times() {
        let at = DateTime::from_timestamp_millis(1_764_000_000_123).unwrap();
        let ts = uuid::Timestamp::from_unix(uuid::NoContext, 1_764_000_000, 123_000_000);
        let made = Uuid::new_v7(ts);
        assert!(first_id_at(at) <= made);
        assert!(made < first_id_at(at + TimeDelta::milliseconds(1)));
    }
}
