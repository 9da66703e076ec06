//! `Idempotency-Key` on requests that create: a repetition gets the first answer.
//!
//! The answer is kept right after the work, so that only a crash in between lets a repetition work
//! twice. Runs go further: their key is committed with the run as well.

use super::failure::Failure;
use crate::{
    app_state::AppState,
    auth::Secret,
    store::{self, KeptAnswer},
};
use axum::http::HeaderMap;
use chrono::TimeDelta;
use futures::FutureExt;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use signalbox::{id::OrganizationId, wire::ErrorCode};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Longest key, in characters.
pub const KEY_LENGTH_MAX: usize = 200;
/// How long an answer is kept.
pub const KEPT_HOURS: i64 = 24;

type Key = (OrganizationId, &'static str, String);

/// Keys whose first request is being worked on; a repetition waits for it.
#[derive(Clone, Default)]
pub struct KeysInWork(Arc<Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>>);

/// The key of a request, if it has one.
pub fn key_of(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let fits = |text: &&str| !text.is_empty() && text.len() <= KEY_LENGTH_MAX;
    match value.to_str().ok().filter(fits) {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(Failure::new(
            ErrorCode::InvalidParameter,
            format!("The Idempotency-Key must be 1 to {KEY_LENGTH_MAX} visible ASCII characters."),
        )),
    }
}

/// Does `work` once for a key: for [`KEPT_HOURS`] later calls with the same request get the first
/// answer, with another request they are refused. Without a key it just works.
pub async fn once<B, T, F>(
    state: &AppState,
    organization: OrganizationId,
    operation: &'static str,
    headers: &HeaderMap,
    request: &B,
    work: F,
) -> Result<T, Failure>
where
    B: Serialize,
    T: Serialize + DeserializeOwned,
    F: Future<Output = Result<T, Failure>>,
{
    let Some(key) = key_of(headers)? else { return work.await };
    Keyed { state, organization, operation, key, sealed: false }.once(request, work).await
}

/// As [`once`], for answers that have a secret in them: what is kept is sealed.
pub async fn once_sealed<B, T, F>(
    state: &AppState,
    organization: OrganizationId,
    operation: &'static str,
    headers: &HeaderMap,
    request: &B,
    work: F,
) -> Result<T, Failure>
where
    B: Serialize,
    T: Serialize + DeserializeOwned,
    F: Future<Output = Result<T, Failure>>,
{
    let Some(key) = key_of(headers)? else { return work.await };
    Keyed { state, organization, operation, key, sealed: true }.once(request, work).await
}

/// A request with a key.
struct Keyed<'a> {
    state: &'a AppState,
    organization: OrganizationId,
    operation: &'static str,
    key: String,
    sealed: bool,
}

impl Keyed<'_> {
    async fn once<B, T, F>(&self, request: &B, work: F) -> Result<T, Failure>
    where
        B: Serialize,
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T, Failure>>,
    {
        let (state, organization, operation) = (self.state, self.organization, self.operation);
        let request_hash = self.hash_of(request)?;
        let lock = state.keys_in_work().lock_of((organization, operation, self.key.clone()));
        let _turn = lock.lock().await;
        let since = state.now() - TimeDelta::hours(KEPT_HOURS);
        let kept = store::answer_fetch(state.store(), organization, operation, &self.key, since);
        if let Some(kept) = kept.await? {
            return self.repeat(kept, &request_hash);
        }
        let answer = work.await?;
        let response = serde_json::to_value(&answer)
            .map_err(|error| Failure::internal("an answer cannot be kept", &error))?;
        let response = if self.sealed { self.seal(&response)? } else { response };
        let kept = KeptAnswer { request_hash, status: 200, response };
        let (key, now) = (self.key.clone(), state.now());
        let keep = state.store().write(move |tx| {
            async move {
                store::answer_keep(tx, organization, operation, &key, &kept, since, now).await
            }
            .boxed()
        });
        keep.await?;
        Ok(answer)
    }

    /// With the server's key in it: a request may have a password in it that a plain hash gives away.
    fn hash_of<B: Serialize>(&self, request: &B) -> Result<Vec<u8>, Failure> {
        let text = serde_json::to_string(request)
            .map_err(|error| Failure::internal("a request cannot be hashed", &error))?;
        let keyed = self.state.key().derive("idempotency", &[text.as_bytes()]);
        Ok(Secret::hash_of(&keyed).to_vec())
    }

    fn repeat<T: DeserializeOwned>(
        &self,
        kept: KeptAnswer,
        request_hash: &[u8],
    ) -> Result<T, Failure> {
        if kept.request_hash != request_hash {
            return Err(Failure::new(
                ErrorCode::Conflict,
                "This Idempotency-Key was used for another request.",
            )
            .help("Use a fresh key for each new request."));
        }
        let response = if self.sealed { self.open(&kept.response)? } else { kept.response };
        serde_json::from_value(response).map_err(|error| unreadable(&error))
    }

    fn place(&self) -> String {
        format!("idempotency.{}.{}", self.operation, self.key)
    }

    fn seal(&self, response: &Value) -> Result<Value, Failure> {
        let vault = self.state.gate().channels().settings().vault();
        let sealed = vault.seal(self.organization, &self.place(), 0, &response.to_string());
        sealed
            .map(Value::String)
            .map_err(|error| Failure::internal("an answer cannot be kept", &error))
    }

    fn open(&self, kept: &Value) -> Result<Value, Failure> {
        let vault = self.state.gate().channels().settings().vault();
        let sealed = kept.as_str().unwrap_or_default();
        let text = vault.open_sealed(self.organization, &self.place(), 0, sealed);
        let text = text.map_err(|error| unreadable(&error))?;
        serde_json::from_str(&text).map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> Failure {
    Failure::internal("a kept answer cannot be read", error)
}

impl KeysInWork {
    fn lock_of(&self, key: Key) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds any more are only in the map.
        if locks.len() > 1_000 {
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        locks.entry(key).or_default().clone()
    }
}
