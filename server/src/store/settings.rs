//! Settings of an organisation as JSON objects by name. What stands in them is known above.

use super::{Store, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::id::OrganizationId;

/// A setting and when it was changed last.
pub async fn setting_fetch(
    store: &Store,
    organization: OrganizationId,
    name: &str,
) -> StoreResult<Option<(Value, DateTime<Utc>)>> {
    let row: Option<(String, i64)> = on_db!(store, |pool| sqlx::query_as(
        "SELECT value, updated_at FROM settings WHERE organization_id = $1 AND name = $2"
    )
    .bind(organization.0)
    .bind(name)
    .fetch_optional(pool)
    .await)?;
    row.map(|(text, at)| {
        Ok((
            value::from_json(&text, "settings", "value")?,
            value::time(at, "settings", "updated_at")?,
        ))
    })
    .transpose()
}

/// Sets a setting.
pub async fn setting_put(
    tx: &mut Tx,
    organization: OrganizationId,
    name: &str,
    setting: &Value,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let text = value::to_json(setting, "settings", "value")?;
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO settings (organization_id, name, value, updated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (organization_id, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at"
    )
    .bind(organization.0)
    .bind(name)
    .bind(text)
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// Whether it is noted by which key this database was set up.
pub async fn key_is_noted(store: &Store) -> StoreResult<bool> {
    Ok(setting_fetch(store, nobody(), "server_key").await?.is_some())
}

/// Notes by which key this database was set up; false when it was another one. The first server's counts, and where
/// there is no note yet the present one's.
pub async fn key_adopt(tx: &mut Tx, mark: &str, now: DateTime<Utc>) -> StoreResult<bool> {
    let nobody = nobody();
    tx.turn("key_adopt").await?;
    let known: Option<String> = on_tx!(tx, |conn| sqlx::query_scalar(
        "SELECT value FROM settings WHERE organization_id = $1 AND name = 'server_key'"
    )
    .bind(nobody.0)
    .fetch_optional(&mut *conn)
    .await)?;
    match known {
        Some(known) => Ok(value::from_json::<String>(&known, "settings", "value")? == mark),
        None => {
            setting_put(tx, nobody, "server_key", &Value::String(mark.to_owned()), now).await?;
            Ok(true)
        }
    }
}

/// Whose the settings of the whole database are: the nil id belongs to no organisation.
fn nobody() -> OrganizationId {
    OrganizationId(uuid::Uuid::nil())
}
