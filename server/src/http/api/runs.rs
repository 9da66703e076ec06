//! Runs: start, list, look, wait, pause, resume, stop.

use super::{page, run_options};
use crate::{
    app_state::AppState,
    engine::{EngineError, StartRun, WaitFor},
    http::{
        body::Json,
        call::{Answer, Call, EventsQuery, NoQuery, WaitQuery},
        failure::Failure,
        idempotent,
        reply::{Found, Started},
        views::{self, Names, Newest},
    },
    store::{self, RunFilter},
};
use serde_json::{Value, json};
use signalbox::{
    id::{ContactId, OrganizationId, RunId, WorkflowId},
    run::{Command, RunEnd, RunState},
    wire::{
        ErrorCode, EventsPage, Page, ReasonBody, RunDetail, RunQuery, RunStart, RunStarted,
        RunView, RunWait,
    },
};
use std::time::Duration;

/// Events of one answer.
const EVENTS_MAX: usize = 1_000;
/// Bytes of a state that goes with the events; who gets none folds it from the first event on.
const STATE_BYTES_MAX: usize = 1 << 20;
const WAIT_DEFAULT_MS: u64 = 30_000;
const WAIT_MAX_MS: u64 = 300_000;
/// Contacts that one run may be about.
const CONTACTS_MAX: usize = 100;
/// Characters and words of a search.
const WORDS_CHARS_MAX: usize = 200;
const WORDS_MAX: usize = 3;

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(refusal) => Self::new(ErrorCode::WrongState, refusal.to_string()),
            EngineError::Store(error) => error.into(),
            EngineError::Graph(errors) => {
                let reasons: Vec<String> = errors.into_iter().map(|error| error.message).collect();
                Self::new(ErrorCode::GraphProblems, "The version cannot run.")
                    .details(json!({ "reasons": reasons }))
            }
            EngineError::Incompatible(steps) => super::runs_again::does_not_fit(&steps),
            EngineError::NoFork { field, why } => Self::value(field, why),
            EngineError::Quarantined(_) => Self::new(ErrorCode::WrongState, error.to_string()),
            EngineError::NoRoom { free_bytes } => {
                let text = format!(
                    "The disk is nearly full ({} MiB are free): no new runs are started. Those that are going on may \
                     finish.",
                    free_bytes >> 20
                );
                Self::new(ErrorCode::Unavailable, text)
                    .help(
                        "Ask an administrator to free space where the data lies, or to keep runs for fewer days \
                         (Settings, History). Then try again.",
                    )
                    .details(json!({ "reason": "disk_low", "free_bytes": free_bytes }))
            }
            EngineError::Busy | EngineError::Stopping => {
                Self::new(ErrorCode::Unavailable, error.to_string()).help("Try again in a moment.")
            }
        }
    }
}

/// `POST /api/workflows/{id}/runs`.
pub async fn start(call: Call<WorkflowId, NoQuery, Json<RunStart>>) -> Answer<Started<RunStarted>> {
    let (state, organization, workflow) = (&call.state, call.organization(), call.path);
    let key = idempotent::key_of(&call.headers)?;
    let Json(wanted) = &call.body;
    let request = (workflow, wanted);
    let mut created = false;
    let work = async {
        let version = version_to_run(state, organization, workflow, wanted.version).await?;
        check_contacts(state, organization, &wanted.contacts).await?;
        if wanted.thread_id.as_ref().is_some_and(|thread| thread.chars().count() > 200) {
            return Err(Failure::value("thread_id", "The thread_id has at most 200 characters."));
        }
        let options = run_options::of(state, organization, (workflow, version), wanted).await?;
        let start = StartRun {
            input: wanted.input.clone(),
            contacts: wanted.contacts.clone(),
            thread_id: wanted.thread_id.clone(),
            started_by: call.caller.label(),
            idempotency_key: key.map(|key| format!("api {workflow} {key}")),
            link: None,
            options,
        };
        let started = state.engine().start_run(organization, workflow, version, start).await?;
        created = started.created;
        Ok(RunStarted { id: started.run, status: started.status })
    };
    let headers = &call.headers;
    let body = idempotent::once(state, organization, "run_start", headers, &request, work).await?;
    Ok(Started { created, body })
}

