//! The public address of a webhook: derived from the server's key, so that it can be shown again,
//! found by its hash.

use super::workflows;
use crate::{
    app_state::AppState,
    auth::{Caller, Secret},
};
use signalbox::{
    graph::{Graph, TriggerKind},
    id::{OrganizationId, WorkflowId},
    wire::Permission,
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

/// The whole address as people copy it, for those who may start runs or say how they start: whoever knows
/// it starts runs. It answers once a version is published.
pub fn url(
    state: &AppState,
    caller: &Caller,
    workflow: WorkflowId,
    graph: &Graph,
) -> Option<String> {
    let may_know = [Permission::PlanInstanceStart, Permission::WorkflowDefinitionEdit];
    if !may_know.into_iter().any(|permission| caller.may(permission)) {
        return None;
    }
    let address = of(state, caller.organization(), workflow, graph)?;
    let path = match workflows::trigger(graph) {
        Some(TriggerKind::Webhook { path, .. }) => path.as_str(),
        _ => "",
    };
    let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
    Some(format!("{}/hooks/{}{slash}{path}", state.base_url(), address.token))
}
