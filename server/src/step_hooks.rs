//! Tells addresses of steps that ended (`onStepComplete`, `onStepFailed`).
//!
//! What is to be told is a row that the step's own commit wrote ([`store::StepHook`]); so nothing is forgotten over a
//! crash, and what was told but not noted is told again, under the same `webhook-id`. What is said is read from the
//! run's events. An attempt takes its row first, so that of several servers one makes it. Deliberately absent: where
//! requests may go ([`crate::egress`]).

use crate::{
    auth::{hmac_sha256, signing_key},
    egress::{Egress, EgressError, EgressRequest},
    engine::EngineHandle,
    setting::Settings,
    store::{self, StepHook, StoreError, StoreResult},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{FutureExt, StreamExt};
use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::json;
use signalbox::{
    format::dag::{StepResult, step_of_event},
    id::WorkflowId,
    run::Event,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Rows read at once.
const BATCH: u32 = 64;
/// Attempts at once.
const AT_ONCE: usize = 8;
/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// After an attempt that failed: when the next one is due, in seconds. After the last one it is given up.
const AGAIN_S: [i64; 7] = [5, 30, 120, 600, 3_600, 6 * 3_600, 24 * 3_600];
/// While an attempt is made nobody else makes it.
const TAKEN_S: i64 = 60;
/// The longest time without a look into the database.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(20);
/// Events of a run that are read at once.
const EVENTS_PAGE: usize = 2_000;

/// Tells what is due.
#[derive(Clone)]
pub struct Teller {
    engine: EngineHandle,
    settings: Settings,
    egress: Egress,
}

/// What is said of a step.
struct Said {
    workflow: WorkflowId,
    step: StepResult,
}

impl Teller {
    /// Starts telling; it ends with the engine.
    pub fn start(engine: &EngineHandle, settings: &Settings, egress: &Egress) {
        let teller =
            Self { engine: engine.clone(), settings: settings.clone(), egress: egress.clone() };
        engine.beside("step hooks", move |stop| teller.clone().run(stop));
    }

    async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let now = self.engine.clock().now();
            let latest = now + LOOK_EVERY;
            let wake_at = match self.tell_due().await {
                Ok(next) => next.map_or(latest, |next| next.min(latest)),
                Err(error) => {
                    tracing::warn!(%error, "not everybody was told of steps; trying again");
                    now + TimeDelta::seconds(1)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.engine.hooked() => {}
                () = self.engine.clock().sleep_until(wake_at) => {}
            }
        }
    }

    /// Tells what is due now; gives when the next one is.
    async fn tell_due(&self) -> StoreResult<Option<DateTime<Utc>>> {
        let store = self.engine.store();
        if store.may_work() {
            loop {
                let due = store::step_hooks_due(store, self.engine.clock().now(), BATCH).await?;
                if due.is_empty() {
                    break;
                }
                let told = futures::stream::iter(due)
                    .map(|hook| async move { self.tell(&hook).await })
                    .buffer_unordered(AT_ONCE)
                    .collect::<Vec<_>>()
                    .await;
                // A row that could not be moved is still due: without a pause this would turn in circles.
                told.into_iter().collect::<StoreResult<()>>()?;
            }
        }
        store::step_hook_next(store).await
    }

    async fn tell(&self, hook: &StepHook) -> StoreResult<()> {
        let taken = self.moved(hook, hook.attempts + 1, Some(TAKEN_S), "It is being told.").await?;
        if !taken {
            return Ok(());
        }
        let hook = &StepHook { attempts: hook.attempts + 1, ..hook.clone() };
        let (again, detail) = match self.said(hook).await {
            // The trigger is no step, and a run that is kept no longer has nothing to say.
            Ok(None) => (None, "There was nothing to tell.".to_owned()),
            Err(error) => (self.again(hook), error.to_string()),
            Ok(Some(said)) => match self.post(hook, &said).await {
                Ok(()) => (None, "It was told.".to_owned()),
                Err((may_pass, why)) => (self.again(hook).filter(|_| may_pass), why),
            },
        };
        if again.is_none() && detail != "It was told." {
            tracing::info!(run = %hook.run, seq = hook.seq, %detail, "a step's address is told no more");
        }
        self.moved(hook, hook.attempts, again, &detail).await.map(|_| ())
    }

    /// When the next attempt is due, in seconds; none when there were enough.
    fn again(&self, hook: &StepHook) -> Option<i64> {
        let made = usize::try_from(hook.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        AGAIN_S.get(made).copied()
    }

    async fn moved(
        &self,
        hook: &StepHook,
        attempts: u32,
        again_s: Option<i64>,
        detail: &str,
    ) -> StoreResult<bool> {
        let due_at = again_s.map(|after| self.engine.clock().now() + TimeDelta::seconds(after));
        let (hook, detail) = (hook.clone(), detail.chars().take(500).collect::<String>());
        let write = self.engine.store().write(move |tx| {
            async move { store::step_hook_move(tx, &hook, attempts, due_at, &detail).await }.boxed()
        });
        write.await
    }

    /// What there is to say. Read from the events up to the one that ended the step.
    async fn said(&self, hook: &StepHook) -> StoreResult<Option<Said>> {
        let store = self.engine.store();
        let run = match store::run_fetch(store, hook.organization, hook.run).await {
            Err(StoreError::NotFound { .. }) => return Ok(None),
            other => other?,
        };
        let mut events: Vec<Event> = Vec::new();
        while events.last().is_none_or(|last| last.seq < hook.seq) {
            let after = events.last().map_or(0, |last| last.seq);
            let (page, more) =
                store::events_after(store, hook.organization, hook.run, after, EVENTS_PAGE).await?;
            if page.is_empty() {
                break;
            }
            events.extend(page);
            if !more {
                break;
            }
        }
        let version =
            store::version_fetch(store, hook.organization, run.workflow, run.version).await?;
        let step = step_of_event(&version.graph, &events, hook.seq);
        Ok(step.map(|step| Said { workflow: run.workflow, step }))
    }

    /// Makes the request. The first part of an error: whether trying again may help.
    async fn post(&self, hook: &StepHook, said: &Said) -> Result<(), (bool, String)> {
        let url = Url::parse(&hook.url).map_err(|error| (false, error.to_string()))?;
        let body = json!({
            "type": hook.kind, "executionId": hook.run, "planId": said.workflow, "step": said.step,
        });
        let body = body.to_string().into_bytes();
        let headers = self.headers(hook, &body).await?;
        let request = EgressRequest {
            method: Method::POST,
            url,
            headers,
            body: Some(body),
            timeout: TIMEOUT,
        };
        match self.egress.send(request).await {
            Ok(answer) if answer.status < 300 => Ok(()),
            Ok(answer) => {
                // 410 means that nobody wants to hear of it any more.
                Err((answer.status != 410, format!("It was answered with {}.", answer.status)))
            }
            Err(error @ (EgressError::Forbidden(_) | EgressError::Invalid(_))) => {
                Err((false, error.to_string()))
            }
            Err(error) => Err((true, error.to_string())),
        }
    }

    async fn headers(&self, hook: &StepHook, body: &[u8]) -> Result<HeaderMap, (bool, String)> {
        let id = format!("{}.{}", hook.run, hook.seq);
        let timestamp = self.engine.clock().now().timestamp().to_string();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut put = |name: &'static str, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        put("webhook-id", &id);
        put("webhook-timestamp", &timestamp);
        if let Some(name) = &hook.secret {
            let none = serde_json::Map::new();
            let secret = self.settings.secret_of_workflow(hook.organization, &none, name).await;
            let secret = secret.map_err(|error| (true, error.to_string()))?;
            let Some(secret) = secret else {
                return Err((true, format!("There is no secret {name} to sign it with.")));
            };
            let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
            let signed = hmac_sha256(&signing_key(&secret), &parts);
            put("webhook-signature", &format!("v1,{}", STANDARD.encode(signed)));
        }
        Ok(headers)
    }
}
