//! The organisation's secrets, which workflows read as `{{secrets.name}}`, and the workflows' own.
//!
//! Values go in and come out only for the connector that uses them. Deliberately absent: passwords and
//! keys of channels and models, which are settings of their own and no workflow's to read.

use super::{SettingError, Settings, invalid};
use crate::{secret::VaultError, store};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use serde_json::{Map, Value, json};
use signalbox::{id::OrganizationId, wire::SecretView};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What their names begin with in the store, so that no workflow reaches another kind of secret.
const PREFIX: &str = "user.";
/// Secrets of one organisation.
const SECRETS_MAX: u32 = 500;
const NAME_MAX: usize = 64;
const VALUE_MAX: usize = 8_192;
/// The version under which a workflow's own secrets are sealed: the document has no place for one.
const INLINE_VERSION: u32 = 0;

impl Settings {
    /// The organisation's secrets by name, without their values.
    pub async fn secrets(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<SecretView>, SettingError> {
        let rows = store::secret_list(&self.store, organization, PREFIX, SECRETS_MAX).await?;
        let view = |(name, updated_at): (String, DateTime<Utc>)| SecretView {
            name: name.strip_prefix(PREFIX).unwrap_or(&name).to_owned(),
            updated_at,
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// Their names.
    pub async fn secret_names(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<String>, SettingError> {
        Ok(self.secrets(organization).await?.into_iter().map(|secret| secret.name).collect())
    }

    /// Makes a secret or replaces its value.
    pub async fn secret_set(
        &self,
        organization: OrganizationId,
        name: &str,
        value: &str,
        now: DateTime<Utc>,
    ) -> Result<SecretView, SettingError> {
        check(name, value)?;
        let known = self.secrets(organization).await?;
        let many = usize::try_from(SECRETS_MAX).unwrap_or(usize::MAX);
        if known.len() >= many && !known.iter().any(|secret| secret.name == name) {
            return Err(invalid(
                "name",
                format!("an organisation has at most {SECRETS_MAX} secrets"),
            ));
        }
        let (key, plain) = (format!("{PREFIX}{name}"), Zeroizing::new(value.to_owned()));
        let vault = Arc::clone(&self.vault);
        let write = self.store.write_with(move |tx| {
            async move {
                let version = store::secret_next_version(tx, organization, &key).await?;
                let sealed = vault.seal(organization, &key, version, &plain)?;
                store::secret_put(tx, organization, &key, version, &sealed, now).await?;
                Ok::<_, SettingError>(())
            }
            .boxed()
        });
        write.await?;
        Ok(SecretView { name: name.to_owned(), updated_at: now })
    }

    /// Takes a secret away; whether there was one.
    pub async fn secret_remove(
        &self,
        organization: OrganizationId,
        name: &str,
    ) -> Result<bool, SettingError> {
        let key = format!("{PREFIX}{name}");
        let write = self.store.write(move |tx| {
            async move { store::secret_delete(tx, organization, &key).await }.boxed()
        });
        Ok(write.await?)
    }

    /// What a workflow's `{{secrets.name}}` means: its own secret of that name, else the organisation's.
    pub async fn secret_of_workflow(
        &self,
        organization: OrganizationId,
        own: &Map<String, Value>,
        name: &str,
    ) -> Result<Option<Zeroizing<String>>, SettingError> {
        if let Some(entry) = own.get(name).filter(|entry| !entry.is_null()) {
            let sealed = entry.get("cipherText").and_then(Value::as_str).unwrap_or_default();
            let opened =
                self.vault.open_sealed(organization, &inline(name), INLINE_VERSION, sealed);
            return Ok(Some(opened.map_err(|_| VaultError::Unreadable(name.to_owned()))?));
        }
        let key = format!("{PREFIX}{name}");
        match store::secret_fetch(&self.store, organization, &key).await? {
            None => Ok(None),
            Some((version, sealed)) => {
                Ok(Some(self.vault.open_sealed(organization, &key, version, &sealed)?))
            }
        }
    }

    /// Seals a secret for a workflow's own settings: `{"kind": "inlineEncrypted", "cipherText": …}`.
    pub fn seal_inline(
        &self,
        organization: OrganizationId,
        name: &str,
        plain: &str,
    ) -> Result<Value, VaultError> {
        let sealed = self.vault.seal(organization, &inline(name), INLINE_VERSION, plain)?;
        Ok(json!({ "kind": "inlineEncrypted", "cipherText": sealed }))
    }
}

fn inline(name: &str) -> String {
    format!("workflow.{name}")
}

fn check(name: &str, value: &str) -> Result<(), SettingError> {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let digit = name.starts_with(|c: char| c.is_ascii_digit());
    if name.is_empty() || name.len() > NAME_MAX || digit || !name.chars().all(letter) {
        return Err(invalid(
            "name",
            format!("letters, digits and _, at most {NAME_MAX}, not starting with a digit"),
        ));
    }
    if value.is_empty() || value.chars().count() > VALUE_MAX {
        return Err(invalid("value", format!("1 to {VALUE_MAX} characters")));
    }
    Ok(())
}
