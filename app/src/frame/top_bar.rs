//! The slim bar at the top: where you are, search, live connection, organisation, theme, you.

use super::switcher::Switcher;
use crate::api::use_client;
use crate::live::{LiveState, use_live};
use crate::prefs::{Prefs, Theme};
use crate::routes::Place;
use crate::session::use_session;
use crate::ui::{Glyph, Icon, IconButton, Kbd, Menu, MenuItem, Toast, Toasts};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_location;

/// The bar.
#[component]
pub fn TopBar(
    /// Opens the palette.
    palette_open: RwSignal<bool>,
) -> impl IntoView {
    let location = use_location();
    let here = move || location.pathname.with(|path| Place::of(path).map(|place| place.label));
    view! {
        <header class="flex h-12 shrink-0 items-center gap-2 border-b border-line bg-surface-1 px-4">
            <p class="truncate font-medium">{move || here().unwrap_or("Signalbox")}</p>
            <div class="flex-1"></div>
            <button
                type="button"
                class="target flex h-8 items-center gap-2 rounded border border-line px-2 text-text-3 hover:bg-surface-2 md:w-56"
                aria-keyshortcuts="Control+K"
                on:click=move |_| palette_open.set(true)
            >
                <Glyph icon=Icon::Search />
                <span class="sr-only md:not-sr-only">"Search"</span>
                <span class="ml-auto hidden md:inline">
                    <Kbd key="Ctrl+K" />
                </span>
            </button>
            <LiveDot />
            <Switcher />
            <ThemeSwitch />
            <You />
        </header>
    }
}

/// Whether what shows is what is: a dot, and a word where there is room.
#[component]
fn LiveDot() -> impl IntoView {
    let state = use_live().state();
    let look = move || match state.get() {
        LiveState::Live => ("Live", "bg-clear", "Connected: what happens shows at once"),
        LiveState::Connecting => {
            ("Connecting", "bg-wait", "Not connected; trying again. What shows may be old")
        }
    };
    view! {
        <span
            role="status"
            class="flex items-center gap-1.5 px-1 text-xs text-text-2"
            title=move || look().2
        >
            <span class=move || format!("size-2 rounded-full {}", look().1)></span>
            <span class="sr-only lg:not-sr-only">{move || look().0}</span>
        </span>
    }
}

/// System, light, dark, and round again.
#[component]
fn ThemeSwitch() -> impl IntoView {
    let theme = expect_context::<Prefs>().theme;
    let icon = Signal::derive(move || match theme.get() {
        Theme::System => Icon::System,
        Theme::Light => Icon::Sun,
        Theme::Dark => Icon::Moon,
    });
    let label = Signal::derive(move || {
        let word = match theme.get() {
            Theme::System => "as the system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        };
        format!("Theme: {word}")
    });
    view! {
        <IconButton
            icon=icon
            label=label
            on_click=move |_| theme.update(|theme| *theme = theme.next())
        />
    }
}

/// The menu of the person who is signed in.
#[component]
fn You() -> impl IntoView {
    let name = use_session().map_or_else(|| "You".to_owned(), |session| session.me().name);
    let client = use_client();
    let toasts = Toasts::expect();
    let sign_out = move || {
        let client = client.clone();
        spawn_local(async move {
            match client.sign_out().await {
                // A whole new page, so that nothing of the session stays in memory. Setting the
                // address of the own origin does not fail.
                Ok(()) => drop(window().location().set_href("/sign-in")),
                Err(error) => toasts.push(Toast::failed(format!("Not signed out: {error}"))),
            }
        });
    };
    let items = vec![MenuItem::new("Sign out", sign_out).icon(Icon::LogOut)];
    view! { <Menu label=format!("Account of {name}") icon=Icon::User items=items /> }
}
