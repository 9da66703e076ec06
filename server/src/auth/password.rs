//! Passwords: argon2id, at most as many at once as there are cores and a bounded number that wait, so
//! that a flood of sign-ins cannot take the memory or the processors from everything else.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Passwords that may wait for a core.
const WAITING_MAX: usize = 64;

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    cores: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// Says nothing about the password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many are waiting already.
    #[error("too many passwords are being checked")]
    Busy,
    /// The machinery failed.
    #[error("the password could not be processed: {0}")]
    Failed(String),
}

impl PasswordError {
    fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cores: Arc::new(Semaphore::new(cores)),
            places: Arc::new(Semaphore::new(cores + WAITING_MAX)),
        }
    }
}

impl Passwords {
    /// The PHC string to keep.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let password = Zeroizing::new(password.to_owned());
        self.work(move || hash(password.as_bytes())).await?
    }

    /// Whether a password belongs to a hash. Without a hash (an unknown account) it takes as long
    /// and says no, so that the time tells nothing.
    pub async fn verify(
        &self,
        password: &str,
        kept: Option<String>,
    ) -> Result<bool, PasswordError> {
        let password = Zeroizing::new(password.to_owned());
        self.work(move || {
            let known = kept.is_some();
            let kept = kept.unwrap_or_else(|| dummy().to_owned());
            let parsed = PasswordHash::new(&kept).map_err(PasswordError::failed)?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && known)
        })
        .await?
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let core = self.cores.clone().acquire_owned().await.map_err(PasswordError::failed)?;
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop((core, place));
            result
        })
        .await
        .map_err(PasswordError::failed)
    }
}

fn hash(password: &[u8]) -> Result<String, PasswordError> {
    let hash: PasswordHash =
        Argon2::default().hash_password(password).map_err(PasswordError::failed)?;
    Ok(hash.to_string())
}

/// A hash that belongs to no account.
fn dummy() -> &'static str {
    static DUMMY: OnceLock<String> = OnceLock::new();
    DUMMY.get_or_init(|| hash(b"nobody has this password").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_and_no_other() {
        let passwords = Passwords::default();
        let kept = passwords.hash("correct horse battery").await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(passwords.verify("correct horse battery", Some(kept.clone())).await.unwrap());
        assert!(!passwords.verify("correct horse batterz", Some(kept)).await.unwrap());
        assert!(!passwords.verify("nobody has this password", None).await.unwrap());
    }

    #[tokio::test]
    async fn a_flood_is_turned_away() {
        let passwords = Passwords::default();
        let calls = (0..300).map(|_| passwords.verify("guess", None));
        let answers = futures::future::join_all(calls).await;
        assert!(answers.contains(&Err(PasswordError::Busy)));
        assert!(answers.contains(&Ok(false)), "those who found a place are served");
        assert_eq!(passwords.verify("guess", None).await, Ok(false), "and later ones too");
    }
}
