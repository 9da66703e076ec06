//! Message templates: the texts that steps send by their id.

mod form;

use crate::api::{failure, use_client};
use crate::session::may;
use crate::ui::{
    Button, ButtonKind, Cell, Column, Dialog, EmptyState, Icon, PageHeader, Row, Skeleton, Table,
    Time,
};
use form::TemplateForm;
use leptos::prelude::*;
use signalbox::wire::{Page, PageQuery, Permission, TemplateView};

/// Templates that are shown.
const SHOWN: u32 = 200;

/// `/templates`.
#[component]
pub fn Templates() -> impl IntoView {
    let client = use_client();
    let templates = Resource::new(
        || (),
        move |()| {
            let client = client.clone();
            async move {
                client.templates(&PageQuery { limit: Some(SHOWN), ..Default::default() }).await
            }
        },
    );
    let refetch = Callback::new(move |()| templates.refetch());
    let (open, editing) = (RwSignal::new(false), RwSignal::new(None::<TemplateView>));
    let edit = Callback::new(move |template: Option<TemplateView>| {
        editing.set(template);
        open.set(true);
    });
    let title = Signal::derive(move || {
        if editing.with(Option::is_some) {
            "Template".to_owned()
        } else {
            "Add template".to_owned()
        }
    });
    view! {
        <PageHeader
            title="Templates"
            subtitle="Texts that a step sends by their id. What is put between braces comes from the run; a person sees the finished text before it leaves."
        >
            <Show when=|| may(Permission::WorkflowDefinitionEdit)>
                <Button
                    kind=ButtonKind::Primary
                    icon=Icon::Plus
                    on_click=move |_| edit.run(None)
                >
                    "Add template"
                </Button>
            </Show>
        </PageHeader>
        <Transition fallback=|| {
            view! { <Skeleton rows=6 /> }
        }>
            {move || Suspend::new(async move {
                match templates.await {
                    Ok(page) => view! { <List page=page edit=edit /> }.into_any(),
                    Err(error) => failure(&error, Some(refetch)),
                }
            })}
        </Transition>
        <Dialog open=open title=title>
            <TemplateForm open=open template=editing.get_untracked() on_saved=refetch />
        </Dialog>
    }
}

#[component]
fn List(page: Page<TemplateView>, edit: Callback<Option<TemplateView>>) -> impl IntoView {
    if page.items.is_empty() {
        return view! {
            <EmptyState
                icon=Icon::Message
                title="No templates yet"
                text="Write a text once and let steps send it by its id: subject, plain text, and HTML where you want it."
            >
                <Show when=|| may(Permission::WorkflowDefinitionEdit)>
                    <Button icon=Icon::Plus on_click=move |_| edit.run(None)>
                        "Add template"
                    </Button>
                </Show>
            </EmptyState>
        }
        .into_any();
    }
    let more = page.next_cursor.is_some();
    view! {
        <div class="px-1 md:px-3">
            <Table
                caption="Templates"
                columns=vec![Column::text("Name"), Column::text("Id"), Column::text("Changed")]
            >
                {page
                    .items
                    .into_iter()
                    .map(|template| view! { <TemplateRow template=template edit=edit /> })
                    .collect_view()}
            </Table>
        </div>
        {more
            .then(|| {
                view! {
                    <p class="p-4 text-sm text-text-3">
                        "Only the first 200 are shown. The API lists the others."
                    </p>
                }
            })}
    }
    .into_any()
}

#[component]
fn TemplateRow(template: TemplateView, edit: Callback<Option<TemplateView>>) -> impl IntoView {
    let shown = template.clone();
    let name = if may(Permission::WorkflowDefinitionEdit) {
        view! {
            <button
                type="button"
                class="target font-medium hover:underline"
                on:click=move |_| edit.run(Some(template.clone()))
            >
                {shown.name}
            </button>
        }
        .into_any()
    } else {
        view! { <span class="font-medium">{shown.name}</span> }.into_any()
    };
    view! {
        <Row>
            <Cell>
                {name} <span class="block truncate text-sm text-text-2">{shown.subject}</span>
            </Cell>
            <Cell>
                <span class="font-mono text-sm">{shown.id}</span>
            </Cell>
            <Cell>
                <Time at_ms=shown.updated_at.timestamp_millis() />
            </Cell>
        </Row>
    }
}
