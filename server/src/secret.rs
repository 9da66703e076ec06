//! The vault: secrets at rest.
//!
//! XChaCha20-Poly1305 with a key of 32 random bytes that lies in the data folder (`secret.key`, mode
//! 0600), never in the database. What is authenticated beside the text says whose it is, its name and
//! its version, so that a sealed text cannot be moved to another place. Deliberately absent: where
//! sealed texts are kept (see `store::secrets` and a workflow's settings).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use signalbox::id::OrganizationId;
use std::{fs, io, io::Write, path::Path};
use zeroize::Zeroizing;

const KEY_FILE: &str = "secret.key";
const NONCE_LEN: usize = 24;

/// Why the vault cannot be opened, or a text not be read.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file cannot be read or made.
    #[error("the key file {path} cannot be used: {detail}")]
    KeyFile {
        /// Where.
        path: String,
        /// Why.
        detail: String,
    },
    /// The text was sealed with another key, for another place, or was changed.
    #[error("the secret \u{201c}{0}\u{201d} cannot be read with this server's key; set it again")]
    Unreadable(String),
    /// The random source or the cipher failed.
    #[error("the secret could not be sealed")]
    Seal,
}

/// Seals and opens secrets.
pub struct Vault {
    cipher: XChaCha20Poly1305,
}

impl Vault {
    /// Opens the vault of a data folder; its key is made at the first start.
    pub fn open(data_dir: &Path) -> Result<Self, VaultError> {
        let path = data_dir.join(KEY_FILE);
        let refuse = |error: io::Error| VaultError::KeyFile {
            path: path.display().to_string(),
            detail: error.to_string(),
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = Zeroizing::new(hex::encode(random::<32>()));
                write_private(&path, text.as_bytes()).map_err(refuse)?;
                text
            }
            Err(error) => return Err(refuse(error)),
        };
        let mut key = Zeroizing::new([0u8; 32]);
        hex::decode_to_slice(text.trim(), key.as_mut()).map_err(|_| VaultError::KeyFile {
            path: path.display().to_string(),
            detail: "it must hold 64 hexadecimal digits; restore it from your backup".into(),
        })?;
        Ok(Self::with_key(&key))
    }

    /// A vault whose key is forgotten with it: for private stores.
    pub fn ephemeral() -> Self {
        Self::with_key(&Zeroizing::new(random::<32>()))
    }

    fn with_key(key: &[u8; 32]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(&(*key).into()) }
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

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
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
    fn the_key_file_is_private_and_kept() {
        let dir = std::env::temp_dir().join(format!("vault-{}", Uuid::new_v4()));
        fs::create_dir_all(&dir).unwrap();
        let org = OrganizationId(Uuid::from_u128(1));
        let sealed = Vault::open(&dir).unwrap().seal(org, "a", 1, "b").unwrap();
        assert_eq!(*Vault::open(&dir).unwrap().open_sealed(org, "a", 1, &sealed).unwrap(), "b");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(dir.join(KEY_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(dir.join(KEY_FILE), "short").unwrap();
        assert!(matches!(Vault::open(&dir), Err(VaultError::KeyFile { .. })));
        fs::remove_dir_all(&dir).unwrap();
    }
}
