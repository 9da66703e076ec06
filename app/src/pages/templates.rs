//! Message templates: the texts that steps send by their id.

use crate::api::{failure, trouble, use_client};
use crate::session::may;
use crate::ui::{
    Bind, Button, ButtonKind, Cell, Column, ConfirmDialog, Dialog, EmptyState, ErrorPanel, Icon,
    IconButton, PageHeader, Row, Skeleton, Table, TextArea, TextInput, Time, Toast, Toasts,
    Trouble,
};
use leptos::{prelude::*, task::spawn_local};
use signalbox::wire::{PageQuery, Permission, TemplateChange, TemplateCreate, TemplateView};

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
                <Button icon=Icon::Plus on_click=move |_| edit.run(None)>
                    "Add template"
                </Button>
            </Show>
        </PageHeader>
        <Transition fallback=|| {
            view! { <Skeleton rows=6 /> }
        }>
            {move || Suspend::new(async move {
                match templates.await {
                    Ok(page) => {
                        view! { <List all=page.items edit=edit refetch=refetch /> }.into_any()
                    }
                    Err(error) => failure(&error, Some(refetch)),
                }
            })}
        </Transition>
        <Dialog open=open title=title>
            <EditorForm open=open template=editing.get_untracked() refetch=refetch />
        </Dialog>
    }
}

#[component]
fn List(
    all: Vec<TemplateView>,
    edit: Callback<Option<TemplateView>>,
    refetch: Callback<()>,
) -> impl IntoView {
    if all.is_empty() {
        return view! {
            <EmptyState
                icon=Icon::Inbox
                title="No templates"
                text="Write a text once and let steps send it by its id: subject, plain text, and HTML where you want it."
            />
        }
        .into_any();
    }
    view! {
        <div class="px-4 pb-6 md:px-6">
            <Table
                caption="Templates"
                columns=vec![
                    Column::text("Name"),
                    Column::text("Id"),
                    Column::text("Changed"),
                    Column::text(""),
                ]
            >
                {all
                    .into_iter()
                    .map(|template| {
                        view! { <TemplateRow template=template edit=edit refetch=refetch /> }
                    })
                    .collect_view()}
            </Table>
        </div>
    }
    .into_any()
}

#[component]
fn TemplateRow(
    template: TemplateView,
    edit: Callback<Option<TemplateView>>,
    refetch: Callback<()>,
) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let toasts = Toasts::expect();
    let wrong = RwSignal::new(None::<Trouble>);
    let deleting = RwSignal::new(false);
    let kept = StoredValue::new(template.clone());
    let name = StoredValue::new(template.name.clone());
    let delete = Callback::new(move |()| {
        spawn_local(async move {
            let id = kept.with_value(|template| template.id.clone());
            match client.get_value().template_delete(&id).await {
                Ok(()) => {
                    toasts.push(Toast::done("The template is deleted."));
                    refetch.try_run(());
                }
                Err(error) => {
                    wrong.try_set(Some(trouble(&error)));
                }
            }
        });
    });
    let buttons = may(Permission::WorkflowDefinitionEdit).then(|| {
        view! {
            <IconButton
                icon=Icon::Pencil
                label=format!("Edit {}", template.name)
                on_click=move |_| edit.run(Some(kept.get_value()))
            />
            <IconButton
                icon=Icon::Trash
                label=format!("Delete {}", template.name)
                on_click=move |_| deleting.set(true)
            />
        }
    });
    view! {
        <Row>
            <Cell>
                <span class="font-medium">{template.name.clone()}</span>
                <span class="block truncate text-sm text-text-2">{template.subject.clone()}</span>
            </Cell>
            <Cell>
                <span class="font-mono text-sm">{template.id.clone()}</span>
            </Cell>
            <Cell>
                <Time at_ms=template.updated_at.timestamp_millis() />
            </Cell>
            <Cell>
                {buttons}
                {move || wrong.get().map(|wrong| view! { <ErrorPanel trouble=wrong /> })}
                <ConfirmDialog
                    open=deleting
                    title=Signal::derive(move || format!("Delete {}?", name.get_value()))
                    text="Steps that send it fail from now on."
                    verb="Delete"
                    on_confirm=delete
                />
            </Cell>
        </Row>
    }
}

#[component]
fn EditorForm(
    open: RwSignal<bool>,
    template: Option<TemplateView>,
    refetch: Callback<()>,
) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let toasts = Toasts::expect();
    let (saving, wrong) = (RwSignal::new(false), RwSignal::new(None::<Trouble>));
    let is_there = template.is_some();
    let revision = template.as_ref().map(|template| template.revision);
    let before = template.unwrap_or_else(|| TemplateView {
        id: String::new(),
        revision: 0,
        name: String::new(),
        subject: String::new(),
        text: String::new(),
        html: None,
        updated_by: String::new(),
        updated_at: Default::default(),
    });
    let id = RwSignal::new(before.id);
    let name = RwSignal::new(before.name);
    let subject = RwSignal::new(before.subject);
    let text = RwSignal::new(before.text);
    let html = RwSignal::new(before.html.unwrap_or_default());
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let wanted = TemplateCreate {
            id: id.get_untracked().trim().to_owned(),
            name: name.get_untracked(),
            subject: subject.get_untracked(),
            text: text.get_untracked(),
            html: Some(html.get_untracked()).filter(|html| !html.trim().is_empty()),
        };
        saving.set(true);
        spawn_local(async move {
            let client = client.get_value();
            let answer = match revision {
                None => client.template_create(&wanted).await,
                Some(revision) => {
                    let TemplateCreate { id, name, subject, text, html } = wanted;
                    let change = TemplateChange { revision, name, subject, text, html };
                    client.template_change(&id, &change).await
                }
            };
            saving.try_set(false);
            match answer {
                Ok(saved) => {
                    open.try_set(false);
                    toasts.push(Toast::done(format!("{} is saved.", saved.name)));
                    refetch.try_run(());
                }
                Err(error) => {
                    wrong.try_set(Some(trouble(&error)));
                }
            }
        });
    };
    view! {
        <form class="flex flex-col gap-4" on:submit=save>
            {move || wrong.get().map(|wrong| view! { <ErrorPanel trouble=wrong /> })}
            <div class="grid gap-4 sm:grid-cols-2">
                <TextInput
                    name="template-id"
                    label="Id"
                    value=Bind::from(id)
                    disabled=is_there
                    required=true
                    mono=true
                    placeholder="tmpl_intro"
                    help="Steps name it in Template."
                />
                <TextInput name="template-name" label="Name" value=Bind::from(name) />
            </div>
            <TextInput
                name="template-subject"
                label="Subject"
                value=Bind::from(subject)
                help="Used where the step has no subject."
            />
            <TextArea
                name="template-text"
                label="Text"
                value=Bind::from(text)
                rows=8
                help="{{contact.name}}, {{input.topic}} and whatever the step can read."
            />
            <TextArea
                name="template-html"
                label="HTML"
                value=Bind::from(html)
                rows=6
                mono=true
                optional=true
                help="Shown instead of the text where the reader can. Values are escaped."
            />
            <div class="flex justify-end gap-2">
                <Button on_click=move |_| open.set(false)>"Cancel"</Button>
                <Button kind=ButtonKind::Primary button_type="submit" pending=saving>
                    "Save"
                </Button>
            </div>
        </form>
    }
}
