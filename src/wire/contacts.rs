//! Contacts.

use super::{Consent, ConsentInput};
use crate::id::ContactId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A person the organisation talks to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ContactView {
    /// Its id.
    pub id: ContactId,
    /// The name.
    pub name: String,
    /// The email address.
    pub email: Option<String>,
    /// The phone number, E.164.
    pub phone: Option<String>,
    /// Free text: active, churned, potential, inactive, at_risk, VIP …
    pub status: String,
    /// Where it came from.
    pub source: String,
    /// BCP 47.
    pub locale: Option<String>,
    /// IANA zone.
    pub timezone: Option<String>,
    /// The id in another system.
    pub external_id: Option<String>,
    /// Never write to or call this person.
    pub do_not_contact: bool,
    /// What the contact said about each channel, where anything is known.
    #[serde(default)]
    pub consent: Vec<Consent>,
    /// Tags.
    pub tags: Vec<String>,
    /// What the organisation has earned with this contact so far.
    pub total_spent: Option<f64>,
    /// Everything else; read at the top level in expressions.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// `POST /api/contacts` and `PATCH /api/contacts/{id}`: absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ContactInput {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The email address; empty takes it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The phone number; empty takes it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Where it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// IANA zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The id in another system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Never write to or call this person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub do_not_contact: Option<bool>,
    /// Changes of what the contact said, one a channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<Vec<ConsentInput>>,
    /// Tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// What was earned so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_spent: Option<f64>,
    /// Merged into what is there; null values take a key away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}
