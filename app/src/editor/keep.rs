//! Keeping a draft in the browser's storage when the server does not have it. A storage that is full
//! or switched off keeps nothing; the editor says so by staying unsaved.

use super::save::KeptDraft;
use leptos::prelude::*;
use signalbox::id::WorkflowId;

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

/// Keeps a draft. Whether it could.
pub(super) fn keep(workflow: WorkflowId, draft: &KeptDraft) -> bool {
    let text = serde_json::to_string(draft).ok();
    let stored = text
        .and_then(|text| storage()?.set_item(&KeptDraft::key(&workflow.to_string()), &text).ok());
    stored.is_some()
}

/// The draft that is kept.
pub(super) fn kept(workflow: WorkflowId) -> Option<KeptDraft> {
    let text = storage()?.get_item(&KeptDraft::key(&workflow.to_string())).ok().flatten()?;
    serde_json::from_str(&text).ok()
}

/// Keeps none any more.
pub(super) fn forget(workflow: WorkflowId) {
    if let Some(storage) = storage() {
        // Removing what is not there does not fail.
        let _ = storage.remove_item(&KeptDraft::key(&workflow.to_string()));
    }
}
