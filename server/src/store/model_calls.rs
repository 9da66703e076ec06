//! What model calls cost. Deliberately absent: prices (see `model::prices`).

use super::{Source, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::id::{CallId, OrganizationId, RunId};

/// One answer of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelUse {
    /// Whose.
    pub organization: OrganizationId,
    /// When it was asked.
    pub at: DateTime<Utc>,
    /// For what: `llm_step`.
    pub area: &'static str,
    /// `sandbox`, `openai`, `anthropic`.
    pub provider: String,
    /// The model that really ran.
    pub model: String,
    /// The built-in sandbox model answered.
    pub sandbox: bool,
    /// Tokens in.
    pub input_tokens: u64,
    /// Tokens out.
    pub output_tokens: u64,
    /// In millionths of a US dollar; none: the price is not known.
    pub cost_micros: Option<u64>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// The call it belongs to; one call may ask several times.
    pub call: Option<CallId>,
}

/// What models cost since a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelSpend {
    /// As far as it is known, in millionths of a US dollar.
    pub micros: u64,
    /// Calls whose price is not known.
    pub unpriced: u64,
}

/// Notes an answer.
pub async fn model_use_insert(tx: &mut Tx, new: &ModelUse) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO model_calls (organization_id, id, at, area, provider, model, sandbox, input_tokens, output_tokens,
           cost_micros, duration_ms, run_id, call_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    )
    .bind(new.organization.0)
    .bind(uuid::Uuid::now_v7())
    .bind(value::ms(new.at))
    .bind(new.area)
    .bind(&new.provider)
    .bind(&new.model)
    .bind(i64::from(new.sandbox))
    .bind(value::int(new.input_tokens))
    .bind(value::int(new.output_tokens))
    .bind(new.cost_micros.map(value::int))
    .bind(value::int(new.duration_ms))
    .bind(new.run.map(|id| id.0))
    .bind(new.call.map(|id| id.0))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// What models cost since a time.
pub async fn model_spend(
    source: &mut Source<'_>,
    organization: OrganizationId,
    since: DateTime<Utc>,
) -> StoreResult<ModelSpend> {
    const SQL: &str =
        "SELECT CAST(coalesce(sum(cost_micros), 0) AS BIGINT), count(*) - count(cost_micros) FROM model_calls
         WHERE organization_id = $1 AND at >= $2";
    let since = since.timestamp_millis();
    let (micros, unpriced): (i64, i64) = match source {
        Source::Pool(store) => on_db!(store, |pool| {
            sqlx::query_as(SQL).bind(organization.0).bind(since).fetch_one(pool).await
        }),
        Source::Tx(tx) => on_tx!(tx, |conn| {
            sqlx::query_as(SQL).bind(organization.0).bind(since).fetch_one(&mut *conn).await
        }),
    }?;
    Ok(ModelSpend { micros: value::count(micros), unpriced: value::count(unpriced) })
}

/// The answers of a run's models, in the order they were given, at most 1,000.
pub async fn model_uses_of_run(
    source: &mut Source<'_>,
    organization: OrganizationId,
    run: RunId,
) -> StoreResult<Vec<ModelUse>> {
    type Row = (i64, String, String, i64, i64, i64, Option<i64>, i64, Option<uuid::Uuid>);
    const SQL: &str = "SELECT at, provider, model, sandbox, input_tokens, output_tokens, cost_micros, duration_ms, call_id
         FROM model_calls WHERE organization_id = $1 AND run_id = $2 ORDER BY at, id LIMIT 1000";
    let rows: Vec<Row> = match source {
        Source::Pool(store) => on_db!(store, |pool| {
            sqlx::query_as(SQL).bind(organization.0).bind(run.0).fetch_all(pool).await
        }),
        Source::Tx(tx) => on_tx!(tx, |conn| {
            sqlx::query_as(SQL).bind(organization.0).bind(run.0).fetch_all(&mut *conn).await
        }),
    }?;
    rows.into_iter()
        .map(|(at, provider, model, sandbox, input, output, cost, duration, call)| {
            Ok(ModelUse {
                organization,
                at: value::time(at, "model_calls", "at")?,
                area: "llm_step",
                provider,
                model,
                sandbox: sandbox != 0,
                input_tokens: value::count(input),
                output_tokens: value::count(output),
                cost_micros: cost.map(value::count),
                duration_ms: value::count(duration),
                run: Some(run),
                call: call.map(CallId),
            })
        })
        .collect()
}
