//! Organisations, people and memberships.
//!
//! Deliberately absent: passwords in any form but their hash, and rules about who may do what.

use super::{Store, StoreError, StoreResult, Tx, schedules, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::{
    id::{OrganizationId, UserId},
    wire::{Member, OrganizationView, Role},
};
use uuid::Uuid;

/// A person with what sign-in needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Which.
    pub id: UserId,
    /// Lower case.
    pub email: String,
    /// What people call them.
    pub name: String,
    /// PHC string.
    pub password_hash: String,
}

/// An owner and an organisation to be made.
#[derive(Clone, Debug)]
pub struct NewOwner {
    /// A fresh id, used when there is no organisation yet.
    pub organization: OrganizationId,
    /// The organisation's name.
    pub organization_name: String,
    /// IANA zone.
    pub timezone: String,
    /// The owner.
    pub user: User,
}

/// Makes an organisation.
pub async fn organization_create(
    tx: &mut Tx,
    id: OrganizationId,
    name: &str,
    timezone: &str,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO organizations (id, name, timezone, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)"
    )
    .bind(id.0)
    .bind(name)
    .bind(timezone)
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// Changes an organisation's name and zone.
pub async fn organization_update(
    tx: &mut Tx,
    id: OrganizationId,
    name: &str,
    timezone: &str,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    tx.catalogue_changed = true;
    let before: Option<String> =
        on_tx!(tx, |conn| sqlx::query_scalar("SELECT timezone FROM organizations WHERE id = $1")
            .bind(id.0)
            .fetch_optional(&mut *conn)
            .await)?;
    if before.is_some_and(|before| before != timezone) {
        schedules::schedules_rezone(tx, id, now).await?;
        tx.feed_append(id, "workflow", id.0, serde_json::json!({ "change": "rezoned" }), now);
    }
    let changed = on_tx!(tx, |conn| sqlx::query(
        "UPDATE organizations SET name = $2, timezone = $3, updated_at = $4 WHERE id = $1"
    )
    .bind(id.0)
    .bind(name)
    .bind(timezone)
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    match changed.rows_affected() {
        0 => Err(StoreError::NotFound { what: "organisation" }),
        _ => Ok(()),
    }
}

/// An organisation.
pub async fn organization_fetch(
    store: &Store,
    id: OrganizationId,
) -> StoreResult<OrganizationView> {
    let (name, timezone): (String, String) = on_db!(store, |pool| sqlx::query_as(
        "SELECT name, timezone FROM organizations WHERE id = $1"
    )
    .bind(id.0)
    .fetch_one(pool)
    .await)
    .map_err(StoreError::of("organisation"))?;
    Ok(OrganizationView { id, name, timezone })
}

/// All organisations, oldest first, at most `limit`.
pub async fn organization_list(store: &Store, limit: u32) -> StoreResult<Vec<OrganizationView>> {
    let rows: Vec<(Uuid, String, String)> = on_db!(store, |pool| sqlx::query_as(
        "SELECT id, name, timezone FROM organizations ORDER BY created_at, id LIMIT $1"
    )
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await)?;
    let view = |(id, name, timezone): (Uuid, String, String)| OrganizationView {
        id: OrganizationId(id),
        name,
        timezone,
    };
    Ok(rows.into_iter().map(view).collect())
}

/// The ids of organisations in their order, after one, at most `limit`.
pub async fn organization_ids(
    store: &Store,
    after: Option<OrganizationId>,
    limit: u32,
) -> StoreResult<Vec<OrganizationId>> {
    let ids: Vec<Uuid> = on_db!(store, |pool| sqlx::query_scalar(
        "SELECT id FROM organizations WHERE id > $1 ORDER BY id LIMIT $2"
    )
    .bind(after.map_or(Uuid::nil(), |id| id.0))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await)?;
    Ok(ids.into_iter().map(OrganizationId).collect())
}

/// The oldest organisation, inside a write.
pub async fn organization_first(tx: &mut Tx) -> StoreResult<Option<OrganizationId>> {
    let id: Option<Uuid> = on_tx!(tx, |conn| sqlx::query_scalar(
        "SELECT id FROM organizations ORDER BY created_at, id LIMIT 1"
    )
    .fetch_optional(&mut *conn)
    .await)?;
    Ok(id.map(OrganizationId))
}

/// Whether anybody owns anything here.
pub async fn owner_exists(store: &Store) -> StoreResult<bool> {
    let found: Option<i64> = on_db!(store, |pool| sqlx::query_scalar(
        "SELECT CAST(1 AS BIGINT) FROM members WHERE role = 'owner' LIMIT 1"
    )
    .fetch_optional(pool)
    .await)?;
    Ok(found.is_some())
}

/// Makes the first owner: one of any number of simultaneous calls succeeds, the others get
/// [`StoreError::Conflict`]. An organisation that is there already (made for a token) is taken over.
pub async fn owner_setup(
    tx: &mut Tx,
    new: &NewOwner,
    now: DateTime<Utc>,
) -> StoreResult<OrganizationId> {
    tx.turn("owner_setup").await?;
    let owned: Option<i64> = on_tx!(tx, |conn| sqlx::query_scalar(
        "SELECT CAST(1 AS BIGINT) FROM members WHERE role = 'owner' LIMIT 1"
    )
    .fetch_optional(&mut *conn)
    .await)?;
    if owned.is_some() {
        return Err(StoreError::Conflict { what: "the set-up" });
    }
    let organization = match organization_first(tx).await? {
        Some(id) => {
            organization_update(tx, id, &new.organization_name, &new.timezone, now).await?;
            id
        }
        None => {
            let (id, name) = (new.organization, &new.organization_name);
            organization_create(tx, id, name, &new.timezone, now).await?;
            id
        }
    };
    user_create(tx, &new.user, now).await?;
    member_insert(tx, organization, new.user.id, Role::Owner, now).await?;
    Ok(organization)
}

/// Makes a person. A [`StoreError::Constraint`] on `users.email` when the address is taken.
pub async fn user_create(tx: &mut Tx, user: &User, now: DateTime<Utc>) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)"
    )
    .bind(user.id.0)
    .bind(&user.email)
    .bind(&user.name)
    .bind(&user.password_hash)
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// The person of an email address (lower case).
pub async fn user_by_email(store: &Store, email: &str) -> StoreResult<Option<User>> {
    let row: Option<(Uuid, String, String, String)> = on_db!(store, |pool| sqlx::query_as(
        "SELECT id, email, name, password_hash FROM users WHERE email = $1"
    )
    .bind(email)
    .fetch_optional(pool)
    .await)?;
    Ok(row.map(|(id, email, name, password_hash)| User {
        id: UserId(id),
        email,
        name,
        password_hash,
    }))
}

