//! Random secrets, their hashes, and the key that webhooks' addresses are derived from.

use crate::private;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rand::RngCore;
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{self, Write},
    path::Path,
};

/// 256 random bits as text, and their hash. Only the hash is ever kept.
pub struct Secret {
    /// What the owner holds.
    pub text: String,
    /// SHA-256 of the text.
    pub hash: [u8; 32],
}

impl Secret {
    /// A fresh one, with a prefix that tells what it is (`sbx_`).
    pub fn fresh(prefix: &str) -> Self {
        let mut bytes = [0u8; 32];
        rand::rng().fill_bytes(&mut bytes);
        let text = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes));
        let hash = Self::hash_of(&text);
        Self { text, hash }
    }

    /// The hash under which a presented text is looked up. The text has 256 random bits, so a plain
    /// hash is enough, and a lookup by hash leaks nothing through its timing.
    pub fn hash_of(text: &str) -> [u8; 32] {
        Sha256::digest(text.as_bytes()).into()
    }
}

/// The key of this server from which addresses are derived, so that they can be shown again
/// without being kept.
#[derive(Clone)]
pub struct ServerKey([u8; 32]);

impl ServerKey {
    /// From 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key in a file (64 hexadecimal digits, mode 0600), made at the first start together with its
    /// folder. The error says what is wrong with the file.
    pub fn open(path: &Path) -> Result<Self, String> {
        let refuse = |why: &dyn std::fmt::Display| {
            format!("the key file {} cannot be used: {why}", path.display())
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = hex::encode(Self::ephemeral().0);
                if let Some(folder) = path.parent() {
                    private::make_folder(folder).map_err(|error| refuse(&error))?;
                }
                write_private(path, text.as_bytes()).map_err(|error| refuse(&error))?;
                text
            }
            Err(error) => return Err(refuse(&error)),
        };
        let mut bytes = [0u8; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| {
            refuse(&"it must hold 64 hexadecimal digits; restore it from your backup")
        })?;
        Ok(Self(bytes))
    }

    /// A key that is gone with this value.
    pub fn ephemeral() -> Self {
        let mut bytes = [0u8; 32];
        rand::rng().fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The text that belongs to a purpose and its parts: HMAC-SHA256, in URL-safe base 64.
    pub fn derive(&self, purpose: &str, parts: &[&[u8]]) -> String {
        let mut message = purpose.as_bytes().to_vec();
        for part in parts {
            // Lengths keep ("a","bc") and ("ab","c") apart.
            message.extend((part.len() as u64).to_be_bytes());
            message.extend_from_slice(part);
        }
        URL_SAFE_NO_PAD.encode(hmac_sha256(&self.0, &[&message]))
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private::options().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// HMAC-SHA256 (RFC 2104) over the parts of a message, one after the other.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let hashed: [u8; 32];
    let key = match key.len() {
        0..=64 => key,
        _ => {
            hashed = Sha256::digest(key).into();
            &hashed
        }
    };
    let padded = |byte: u8| {
        let mut block = [byte; 64];
        for (slot, key) in block.iter_mut().zip(key) {
            *slot ^= key;
        }
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36));
    let inner = parts.iter().fold(inner, |hash, part| hash.chain_update(part)).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

/// The key that a secret signs webhooks with: base 64 behind `whsec_`, or the text itself.
pub fn signing_key(secret: &str) -> Vec<u8> {
    let decoded = secret.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
    decoded.unwrap_or_else(|| secret.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_agrees_with_an_independent_implementation() {
        // python3: hmac.new(b"\x0b"*32, b"Hi There", "sha256").hexdigest()
        let expected = "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7";
        assert_eq!(hex::encode(hmac_sha256(&[0x0b; 32], &[b"Hi ", b"There"])), expected);
        // RFC 4231, test case 6: a key that is longer than a block.
        let expected = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        let text = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(hex::encode(hmac_sha256(&[0xaa; 131], &[text])), expected);
    }

    #[test]
    fn secrets_are_long_and_differ() {
        let (a, b) = (Secret::fresh("sbx_"), Secret::fresh("sbx_"));
        assert_ne!(a.text, b.text);
        assert!(a.text.starts_with("sbx_") && a.text.len() == 4 + 43);
        assert_eq!(a.hash, Secret::hash_of(&a.text));
    }

    #[test]
    fn parts_are_kept_apart() {
        let key = ServerKey::new([7; 32]);
        assert_eq!(key.derive("hook", &[b"a", b"bc"]), key.derive("hook", &[b"a", b"bc"]));
        assert_ne!(key.derive("hook", &[b"a", b"bc"]), key.derive("hook", &[b"ab", b"c"]));
        assert_ne!(key.derive("hook", &[b"a"]), ServerKey::new([8; 32]).derive("hook", &[b"a"]));
    }
}
