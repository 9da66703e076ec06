//! Schedules: when workflows start by themselves, as rows.
//!
//! A row remembers up to which time it is dealt with (`after_at`); that is the fence of a firing, which is one
//! transaction with the run that it starts. Deliberately absent: when a rule fires (see `signalbox::time`).

use super::{Store, StoreError, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::{
    graph::ScheduleRule,
    id::{OrganizationId, WorkflowId},
};

const TABLE: &str = "schedules";

/// A workflow's schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleRow {
    /// Whose.
    pub organization: OrganizationId,
    /// Which workflow it starts.
    pub workflow: WorkflowId,
    /// Which version.
    pub version: u32,
    /// The rule as it was written.
    pub cron: String,
    /// Its zone; `None`: the organisation's.
    pub timezone: Option<String>,
    /// What becomes of missed times.
    pub rule: ScheduleRule,
    /// Times up to this one are dealt with.
    pub after_at: DateTime<Utc>,
    /// The first time after it; `None`: to be made from the rule.
    pub due_at: Option<DateTime<Utc>>,
    /// The workflow is put away.
    pub paused: bool,
    /// Why the last time started no run; empty: it did.
    pub note: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    organization_id: uuid::Uuid,
    workflow_id: uuid::Uuid,
    version: i64,
    cron: String,
    timezone: Option<String>,
    rule: String,
    after_at: i64,
    due_at: Option<i64>,
    paused: i64,
    note: String,
}

impl Row {
    fn schedule(self) -> StoreResult<ScheduleRow> {
        Ok(ScheduleRow {
            organization: OrganizationId(self.organization_id),
            workflow: WorkflowId(self.workflow_id),
            version: value::small(self.version),
            cron: self.cron,
            timezone: self.timezone,
            rule: value::from_json(&self.rule, TABLE, "rule")?,
            after_at: value::time(self.after_at, TABLE, "after_at")?,
            due_at: value::time_opt(self.due_at, TABLE, "due_at")?,
            paused: self.paused != 0,
            note: self.note,
        })
    }
}

/// Gives a workflow its schedule, to be counted from `now`. One that has the same rule already goes on where it
/// is, so that publishing loses no time that is due.
pub(super) async fn schedule_put(
    tx: &mut Tx,
    new: &ScheduleRow,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
            "INSERT INTO schedules (organization_id, workflow_id, version, cron, timezone, rule, after_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (organization_id, workflow_id) DO UPDATE SET version = excluded.version, rule = excluded.rule,
               after_at = CASE WHEN schedules.paused = 0 AND schedules.cron = excluded.cron
                   AND coalesce(schedules.timezone, '') = coalesce(excluded.timezone, '')
                 THEN schedules.after_at ELSE excluded.after_at END,
               due_at = NULL, paused = 0, note = '', cron = excluded.cron, timezone = excluded.timezone",
        )
        .bind(new.organization.0)
        .bind(new.workflow.0)
        .bind(i64::from(new.version))
        .bind(&new.cron)
        .bind(&new.timezone)
        .bind(value::to_json(&new.rule, TABLE, "rule")?)
        .bind(value::ms(now))
        .execute(&mut *conn)
        .await
        .map(|_| ())
    })?;
    Ok(())
}

/// The workflow has no schedule any more; none is fine.
pub(super) async fn schedule_delete(
    tx: &mut Tx,
    organization: OrganizationId,
    workflow: WorkflowId,
) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM schedules WHERE organization_id = $1 AND workflow_id = $2"
    )
    .bind(organization.0)
    .bind(workflow.0)
    .execute(&mut *conn)
    .await
    .map(|_| ()))?;
    Ok(())
}

/// Stops a workflow's schedule, or lets it count again from now on: what would have come meanwhile was not missed.
pub(super) async fn schedule_pause(
    tx: &mut Tx,
    organization: OrganizationId,
    workflow: WorkflowId,
    paused: bool,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
            "UPDATE schedules SET paused = $3, due_at = NULL, after_at = CASE WHEN paused = 1 THEN $4 ELSE after_at END
             WHERE organization_id = $1 AND workflow_id = $2",
        )
        .bind(organization.0)
        .bind(workflow.0)
        .bind(i64::from(paused))
        .bind(value::ms(now))
        .execute(&mut *conn)
        .await
        .map(|_| ())
    })?;
    Ok(())
}

/// The organisation's clocks are others now: schedules that go by them count anew from now on.
pub(super) async fn schedules_rezone(
    tx: &mut Tx,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
            "UPDATE schedules SET due_at = NULL, after_at = $2
             WHERE organization_id = $1 AND timezone IS NULL AND paused = 0",
        )
        .bind(organization.0)
        .bind(value::ms(now))
        .execute(&mut *conn)
        .await
        .map(|_| ())
    })?;
    Ok(())
}

/// Has every time made anew: what is known about zones may have changed since they were made.
pub async fn schedules_remake(tx: &mut Tx) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query("UPDATE schedules SET due_at = NULL WHERE paused = 0")
        .execute(&mut *conn)
        .await
        .map(|_| ()))?;
    Ok(())
}

