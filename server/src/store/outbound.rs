//! What the send gate judges by: recipients, opt-outs, rules, counts, health of channels.
//!
//! The same questions are asked for a card, from the readers, and in the transaction that claims a
//! message; [`Source`] is either. Deliberately absent: what the answers mean (see `gate::verdict`).

use super::{Store, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::{
    id::{ContactId, OrganizationId},
    wire::{Consent, MessageChannel},
};

/// Contacts of one address that are looked at.
const TWINS_MAX: i64 = 100;

/// Where a question is asked.
pub enum Source<'a> {
    /// The readers: as it was a moment ago.
    Pool(&'a Store),
    /// A transaction: as it is.
    Tx(&'a mut Tx),
}

/// Runs the same body with a reader or inside a transaction.
macro_rules! on_source {
    ($source:expr, |$run:ident| $body:expr) => {
        match $source {
            Source::Pool(store) => on_db!(store, |pool| {
                let $run = pool;
                $body
            }),
            Source::Tx(tx) => on_tx!(tx, |conn| {
                let $run = &mut *conn;
                $body
            }),
        }
    };
}

/// What is known about whom a message goes to: the contact it was written for and every other of the
/// same address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipient {
    /// One of them says do not contact.
    pub do_not_contact: bool,
    /// The opt-out of a contact of that address that was deleted.
    pub suppressed: bool,
    /// What they said about the channel.
    pub consent: Vec<Consent>,
    /// The zone of the contact it was written for.
    pub timezone: Option<String>,
}

/// The recipient of a message of a channel. Addresses that opted out before their contact was deleted are those of
/// emails.
pub async fn recipient_fetch(
    source: &mut Source<'_>,
    organization: OrganizationId,
    contact: Option<ContactId>,
    address_key: &str,
    channel: MessageChannel,
) -> StoreResult<Recipient> {
    let rows: Vec<(uuid::Uuid, i64, String, Option<String>)> =
        on_source!(source, |run| sqlx::query_as(
            "SELECT id, do_not_contact, consent, timezone FROM contacts
         WHERE organization_id = $1 AND (id = $2 OR email_key = $3) LIMIT $4"
        )
        .bind(organization.0)
        .bind(contact.map(|id| id.0))
        .bind(address_key)
        .bind(TWINS_MAX)
        .fetch_all(run)
        .await)?;
    let suppressed: i64 = on_source!(source, |run| {
        sqlx::query_scalar(
        "SELECT count(*) FROM suppressions WHERE organization_id = $1 AND channel = 'email' AND address = $2"
    )
    .bind(organization.0)
    .bind(address_key)
    .fetch_one(run)
    .await
    })?;
    let mut recipient = Recipient { suppressed: suppressed > 0, ..Recipient::default() };
    for (id, do_not_contact, consent, timezone) in rows {
        recipient.do_not_contact |= do_not_contact != 0;
        let consent: Vec<Consent> = value::from_json(&consent, "contacts", "consent")?;
        recipient.consent.extend(consent.into_iter().filter(|c| c.channel == channel));
        if contact == Some(ContactId(id)) {
            recipient.timezone = timezone;
        }
    }
    Ok(recipient)
}

/// Two settings in one question, with the time of the first one's change.
pub async fn setting_pair(
    source: &mut Source<'_>,
    organization: OrganizationId,
    names: [&str; 2],
) -> StoreResult<[Option<(Value, DateTime<Utc>)>; 2]> {
    let rows: Vec<(String, String, i64)> = on_source!(source, |run| {
        sqlx::query_as(
        "SELECT name, value, updated_at FROM settings WHERE organization_id = $1 AND name IN ($2, $3)"
    )
    .bind(organization.0)
    .bind(names[0])
    .bind(names[1])
    .fetch_all(run)
    .await
    })?;
    let mut pair = [None, None];
    for (name, text, at) in rows {
        let setting = value::from_json(&text, "settings", "value")?;
        let at = value::time(at, "settings", "updated_at")?;
        pair[usize::from(name != names[0])] = Some((setting, at));
    }
    Ok(pair)
}

/// Emails that left or may have left since a time, of the sandbox or of real channels: all of the
/// organisation's, or those to one contact or address.
pub async fn emails_begun_count(
    source: &mut Source<'_>,
    organization: OrganizationId,
    sandbox: bool,
    since: DateTime<Utc>,
    to: Option<(Option<ContactId>, &str)>,
) -> StoreResult<u64> {
    if let Source::Tx(tx) = source {
        // Two claims that count at the same time would both fit under a cap.
        tx.turn(&format!("emails {organization}")).await?;
    }
    let (contact, key) = to.unzip();
    let count: i64 = on_source!(source, |run| {
        sqlx::query_scalar(
        "SELECT count(*) FROM messages WHERE organization_id = $1 AND begun_at >= $2
         AND state IN ('in_flight', 'accepted', 'delivered', 'bounced', 'uncertain')
         AND channel = 'email' AND sandbox = $3 AND ($4 IS NULL OR recipient_key = $4 OR contact_id = $5)"
    )
    .bind(organization.0)
    .bind(since.timestamp_millis())
    .bind(i64::from(sandbox))
    .bind(key)
    .bind(contact.flatten().map(|id| id.0))
    .fetch_one(run)
    .await
    })?;
    Ok(value::count(count))
}

/// Lets the sender look again at messages that the gate held: of a contact, or of the organisation.
/// What is held so that it can be taken back stays held.
pub async fn messages_look_again(
    tx: &mut Tx,
    organization: OrganizationId,
    contact: Option<ContactId>,
    now: DateTime<Utc>,
) -> StoreResult<u64> {
    let changed = on_tx!(tx, |conn| {
        sqlx::query(
        "UPDATE messages SET due_at = $3, rev = rev + 1 WHERE organization_id = $1 AND gate_held = 1
         AND state IN ('held', 'queued', 'retry_wait') AND due_at > $3 AND ($2 IS NULL OR contact_id = $2)"
    )
    .bind(organization.0)
    .bind(contact.map(|id| id.0))
    .bind(now.timestamp_millis())
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(changed.rows_affected())
}

/// Why nothing goes to an address that no contact speaks for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuppressionKind {
    /// Its contact was marked do not contact.
    DoNotContact,
    /// Its contact had revoked its consent to emails.
    ConsentRevoked,
}

impl SuppressionKind {
    fn word(self) -> &'static str {
        match self {
            Self::DoNotContact => "do_not_contact",
            Self::ConsentRevoked => "consent_revoked",
        }
    }
}

/// Keeps an opt-out for an address.
pub async fn suppression_put(
    tx: &mut Tx,
    organization: OrganizationId,
    address_key: &str,
    kind: SuppressionKind,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO suppressions (organization_id, channel, address, kind, at) VALUES ($1, 'email', $2, $3, $4)
         ON CONFLICT (organization_id, channel, address) DO UPDATE SET kind = excluded.kind, at = excluded.at"
    )
    .bind(organization.0)
    .bind(address_key)
    .bind(kind.word())
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// Takes the opt-out of an address: a contact speaks for it again, and the caller writes it there.
pub async fn suppression_take(
    tx: &mut Tx,
    organization: OrganizationId,
    address_key: &str,
) -> StoreResult<Option<SuppressionKind>> {
    let kind: Option<String> = on_tx!(tx, |conn| {
        sqlx::query_scalar(
        "DELETE FROM suppressions WHERE organization_id = $1 AND channel = 'email' AND address = $2 RETURNING kind"
    )
    .bind(organization.0)
    .bind(address_key)
    .fetch_optional(&mut *conn)
    .await
    })?;
    Ok(kind.map(|kind| match kind == SuppressionKind::ConsentRevoked.word() {
        true => SuppressionKind::ConsentRevoked,
        false => SuppressionKind::DoNotContact,
    }))
}

/// A channel that could not be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelHealth {
    /// Failures in a row.
    pub failures: u32,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it is tried again.
    pub retry_at: DateTime<Utc>,
    /// What happened last.
    pub detail: String,
}

