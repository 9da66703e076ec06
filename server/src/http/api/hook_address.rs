//! The public address of a webhook: derived from the server's key, so that it can be shown again,
//! found by its hash.

use super::workflows;
use crate::{
    app_state::AppState,
    auth::Secret,
    store::{self, StoreResult},
};
use futures::FutureExt;
use signalbox::{
    graph::{Graph, TriggerKind},
    id::{OrganizationId, WorkflowId},
};

/// The address of a workflow.
pub struct HookAddress {
    /// What stands in the path.
    pub token: String,
    /// What it is found by.
    pub hash: [u8; 32],
}

/// The address of a workflow whose trigger is a webhook; none for other triggers.
pub fn of(
    state: &AppState,
    organization: OrganizationId,
    workflow: WorkflowId,
    graph: &Graph,
) -> Option<HookAddress> {
    let Some(TriggerKind::Webhook { .. }) = workflows::trigger(graph) else { return None };
    let parts: [&[u8]; 2] = [organization.0.as_bytes(), workflow.0.as_bytes()];
    let token = state.key().derive("hook", &parts);
    let hash = Secret::hash_of(&token);
    Some(HookAddress { token, hash })
}

/// The whole address as people copy it. It answers as soon as it is shown.
pub async fn url(
    state: &AppState,
    organization: OrganizationId,
    workflow: WorkflowId,
    graph: &Graph,
) -> StoreResult<Option<String>> {
    let Some(address) = of(state, organization, workflow, graph) else { return Ok(None) };
    let (hash, now) = (address.hash, state.now());
    if !store::hook_is(state.store(), organization, workflow, &hash).await? {
        let kept = state.store().write(move |tx| {
            async move { store::hook_put(tx, organization, workflow, &hash, now).await }.boxed()
        });
        kept.await?;
    }
    let path = match workflows::trigger(graph) {
        Some(TriggerKind::Webhook { path, .. }) => path.as_str(),
        _ => "",
    };
    let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
    Ok(Some(format!("{}/hooks/{}{slash}{path}", state.base_url(), address.token)))
}
