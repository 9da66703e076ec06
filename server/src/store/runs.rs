//! Runs: one row each, and the commit that moves a run on.
//!
//! [`run_insert`] and [`run_advance`] are the only writers of runs and journals. An advance names the
//! event number it was decided at; when the run has moved on meanwhile nothing is written
//! ([`StoreError::Conflict`]), and whoever decided reads again and decides again.

use super::{
    EventBlocks, NewApproval, OpenCall, Store, StoreError, StoreResult, Tx, approvals, calls,
    escalation, events, links, on_model, outside, run_care, run_ends, run_list, step_hooks, timers,
    value,
};
use crate::{args, on_db};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::{
    id::{ApprovalId, CallId, ContactId, OrganizationId, RunId, WorkflowId},
    run::{ActivationId, EVENT_VERSION, RunStatus, TimerId},
    wire::ApprovalState,
};

/// A run as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Whose.
    pub organization: OrganizationId,
    /// Which.
    pub id: RunId,
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// Which version it runs.
    pub version: u32,
    /// Number of its last event.
    pub seq: u64,
    /// Its status, as the API shows it.
    pub status: RunStatus,
    /// By whom or what it was started.
    pub started_by: String,
    /// Shared model context.
    pub thread_id: Option<String>,
    /// The earliest node that is not over.
    pub current_node: Option<String>,
    /// Its state cannot be read; only a person can help.
    pub quarantined: bool,
    /// Tokens in.
    pub input_tokens: u64,
    /// Tokens out.
    pub output_tokens: u64,
    /// Model cost in millionths of a US dollar.
    pub cost_micros: u64,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// When something happened last.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A run to be made, with its first commit.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Which version.
    pub version: u32,
    /// By whom or what.
    pub started_by: String,
    /// Shared model context.
    pub thread_id: Option<String>,
    /// The same key finds the same run.
    pub idempotency_key: Option<String>,
    /// Whom it is about.
    pub contacts: Vec<ContactId>,
    /// The input; its first words are kept so that the run can be found by them.
    pub input: Value,
}

