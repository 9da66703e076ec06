//! What goes with the end of a run: who waits for it hears of it, and what it waited for is forgotten.

use super::{Happening, RunCommit, StoreResult, Tx, event_triggers::event_happened_to, links};
use crate::args;
use signalbox::{
    event_type,
    id::{OrganizationId, RunId},
    run::RunStatus,
};

/// Others may wait for a run's end.
pub(super) async fn ended(tx: &mut Tx, commit: &RunCommit) -> StoreResult<()> {
    let (organization, run, workflow) = (commit.organization, commit.run, commit.workflow);
    let (name, outcome, error) = match &commit.head.status {
        RunStatus::Completed { outcome, .. } => {
            (event_type::RUN_COMPLETED, Some(outcome.as_str()), None)
        }
        RunStatus::Failed { error_message } => {
            (event_type::RUN_FAILED, None, Some(error_message.as_str()))
        }
        RunStatus::Stopped { reason, .. } => (event_type::RUN_STOPPED, None, Some(reason.as_str())),
        _ => return Ok(()),
    };
    #[cfg(test)]
    if let Some(model) = tx.model() {
        let payload = model.ended(commit, name, outcome, error);
        let happening = Happening { name, contact: None, cause: Some(run), payload };
        return super::event_happened(tx, organization, happening, commit.at).await;
    }
    let payload = serde_json::json!({
        "runId": run, "workflowId": workflow,
        "status": commit.head.status.phase().as_str(), "outcome": outcome, "error": error,
    });
    let happening = Happening { name, contact: None, cause: Some(run), payload };
    event_happened_to(tx, organization, workflow, happening, commit.at).await
}

/// Forgets what an ended run waited for, its calls that the send gate holds among them: a message on its
/// way keeps its own row, and an ended run is told nothing any more.
pub(super) async fn forget(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
) -> StoreResult<()> {
    #[cfg(test)]
    if let Some(model) = tx.model() {
        model.run_end(run);
        return links::links_end(tx, organization, run).await;
    }
    for (table, sql) in [
        ("timers", "DELETE FROM timers WHERE organization_id = $1 AND run_id = $2"),
        ("event_waits", "DELETE FROM event_waits WHERE organization_id = $1 AND run_id = $2"),
        ("calls", "DELETE FROM calls WHERE organization_id = $1 AND run_id = $2"),
        (
            "run_checkpoints",
            "DELETE FROM run_checkpoints WHERE organization_id = $1 AND run_id = $2",
        ),
    ] {
        tx.gather(table, sql, args![organization.0, run.0]).await?;
    }
    links::links_end(tx, organization, run).await
}
