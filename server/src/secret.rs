//! The vault: secrets at rest.
//!
//! XChaCha20-Poly1305 under a key that is derived from the server's key, which lies in the data
//! folder and never in the database. What is authenticated beside the text says whose it is, its name
//! and its version, so that a sealed text cannot be moved to another place. Deliberately absent: where
//! sealed texts are kept (see `store::secrets` and a workflow's settings).

use crate::auth::ServerKey;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use sha2::{Digest, Sha256};
use signalbox::id::OrganizationId;
use zeroize::Zeroizing;

const NONCE_LEN: usize = 24;

/// Why a text cannot be sealed or read.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The text was sealed with another key, for another place, or was changed.
    #[error("the secret \u{201c}{0}\u{201d} cannot be read with this server's key; set it again")]
    Unreadable(String),
    /// The cipher failed.
    #[error("the secret could not be sealed")]
    Seal,
}

/// Seals and opens secrets.
pub struct Vault {
    cipher: XChaCha20Poly1305,
}

impl Vault {
    /// The vault of a server.
    pub fn of(key: &ServerKey) -> Self {
        let derived = Zeroizing::new(key.derive("vault 1", &[]));
        // 256 bits in base 64; the hash brings them into 32 bytes.
        let key: [u8; 32] = Sha256::digest(derived.as_bytes()).into();
        Self { cipher: XChaCha20Poly1305::new(&key.into()) }
    }

    /// A vault whose key is forgotten with it: for private stores.
    pub fn ephemeral() -> Self {
        Self::of(&ServerKey::ephemeral())
    }

    /// Seals a text for one place.
    pub fn seal(
        &self,
        organization: OrganizationId,
        name: &str,
        version: u32,
        plain: &str,
    ) -> Result<String, VaultError> {
        let nonce = random::<NONCE_LEN>();
        let aad = place(organization, name, version);
        let payload = Payload { msg: plain.as_bytes(), aad: aad.as_bytes() };
        let sealed =
            self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::Seal)?;
        Ok(STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens what [`seal`](Self::seal) gave for the same place.
    pub fn open_sealed(
        &self,
        organization: OrganizationId,
        name: &str,
        version: u32,
        sealed: &str,
    ) -> Result<Zeroizing<String>, VaultError> {
        let unreadable = || VaultError::Unreadable(name.to_owned());
        let bytes = STANDARD.decode(sealed.trim()).map_err(|_| unreadable())?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN).ok_or_else(unreadable)?;
        let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| unreadable())?;
        let aad = place(organization, name, version);
        let payload = Payload { msg: text, aad: aad.as_bytes() };
        let plain = self.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| unreadable())?;
        String::from_utf8(plain).map(Zeroizing::new).map_err(|_| unreadable())
    }
}

fn place(organization: OrganizationId, name: &str, version: u32) -> String {
    format!("{organization}|{name}|{version}")
}

fn random<const N: usize>() -> [u8; N] {
    rand::random()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_sealed_text_opens_only_in_its_place_and_unchanged() {
        let (vault, org) = (Vault::ephemeral(), OrganizationId(Uuid::from_u128(1)));
        let sealed = vault.seal(org, "smtp", 1, "hunter2").unwrap();
        assert!(!sealed.contains("hunter2"));
        assert_eq!(*vault.open_sealed(org, "smtp", 1, &sealed).unwrap(), "hunter2");
        let other = OrganizationId(Uuid::from_u128(2));
        assert!(vault.open_sealed(other, "smtp", 1, &sealed).is_err());
        assert!(vault.open_sealed(org, "imap", 1, &sealed).is_err());
        assert!(vault.open_sealed(org, "smtp", 2, &sealed).is_err());
        assert!(vault.open_sealed(org, "smtp", 1, &sealed[4..]).is_err());
        assert!(Vault::ephemeral().open_sealed(org, "smtp", 1, &sealed).is_err());
    }

    #[test]
    fn the_same_server_key_opens_what_it_sealed() {
        let org = OrganizationId(Uuid::from_u128(1));
        let vault = || Vault::of(&ServerKey::new([7; 32]));
        let sealed = vault().seal(org, "a", 1, "b").unwrap();
        assert_eq!(*vault().open_sealed(org, "a", 1, &sealed).unwrap(), "b");
        let other = Vault::of(&ServerKey::new([8; 32]));
        assert!(matches!(other.open_sealed(org, "a", 1, &sealed), Err(VaultError::Unreadable(_))));
    }
}