/// Deals with all times up to `newest`, if nobody else has since `row` was read ([`StoreError::Conflict`]).
/// Without a `newest` only the next time is noted.
pub async fn schedule_advance(
    tx: &mut Tx,
    row: &ScheduleRow,
    newest: Option<DateTime<Utc>>,
    due_at: DateTime<Utc>,
    note: &str,
) -> StoreResult<()> {
    let changed = on_tx!(tx, |conn| {
        sqlx::query(
            "UPDATE schedules SET after_at = $4, due_at = $5, note = $6
             WHERE organization_id = $1 AND workflow_id = $2 AND after_at = $3 AND paused = 0 AND version = $7",
        )
        .bind(row.organization.0)
        .bind(row.workflow.0)
        .bind(value::ms(row.after_at))
        .bind(value::ms(newest.unwrap_or(row.after_at)))
        .bind(value::ms(due_at))
        .bind(note)
        .bind(i64::from(row.version))
        .execute(&mut *conn)
        .await
        .map(|done| done.rows_affected())
    })?;
    match changed {
        0 => Err(StoreError::Conflict { what: "the schedule" }),
        _ => Ok(()),
    }
}

/// A schedule that cannot be read, as one that a newer server wrote.
#[derive(Debug, PartialEq)]
pub struct UnreadableSchedule {
    /// Whose.
    pub organization: OrganizationId,
    /// Which workflow it would start.
    pub workflow: WorkflowId,
    /// Why.
    pub error: StoreError,
}

/// Schedules that are due or whose next time is to be made, of every organisation, oldest first. One that cannot be
/// read hides no other.
pub async fn schedules_due(
    store: &Store,
    now: DateTime<Utc>,
    limit: u32,
) -> StoreResult<Vec<Result<ScheduleRow, UnreadableSchedule>>> {
    let rows: Vec<Row> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT organization_id, workflow_id, version, cron, timezone, rule, after_at, due_at, paused, note
         FROM schedules WHERE paused = 0 AND (due_at IS NULL OR due_at <= $1)
         ORDER BY coalesce(due_at, 0), workflow_id LIMIT $2"
    )
    .bind(now.timestamp_millis())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
    })?;
    let schedule = |row: Row| {
        let organization = OrganizationId(row.organization_id);
        let workflow = WorkflowId(row.workflow_id);
        row.schedule().map_err(|error| UnreadableSchedule { organization, workflow, error })
    };
    Ok(rows.into_iter().map(schedule).collect())
}

/// A schedule that cannot be read is not looked at before `due_at`; the note says why. The times stay to be dealt with.
pub async fn schedule_set_aside(
    tx: &mut Tx,
    organization: OrganizationId,
    workflow: WorkflowId,
    due_at: DateTime<Utc>,
    note: &str,
) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
        "UPDATE schedules SET due_at = $3, note = $4 WHERE organization_id = $1 AND workflow_id = $2"
    )
    .bind(organization.0)
    .bind(workflow.0)
    .bind(value::ms(due_at))
    .bind(note)
    .execute(&mut *conn)
    .await
    .map(|_| ())
    })?;
    Ok(())
}

/// When the next schedule of all is due.
pub async fn schedule_next(store: &Store) -> StoreResult<Option<DateTime<Utc>>> {
    let next: Option<i64> = on_db!(store, |pool| sqlx::query_scalar(
        "SELECT min(due_at) FROM schedules WHERE paused = 0"
    )
    .fetch_one(pool)
    .await)?;
    value::time_opt(next, TABLE, "due_at")
}

/// A workflow's schedule, if it has one.
pub async fn schedule_fetch(
    store: &Store,
    organization: OrganizationId,
    workflow: WorkflowId,
) -> StoreResult<Option<ScheduleRow>> {
    let row: Option<Row> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT organization_id, workflow_id, version, cron, timezone, rule, after_at, due_at, paused, note
         FROM schedules WHERE organization_id = $1 AND workflow_id = $2"
    )
    .bind(organization.0)
    .bind(workflow.0)
    .fetch_optional(pool)
    .await
    })?;
    row.map(Row::schedule).transpose()
}

/// The newest run of a workflow that was started in this way and is not over.
pub async fn run_unfinished_of(
    store: &Store,
    organization: OrganizationId,
    workflow: WorkflowId,
    started_by: &str,
) -> StoreResult<Option<signalbox::id::RunId>> {
    let run: Option<uuid::Uuid> = on_db!(store, |pool| {
        sqlx::query_scalar(
            "SELECT id FROM runs WHERE organization_id = $1 AND ended_at IS NULL AND workflow_id = $2
               AND started_by = $3 ORDER BY id DESC LIMIT 1",
        )
        .bind(organization.0)
        .bind(workflow.0)
        .bind(started_by)
        .fetch_optional(pool)
        .await
    })?;
    Ok(run.map(signalbox::id::RunId))
}
