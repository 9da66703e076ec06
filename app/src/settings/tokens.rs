//! API tokens: machines' credentials.

use super::members::role_options;
use super::{Sending, loaded};
use crate::api::use_client;
use crate::ui::{
    Bind, Button, ButtonKind, Cell, Column, ConfirmDialog, Dialog, EmptyState, Icon, IconButton,
    Row, SelectField, SelectOption, Table, TextInput, Time,
};
use leptos::prelude::*;
use signalbox::wire::{Role, TokenCreate, TokenView};

/// The roles of members, and one for tokens alone.
fn token_role_options() -> Vec<SelectOption> {
    let worker = SelectOption::new(Role::Worker.as_str(), "Worker: does tasks, nothing else");
    std::iter::once(worker).chain(role_options()).collect()
}

/// The tab.
#[component]
pub fn TokensTab() -> impl IntoView {
    let client = use_client();
    let tokens = Resource::new(
        || (),
        move |()| {
            let client = client.clone();
            async move { client.tokens().await }
        },
    );
    let refetch = Callback::new(move |()| tokens.refetch());
    let adding = RwSignal::new(false);
    view! {
        <div class="mb-3 flex justify-end">
            <Button icon=Icon::Plus on_click=move |_| adding.set(true)>
                "Create token"
            </Button>
        </div>
        {loaded(tokens, move |all| view! { <List all=all refetch=refetch /> }.into_any())}
        <Dialog open=adding title="Create token">
            <CreateForm refetch=refetch />
        </Dialog>
    }
}

#[component]
fn List(all: Vec<TokenView>, refetch: Callback<()>) -> impl IntoView {
    if all.is_empty() {
        return view! {
            <EmptyState
                icon=Icon::Key
                title="No API tokens"
                text="A token lets a program use the API with the rights of a role. The API is described at /api/openapi.json."
            />
        }
        .into_any();
    }
    view! {
        <Table
            caption="API tokens"
            columns=vec![
                Column::text("Name"),
                Column::text("Role"),
                Column::text("Begins with"),
                Column::text("Last used"),
                Column::text("Ends"),
                Column::hidden("Actions"),
            ]
        >
            {all
                .into_iter()
                .map(|token| view! { <TokenRow token=token refetch=refetch /> })
                .collect_view()}
        </Table>
    }
    .into_any()
}

#[component]
fn TokenRow(token: TokenView, refetch: Callback<()>) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let sending = Sending::new();
    let revoking = RwSignal::new(false);
    let id = token.id;
    let name = StoredValue::new(token.name.clone());
    let revoke = Callback::new(move |()| {
        let client = client.get_value();
        sending.send(
            async move { client.token_revoke(id).await },
            "The token is revoked.",
            move |()| refetch.run(()),
        );
    });
    let instant = |at: Option<chrono::DateTime<chrono::Utc>>, never: &'static str| match at {
        Some(at) => view! { <Time at_ms=at.timestamp_millis() /> }.into_any(),
        None => never.into_any(),
    };
    view! {
        <Row>
            <Cell>{token.name.clone()}</Cell>
            <Cell>{token.role.as_str()}</Cell>
            <Cell>
                <span class="font-mono text-xs">{token.prefix.clone()}"…"</span>
            </Cell>
            <Cell>{instant(token.last_used_at, "never")}</Cell>
            <Cell>{instant(token.expires_at, "never")}</Cell>
            <Cell>
                <IconButton icon=Icon::Trash label="Revoke" on_click=move |_| revoking.set(true) />
                {sending.trouble()}
                <ConfirmDialog
                    open=revoking
                    title=Signal::derive(move || format!("Revoke {}?", name.get_value()))
                    text="Programs that use this token are refused from now on."
                    verb="Revoke"
                    on_confirm=revoke
                />
            </Cell>
        </Row>
    }
}

#[component]
fn CreateForm(refetch: Callback<()>) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let sending = Sending::new();
    let name = RwSignal::new(String::new());
    let role = RwSignal::new("editor".to_owned());
    let days = RwSignal::new("90".to_owned());
    let made = RwSignal::new(None::<String>);
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let body = TokenCreate {
            name: name.get_untracked().trim().to_owned(),
            role: Role::parse(&role.get_untracked()).unwrap_or(Role::Viewer),
            expires_in_days: days.get_untracked().parse().ok(),
        };
        let client = client.get_value();
        sending.send(async move { client.token_create(&body).await }, "", move |created| {
            made.set(Some(created.token));
            refetch.run(());
        });
    };
    let form = move || {
        view! {
            <form class="flex flex-col gap-4" on:submit=save>
                {sending.trouble()}
                <TextInput
                    name="token-name"
                    label="Name"
                    value=Bind::from(name)
                    required=true
                    placeholder="Order system"
                />
                <SelectField
                    name="token-role"
                    label="Role"
                    value=Bind::from(role)
                    options=Signal::stored(token_role_options())
                />
                <SelectField
                    name="token-days"
                    label="Ends"
                    value=Bind::from(days)
                    options=Signal::stored(
                        vec![
                            SelectOption::new("30", "In 30 days"),
                            SelectOption::new("90", "In 90 days"),
                            SelectOption::new("365", "In a year"),
                            SelectOption::new("", "Never"),
                        ],
                    )
                />
                <div class="flex justify-end">
                    <Button kind=ButtonKind::Primary button_type="submit" pending=sending.working>
                        "Create token"
                    </Button>
                </div>
            </form>
        }
    };
    move || match made.get() {
        Some(token) => view! {
            <div class="flex flex-col gap-3">
                <p>"Copy the token now. It is not shown again."</p>
                <p
                    class="rounded bg-surface-2 p-3 font-mono text-sm break-all select-all"
                    data-testid="new-token"
                >
                    {token}
                </p>
            </div>
        }
        .into_any(),
        None => form().into_any(),
    }
}
