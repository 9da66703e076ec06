//! Secrets that workflows read by name. A value goes in and never comes out.

use super::{Sending, loaded};
use crate::api::use_client;
use crate::session::may;
use crate::ui::{
    Bind, Button, ButtonKind, Cell, Column, ConfirmDialog, Dialog, EmptyState, Icon, IconButton,
    Row, Table, TextInput, Time,
};
use leptos::prelude::*;
use signalbox::wire::{Permission, SecretSet, SecretView};

/// The tab.
#[component]
pub fn SecretsTab() -> impl IntoView {
    let client = use_client();
    let secrets = Resource::new(
        || (),
        move |()| {
            let client = client.clone();
            async move { client.secrets().await }
        },
    );
    let refetch = Callback::new(move |()| secrets.refetch());
    let open = RwSignal::new(false);
    let (name, replaces) = (RwSignal::new(String::new()), RwSignal::new(false));
    // Empty: a new one.
    let set = Callback::new(move |wanted: String| {
        replaces.set(!wanted.is_empty());
        name.set(wanted);
        open.set(true);
    });
    view! {
        <Show when=move || may(Permission::OrgSecretsManage)>
            <div class="mb-3 flex justify-end">
                <Button icon=Icon::Plus on_click=move |_| set.run(String::new())>
                    "Add secret"
                </Button>
            </div>
        </Show>
        {loaded(secrets, move |all| view! { <List all=all set=set refetch=refetch /> }.into_any())}
        <Dialog open=open title="Set secret">
            <SetForm open=open name=name replaces=replaces refetch=refetch />
        </Dialog>
    }
}

#[component]
fn List(all: Vec<SecretView>, set: Callback<String>, refetch: Callback<()>) -> impl IntoView {
    if all.is_empty() {
        return view! {
            <EmptyState
                icon=Icon::Lock
                title="No secrets"
                text="Keys and passwords that workflows use in HTTP requests and webhooks. A step reads one as {{secrets.name}}; nobody can see its value again."
            />
        }
        .into_any();
    }
    view! {
        <Table
            caption="Secrets"
            columns=vec![Column::text("Name"), Column::text("Set"), Column::hidden("Actions")]
        >
            {all
                .into_iter()
                .map(|secret| view! { <SecretRow secret=secret set=set refetch=refetch /> })
                .collect_view()}
        </Table>
    }
    .into_any()
}

#[component]
fn SecretRow(secret: SecretView, set: Callback<String>, refetch: Callback<()>) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let sending = Sending::new();
    let deleting = RwSignal::new(false);
    let name = StoredValue::new(secret.name.clone());
    let delete = Callback::new(move |()| {
        let client = client.get_value();
        sending.send(
            async move { client.secret_delete(&name.get_value()).await },
            "The secret is deleted.",
            move |()| refetch.run(()),
        );
    });
    let buttons = may(Permission::OrgSecretsManage).then(|| {
        view! {
            <IconButton
                icon=Icon::Pencil
                label=format!("Replace {}", secret.name)
                on_click=move |_| set.run(name.get_value())
            />
            <IconButton
                icon=Icon::Trash
                label=format!("Delete {}", secret.name)
                on_click=move |_| deleting.set(true)
            />
        }
    });
    view! {
        <Row>
            <Cell>
                <span class="font-mono text-sm">{secret.name.clone()}</span>
            </Cell>
            <Cell>
                <Time at_ms=secret.updated_at.timestamp_millis() />
            </Cell>
            <Cell>
                {buttons}
                {sending.trouble()}
                <ConfirmDialog
                    open=deleting
                    title=Signal::derive(move || format!("Delete {}?", name.get_value()))
                    text="Steps that read it fail from now on."
                    verb="Delete"
                    on_confirm=delete
                />
            </Cell>
        </Row>
    }
}

#[component]
fn SetForm(
    open: RwSignal<bool>,
    name: RwSignal<String>,
    /// Whether there is one of that name, which gets another value.
    replaces: RwSignal<bool>,
    refetch: Callback<()>,
) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let sending = Sending::new();
    let value = RwSignal::new(String::new());
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let body = SecretSet {
            name: name.get_untracked().trim().to_owned(),
            value: value.get_untracked(),
        };
        let client = client.get_value();
        sending.send(
            async move { client.secret_set(&body).await },
            "The secret is set.",
            move |_| {
                value.set(String::new());
                open.set(false);
                refetch.run(());
            },
        );
    };
    view! {
        <form class="flex flex-col gap-4" on:submit=save>
            {sending.trouble()}
            <TextInput
                name="secret-name"
                label="Name"
                help="Letters, digits and _. Steps read it as {{secrets.name}}."
                value=Bind::from(name)
                required=true
                disabled=replaces
                mono=true
                placeholder="shop_key"
            />
            <TextInput
                name="secret-value"
                label="Value"
                help="It is kept encrypted and not shown again."
                input_type="password"
                autocomplete="new-password"
                value=Bind::from(value)
                required=true
            />
            <div class="flex justify-end">
                <Button kind=ButtonKind::Primary button_type="submit" pending=sending.working>
                    "Set secret"
                </Button>
            </div>
        </form>
    }
}
