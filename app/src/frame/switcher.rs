//! In which organisation you are, and the way to another one of yours.

use crate::api::use_client;
use crate::session::use_session;
use crate::ui::{Icon, Menu, MenuItem, Toast, Toasts};
use leptos::{prelude::*, task::spawn_local};
use signalbox::wire::{OrganizationView, SessionSwitch};

/// The organisation's name; with a menu for who belongs to several.
#[component]
pub fn Switcher() -> impl IntoView {
    let Some(me) = use_session().map(|session| session.me()) else { return ().into_any() };
    let here = me.organization.id;
    let others: Vec<OrganizationView> =
        me.organizations.into_iter().filter(|other| other.id != here).collect();
    let name = view! {
        <span class="hidden max-w-40 truncate text-text-2 lg:inline">{me.organization.name.clone()}</span>
    };
    if others.is_empty() {
        return name.into_any();
    }
    let (client, toasts) = (use_client(), Toasts::expect());
    let item = |other: OrganizationView| {
        let (client, to) = (client.clone(), other.id);
        let switch = move || {
            let client = client.clone();
            spawn_local(async move {
                match client.session_switch(&SessionSwitch { organization: to }).await {
                    // A whole new page, so that nothing of the other organisation stays in memory.
                    // Setting the address of the own origin does not fail.
                    Ok(_) => drop(window().location().set_href("/")),
                    Err(error) => toasts.push(Toast::failed(format!("Not switched: {error}"))),
                }
            });
        };
        MenuItem::new(format!("Switch to {}", other.name), switch)
    };
    let items: Vec<MenuItem> = others.into_iter().map(item).collect();
    view! {
        {name}
        <Menu
            label=format!("Organisation: {}", me.organization.name)
            icon=Icon::ChevronDown
            items=items
        />
    }
    .into_any()
}
