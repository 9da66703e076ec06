//! Model conversations that the steps of a run share by their thread.

use super::{Store, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::id::{CallId, OrganizationId};

/// One exchange of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelTurn {
    /// What the step asked.
    pub question: String,
    /// What the model said.
    pub answer: String,
}

/// Notes an exchange. A repeated call takes the place of what it said before.
pub async fn model_turn_put(
    tx: &mut Tx,
    organization: OrganizationId,
    thread: &str,
    call: CallId,
    turn: &ModelTurn,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO model_turns (organization_id, thread, call_id, at, question, answer)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (organization_id, thread, call_id) DO UPDATE SET question = excluded.question, answer = excluded.answer"
    )
    .bind(organization.0)
    .bind(thread)
    .bind(call.0)
    .bind(value::ms(now))
    .bind(&turn.question)
    .bind(&turn.answer)
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// The newest exchanges of a thread, oldest first, without those of `except`.
pub async fn model_turns(
    store: &Store,
    organization: OrganizationId,
    thread: &str,
    except: CallId,
    limit: u32,
) -> StoreResult<Vec<ModelTurn>> {
    let mut rows: Vec<(String, String)> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT question, answer FROM model_turns
         WHERE organization_id = $1 AND thread = $2 AND call_id <> $3 ORDER BY at DESC, call_id DESC LIMIT $4"
    )
    .bind(organization.0)
    .bind(thread)
    .bind(except.0)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
    })?;
    rows.reverse();
    Ok(rows.into_iter().map(|(question, answer)| ModelTurn { question, answer }).collect())
}
