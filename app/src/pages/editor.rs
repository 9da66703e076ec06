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
use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use signalbox::id::WorkflowId;
use signalbox::wire::{ApiError, ErrorCode, Permission, WorkflowDetail};

/// What the page has.
#[derive(Clone)]
enum Shown {
    /// Nothing yet: what the server draws, and what the browser wakes up with.
    Loading,
    /// A generated graph of so many steps.
    Generated(usize),
    /// The workflow.
    Loaded(Box<WorkflowDetail>),
    /// Why there is none.
    Failed(ApiError),
}

/// `/workflows/{id}`.
#[component]
pub fn EditorPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let fixture =
        Memo::new(move |_| query.with(|query| query.get("fixture")?.parse::<usize>().ok()));
    let id = Memo::new(move |_| params.with(|params| params.get("id")?.parse::<WorkflowId>().ok()));
    let client = StoredValue::new(use_client());
    let shown = RwSignal::new(Shown::Loading);
    let load = move || {
        if let Some(count) = fixture.get() {
            return shown.set(Shown::Generated(count));
        }
        let Some(wanted) = id.get() else {
            let error = ApiError::new(ErrorCode::NotFound, "There is no such workflow.");
            return shown.set(Shown::Failed(error));
        };
        shown.set(Shown::Loading);
        spawn_local(async move {
            let answer = client.get_value().workflow(wanted).await;
            // The page may show another workflow by now, or be gone.
            if id.try_get_untracked() == Some(Some(wanted)) {
                shown.set(match answer {
                    Ok(detail) => Shown::Loaded(Box::new(detail)),
                    Err(error) => Shown::Failed(error),
                });
            }
        });
    };
    // Effects run in the browser only.
    Effect::new(move |_| load());
    let retry = Callback::new(move |()| untrack(load));
    view! {
        <Title text="Workflow" />
        {move || match shown.get() {
            Shown::Loading => view! { <Skeleton rows=8 /> }.into_any(),
            Shown::Generated(count) => view! { <Generated count=count /> }.into_any(),
            Shown::Loaded(detail) => view! { <Loaded detail=*detail /> }.into_any(),
            Shown::Failed(error) => {
                view! { <ErrorPanel trouble=Trouble::from(error) on_retry=retry /> }.into_any()
            }
        }}
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