/// What one commit says about a run besides its events.
#[derive(Clone, Debug)]
pub struct RunHead {
    /// The status after it.
    pub status: RunStatus,
    /// The earliest node that is not over.
    pub current_node: Option<String>,
    /// It must be told to continue.
    pub due: bool,
    /// Tokens in, so far.
    pub input_tokens: u64,
    /// Tokens out, so far.
    pub output_tokens: u64,
    /// Cost so far, in millionths of a US dollar.
    pub cost_micros: u64,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Rows that go with a run's events.
#[derive(Clone, Debug)]
pub enum RunWrite {
    /// A call is to be made.
    CallOpen(Box<OpenCall>),
    /// A task is to be done by an outside worker.
    TaskOffer(Box<OpenCall>),
    /// A task is free again.
    TaskFree(CallId),
    /// Nobody waits for the run that a call started.
    ChildStop(CallId),
    /// The run waits for its turn among those of a key, of which so many go at once.
    SlotAsk(String, u32),
    /// The send gate holds a call.
    CallPark(CallId),
    /// A call has a result or is not wanted any more.
    CallClose(CallId),
    /// A timer is set or moved.
    TimerSet(TimerId, DateTime<Utc>),
    /// A timer is over.
    TimerDelete(TimerId),
    /// A request goes into the inbox.
    ApprovalOpen(Box<NewApproval>),
    /// A request was decided; it may be closed already by whoever decided.
    ApprovalClose(ApprovalId, ApprovalState, approvals::Decided),
    /// Nobody needs to decide this any more.
    ApprovalWithdraw(ApprovalId),
    /// The run's past is another run's: for its waits count the events since that one began.
    HearPast,
    /// Nobody decided in time: a request is urgent, and meant for somebody else.
    ApprovalEscalate(ApprovalId, String),
    /// An address is to be told of a step that ended.
    StepHook(Box<step_hooks::StepHook>),
    /// An activation waits for outside events of a name since the run began, at this time.
    WaitOpen(ActivationId, String, DateTime<Utc>),
    /// An activation waits no longer for an outside event.
    WaitClose(ActivationId),
    /// The run is over: nothing of it waits any more.
    End,
}

impl RunWrite {
    /// Whether it is gathered, or sends what was gathered before it asks the database.
    fn is_gathered(&self) -> bool {
        matches!(
            self,
            Self::HearPast
                | Self::CallOpen(_)
                | Self::TaskOffer(_)
                | Self::TaskFree(_)
                | Self::ChildStop(_)
                | Self::CallPark(_)
                | Self::CallClose(_)
                | Self::TimerSet(..)
                | Self::TimerDelete(_)
                | Self::End
        )
    }
}

/// All of one commit.
#[derive(Clone, Debug)]
pub struct RunCommit {
    /// Whose.
    pub organization: OrganizationId,
    /// Which run.
    pub run: RunId,
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// The event number it was decided at; 0 for a new run.
    pub expected_seq: u64,
    /// The event number after it.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// The new events, as they will stand in the journal.
    pub events: EventBlocks,
    /// The row.
    pub head: RunHead,
    /// What goes with it.
    pub writes: Vec<RunWrite>,
    /// The state after it, when it is time for a checkpoint.
    pub checkpoint: Option<Vec<u8>>,
    /// The run ends and holds nothing: no message of it waits to be sent, no approval to be decided. The fence sees to
    /// it that this is so.
    pub holds_nothing: bool,
    /// The run is in this phase already and goes on, so the lists of phases stay as they are. The fence sees to it that
    /// this is so.
    pub phase_stays: bool,
}

/// Makes a run with its first commit. [`StoreError::Conflict`] when its idempotency key has a run.
pub async fn run_insert(tx: &mut Tx, new: &NewRun, commit: &RunCommit) -> StoreResult<()> {
    let (head, organization, run) = (&commit.head, commit.organization, commit.run);
    #[cfg(test)]
    if let Some(model) = tx.model() {
        model.run_insert(new, commit)?;
        return append(tx, commit).await;
    }
    let sql = "INSERT INTO runs (organization_id, id, workflow_id, version, seq, phase, status, started_by, thread_id,
           idempotency_key, current_node, due, input_tokens, output_tokens, cost_micros, created_at, updated_at, ended_at,
           events_from)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17,
           (SELECT coalesce(max(number), 0) FROM outside_events WHERE organization_id = $1))
         ON CONFLICT (organization_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING";
    let args = args![
        organization.0,
        run.0,
        commit.workflow.0,
        new.version,
        value::int(commit.seq),
        head.status.phase().as_str(),
        value::to_json(&head.status, "runs", "status")?,
        new.started_by.as_str(),
        &new.thread_id,
        &new.idempotency_key,
        &head.current_node,
        i64::from(head.due),
        value::int(head.input_tokens),
        value::int(head.output_tokens),
        value::int(head.cost_micros),
        value::ms(commit.at),
        head.ended_at.map(value::ms),
    ];
    match new.idempotency_key {
        Some(_) => tx.gather_fence("runs", "the run with this idempotency key", sql, args),
        None => tx.gather("runs", sql, args).await?, // there is nothing it could conflict with
    }
    for contact in &new.contacts {
        tx.gather(
            "run_contacts",
            "INSERT INTO run_contacts (organization_id, contact_id, run_id) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
            args![organization.0, contact.0, run.0],
        )
        .await?;
    }
    run_list::words_of_input(tx, organization, run, &new.input).await?;
    append(tx, commit).await
}

macro_rules! move_where {
    ($rest:literal) => {
        concat!(
            "UPDATE runs SET seq = $4, phase = $5, status = $6, current_node = $7, due = $8, input_tokens = $9,
               output_tokens = $10, cost_micros = $11, updated_at = $12, ended_at = $13
             WHERE organization_id = $1 AND id = $2 AND seq = $3 AND quarantined = 0",
            $rest
        )
    };
}

