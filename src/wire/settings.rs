//! Settings of an organisation.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `GET/PUT /api/settings/general`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GeneralSettings {
    /// The organisation's name.
    pub name: String,
    /// IANA zone.
    pub timezone: String,
    /// How long the server holds an approved email before it leaves, in milliseconds; 0 to 120,000.
    pub email_hold_ms: u32,
}

/// `GET/PUT /api/settings/history`: how long things are kept that nobody needs to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HistorySettings {
    /// Days that a run is kept after its end, with its timeline; 1 to 3,650, and at least `keys_days`.
    pub runs_days: u32,
    /// Days that events from outside are kept, and with them the memory that one was heard already; 1 to 365.
    pub keys_days: u32,
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self { runs_days: 30, keys_days: 7 }
    }
}

/// `PUT /api/settings/channels/email`. In JSON: `{"kind": "smtp", "host": …}` or `{"kind": "sandbox"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum EmailChannel {
    /// The built-in mailbox: nothing leaves.
    Sandbox {
        /// The sender that messages show.
        #[serde(default)]
        from: Option<String>,
    },
    /// Any SMTP server.
    Smtp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
        /// How the connection is secured.
        security: SmtpSecurity,
        /// User name.
        #[serde(default)]
        username: Option<String>,
        /// Password; write-only. Absent keeps the one that is set.
        #[serde(default)]
        password: Option<String>,
        /// A certificate of an authority in PEM, trusted for this server beside the public ones. For
        /// servers whose certificate is their own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca_certificate: Option<String>,
        /// The sender: `Name <address>` or an address.
        from: String,
    },
}

/// How an SMTP connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SmtpSecurity {
    /// Not at all; for servers on this machine.
    None,
    /// STARTTLS, required.
    Starttls,
    /// TLS from the first byte.
    Tls,
}

/// `GET /api/settings/channels/email`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EmailChannelView {
    /// The channel without its password.
    pub channel: EmailChannel,
    /// Whether a password is set.
    pub password_set: bool,
}

/// `PUT /api/settings/models`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// `sandbox`, `openai` (any compatible server) or `anthropic`.
    pub provider: String,
    /// The model's name at the provider.
    #[serde(default)]
    pub model: String,
    /// Another server's address, for the compatible kind.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The key; write-only. Absent keeps the one that is set.
    #[serde(default)]
    pub api_key: Option<String>,
    /// What the provider takes, for a model that is not in the built-in list of prices or a server of
    /// your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<ModelPrice>,
}

/// What a model costs, in millionths of a US dollar per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ModelPrice {
    /// For what it is given.
    pub input_micros: u64,
    /// For what it writes.
    pub output_micros: u64,
}

/// `GET /api/settings/models`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ModelSettingsView {
    /// As set, without the key.
    pub settings: ModelSettings,
    /// Whether a key is set.
    pub key_set: bool,
    /// When it was changed last.
    pub updated_at: Option<DateTime<Utc>>,
}

/// `GET/PUT /api/settings/queues`: named queues of steps. In JSON: `{"slow": {"concurrency": 1, "per_minute": 30}}`.
/// A queue that is not named has no limit of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct QueueSettings(pub BTreeMap<String, QueueLimit>);

/// How much a named queue lets through, over all servers. Tasks of outside workers are counted apart, and only by
/// `concurrency`; so are runs that steps started, until they are over, but how often they begin counts on each server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QueueLimit {
    /// Calls of steps at the same time, 1 to 1,000.
    pub concurrency: u32,
    /// Calls that begin within any minute, 1 to 100,000; any number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
}

/// A secret of the organisation, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SecretView {
    /// Workflows read it as `{{secrets.name}}`.
    pub name: String,
    /// When it was set last.
    pub updated_at: DateTime<Utc>,
}

/// `POST /api/secrets`: makes a secret or replaces its value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SecretSet {
    /// Letters, digits and `_`, not starting with a digit; 64 at most.
    pub name: String,
    /// The value, 1 to 8,192 characters; write-only.
    pub value: String,
}

impl std::fmt::Debug for SecretSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretSet").field("name", &self.name).finish_non_exhaustive()
    }
}
