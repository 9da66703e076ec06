//! Message templates. Deliberately absent: what their texts may say, and how they are rendered.

use super::{Store, StoreError, StoreResult, Tx, search::pattern, value};
use crate::{on_db, on_tx};
use signalbox::{id::OrganizationId, wire::TemplateView};

const TABLE: &str = "message_templates";

/// Writes a template: a new one at revision 1, else the one of the revision before.
/// [`StoreError::Conflict`] when that is not there, or there is one of the id already.
pub async fn template_put(
    tx: &mut Tx,
    organization: OrganizationId,
    template: &TemplateView,
) -> StoreResult<()> {
    let sql = match template.revision {
        0 | 1 => {
            "INSERT INTO message_templates
               (organization_id, id, revision, name, subject, body, html, updated_by, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING"
        }
        _ => {
            "UPDATE message_templates SET revision = $3, name = $4, subject = $5, body = $6, html = $7,
               updated_by = $8, updated_at = $9
             WHERE organization_id = $1 AND id = $2 AND revision = $3 - 1"
        }
    };
    let changed = on_tx!(tx, |conn| sqlx::query(sql)
        .bind(organization.0)
        .bind(&template.id)
        .bind(i64::from(template.revision.max(1)))
        .bind(&template.name)
        .bind(&template.subject)
        .bind(&template.text)
        .bind(&template.html)
        .bind(&template.updated_by)
        .bind(value::ms(template.updated_at))
        .execute(&mut *conn)
        .await
        .map(value::rows))?;
    match changed.rows_affected() {
        0 => Err(StoreError::Conflict { what: "the message template" }),
        _ => Ok(()),
    }
}

/// Takes a template away; whether there was one.
pub async fn template_delete(
    tx: &mut Tx,
    organization: OrganizationId,
    id: &str,
) -> StoreResult<bool> {
    let deleted = on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM message_templates WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id)
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(deleted.rows_affected() > 0)
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    revision: i64,
    name: String,
    subject: String,
    body: String,
    html: Option<String>,
    updated_by: String,
    updated_at: i64,
}

impl Row {
    fn view(self) -> StoreResult<TemplateView> {
        Ok(TemplateView {
            id: self.id,
            revision: value::small(self.revision),
            name: self.name,
            subject: self.subject,
            text: self.body,
            html: self.html,
            updated_by: self.updated_by,
            updated_at: value::time(self.updated_at, TABLE, "updated_at")?,
        })
    }
}

/// A template.
pub async fn template_fetch(
    store: &Store,
    organization: OrganizationId,
    id: &str,
) -> StoreResult<TemplateView> {
    let row: Row = on_db!(store, |pool| sqlx::query_as(
        "SELECT * FROM message_templates WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id)
    .fetch_one(pool)
    .await)
    .map_err(StoreError::of("message template"))?;
    row.view()
}

/// Templates in the order of their ids, after one; those that have `search` in their id, name or subject.
pub async fn template_list(
    store: &Store,
    organization: OrganizationId,
    search: Option<&str>,
    after: Option<&str>,
    limit: u32,
) -> StoreResult<Vec<TemplateView>> {
    let pattern = search.map(|text| pattern(store, text.trim()));
    let sql = store.pick(
        "SELECT * FROM message_templates WHERE organization_id = $1 AND id > $2
         AND ($3 IS NULL OR lower(id) GLOB $3 OR lower(name) GLOB $3 OR lower(subject) GLOB $3)
         ORDER BY id LIMIT $4",
        "SELECT * FROM message_templates WHERE organization_id = $1 AND id > $2
         AND ($3 IS NULL OR lower(id) ~ $3 OR lower(name) ~ $3 OR lower(subject) ~ $3)
         ORDER BY id LIMIT $4",
    );
    let rows: Vec<Row> = on_db!(store, |pool| sqlx::query_as(sql)
        .bind(organization.0)
        .bind(after.unwrap_or_default())
        .bind(pattern)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Row::view).collect()
}

/// The ids of the templates; at most `limit`.
pub async fn template_ids(
    store: &Store,
    organization: OrganizationId,
    limit: u32,
) -> StoreResult<Vec<String>> {
    on_db!(store, |pool| sqlx::query_scalar(
        "SELECT id FROM message_templates WHERE organization_id = $1 ORDER BY id LIMIT $2"
    )
    .bind(organization.0)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await)
    .map_err(StoreError::from)
}

/// How many templates there are, inside the transaction that may add one.
pub async fn templates_count_in(tx: &mut Tx, organization: OrganizationId) -> StoreResult<u64> {
    tx.turn(&format!("templates {organization}")).await?;
    let count: i64 = on_tx!(tx, |conn| sqlx::query_scalar(
        "SELECT count(*) FROM message_templates WHERE organization_id = $1"
    )
    .bind(organization.0)
    .fetch_one(&mut *conn)
    .await)?;
    Ok(u64::try_from(count).unwrap_or_default())
}
