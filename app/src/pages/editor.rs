//! The editor's page: loads the workflow, then hands over to [`Workbench`]. The graph is fetched in
//! the browser only: the server draws the page's frame, and both agree on it.
//!
//! `?fixture=1000` shows a generated graph of that size instead, which is not saved: the measure of
//! the canvas.

use crate::api::use_client;
use crate::canvas::model::fixture;
use crate::editor::{Editor, Workbench};
use crate::session::may;
use crate::ui::{ErrorPanel, Skeleton, Trouble};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use signalbox::id::WorkflowId;
use signalbox::wire::{ApiError, ErrorCode, Permission, WorkflowDetail};

/// `/workflows/{id}`.
#[component]
pub fn EditorPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let fixture =
        Memo::new(move |_| query.with(|query| query.get("fixture")?.parse::<usize>().ok()));
    let id = Memo::new(move |_| params.with(|params| params.get("id")?.parse::<WorkflowId>().ok()));
    let client = StoredValue::new(use_client());
    let detail = LocalResource::new(move || {
        let (id, skip) = (id.get(), fixture.get().is_some());
        async move {
            match id {
                _ if skip => None,
                Some(id) => Some(client.get_value().workflow(id).await),
                None => Some(Err(ApiError::new(ErrorCode::NotFound, "There is no such workflow."))),
            }
        }
    });
    let loading = || view! { <Skeleton rows=8 /> };
    view! {
        <Title text="Workflow" />
        <Suspense fallback=loading>
            {move || {
                let answer = detail.get()?;
                Some(
                    match (fixture.get(), answer) {
                        (Some(count), _) => view! { <Generated count=count /> }.into_any(),
                        (None, Some(Ok(detail))) => view! { <Loaded detail=detail /> }.into_any(),
                        (None, Some(Err(error))) => {
                            let retry = Callback::new(move |()| detail.refetch());
                            view! { <ErrorPanel trouble=Trouble::from(error) on_retry=retry /> }.into_any()
                        }
                        (None, None) => loading().into_any(),
                    },
                )
            }}
        </Suspense>
    }
}

#[component]
fn Loaded(detail: WorkflowDetail) -> impl IntoView {
    let readonly = !may(Permission::WorkflowDefinitionEdit) || detail.workflow.archived;
    let editor = Editor::new(use_client(), detail, readonly);
    view! {
        <Title text=move || editor.name.get() />
        <Workbench editor=editor />
    }
}

#[component]
fn Generated(count: usize) -> impl IntoView {
    let graph = fixture::large(count);
    let editor = Editor::of_graph(use_client(), graph, format!("Generated, {count} steps"), false);
    view! { <Workbench editor=editor /> }
}
