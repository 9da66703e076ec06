//! Runs that runs start, and runs that wait for one another.

use super::{Store, StoreError, StoreResult, Tx, on_model, value};
use crate::{args, on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::id::{CallId, OrganizationId, RunId, WorkflowId};

/// A run that a call of another run started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLink {
    /// Whose.
    pub organization: OrganizationId,
    /// The run that was started.
    pub run: RunId,
    /// The run that waits for it.
    pub parent: RunId,
    /// The call of that run.
    pub call: CallId,
    /// The attempt of the call.
    pub attempt: u32,
    /// The outermost workflow.
    pub root_workflow: WorkflowId,
    /// How many runs are around it.
    pub depth: u32,
}

/// What is to be done about a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Nobody waits for the run any more.
    Stop,
    /// It ended: the run that waits must be told.
    Ended,
}

/// Notes whose call starts a run, and in which queue, in the transaction that makes it. [`StoreError::Conflict`] when the call is not to be
/// made any more. It is held until the commit: whoever gives it up meanwhile finds the run that was started.
pub async fn link_insert(tx: &mut Tx, link: &RunLink) -> StoreResult<()> {
    let gone = StoreError::Conflict { what: "the call" };
    #[cfg(test)]
    if let Some(model) = tx.model() {
        let call = model.tables.calls.get(&(link.parent, link.call));
        return match call.is_some_and(|row| row.call.attempt == link.attempt) {
            true => model.link_insert(link),
            false => Err(gone),
        };
    }
    let sql = tx.pick(
        "SELECT attempt FROM calls WHERE organization_id = $1 AND run_id = $2 AND id = $3",
        "SELECT attempt FROM calls WHERE organization_id = $1 AND run_id = $2 AND id = $3 FOR SHARE",
    );
    let attempt: Option<i64> = on_tx!(tx, |conn| sqlx::query_scalar(sql)
        .bind(link.organization.0)
        .bind(link.parent.0)
        .bind(link.call.0)
        .fetch_optional(&mut *conn)
        .await)?;
    if attempt != Some(i64::from(link.attempt)) {
        return Err(gone);
    }
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO run_links (organization_id, run_id, parent_id, call_id, attempt, root_workflow_id, depth, state, queue)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'live',
           (SELECT queue FROM calls WHERE organization_id = $1 AND run_id = $3 AND id = $4))"
    )
    .bind(link.organization.0)
    .bind(link.run.0)
    .bind(link.parent.0)
    .bind(link.call.0)
    .bind(i64::from(link.attempt))
    .bind(link.root_workflow.0)
    .bind(i64::from(link.depth))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// The parent was told how the run ended, or does not want to know.
pub async fn link_told(tx: &mut Tx, organization: OrganizationId, run: RunId) -> StoreResult<()> {
    on_model!(tx, |model| model.link_told(run));
    on_tx!(tx, |conn| sqlx::query(
        "UPDATE run_links SET state = 'told' WHERE organization_id = $1 AND run_id = $2"
    )
    .bind(organization.0)
    .bind(run.0)
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}

/// A run that is just being started holds its call ([`link_insert`]). Giving up the call waits for it, and only a
/// statement that begins after that sees its link.
async fn send_calls_first(tx: &mut Tx) -> StoreResult<()> {
    if tx.is_shared() { tx.send().await } else { Ok(()) }
}

/// Nobody waits for the run that a call started; none is fine.
pub(super) async fn links_stop(
    tx: &mut Tx,
    organization: OrganizationId,
    parent: RunId,
    call: CallId,
) -> StoreResult<()> {
    on_model!(tx, |model| model.links_stop(parent, call));
    send_calls_first(tx).await?;
    let sql = tx.pick(
        "UPDATE run_links INDEXED BY run_links_by_parent SET state = 'stop'
         WHERE organization_id = $1 AND parent_id = $2 AND call_id = $3 AND state = 'live'",
        "UPDATE run_links SET state = 'stop'
         WHERE organization_id = $1 AND parent_id = $2 AND call_id = $3 AND state = 'live'",
    );
    tx.gather("run_links", sql, args![organization.0, parent.0, call.0]).await
}

/// A run is over: the run that waits for it must be told, the runs that it started are not wanted, its place is free.
pub(super) async fn links_end(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
) -> StoreResult<()> {
    on_model!(tx, |model| model.links_end(run));
    send_calls_first(tx).await?;
    // SQLite would look at all links of the organisation: its key seems as good as the index, and needs no second look.
    let stop = tx.pick(
        "UPDATE run_links INDEXED BY run_links_by_parent SET state = 'stop'
         WHERE organization_id = $1 AND parent_id = $2 AND state = 'live'",
        "UPDATE run_links SET state = 'stop' WHERE organization_id = $1 AND parent_id = $2 AND state = 'live'",
    );
    for (table, sql) in [
        (
            "run_links",
            "UPDATE run_links SET state = 'ended' WHERE organization_id = $1 AND run_id = $2 AND state <> 'told'",
        ),
        ("run_links", stop),
        ("run_slots", "DELETE FROM run_slots WHERE organization_id = $1 AND run_id = $2"),
    ] {
        tx.gather(table, sql, args![organization.0, run.0]).await?;
    }
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    organization_id: uuid::Uuid,
    run_id: uuid::Uuid,
    parent_id: uuid::Uuid,
    call_id: uuid::Uuid,
    attempt: i64,
    root_workflow_id: uuid::Uuid,
    depth: i64,
    state: String,
}

impl Row {
    fn link(self) -> (RunLink, LinkState) {
        let state = if self.state == "stop" { LinkState::Stop } else { LinkState::Ended };
        let link = RunLink {
            organization: OrganizationId(self.organization_id),
            run: RunId(self.run_id),
            parent: RunId(self.parent_id),
            call: CallId(self.call_id),
            attempt: value::small(self.attempt),
            root_workflow: WorkflowId(self.root_workflow_id),
            depth: value::small(self.depth),
        };
        (link, state)
    }
}

/// Links about which something is to be done, of every organisation.
pub async fn links_due(store: &Store, limit: u32) -> StoreResult<Vec<(RunLink, LinkState)>> {
    on_model!(store, |node| node.read(|tables| Ok(tables.links_due(limit))).await);
    let rows: Vec<Row> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT organization_id, run_id, parent_id, call_id, attempt, root_workflow_id, depth, state
         FROM run_links WHERE state IN ('stop', 'ended') LIMIT $1"
    )
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
    })?;
    Ok(rows.into_iter().map(Row::link).collect())
}

