//! Contacts. Deliberately absent: which values are allowed (see `contact`).

use super::{Store, StoreError, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::{
    id::{ContactId, OrganizationId},
    wire::ContactView,
};
use sqlx::AssertSqlSafe;

/// Which contacts to list. All that are given must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContactFilter {
    /// Only of this status, whatever the case.
    pub status: Option<String>,
    /// Only from this source.
    pub source: Option<String>,
    /// Only of this address, whatever the case.
    pub email: Option<String>,
    /// Only of this id in another system.
    pub external_id: Option<String>,
    /// Every word must occur in the name, the address or the external id.
    pub search: Option<String>,
}

/// An address as it is compared.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

fn search_text(contact: &ContactView) -> String {
    let parts = [
        Some(contact.name.as_str()),
        contact.email.as_deref(),
        contact.external_id.as_deref(),
        contact.phone.as_deref(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n").to_lowercase()
}

/// Writes a contact, new or changed.
pub async fn contact_put(
    tx: &mut Tx,
    organization: OrganizationId,
    contact: &ContactView,
) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO contacts (organization_id, id, name, email, email_key, phone, status, source, locale, timezone,
           external_id, do_not_contact, tags, total_spent, metadata, search, created_at, updated_at, consent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
         ON CONFLICT (organization_id, id) DO UPDATE SET name = excluded.name, email = excluded.email,
           email_key = excluded.email_key, phone = excluded.phone, status = excluded.status, source = excluded.source,
           locale = excluded.locale, timezone = excluded.timezone, external_id = excluded.external_id,
           do_not_contact = excluded.do_not_contact, tags = excluded.tags, total_spent = excluded.total_spent,
           metadata = excluded.metadata, search = excluded.search, updated_at = excluded.updated_at,
           consent = excluded.consent"
    )
    .bind(organization.0)
    .bind(contact.id.0)
    .bind(&contact.name)
    .bind(&contact.email)
    .bind(contact.email.as_deref().map(email_key))
    .bind(&contact.phone)
    .bind(&contact.status)
    .bind(&contact.source)
    .bind(&contact.locale)
    .bind(&contact.timezone)
    .bind(&contact.external_id)
    .bind(i64::from(contact.do_not_contact))
    .bind(value::to_json(&contact.tags, "contacts", "tags")?)
    .bind(contact.total_spent)
    .bind(value::to_json(&contact.metadata, "contacts", "metadata")?)
    .bind(search_text(contact))
    .bind(value::ms(contact.created_at))
    .bind(value::ms(contact.updated_at))
    .bind(value::to_json(&contact.consent, "contacts", "consent")?)
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    let payload = serde_json::json!({});
    tx.feed_append(organization, "contact", contact.id.0, payload, contact.updated_at);
    Ok(())
}

/// Deletes a contact.
pub async fn contact_delete(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ContactId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let deleted = on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM contacts WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id.0)
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    if deleted.rows_affected() == 0 {
        return Err(StoreError::NotFound { what: "contact" });
    }
    tx.feed_append(organization, "contact", id.0, serde_json::json!({ "deleted": true }), now);
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: uuid::Uuid,
    name: String,
    email: Option<String>,
    phone: Option<String>,
    status: String,
    source: String,
    locale: Option<String>,
    timezone: Option<String>,
    external_id: Option<String>,
    do_not_contact: i64,
    consent: String,
    tags: String,
    total_spent: Option<f64>,
    metadata: String,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn contact(self) -> StoreResult<ContactView> {
        const TABLE: &str = "contacts";
        Ok(ContactView {
            id: ContactId(self.id),
            name: self.name,
            email: self.email,
            phone: self.phone,
            status: self.status,
            source: self.source,
            locale: self.locale,
            timezone: self.timezone,
            external_id: self.external_id,
            do_not_contact: self.do_not_contact != 0,
            consent: value::from_json(&self.consent, TABLE, "consent")?,
            tags: value::from_json(&self.tags, TABLE, "tags")?,
            total_spent: self.total_spent,
            metadata: value::from_json(&self.metadata, TABLE, "metadata")?,
            created_at: value::time(self.created_at, TABLE, "created_at")?,
            updated_at: value::time(self.updated_at, TABLE, "updated_at")?,
        })
    }
}