const MOVE: &str = move_where!("");
/// Nothing that an index holds is set: setting it to what it is would write its page again.
const MOVE_WITHIN_PHASE: &str =
    "UPDATE runs SET seq = $4, status = $6, current_node = $7, due = $8, input_tokens = $9, output_tokens = $10,
       cost_micros = $11, updated_at = $12
     WHERE organization_id = $1 AND id = $2 AND seq = $3 AND quarantined = 0 AND phase = $5 AND ended_at IS NULL";
/// What [`messages_recall`](super::messages_recall) and [`approvals_withdraw_of_run`](super::approvals_withdraw_of_run)
/// would find.
const MOVE_THAT_HOLDS_NOTHING: &str = move_where!(
    " AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.organization_id = $1 AND m.run_id = $2
        AND m.state IN ('pending_approval', 'held', 'queued', 'retry_wait'))
      AND NOT EXISTS (SELECT 1 FROM approvals a WHERE a.organization_id = $1 AND a.run_id = $2
        AND a.state = 'pending' AND a.kind <> 'uncertain')"
);

/// What a [`StoreError::Conflict`] names when a run has moved on meanwhile.
pub const RUN_FENCE: &str = "the run";

/// Moves a run on. [`StoreError::Conflict`] when it has moved on meanwhile; then nothing is written.
pub async fn run_advance(tx: &mut Tx, commit: &RunCommit) -> StoreResult<()> {
    run_fence(tx, commit)?;
    run_append(tx, commit).await?;
    tx.send().await
}

/// The first half of [`run_advance`]: the run's row, if it is still where it was decided (and
/// [holds nothing](RunCommit::holds_nothing), if that was decided). It is only gathered; whether it is there shows when it is sent ([`run_fence_send`], or with [`run_append`]).
pub fn run_fence(tx: &mut Tx, commit: &RunCommit) -> StoreResult<()> {
    on_model!(tx, |model| {
        model.run_fence(commit);
        Ok(())
    });
    let head = &commit.head;
    let mut args = args![
        commit.organization.0,
        commit.run.0,
        value::int(commit.expected_seq),
        value::int(commit.seq),
        head.status.phase().as_str(),
        value::to_json(&head.status, "runs", "status")?,
        &head.current_node,
        i64::from(head.due),
        value::int(head.input_tokens),
        value::int(head.output_tokens),
        value::int(head.cost_micros),
        value::ms(commit.at),
    ];
    let sql = match (commit.holds_nothing, commit.phase_stays) {
        (true, _) => MOVE_THAT_HOLDS_NOTHING,
        (false, true) => MOVE_WITHIN_PHASE,
        (false, false) => MOVE,
    };
    if sql != MOVE_WITHIN_PHASE {
        args.extend(args![head.ended_at.map(value::ms)]);
    }
    tx.gather_fence("runs", RUN_FENCE, sql, args);
    Ok(())
}

/// As [`run_fence`], for what rests on where a run stands without moving it on.
pub fn run_unmoved(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    seq: u64,
) -> StoreResult<()> {
    on_model!(tx, |model| {
        model.run_unmoved(run, seq);
        Ok(())
    });
    // A write, so that the row is locked until the commit where others write at the same time.
    let sql = "UPDATE runs SET seq = seq WHERE organization_id = $1 AND id = $2 AND seq = $3";
    tx.gather_fence("runs", RUN_FENCE, sql, args![organization.0, run.0, value::int(seq)]);
    Ok(())
}

/// Sends what was gathered: after it other writes may come.
pub async fn run_fence_send(tx: &mut Tx) -> StoreResult<()> {
    tx.send().await
}

/// The run goes on in another version; in the transaction of the commit that says so.
pub async fn run_version_set(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    version: u32,
) -> StoreResult<()> {
    on_model!(tx, |model| model.run_version_set(run, version));
    let sql = "UPDATE runs SET version = $3 WHERE organization_id = $1 AND id = $2";
    tx.gather("runs", sql, args![organization.0, run.0, version]).await
}

/// The second half of [`run_advance`]: the journal and the rows that go with it.
pub async fn run_append(tx: &mut Tx, commit: &RunCommit) -> StoreResult<()> {
    append(tx, commit).await
}

