//! Counts that lists show beside their rows.

use super::{Store, StoreResult, value};
use crate::on_db;
use signalbox::id::{OrganizationId, WorkflowId};
use std::collections::BTreeMap;

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
