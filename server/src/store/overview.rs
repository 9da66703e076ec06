//! Counts that lists show beside their rows.

use super::{Store, StoreResult, value};
use crate::on_db;
use signalbox::{
    id::{OrganizationId, WorkflowId},
    wire::OutcomeCount,
};
use std::collections::BTreeMap;

/// Outcomes that are counted; an outcome may be a template, so there can be as many as runs.
const OUTCOMES_MAX: i64 = 1_000;

/// A workflow's runs by phase, such as `{"Completed": 12}`.
pub async fn run_counts(
    store: &Store,
    organization: OrganizationId,
    workflow: WorkflowId,
) -> StoreResult<BTreeMap<String, u64>> {
    let rows: Vec<(String, i64)> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT phase, count(*) FROM runs WHERE organization_id = $1 AND workflow_id = $2 GROUP BY phase"
    )
    .bind(organization.0)
    .bind(workflow.0)
    .fetch_all(pool)
    .await
    })?;
    Ok(rows.into_iter().map(|(phase, runs)| (phase, value::count(runs))).collect())
}

macro_rules! outcomes_sql {
    ($outcome:literal) => {
        concat!(
            "SELECT version, coalesce(",
            $outcome,
            ", '') AS outcome, count(*) AS ended FROM runs
             WHERE organization_id = $1 AND workflow_id = $2 AND phase = 'Completed'
             GROUP BY version, outcome ORDER BY version DESC, ended DESC, outcome LIMIT $3"
        )
    };
}

/// How many of a workflow's runs that are kept completed with which outcome: newest version first, then the most
/// frequent. Reads the row of each run of the workflow once, found by `runs_by_workflow`: some microseconds a run, and
/// retention bounds how many there are.
pub async fn outcome_counts(
    store: &Store,
    organization: OrganizationId,
    workflow: WorkflowId,
) -> StoreResult<Vec<OutcomeCount>> {
    let sql = store.pick(
        outcomes_sql!("json_extract(status, '$.outcome')"),
        // It cannot give a NUL out as text.
        outcomes_sql!("replace(status, '\\u0000', '\\ufffd')::json ->> 'outcome'"),
    );
    let rows: Vec<(i64, String, i64)> = on_db!(store, |pool| sqlx::query_as(sql)
        .bind(organization.0)
        .bind(workflow.0)
        .bind(OUTCOMES_MAX)
        .fetch_all(pool)
        .await)?;
    let count = |(version, outcome, ended): (i64, String, i64)| OutcomeCount {
        version: value::small(version),
        outcome,
        count: value::count(ended),
    };
    Ok(rows.into_iter().map(count).collect())
}