async fn append(tx: &mut Tx, commit: &RunCommit) -> StoreResult<()> {
    let (organization, run) = (commit.organization, commit.run);
    events::events_append(tx, organization, run, &commit.events).await?;
    for write in &commit.writes {
        apply(tx, organization, run, write, commit.at).await?;
        if matches!(write, RunWrite::End) && !commit.holds_nothing {
            tx.send().await?;
            approvals::approvals_withdraw_of_run(tx, organization, run, commit.at).await?;
        }
    }
    if commit.head.due && tx.is_shared() {
        tx.send().await?;
        run_care::run_own(tx, organization, run).await?;
    }
    if let Some(why) = why_of(&commit.head.status) {
        run_list::words_of_error(tx, organization, run, why).await?;
    }
    if commit.head.ended_at.is_some() {
        run_ends::ended(tx, commit).await?;
    }
    if let Some(state) = &commit.checkpoint {
        checkpoint_write(tx, organization, run, commit.seq, state).await?;
    }
    let payload = serde_json::json!({
        "seq": commit.seq,
        "phase": commit.head.status.phase().as_str(),
        "created": commit.expected_seq == 0,
    });
    tx.feed_append(organization, "run", run.0, payload, commit.at);
    Ok(())
}

/// Why a run stands still or ended early, for people.
fn why_of(status: &RunStatus) -> Option<&str> {
    match status {
        RunStatus::Failed { error_message: why }
        | RunStatus::Blocked { reason: why }
        | RunStatus::Stopped { reason: why, .. } => Some(why),
        _ => None,
    }
}

async fn apply(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    write: &RunWrite,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    if !write.is_gathered() {
        tx.send().await?; // a fence that does not hold shows here, before anything else is tried
    }
    match write {
        RunWrite::CallOpen(call) => calls::call_open(tx, call, true, at).await,
        RunWrite::TaskOffer(call) => calls::call_open(tx, call, false, at).await,
        RunWrite::TaskFree(call) => calls::call_free(tx, organization, run, *call).await,
        RunWrite::ChildStop(call) => links::links_stop(tx, organization, run, *call).await,
        RunWrite::SlotAsk(key, places) => {
            links::slot_ask(tx, organization, run, key, *places, at).await
        }
        RunWrite::CallPark(call) => calls::call_park(tx, organization, run, *call).await,
        RunWrite::CallClose(call) => calls::call_close(tx, organization, run, *call).await,
        RunWrite::TimerSet(timer, due) => {
            timers::timer_set(tx, organization, run, timer, *due).await
        }
        RunWrite::TimerDelete(timer) => timers::timer_delete(tx, organization, run, timer).await,
        RunWrite::ApprovalOpen(new) => approvals::approval_open(tx, new, at).await,
        RunWrite::ApprovalClose(id, state, decided) => {
            match approvals::approval_close(tx, organization, *id, None, *state, decided).await {
                Err(StoreError::Conflict { .. }) => Ok(()), // whoever decided has closed it in this transaction
                other => other,
            }
        }
        RunWrite::ApprovalWithdraw(id) => {
            approvals::approval_withdraw(tx, organization, *id, at).await
        }
        RunWrite::HearPast => {
            on_model!(tx, |model| model.hear_past(run));
            let sql = "UPDATE runs SET events_from = NULL WHERE organization_id = $1 AND id = $2";
            tx.gather("runs", sql, args![organization.0, run.0]).await
        }
        RunWrite::ApprovalEscalate(id, to) => {
            escalation::approval_escalate(tx, organization, *id, to, at).await
        }
        RunWrite::StepHook(hook) => step_hooks::step_hook_insert(tx, hook, at).await,
        RunWrite::WaitOpen(activation, name, since) => {
            outside::wait_open(tx, organization, run, *activation, name, *since).await
        }
        RunWrite::WaitClose(activation) => {
            outside::wait_close(tx, organization, run, *activation).await
        }
        RunWrite::End => run_ends::forget(tx, organization, run).await,
    }
}