/// The version that a start means.
pub async fn version_to_run(
    state: &AppState,
    organization: OrganizationId,
    workflow: WorkflowId,
    wanted: Option<u32>,
) -> Result<u32, Failure> {
    let (archived, newest) = newest_version(state, organization, workflow).await?;
    if archived {
        return Err(Failure::new(ErrorCode::WrongState, "The workflow is archived."));
    }
    let Some(newest) = newest else {
        return Err(Failure::new(ErrorCode::WrongState, "The workflow was never published.")
            .help("Publish it first; a run runs a version."));
    };
    match wanted {
        None => Ok(newest),
        Some(number) if (1..=newest).contains(&number) => Ok(number),
        Some(_) => Err(Failure::value("version", format!("The newest version is {newest}."))),
    }
}

/// Whether a workflow is archived, and its newest version if it has one.
async fn newest_version(
    state: &AppState,
    organization: OrganizationId,
    workflow: WorkflowId,
) -> Result<(bool, Option<u32>), Failure> {
    let store = state.store();
    let read = async {
        let summary = store::workflow_summary(store, organization, workflow).await?;
        Ok(Some((summary.archived, summary.published_version)))
    };
    let found = state.newest_versions().get(store, (organization, workflow), read).await?;
    Ok(found.unwrap_or_default())
}

