//! `Idempotency-Key` on requests that create: a repetition gets the first answer.
//!
//! Runs have a stronger form of their own: the key is committed with the run. Here the answer is
//! kept right after the work, so that only a crash in between lets a repetition work twice.

use super::failure::Failure;
use crate::{
    app_state::AppState,
    auth::Secret,
    store::{self, KeptAnswer},
};
use axum::http::HeaderMap;
use futures::FutureExt;
use serde::{Serialize, de::DeserializeOwned};
use signalbox::{id::OrganizationId, wire::ErrorCode};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Longest key, in characters.
pub const KEY_LENGTH_MAX: usize = 200;

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

/// Does `work` once for a key: later calls with the same request get the first answer, with
/// another request they are refused. Without a key it just works.
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
    let text = serde_json::to_string(request)
        .map_err(|error| Failure::internal("a request cannot be hashed", &error))?;
    let request_hash = Secret::hash_of(&text).to_vec();
    let lock = state.keys_in_work().lock_of((organization, operation, key.clone()));
    let _turn = lock.lock().await;
    if let Some(kept) = store::answer_fetch(state.store(), organization, operation, &key).await? {
        return repeat(kept, &request_hash);
    }
    let answer = work.await?;
    let response = serde_json::to_value(&answer)
        .map_err(|error| Failure::internal("an answer cannot be kept", &error))?;
    let (kept, now) = (KeptAnswer { request_hash, status: 200, response }, state.now());
    state
        .store()
        .write(move |tx| {
            async move { store::answer_keep(tx, organization, operation, &key, &kept, now).await }
                .boxed()
        })
        .await?;
    Ok(answer)
}

fn repeat<T: DeserializeOwned>(kept: KeptAnswer, request_hash: &[u8]) -> Result<T, Failure> {
    if kept.request_hash != request_hash {
        return Err(Failure::new(
            ErrorCode::Conflict,
            "This Idempotency-Key was used for another request.",
        )
        .help("Use a fresh key for each new request."));
    }
    serde_json::from_value(kept.response)
        .map_err(|error| Failure::internal("a kept answer cannot be read", &error))
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