/// The trouble of a channel account, if it has any.
pub async fn channel_health_fetch(
    source: &mut Source<'_>,
    organization: OrganizationId,
    account: &str,
) -> StoreResult<Option<ChannelHealth>> {
    let row: Option<(i64, i64, i64, String)> = on_source!(source, |run| {
        sqlx::query_as(
        "SELECT failures, since, retry_at, detail FROM channel_health WHERE organization_id = $1 AND account = $2"
    )
    .bind(organization.0)
    .bind(account)
    .fetch_optional(run)
    .await
    })?;
    row.map(|(failures, since, retry_at, detail)| {
        Ok(ChannelHealth {
            failures: value::small(failures),
            since: value::time(since, "channel_health", "since")?,
            retry_at: value::time(retry_at, "channel_health", "retry_at")?,
            detail,
        })
    })
    .transpose()
}

/// How many channel accounts of all organisations were not reached so often in a row or more.
pub async fn channels_unreached(store: &Store, failures_min: u32) -> StoreResult<u64> {
    let count: i64 = on_db!(store, |pool| sqlx::query_scalar(
        "SELECT count(*) FROM channel_health WHERE failures >= $1"
    )
    .bind(i64::from(failures_min))
    .fetch_one(pool)
    .await)?;
    Ok(value::count(count))
}

/// Notes the trouble of a channel account.
pub async fn channel_health_put(
    tx: &mut Tx,
    organization: OrganizationId,
    account: &str,
    health: &ChannelHealth,
) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query(
        "INSERT INTO channel_health (organization_id, account, failures, since, retry_at, detail)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organization_id, account) DO UPDATE
         SET failures = excluded.failures, retry_at = excluded.retry_at, detail = excluded.detail"
    )
    .bind(organization.0)
    .bind(account)
    .bind(i64::from(health.failures))
    .bind(value::ms(health.since))
    .bind(value::ms(health.retry_at))
    .bind(&health.detail)
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}

/// A channel account in trouble is tried again: nobody else tries it before `until`. False when its time has not come,
/// as after somebody else began to.
pub async fn channel_trial_begin(
    tx: &mut Tx,
    organization: OrganizationId,
    account: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> StoreResult<bool> {
    let begun = on_tx!(tx, |conn| sqlx::query(
        "UPDATE channel_health SET retry_at = $4
         WHERE organization_id = $1 AND account = $2 AND retry_at <= $3"
    )
    .bind(organization.0)
    .bind(account)
    .bind(value::ms(now))
    .bind(value::ms(until))
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(begun.rows_affected() > 0)
}

/// A channel account works, or all of them are to be tried afresh.
pub async fn channel_health_clear(
    tx: &mut Tx,
    organization: OrganizationId,
    account: Option<&str>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM channel_health WHERE organization_id = $1 AND ($2 IS NULL OR account = $2)"
    )
    .bind(organization.0)
    .bind(account)
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}
