//! Typed settings of an organisation, their secrets in the vault.
//!
//! Deliberately absent: the organisation's name, which lives with the organisation.

mod history;
mod outbound;
mod queues;
mod secrets;
mod templates;

pub use outbound::{Rules, rules_of};
pub use templates::NAME_CURSOR;

use crate::{
    secret::{Vault, VaultError},
    store::{self, Store, StoreError},
};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use signalbox::{
    id::OrganizationId,
    wire::{EmailChannel, EmailChannelView, ModelPrice, ModelSettings, ModelSettingsView},
};
use std::sync::Arc;
use zeroize::Zeroizing;

const GENERAL: &str = "general";
const EMAIL: &str = "channel.email";
const MODELS: &str = "models";
const EMAIL_PASSWORD: &str = "channel.email.password";
const MODEL_KEY: &str = "models.api_key";
/// The longest hold of an approved email, in milliseconds.
pub const EMAIL_HOLD_MAX_MS: u32 = 120_000;
/// The dearest model, in millionths of a US dollar per million tokens.
const PRICE_MAX_MICROS: u64 = 100_000_000_000;

/// Why a setting was not taken or given.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// A value breaks a rule.
    #[error("{field}: {message}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn invalid(field: &'static str, message: impl Into<String>) -> SettingError {
    SettingError::Invalid { field, message: message.into() }
}

/// Zone and hold of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct General {
    /// IANA zone.
    pub timezone: String,
    /// How long an approved email is held, in milliseconds.
    pub email_hold_ms: u32,
}

impl Default for General {
    fn default() -> Self {
        Self { timezone: "UTC".into(), email_hold_ms: 10_000 }
    }
}

/// The settings of all organisations.
#[derive(Clone)]
pub struct Settings {
    store: Store,
    vault: Arc<Vault>,
}

