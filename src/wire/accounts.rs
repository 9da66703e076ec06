//! Accounts: set-up, sign-in, members, API tokens.

use super::{Permission, Role};
use crate::id::{ApiTokenId, OrganizationId, UserId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// `GET /api/setup`: whether this server has an owner yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SetupState {
    /// True until the owner exists.
    pub needs_owner: bool,
}

/// `POST /api/setup`: the owner and the organisation, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The organisation's name, 1 to 120 characters.
    pub organization: String,
    /// The owner's name.
    pub name: String,
    /// The owner's email address.
    pub email: String,
    /// 10 to 200 characters.
    pub password: String,
    /// IANA zone; UTC unless given.
    #[serde(default)]
    pub timezone: Option<String>,
}

/// `POST /api/session`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The email address.
    pub email: String,
    /// The password.
    pub password: String,
}

/// `GET /api/me`: who is asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Me {
    /// The person; absent for an API token.
    pub user: Option<UserId>,
    /// The person's or the token's name.
    pub name: String,
    /// The email address; empty for a token.
    pub email: String,
    /// The organisation that requests act in.
    pub organization: OrganizationView,
    /// The role in it.
    pub role: Role,
    /// What the role may do.
    pub permissions: Vec<Permission>,
    /// The organisations that the person belongs to, this one among them; a token has only its own.
    #[serde(default)]
    pub organizations: Vec<OrganizationView>,
}

/// `POST /api/session/organization`: in which organisation the session acts from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SessionSwitch {
    /// One that the person belongs to.
    pub organization: OrganizationId,
}

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OrganizationView {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its IANA zone; every time is shown in it.
    pub timezone: String,
}

/// A member of the organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// Name.
    pub name: String,
    /// Email address.
    pub email: String,
    /// Role.
    pub role: Role,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// `POST /api/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MemberAdd {
    /// Name.
    pub name: String,
    /// Email address.
    pub email: String,
    /// Role.
    pub role: Role,
    /// A first password, 10 to 200 characters.
    pub password: String,
}

/// `PATCH /api/members/{user}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MemberChange {
    /// The new role.
    pub role: Role,
}

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TokenView {
    /// Its id.
    pub id: ApiTokenId,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The first characters, to tell tokens apart.
    pub prefix: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was used last.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// `POST /api/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenCreate {
    /// What it is for.
    pub name: String,
    /// What it may do; not more than the maker.
    pub role: Role,
    /// Days until it ends; absent: it does not.
    #[serde(default)]
    pub expires_in_days: Option<u32>,
}

/// The answer to `POST /api/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TokenCreated {
    /// The token itself, shown this once.
    pub token: String,
    /// What is kept of it.
    pub view: TokenView,
}