/// Links of runs that a run started, that ended, and of which it was not told yet.
pub async fn links_ended(
    store: &Store,
    organization: OrganizationId,
    parent: RunId,
) -> StoreResult<Vec<RunLink>> {
    let ended = |due: Vec<(RunLink, LinkState)>| -> Vec<RunLink> {
        let due = due.into_iter().filter(|(link, state)| {
            (link.organization, link.parent) == (organization, parent) && *state == LinkState::Ended
        });
        due.map(|(link, _)| link).collect()
    };
    on_model!(store, |node| node.read(|tables| Ok(ended(tables.links_due(u32::MAX)))).await);
    // Without the organisation, which would lead SQLite through all links of it; few are due.
    let rows: Vec<Row> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT organization_id, run_id, parent_id, call_id, attempt, root_workflow_id, depth, state
         FROM run_links WHERE state IN ('stop', 'ended') AND parent_id = $1"
    )
    .bind(parent.0)
    .fetch_all(pool)
    .await
    })?;
    Ok(ended(rows.into_iter().map(Row::link).collect()))
}

/// The link of a run that another one started.
pub async fn link_fetch(
    store: &Store,
    organization: OrganizationId,
    run: RunId,
) -> StoreResult<Option<RunLink>> {
    on_model!(store, |node| node.read(|tables| Ok(tables.link_fetch(run))).await);
    let row: Option<Row> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT organization_id, run_id, parent_id, call_id, attempt, root_workflow_id, depth, state
         FROM run_links WHERE organization_id = $1 AND run_id = $2"
    )
    .bind(organization.0)
    .bind(run.0)
    .fetch_optional(pool)
    .await
    })?;
    Ok(row.map(|row| row.link().0))
}

/// A run waits for its turn among those of a key. Runs around it that hold the key wait for it: their places count
/// as its own, else neither would ever go on.
pub(super) async fn slot_ask(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    key: &str,
    places: u32,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_model!(tx, |model| model.slot_ask(run, key, places, now));
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO run_slots (organization_id, run_id, key, places, asked_at)
         SELECT $1, $2, $3, $4 + (
           WITH RECURSIVE around (run_id, steps) AS (
             SELECT parent_id, 1 FROM run_links WHERE organization_id = $1 AND run_id = $2
             UNION ALL
             SELECT l.parent_id, around.steps + 1 FROM around JOIN run_links l
               ON l.organization_id = $1 AND l.run_id = around.run_id
             WHERE around.steps < 32)
           SELECT count(*) FROM around JOIN run_slots s
             ON s.organization_id = $1 AND s.run_id = around.run_id AND s.key = $3 AND s.granted = 1), $5
         WHERE 1 = 1
         ON CONFLICT (organization_id, run_id) DO NOTHING"
    )
    .bind(organization.0)
    .bind(run.0)
    .bind(value::text(key))
    .bind(i64::from(places))
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// Takes a place for a run; false when none is free. In the transaction that tells the run.
pub async fn slot_grant(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
) -> StoreResult<bool> {
    on_model!(tx, |model| Ok(model.slot_grant(run)));
    // Two that count at the same time would both find the last place free.
    tx.turn(&format!("slots {organization}")).await?;
    let taken = on_tx!(tx, |conn| {
        sqlx::query(
        "UPDATE run_slots SET granted = 1 WHERE organization_id = $1 AND run_id = $2 AND granted = 0
           AND (SELECT count(*) FROM run_slots other WHERE other.organization_id = $1
                  AND other.key = run_slots.key AND other.granted = 1) < places"
    )
    .bind(organization.0)
    .bind(run.0)
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(taken.rows_affected() > 0)
}

/// Runs that wait for a place that is free, oldest first, of every organisation.
pub async fn slots_free(store: &Store, limit: u32) -> StoreResult<Vec<(OrganizationId, RunId)>> {
    on_model!(store, |node| node.read(|tables| Ok(tables.slots_free(limit))).await);
    let rows: Vec<(uuid::Uuid, uuid::Uuid)> = on_db!(store, |pool| {
        sqlx::query_as(
            "SELECT organization_id, run_id FROM run_slots s WHERE granted = 0
           AND (SELECT count(*) FROM run_slots other WHERE other.organization_id = s.organization_id
                  AND other.key = s.key AND other.granted = 1) < places
         ORDER BY asked_at, run_id LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await
    })?;
    Ok(rows.into_iter().map(|(o, run)| (OrganizationId(o), RunId(run))).collect())
}