async fn check_contacts(
    state: &AppState,
    organization: OrganizationId,
    contacts: &[ContactId],
) -> Result<(), Failure> {
    if contacts.len() > CONTACTS_MAX {
        let text = format!("A run is about {CONTACTS_MAX} contacts at most.");
        return Err(Failure::value("contacts", text));
    }
    for contact in contacts {
        match store::contact_fetch(state.store(), organization, *contact).await {
            Ok(_) => {}
            Err(store::StoreError::NotFound { .. }) => {
                return Err(Failure::value("contacts", format!("There is no contact {contact}.")));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// `GET /api/runs`.
pub async fn list(call: Call<(), RunQuery>) -> Answer<Found<Page<RunView>>> {
    let (store, query) = (call.state.store(), &call.query);
    let limit = page::limit(query.limit)?;
    let before = page::cursor::<RunId>(query.cursor.as_deref())?;
    let filter = filter_of(query)?;
    let rows = store::run_list(store, call.organization(), &filter, before, limit + 1).await?;
    let page = page::of(rows, limit, |row| row.id.to_string());
    let (mut items, mut names) = (Vec::with_capacity(page.items.len()), Names::default());
    for row in page.items {
        let mut item = views::run_row(store, &mut names, row).await?;
        views::add_title(&call.state, call.organization(), &mut item).await;
        items.push(item);
    }
    Ok(Found(Page { items, next_cursor: page.next_cursor, total: None }))
}

fn filter_of(query: &RunQuery) -> Result<RunFilter, Failure> {
    let wrong = |text: String| Failure::new(ErrorCode::InvalidParameter, text);
    if let (Some(after), Some(before)) = (query.after, query.before)
        && after >= before
    {
        let text = format!(
            "`after` ({after}) is not earlier than `before` ({before}): no run can be between."
        );
        return Err(wrong(text).help("Swap them, or leave one out."));
    }
    let words = query.q.as_deref().map(str::trim).filter(|words| !words.is_empty());
    if words.is_some_and(|words| words.chars().count() > WORDS_CHARS_MAX) {
        return Err(wrong(format!("`q` has at most {WORDS_CHARS_MAX} characters.")));
    }
    if words.is_some_and(|words| words.split_whitespace().count() > WORDS_MAX) {
        return Err(wrong(format!("`q` has at most {WORDS_MAX} words."))
            .help("Leave out the words that say least; parts of words count too."));
    }
    if words.is_some_and(|words| words.chars().any(char::is_control)) {
        return Err(wrong("`q` has a control character in it.".into()));
    }
    Ok(RunFilter {
        phase: query.state,
        workflow: query.workflow,
        contact: query.contact,
        after: query.after,
        before: query.before,
        words: words.map(str::to_owned),
    })
}

/// `GET /api/runs/{id}`.
pub async fn fetch(call: Call<RunId>) -> Answer<Found<RunDetail>> {
    let (store, organization, id) = (call.state.store(), call.organization(), call.path);
    let mut run = views::run_view(store, organization, id).await?;
    views::add_title(&call.state, organization, &mut run).await;
    let version = store::version_fetch(store, organization, run.workflow, run.version).await?;
    let (archived, version_now) = newest_version(&call.state, organization, run.workflow).await?;
    let Newest { early, events, now } =
        views::run_newest(store, organization, id, run.seq, EVENTS_MAX).await?;
    let is_whole = events.first().is_none_or(|event| event.seq == 1);
    Ok(Found(RunDetail {
        run,
        graph: version.graph,
        variables: now.variables,
        input: now.input,
        output: output_of(now.end),
        events,
        state: if is_whole { Value::Null } else { state_to_send(&early) },
        newest_version: version_now.filter(|_| !archived),
    }))
}

/// A state as JSON; null when it is too large to go with every answer.
fn state_to_send(state: &RunState) -> Value {
    match serde_json::to_string(state) {
        Ok(text) if text.len() <= STATE_BYTES_MAX => {
            serde_json::from_str(&text).unwrap_or_default()
        }
        _ => Value::Null,
    }
}

pub(super) fn output_of(end: Option<RunEnd>) -> Value {
    match end {
        Some(RunEnd::Completed { output, .. }) => output,
        _ => Value::Null,
    }
}

/// `GET /api/runs/{id}/events?after=N`.
pub async fn events(call: Call<RunId, EventsQuery>) -> Answer<Found<EventsPage>> {
    let (store, organization, id) = (call.state.store(), call.organization(), call.path);
    store::run_fetch(store, organization, id).await?;
    let after = call.query.after;
    let (events, more) = views::run_events(store, organization, id, after, EVENTS_MAX).await?;
    Ok(Found(EventsPage { events, more }))
}

/// `GET /api/runs/{id}/wait?timeout_ms=`.
pub async fn wait(call: Call<RunId, WaitQuery>) -> Answer<Found<RunWait>> {
    let wanted = call.query.timeout_ms.unwrap_or(WAIT_DEFAULT_MS);
    if wanted > WAIT_MAX_MS {
        let text = format!("`timeout_ms` is {wanted}; it must be at most {WAIT_MAX_MS}.");
        return Err(Failure::new(ErrorCode::InvalidParameter, text));
    }
    let timeout = Duration::from_millis(wanted);
    let what = match call.query.until.as_deref() {
        None | Some("person") => WaitFor::Person,
        Some("end") => WaitFor::End,
        Some(other) => {
            let text = format!("`until` is {other}; it must be person or end.");
            return Err(Failure::new(ErrorCode::InvalidParameter, text));
        }
    };
    wait_for(&call.state, call.organization(), call.path, what, timeout).await.map(Found)
}

/// Waits, at most so long or until the server goes down.
pub async fn wait_for(
    state: &AppState,
    organization: OrganizationId,
    run: RunId,
    what: WaitFor,
    timeout: Duration,
) -> Result<RunWait, Failure> {
    tokio::select! {
        status = state.engine().wait(organization, run, what, timeout) => drop(status?),
        () = state.shutdown().cancelled() => {}
    }
    let view = views::run_view(state.store(), organization, run).await?;
    let ended = view.status.phase().is_terminal();
    let output = match ended {
        true => output_of(views::run_end(state.store(), organization, run).await?),
        false => Value::Null,
    };
    Ok(RunWait { run: view, ended, output })
}

/// `POST /api/runs/{id}/pause`.
pub async fn pause(call: Call<RunId, NoQuery, Json<ReasonBody>>) -> Answer<Found<RunView>> {
    control(call, |by, _| Command::Pause { by }).await
}

/// `POST /api/runs/{id}/resume`.
pub async fn resume(call: Call<RunId, NoQuery, Json<ReasonBody>>) -> Answer<Found<RunView>> {
    control(call, |by, _| Command::Resume { by }).await
}

/// `POST /api/runs/{id}/stop`.
pub async fn stop(call: Call<RunId, NoQuery, Json<ReasonBody>>) -> Answer<Found<RunView>> {
    control(call, |by, reason| Command::Stop { reason, by, replaced_by: None }).await
}

async fn control(
    call: Call<RunId, NoQuery, Json<ReasonBody>>,
    command: impl FnOnce(String, String) -> Command,
) -> Answer<Found<RunView>> {
    let (organization, run) = (call.organization(), call.path);
    let reason = super::check::text_of("reason", &call.body.0.reason, 0, 500)?;
    let command = command(call.caller.label(), reason);
    call.state.engine().command(organization, run, command).await?;
    Ok(Found(views::run_view(call.state.store(), organization, run).await?))
}