impl Settings {
    /// Settings in a store, secrets in a vault.
    pub fn new(store: Store, vault: Arc<Vault>) -> Self {
        Self { store, vault }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The vault.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Zone and hold.
    pub async fn general(&self, organization: OrganizationId) -> Result<General, SettingError> {
        Ok(self.read::<General>(organization, GENERAL).await?.map(|(g, _)| g).unwrap_or_default())
    }

    /// Sets zone and hold.
    pub async fn general_set(
        &self,
        organization: OrganizationId,
        general: &General,
        now: DateTime<Utc>,
    ) -> Result<(), SettingError> {
        if general.timezone.parse::<chrono_tz::Tz>().is_err() {
            return Err(invalid("timezone", "there is no such zone; write it like Europe/London"));
        }
        if general.email_hold_ms > EMAIL_HOLD_MAX_MS {
            return Err(invalid("email_hold_ms", "at most 120,000 milliseconds"));
        }
        self.write(organization, GENERAL, general, None, now).await
    }

    /// The email channel, its password left out.
    pub async fn email(
        &self,
        organization: OrganizationId,
    ) -> Result<EmailChannelView, SettingError> {
        let channel = self.read::<EmailChannel>(organization, EMAIL).await?;
        let channel = channel.map_or(EmailChannel::Sandbox { from: None }, |(channel, _)| channel);
        let password = store::secret_fetch(&self.store, organization, EMAIL_PASSWORD).await?;
        let smtp = matches!(channel, EmailChannel::Smtp { .. });
        Ok(EmailChannelView { channel, password_set: smtp && password.is_some() })
    }

    /// The SMTP password.
    pub async fn email_password(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<Zeroizing<String>>, SettingError> {
        self.secret(organization, EMAIL_PASSWORD).await
    }

    /// Sets the email channel. An absent password keeps the one that is set, an empty one takes it away.
    pub async fn email_set(
        &self,
        organization: OrganizationId,
        channel: &EmailChannel,
        now: DateTime<Utc>,
    ) -> Result<EmailChannelView, SettingError> {
        let mut kept = channel.clone();
        check_email(&kept)?;
        let mut secret = None;
        if let EmailChannel::Smtp { password, .. } = &mut kept {
            secret = password.take();
        }
        let secret = secret.map(|secret| (EMAIL_PASSWORD, secret));
        self.write(organization, EMAIL, &kept, secret, now).await?;
        self.email(organization).await
    }

    /// The model settings, the key left out.
    pub async fn models(
        &self,
        organization: OrganizationId,
    ) -> Result<ModelSettingsView, SettingError> {
        let (settings, updated_at) = match self.read::<ModelSettings>(organization, MODELS).await? {
            Some((settings, at)) => (settings, Some(at)),
            None => (sandbox_models(), None),
        };
        let key = store::secret_fetch(&self.store, organization, MODEL_KEY).await?;
        Ok(ModelSettingsView { settings, key_set: key.is_some(), updated_at })
    }

    /// The key of the model's provider.
    pub async fn model_key(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<Zeroizing<String>>, SettingError> {
        self.secret(organization, MODEL_KEY).await
    }

    /// Sets the model settings. An absent key keeps the one that is set, an empty one takes it away.
    pub async fn models_set(
        &self,
        organization: OrganizationId,
        settings: &ModelSettings,
        now: DateTime<Utc>,
    ) -> Result<ModelSettingsView, SettingError> {
        check_models(settings)?;
        let mut kept = settings.clone();
        let secret = kept.api_key.take().map(|key| (MODEL_KEY, key));
        self.write(organization, MODELS, &kept, secret, now).await?;
        self.models(organization).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        organization: OrganizationId,
        name: &'static str,
    ) -> Result<Option<(T, DateTime<Utc>)>, SettingError> {
        let Some((value, at)) = store::setting_fetch(&self.store, organization, name).await? else {
            return Ok(None);
        };
        let typed = serde_json::from_value(value).map_err(|error| StoreError::Corrupt {
            table: "settings",
            column: name,
            detail: error.to_string(),
        })?;
        Ok(Some((typed, at)))
    }

    async fn write<T: Serialize>(
        &self,
        organization: OrganizationId,
        name: &'static str,
        setting: &T,
        secret: Option<(&'static str, String)>,
        now: DateTime<Utc>,
    ) -> Result<(), SettingError> {
        let value: Value = serde_json::to_value(setting).map_err(|error| StoreError::Corrupt {
            table: "settings",
            column: name,
            detail: error.to_string(),
        })?;
        let vault = Arc::clone(&self.vault);
        let write = self.store.write_with(move |tx| {
            async move {
                store::setting_put(tx, organization, name, &value, now).await?;
                if name == EMAIL {
                    // Whatever stood in the way may be gone: the channel is tried afresh.
                    store::channel_health_clear(tx, organization, None).await?;
                    store::messages_look_again(tx, organization, None, now).await?;
                }
                if name == queues::QUEUES {
                    // The other servers read it again.
                    let nothing = uuid::Uuid::nil();
                    tx.feed_append(organization, "queues", nothing, Value::Null, now);
                }
                let Some((name, plain)) = secret else { return Ok(()) };
                if plain.is_empty() {
                    store::secret_delete(tx, organization, name).await?;
                    return Ok(());
                }
                let version = store::secret_next_version(tx, organization, name).await?;
                let sealed = vault.seal(organization, name, version, &plain)?;
                Ok(store::secret_put(tx, organization, name, version, &sealed, now).await?)
            }
            .boxed()
        });
        write.await
    }

    async fn secret(
        &self,
        organization: OrganizationId,
        name: &'static str,
    ) -> Result<Option<Zeroizing<String>>, SettingError> {
        match store::secret_fetch(&self.store, organization, name).await? {
            None => Ok(None),
            Some((version, sealed)) => {
                Ok(Some(self.vault.open_sealed(organization, name, version, &sealed)?))
            }
        }
    }
}

fn sandbox_models() -> ModelSettings {
    ModelSettings {
        provider: "sandbox".into(),
        model: String::new(),
        base_url: None,
        api_key: None,
        price: None,
    }
}

fn check_email(channel: &EmailChannel) -> Result<(), SettingError> {
    let check_from = |from: &str| match crate::channel::mailbox(from) {
        Ok(_) => Ok(()),
        Err(problem) => Err(invalid("from", problem)),
    };
    match channel {
        EmailChannel::Sandbox { from } => from.as_deref().map_or(Ok(()), check_from),
        EmailChannel::Smtp { host, port, from, username, ca_certificate, .. } => {
            let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]_".contains(c);
            if host.is_empty() || host.len() > 253 || !host.chars().all(plain) {
                return Err(invalid("host", "write a host name or an address, without a scheme"));
            }
            if *port == 0 {
                return Err(invalid("port", "1 to 65535"));
            }
            if username.as_deref().is_some_and(|name| name.chars().any(char::is_control)) {
                return Err(invalid("username", "it must be on one line"));
            }
            if let Some(pem) = ca_certificate {
                crate::channel::check_certificate(pem)
                    .map_err(|problem| invalid("ca_certificate", problem))?;
            }
            check_from(from)
        }
    }
}

fn check_models(settings: &ModelSettings) -> Result<(), SettingError> {
    if !["sandbox", "openai", "anthropic"].contains(&settings.provider.as_str()) {
        return Err(invalid("provider", "sandbox, openai or anthropic"));
    }
    if settings.provider != "sandbox" && settings.model.trim().is_empty() {
        return Err(invalid("model", "write the model's name at the provider"));
    }
    let dear = |price: &ModelPrice| price.input_micros.max(price.output_micros) > PRICE_MAX_MICROS;
    if settings.price.as_ref().is_some_and(dear) {
        return Err(invalid("price", "at most $100,000 per million tokens"));
    }
    let url = settings.base_url.as_deref().filter(|url| !url.is_empty());
    let web =
        |url: &str| url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if url.is_some_and(|url| !web(url)) {
        return Err(invalid("base_url", "write an address that starts with https:// or http://"));
    }
    Ok(())
}
