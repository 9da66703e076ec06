//! The list of workflows, and the ways to make a new one: empty, from the gallery, from a file.

mod about;
mod filter;
mod gallery;
mod import;
mod preview;
mod table;

use crate::api::use_client;
use crate::session::may;
use crate::ui::{
    Button, ButtonKind, EmptyState, ErrorPanel, Icon, PageHeader, Skeleton, Toast, Toasts, Trouble,
};
pub(crate) use about::About;
use filter::{Filter, FilterBar};
pub(crate) use gallery::Gallery;
use gallery::GalleryDialog;
use import::ImportDialog;
pub(crate) use import::ImportForm;
use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_navigate;
use signalbox::id::WorkflowId;
use signalbox::wire::{Permission, WorkflowView};
use table::WorkflowTable;

/// What the parts of the page share.
#[derive(Clone, Copy)]
pub(crate) struct Making {
    pub import: RwSignal<bool>,
    pub gallery: RwSignal<bool>,
    pub archive: RwSignal<Option<WorkflowView>>,
    /// Whose tags and copies are asked for.
    pub asked: RwSignal<Option<WorkflowView>>,
    /// Fetches the list again.
    pub again: Callback<()>,
    /// Opens the workflow that was made.
    pub go: Callback<WorkflowId>,
}

/// `/workflows`.
#[component]
pub fn WorkflowsPage() -> impl IntoView {
    let client = StoredValue::new(use_client());
    let filter = Filter::use_address();
    let list = Resource::new(
        move || filter.wanted(),
        move |wanted| async move {
            client.get_value().workflows_of(&wanted).await.map(|page| page.items)
        },
    );
    let navigate = StoredValue::new(use_navigate());
    let go = Callback::new(move |made: WorkflowId| {
        navigate.with_value(|go| go(&format!("/workflows/{made}"), Default::default()));
    });
    let making = Making {
        import: RwSignal::new(false),
        gallery: RwSignal::new(false),
        archive: RwSignal::new(None),
        asked: RwSignal::new(None),
        again: Callback::new(move |()| list.refetch()),
        go,
    };
    let may_write = may(Permission::WorkflowDefinitionEdit);
    let about = Memo::new(move |wanted: Option<&bool>| {
        let is_asked = making.asked.with(Option::is_some) || making.archive.with(Option::is_some);
        wanted == Some(&true) || is_asked
    });
    view! {
        <PageHeader title="Workflows" subtitle="What runs, and how it is drawn.">
            {may_write.then(|| view! { <NewButtons making=making /> })}
        </PageHeader>
        <div class="px-4 pb-8 md:px-6">
            <FilterBar filter=filter />
            <Transition fallback=|| view! { <Skeleton rows=6 /> }>
                {move || Suspend::new(async move {
                    match list.await {
                        Ok(workflows) if workflows.is_empty() && filter.is_none() => {
                            view! { <Nothing making=making may_write=may_write /> }.into_any()
                        }
                        Ok(workflows) => {
                            view! {
                                <WorkflowTable workflows=workflows making=making may_write=may_write />
                            }
                                .into_any()
                        }
                        Err(error) => {
                            view! { <ErrorPanel trouble=Trouble::from(error) on_retry=making.again /> }
                                .into_any()
                        }
                    }
                })}
            </Transition>
        </div>
        <ImportDialog making=making />
        <GalleryDialog making=making />
        // Fetched when one of them is opened first.
        {move || about.get().then(|| crate::lazy::about_workflow(making))}
    }
}

#[component]
fn NewButtons(making: Making) -> impl IntoView {
    let pending = RwSignal::new(false);
    let client = StoredValue::new(use_client());
    let toasts = Toasts::expect();
    let empty = move |_| {
        pending.set(true);
        spawn_local(async move {
            let made = client.get_value().workflow_new("New workflow").await;
            if pending.try_set(false).is_some() {
                return;
            }
            match made {
                Ok(made) => making.go.run(made.id),
                Err(error) => {
                    toasts.push(Toast::failed(format!("{} {}", error.message, error.help)))
                }
            }
        });
    };
    view! {
        <Button icon=Icon::Image on_click=move |_| making.gallery.set(true)>
            "From the gallery"
        </Button>
        <Button icon=Icon::Upload on_click=move |_| making.import.set(true)>
            "Import"
        </Button>
        <Button kind=ButtonKind::Primary icon=Icon::Plus pending=pending on_click=empty>
            "New workflow"
        </Button>
    }
}

#[component]
fn Nothing(making: Making, may_write: bool) -> impl IntoView {
    view! {
        <EmptyState
            icon=Icon::Workflow
            title="No workflows yet"
            text="A workflow says what happens with whom and when. Take one from the gallery and change it, or draw your own."
        >
            {may_write
                .then(|| {
                    view! {
                        <Button kind=ButtonKind::Primary on_click=move |_| making.gallery.set(true)>
                            "Open the gallery"
                        </Button>
                    }
                })}
        </EmptyState>
    }
}
