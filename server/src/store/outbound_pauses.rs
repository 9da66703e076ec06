//! Pauses of all that an organisation sends. A row is the newest pause; one that was resumed stays as the record.

use super::{Source, Store, StoreError, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use signalbox::{
    id::OrganizationId,
    wire::{OutboundPause, PauseReason},
};

const TABLE: &str = "outbound_pauses";
/// Organisations that are looked at while they begin slowly.
const RAMPING_MAX: i64 = 10_000;

fn reason_word(reason: PauseReason) -> &'static str {
    match reason {
        PauseReason::ByHand => "by_hand",
        PauseReason::Downtime => "downtime",
        PauseReason::ClockJump => "clock_jump",
        PauseReason::Restored => "restored",
        PauseReason::Failover => "failover",
    }
}

fn reason_of(word: String) -> StoreResult<PauseReason> {
    serde_json::from_value(Value::String(word)).map_err(|error| StoreError::Corrupt {
        table: TABLE,
        column: "reason",
        detail: error.to_string(),
    })
}

/// The pause that is in force for an organisation, if one is.
pub async fn outbound_pause_fetch(
    source: &mut Source<'_>,
    organization: OrganizationId,
) -> StoreResult<Option<OutboundPause>> {
    const SQL: &str = "SELECT reason, note, paused_at, paused_by FROM outbound_pauses
         WHERE organization_id = $1 AND resumed_at IS NULL";
    let row: Option<(String, String, i64, Option<String>)> = match source {
        Source::Pool(store) => on_db!(store, |pool| {
            sqlx::query_as(SQL).bind(organization.0).fetch_optional(pool).await
        }),
        Source::Tx(tx) => on_tx!(tx, |conn| {
            sqlx::query_as(SQL).bind(organization.0).fetch_optional(&mut *conn).await
        }),
    }?;
    row.map(|(reason, note, since, by)| {
        let since = value::time(since, TABLE, "paused_at")?;
        Ok(OutboundPause { reason: reason_of(reason)?, note, since, by })
    })
    .transpose()
}

/// Pauses an organisation; false when it is paused already, and the earlier pause stays.
pub async fn outbound_pause_put(
    tx: &mut Tx,
    organization: OrganizationId,
    pause: &OutboundPause,
) -> StoreResult<bool> {
    let changed = on_tx!(tx, |conn| {
        sqlx::query(
            "INSERT INTO outbound_pauses (organization_id, reason, note, paused_at, paused_by)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization_id) DO UPDATE
         SET reason = excluded.reason, note = excluded.note, paused_at = excluded.paused_at,
           paused_by = excluded.paused_by, resumed_at = NULL, resumed_by = NULL
         WHERE outbound_pauses.resumed_at IS NOT NULL",
        )
        .bind(organization.0)
        .bind(reason_word(pause.reason))
        .bind(value::text(&pause.note))
        .bind(value::ms(pause.since))
        .bind(pause.by.as_deref().map(value::text))
        .execute(&mut *conn)
        .await
        .map(value::rows)
    })?;
    let paused = changed.rows_affected() > 0;
    if paused {
        told(tx, organization, true, pause.since);
    }
    Ok(paused)
}

/// Pauses every organisation that is not paused yet, by the server itself; how many that were.
pub async fn outbound_pause_all(
    tx: &mut Tx,
    reason: PauseReason,
    note: &str,
    now: DateTime<Utc>,
) -> StoreResult<usize> {
    // `WHERE 1 = 1` tells SQLite that ON CONFLICT is no part of a join.
    let paused: Vec<uuid::Uuid> = on_tx!(tx, |conn| {
        sqlx::query_scalar(
        "INSERT INTO outbound_pauses (organization_id, reason, note, paused_at)
         SELECT id, $1, $2, $3 FROM organizations WHERE 1 = 1 ON CONFLICT (organization_id) DO UPDATE
         SET reason = excluded.reason, note = excluded.note, paused_at = excluded.paused_at,
           paused_by = NULL, resumed_at = NULL, resumed_by = NULL
         WHERE outbound_pauses.resumed_at IS NOT NULL RETURNING organization_id"
    )
    .bind(reason_word(reason))
    .bind(note)
    .bind(value::ms(now))
    .fetch_all(&mut *conn)
    .await
    })?;
    for id in &paused {
        told(tx, OrganizationId(*id), true, now);
    }
    Ok(paused.len())
}

/// Ends the pause of an organisation; false when there is none.
pub async fn outbound_resume(
    tx: &mut Tx,
    organization: OrganizationId,
    by: &str,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    let changed = on_tx!(tx, |conn| {
        sqlx::query(
        "UPDATE outbound_pauses SET resumed_at = $2, resumed_by = $3 WHERE organization_id = $1 AND resumed_at IS NULL"
    )
    .bind(organization.0)
    .bind(value::ms(now))
    .bind(value::text(by))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    let resumed = changed.rows_affected() > 0;
    if resumed {
        told(tx, organization, false, now);
    }
    Ok(resumed)
}

/// Its pages show it at once.
fn told(tx: &mut Tx, organization: OrganizationId, paused: bool, at: DateTime<Utc>) {
    tx.feed_append(organization, "outbound", organization.0, json!({ "paused": paused }), at);
}

/// Organisations whose pause ended after `since`, with when it did, longest ago first.
pub async fn outbound_resumed_after(
    store: &Store,
    since: DateTime<Utc>,
) -> StoreResult<Vec<(OrganizationId, DateTime<Utc>)>> {
    let rows: Vec<(uuid::Uuid, i64)> = on_db!(store, |pool| sqlx::query_as(
        "SELECT organization_id, resumed_at FROM outbound_pauses WHERE resumed_at > $1
         ORDER BY resumed_at, organization_id LIMIT $2"
    )
    .bind(value::ms(since))
    .bind(RAMPING_MAX)
    .fetch_all(pool)
    .await)?;
    rows.into_iter()
        .map(|(id, at)| Ok((OrganizationId(id), value::time(at, TABLE, "resumed_at")?)))
        .collect()
}

/// When the pause of an organisation ended, if it did after `since`.
pub async fn outbound_resumed_at(
    store: &Store,
    organization: OrganizationId,
    since: DateTime<Utc>,
) -> StoreResult<Option<DateTime<Utc>>> {
    let at: Option<i64> = on_db!(store, |pool| sqlx::query_scalar(
        "SELECT resumed_at FROM outbound_pauses WHERE organization_id = $1 AND resumed_at > $2"
    )
    .bind(organization.0)
    .bind(value::ms(since))
    .fetch_optional(pool)
    .await)?;
    value::time_opt(at, TABLE, "resumed_at")
}