/// A contact.
pub async fn contact_fetch(
    store: &Store,
    organization: OrganizationId,
    id: ContactId,
) -> StoreResult<ContactView> {
    let row: Row = on_db!(store, |pool| sqlx::query_as(
        "SELECT * FROM contacts WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id.0)
    .fetch_one(pool)
    .await)
    .map_err(StoreError::of("contact"))?;
    row.contact()
}

/// A contact as it is inside a transaction.
pub async fn contact_fetch_in(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ContactId,
) -> StoreResult<ContactView> {
    // Locked: what is decided about it holds until the commit.
    let sql = tx.pick(
        "SELECT * FROM contacts WHERE organization_id = $1 AND id = $2",
        "SELECT * FROM contacts WHERE organization_id = $1 AND id = $2 FOR UPDATE",
    );
    let row: Row = on_tx!(tx, |conn| sqlx::query_as(sql)
        .bind(organization.0)
        .bind(id.0)
        .fetch_one(&mut *conn)
        .await)
    .map_err(StoreError::of("contact"))?;
    row.contact()
}

/// Contacts in the order they were made, after `after`, at most `limit`.
pub async fn contact_list(
    store: &Store,
    organization: OrganizationId,
    filter: &ContactFilter,
    after: Option<ContactId>,
    limit: u32,
) -> StoreResult<Vec<ContactView>> {
    let words: Vec<String> = filter
        .search
        .iter()
        .flat_map(|text| text.split_whitespace())
        .take(3)
        .map(value::like)
        .collect();
    // What is not asked for is left out: with it no index would serve the rest, and SQLite would plan every time anew.
    let searched = |at: usize, number| match words.get(at) {
        Some(_) => format!(" AND search LIKE ${number} ESCAPE '\\'"),
        None => format!(" AND CAST(${number} AS TEXT) IS NULL"),
    };
    let given = |is_given, condition: &str, number| match is_given {
        true => format!(" AND {condition}"),
        false => format!(" AND CAST(${number} AS TEXT) IS NULL"),
    };
    let sql = [
        "SELECT * FROM contacts WHERE organization_id = $1 AND ($2 IS NULL OR id > $2)".to_owned(),
        given(filter.status.is_some(), "lower(status) = lower($3)", 3),
        given(filter.source.is_some(), "lower(source) = lower($4)", 4),
        given(filter.email.is_some(), "email_key = $5", 5),
        given(filter.external_id.is_some(), "external_id = $6", 6),
        searched(0, 7),
        searched(1, 8),
        searched(2, 9),
        " ORDER BY id LIMIT $10".to_owned(),
    ]
    .concat();
    let rows: Vec<Row> = on_db!(store, |pool| {
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(organization.0)
            .bind(after.map(|id| id.0))
            .bind(&filter.status)
            .bind(&filter.source)
            .bind(filter.email.as_deref().map(email_key))
            .bind(&filter.external_id)
            .bind(words.first())
            .bind(words.get(1))
            .bind(words.get(2))
            .bind(i64::from(limit))
            .fetch_all(pool)
            .await
    })?;
    rows.into_iter().map(Row::contact).collect()
}

/// How many contacts there are.
pub async fn contacts_count(store: &Store, organization: OrganizationId) -> StoreResult<u64> {
    let count: i64 = on_db!(store, |pool| sqlx::query_scalar(
        "SELECT count(*) FROM contacts WHERE organization_id = $1"
    )
    .bind(organization.0)
    .fetch_one(pool)
    .await)?;
    Ok(value::count(count))
}
