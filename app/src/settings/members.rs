//! Who belongs to the organisation, and what they may do.

use super::{Sending, loaded};
use crate::api::use_client;
use crate::session::{may, use_session};
use crate::ui::{
    Bind, Button, ButtonKind, Cell, Column, ConfirmDialog, Dialog, Icon, IconButton, Row,
    SelectField, SelectOption, Table, TextInput, Time,
};
use leptos::prelude::*;
use signalbox::wire::{Member, MemberAdd, MemberChange, Permission, Role};

/// The roles, with what they are for.
pub(super) fn role_options() -> Vec<SelectOption> {
    [
        (Role::Viewer, "Viewer: reads"),
        (Role::Approver, "Approver: also decides in the inbox"),
        (Role::Editor, "Editor: builds and runs workflows"),
        (Role::Admin, "Admin: everything but ownership"),
        (Role::Owner, "Owner: everything"),
    ]
    .into_iter()
    .map(|(role, words)| SelectOption::new(role.as_str(), words))
    .collect()
}

/// The tab.
#[component]
pub fn MembersTab() -> impl IntoView {
    let client = use_client();
    let members = Resource::new(
        || (),
        move |()| {
            let client = client.clone();
            async move { client.members().await }
        },
    );
    let refetch = Callback::new(move |()| members.refetch());
    let adding = RwSignal::new(false);
    view! {
        <Show when=move || may(Permission::OrgMembersManage)>
            <div class="mb-3 flex justify-end">
                <Button icon=Icon::Plus on_click=move |_| adding.set(true)>
                    "Add member"
                </Button>
            </div>
        </Show>
        {loaded(members, move |all| view! { <List all=all refetch=refetch /> }.into_any())}
        <Dialog open=adding title="Add member">
            <AddForm open=adding refetch=refetch />
        </Dialog>
    }
}

#[component]
fn List(all: Vec<Member>, refetch: Callback<()>) -> impl IntoView {
    view! {
        <Table
            caption="Members"
            columns=vec![
                Column::text("Name"),
                Column::text("Email"),
                Column::text("Role"),
                Column::text("Since"),
                Column::hidden("Actions"),
            ]
        >
            {all
                .into_iter()
                .map(|member| view! { <MemberRow member=member refetch=refetch /> })
                .collect_view()}
        </Table>
    }
}

#[component]
fn MemberRow(member: Member, refetch: Callback<()>) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let sending = Sending::new();
    let removing = RwSignal::new(false);
    let user = member.user;
    let name = StoredValue::new(member.name.clone());
    let change = move |event| {
        let Some(role) = Role::parse(&event_target_value(&event)) else { return };
        let client = client.get_value();
        sending.send(
            async move { client.member_change(user, &MemberChange { role }).await },
            "The role is changed.",
            move |_| refetch.run(()),
        );
    };
    let remove = Callback::new(move |()| {
        let client = client.get_value();
        sending.send(
            async move { client.member_remove(user).await },
            "The member is removed and signed out.",
            move |()| refetch.run(()),
        );
    });
    let own = use_session().is_some_and(|session| session.me().user == Some(user));
    let changeable = may(Permission::OrgMembersManage) && !own;
    let options = role_options();
    let label = format!("Role of {}", member.name);
    let role = member.role;
    let since_ms = member.created_at.timestamp_millis();
    view! {
        <Row>
            <Cell>{member.name}</Cell>
            <Cell>{member.email}</Cell>
            <Cell>
                <select
                    class="h-7 rounded border border-line bg-surface-1 px-1 disabled:border-transparent"
                    aria-label=label
                    disabled=!changeable
                    on:change=change
                >
                    {options
                        .into_iter()
                        .map(|option| {
                            let selected = option.value == role.as_str();
                            view! {
                                <option value=option.value selected=selected>
                                    {option.label}
                                </option>
                            }
                        })
                        .collect_view()}
                </select>
                {sending.trouble()}
            </Cell>
            <Cell>
                <Time at_ms=since_ms />
            </Cell>
            <Cell>
                <Show when=move || changeable>
                    <IconButton
                        icon=Icon::Trash
                        label="Remove"
                        on_click=move |_| removing.set(true)
                    />
                </Show>
                <ConfirmDialog
                    open=removing
                    title=Signal::derive(move || format!("Remove {}?", name.get_value()))
                    text="They are signed out at once. What they decided stays in the history."
                    verb="Remove"
                    on_confirm=remove
                />
            </Cell>
        </Row>
    }
}

#[component]
fn AddForm(open: RwSignal<bool>, refetch: Callback<()>) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let sending = Sending::new();
    let name = RwSignal::new(String::new());
    let email = RwSignal::new(String::new());
    let role = RwSignal::new("approver".to_owned());
    let password = RwSignal::new(String::new());
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let body = MemberAdd {
            name: name.get_untracked().trim().to_owned(),
            email: email.get_untracked().trim().to_owned(),
            role: Role::parse(&role.get_untracked()).unwrap_or(Role::Viewer),
            password: password.get_untracked(),
        };
        let client = client.get_value();
        sending.send(
            async move { client.member_add(&body).await },
            "The member is added.",
            move |_| {
                open.set(false);
                refetch.run(());
            },
        );
    };
    view! {
        <form class="flex flex-col gap-4" on:submit=save>
            {sending.trouble()}
            <TextInput name="member-name" label="Name" value=Bind::from(name) required=true />
            <TextInput
                name="member-email"
                label="Email"
                input_type="email"
                value=Bind::from(email)
                required=true
            />
            <SelectField
                name="member-role"
                label="Role"
                value=Bind::from(role)
                options=Signal::stored(role_options())
            />
            <TextInput
                name="member-password"
                label="First password"
                input_type="password"
                value=Bind::from(password)
                autocomplete="new-password"
                required=true
                help="10 characters or more. Hand it over in person."
            />
            <div class="flex justify-end gap-2">
                <Button on_click=move |_| open.set(false)>"Cancel"</Button>
                <Button kind=ButtonKind::Primary button_type="submit" pending=sending.working>
                    "Add member"
                </Button>
            </div>
        </form>
    }
}