/// The organisations a person belongs to, the oldest membership first.
pub async fn user_organizations(
    store: &Store,
    user: UserId,
) -> StoreResult<Vec<(OrganizationView, Role)>> {
    let rows: Vec<(Uuid, String, String, String)> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT o.id, o.name, o.timezone, m.role FROM members m JOIN organizations o ON o.id = m.organization_id
         WHERE m.user_id = $1 ORDER BY m.created_at, o.id LIMIT 100"
    )
    .bind(user.0)
    .fetch_all(pool)
    .await
    })?;
    rows.into_iter()
        .map(|(id, name, timezone, role)| {
            let view = OrganizationView { id: OrganizationId(id), name, timezone };
            Ok((view, parse_role(&role, "members")?))
        })
        .collect()
}

/// The role of a column.
pub(super) fn parse_role(word: &str, table: &'static str) -> StoreResult<Role> {
    Role::parse(word).ok_or_else(|| StoreError::Corrupt {
        table,
        column: "role",
        detail: format!("{word} is no role"),
    })
}

type MemberRow = (Uuid, String, String, String, i64);

fn member(row: MemberRow) -> StoreResult<Member> {
    let (user, name, email, role, created_at) = row;
    Ok(Member {
        user: UserId(user),
        name,
        email,
        role: parse_role(&role, "members")?,
        created_at: value::time(created_at, "members", "created_at")?,
    })
}

