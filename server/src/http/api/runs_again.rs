//! A run's steps again or elsewhere: retry, fork, another version.

use super::runs::version_to_run;
use crate::{
    engine::ForkRun,
    http::{
        body::Json,
        call::{Answer, Call, NoQuery},
        failure::Failure,
        idempotent,
        reply::{Found, Started},
        views,
    },
    store,
};
use serde_json::json;
use signalbox::{
    id::RunId,
    run::{Command, ForkEdits, Incompatible},
    wire::{ErrorCode, RunFork, RunMigrate, RunMigration, RunRetry, RunStarted, RunView},
};

/// `POST /api/runs/{id}/retry`.
pub async fn retry(call: Call<RunId, NoQuery, Json<RunRetry>>) -> Answer<Found<RunView>> {
    let (organization, run, Json(wanted)) = (call.organization(), call.path, &call.body);
    let command = Command::Reopen { by: call.caller.label(), from: wanted.from.clone() };
    call.state.engine().command(organization, run, command).await?;
    Ok(Found(views::run_view(call.state.store(), organization, run).await?))
}

/// `POST /api/runs/{id}/fork`.
pub async fn fork(call: Call<RunId, NoQuery, Json<RunFork>>) -> Answer<Started<RunStarted>> {
    let (state, organization, from) = (&call.state, call.organization(), call.path);
    let (key, Json(wanted)) = (idempotent::key_of(&call.headers)?, &call.body);
    let request = (from, wanted);
    let mut created = false;
    let work = async {
        let row = store::run_fetch(state.store(), organization, from).await?;
        let version = match wanted.version {
            None => None,
            wanted => Some(version_to_run(state, organization, row.workflow, wanted).await?),
        };
        let fork = ForkRun {
            up_to: wanted.seq,
            version,
            edits: ForkEdits { input: wanted.input.clone(), variables: wanted.variables.clone() },
            by: call.caller.label(),
            idempotency_key: key.map(|key| format!("fork {from} {key}")),
        };
        let started = state.engine().fork_run(organization, from, fork).await?;
        created = started.created;
        Ok(RunStarted { id: started.run, status: started.status })
    };
    let headers = &call.headers;
    let body = idempotent::once(state, organization, "run_fork", headers, &request, work).await?;
    Ok(Started { created, body })
}

/// `POST /api/runs/{id}/migrate`.
pub async fn migrate(call: Call<RunId, NoQuery, Json<RunMigrate>>) -> Answer<Found<RunMigration>> {
    let (state, organization, run) = (&call.state, call.organization(), call.path);
    let Json(wanted) = &call.body;
    let row = store::run_fetch(state.store(), organization, run).await?;
    let to = version_to_run(state, organization, row.workflow, Some(wanted.version)).await?;
    if row.status.phase().is_terminal() {
        return Err(Failure::new(ErrorCode::WrongState, "The run has ended.")
            .help("Fork it into the other version instead."));
    }
    if row.version == to {
        let text = format!("The run is in version {to} already.");
        return Err(Failure::value("version", text));
    }
    let engine = state.engine();
    let incompatible = match wanted.preview {
        true => engine.migration_preview(organization, run, to).await?,
        false => {
            engine.migrate_run(organization, run, to, &call.caller.label()).await?;
            vec![]
        }
    };
    let run = views::run_view(state.store(), organization, run).await?;
    Ok(Found(RunMigration { migrated: !wanted.preview, incompatible, run }))
}

/// What is said when living steps have no place in a version.
pub fn does_not_fit(steps: &[Incompatible]) -> Failure {
    let reasons: Vec<&str> = steps.iter().map(|step| step.reason.as_str()).collect();
    let text = format!("The run cannot go on in that version: {}.", reasons.join("; "));
    Failure::new(ErrorCode::WrongState, text)
        .details(json!({ "incompatible": steps }))
        .help("Let these steps end first, or choose a version that still has them.")
}