async fn checkpoint_write(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    seq: u64,
    state: &[u8],
) -> StoreResult<()> {
    on_model!(tx, |model| model.checkpoint_write(run, seq, state));
    tx.gather(
        "run_checkpoints",
        "INSERT INTO run_checkpoints (organization_id, run_id, seq, format, state) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (organization_id, run_id) DO UPDATE SET seq = excluded.seq, format = excluded.format,
           state = excluded.state",
        args![organization.0, run.0, value::int(seq), EVENT_VERSION, state.to_vec()],
    )
    .await
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    organization_id: uuid::Uuid,
    id: uuid::Uuid,
    workflow_id: uuid::Uuid,
    version: i64,
    seq: i64,
    status: String,
    started_by: String,
    thread_id: Option<String>,
    current_node: Option<String>,
    quarantined: i64,
    input_tokens: i64,
    output_tokens: i64,
    cost_micros: i64,
    created_at: i64,
    updated_at: i64,
    ended_at: Option<i64>,
}

impl Row {
    pub(super) fn run(self) -> StoreResult<Run> {
        Ok(Run {
            organization: OrganizationId(self.organization_id),
            id: RunId(self.id),
            workflow: WorkflowId(self.workflow_id),
            version: value::small(self.version),
            seq: value::count(self.seq),
            status: value::from_json(&self.status, "runs", "status")?,
            started_by: self.started_by,
            thread_id: self.thread_id,
            current_node: self.current_node,
            quarantined: self.quarantined != 0,
            input_tokens: value::count(self.input_tokens),
            output_tokens: value::count(self.output_tokens),
            cost_micros: value::count(self.cost_micros),
            created_at: value::time(self.created_at, "runs", "created_at")?,
            updated_at: value::time(self.updated_at, "runs", "updated_at")?,
            ended_at: value::time_opt(self.ended_at, "runs", "ended_at")?,
        })
    }
}

/// A run.
pub async fn run_fetch(
    store: &Store,
    organization: OrganizationId,
    run: RunId,
) -> StoreResult<Run> {
    on_model!(store, |node| node.read(|tables| tables.run_fetch(run)).await);
    let row: Row = on_db!(store, |pool| sqlx::query_as(
        "SELECT * FROM runs WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(run.0)
    .fetch_one(pool)
    .await)
    .map_err(StoreError::of("run"))?;
    row.run()
}

/// The run that an idempotency key made.
pub async fn run_by_key(
    store: &Store,
    organization: OrganizationId,
    key: &str,
) -> StoreResult<Option<Run>> {
    on_model!(store, |node| node.read(|tables| Ok(tables.run_by_key(key))).await);
    let row: Option<Row> = on_db!(store, |pool| sqlx::query_as(
        "SELECT * FROM runs WHERE organization_id = $1 AND idempotency_key = $2"
    )
    .bind(organization.0)
    .bind(key)
    .fetch_optional(pool)
    .await)?;
    row.map(Row::run).transpose()
}

/// The contacts a run is about.
pub async fn run_contacts(
    store: &Store,
    organization: OrganizationId,
    run: RunId,
) -> StoreResult<Vec<ContactId>> {
    on_model!(store, |_node| Ok(vec![]));
    let ids: Vec<uuid::Uuid> = on_db!(store, |pool| {
        sqlx::query_scalar(
        "SELECT contact_id FROM run_contacts WHERE organization_id = $1 AND run_id = $2 ORDER BY contact_id"
    )
    .bind(organization.0)
    .bind(run.0)
    .fetch_all(pool)
    .await
    })?;
    Ok(ids.into_iter().map(ContactId).collect())
}

/// A run's newest checkpoint: the event number and the state, when this code can read its format.
pub async fn checkpoint_fetch(
    store: &Store,
    organization: OrganizationId,
    run: RunId,
) -> StoreResult<Option<(u64, Vec<u8>)>> {
    on_model!(store, |node| node.read(|tables| Ok(tables.checkpoint_fetch(run))).await);
    let row: Option<(i64, Vec<u8>)> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT seq, state FROM run_checkpoints WHERE organization_id = $1 AND run_id = $2 AND format = $3"
    )
    .bind(organization.0)
    .bind(run.0)
    .bind(i64::from(EVENT_VERSION))
    .fetch_optional(pool)
    .await
    })?;
    Ok(row.map(|(seq, state)| (value::count(seq), state)))
}