/// The members of an organisation, oldest first, at most `limit`.
pub async fn member_list(
    store: &Store,
    organization: OrganizationId,
    limit: u32,
) -> StoreResult<Vec<Member>> {
    let rows: Vec<MemberRow> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT u.id, u.name, u.email, m.role, m.created_at FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.organization_id = $1 ORDER BY m.created_at, u.id LIMIT $2"
    )
    .bind(organization.0)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
    })?;
    rows.into_iter().map(member).collect()
}

/// A member, inside a write.
pub async fn member_fetch(
    tx: &mut Tx,
    organization: OrganizationId,
    user: UserId,
) -> StoreResult<Member> {
    let row: MemberRow = on_tx!(tx, |conn| sqlx::query_as(
        "SELECT u.id, u.name, u.email, m.role, m.created_at FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.organization_id = $1 AND m.user_id = $2"
    )
    .bind(organization.0)
    .bind(user.0)
    .fetch_one(&mut *conn)
    .await)
    .map_err(StoreError::of("member"))?;
    member(row)
}

/// Makes a person a member. A person who is known already (by address) keeps name and password.
/// A [`StoreError::Constraint`] on `members` when they are one already.
pub async fn member_add(
    tx: &mut Tx,
    organization: OrganizationId,
    user: &User,
    role: Role,
    now: DateTime<Utc>,
) -> StoreResult<Member> {
    let known: Option<Uuid> =
        on_tx!(tx, |conn| sqlx::query_scalar("SELECT id FROM users WHERE email = $1")
            .bind(&user.email)
            .fetch_optional(&mut *conn)
            .await)?;
    let id = match known {
        Some(id) => UserId(id),
        None => {
            user_create(tx, user, now).await?;
            user.id
        }
    };
    member_insert(tx, organization, id, role, now).await?;
    member_fetch(tx, organization, id).await
}

async fn member_insert(
    tx: &mut Tx,
    organization: OrganizationId,
    user: UserId,
    role: Role,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query(
        "INSERT INTO members (organization_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)"
    )
    .bind(organization.0)
    .bind(user.0)
    .bind(role.as_str())
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}

/// Gives a member another role. [`StoreError::Conflict`] when it would leave nobody as owner.
pub async fn member_set_role(
    tx: &mut Tx,
    organization: OrganizationId,
    user: UserId,
    role: Role,
) -> StoreResult<Member> {
    tx.turn(&format!("owners {organization}")).await?;
    if member_fetch(tx, organization, user).await?.role == Role::Owner && role != Role::Owner {
        another_owner(tx, organization, user).await?;
    }
    on_tx!(tx, |conn| sqlx::query(
        "UPDATE members SET role = $3 WHERE organization_id = $1 AND user_id = $2"
    )
    .bind(organization.0)
    .bind(user.0)
    .bind(role.as_str())
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    member_fetch(tx, organization, user).await
}

/// Ends a membership and its sessions. [`StoreError::Conflict`] when it would leave nobody as owner.
pub async fn member_remove(
    tx: &mut Tx,
    organization: OrganizationId,
    user: UserId,
) -> StoreResult<()> {
    tx.turn(&format!("owners {organization}")).await?;
    if member_fetch(tx, organization, user).await?.role == Role::Owner {
        another_owner(tx, organization, user).await?;
    }
    on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM members WHERE organization_id = $1 AND user_id = $2"
    )
    .bind(organization.0)
    .bind(user.0)
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}

async fn another_owner(tx: &mut Tx, organization: OrganizationId, user: UserId) -> StoreResult<()> {
    let other: Option<i64> = on_tx!(tx, |conn| {
        sqlx::query_scalar(
        "SELECT CAST(1 AS BIGINT) FROM members WHERE organization_id = $1 AND user_id <> $2 AND role = 'owner' LIMIT 1"
    )
    .bind(organization.0)
    .bind(user.0)
    .fetch_optional(&mut *conn)
    .await
    })?;
    other.map(|_| ()).ok_or(StoreError::Conflict { what: "the last owner" })
}
