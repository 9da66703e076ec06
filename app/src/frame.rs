//! The frame around every page of a person who is signed in: rail, top bar, the phone's bottom
//! bar, the palette. Absent: what the pages show.

mod bottom_bar;
mod inbox_count;
mod palette;
mod rail;
mod switcher;
mod top_bar;

pub use inbox_count::{InboxCount, use_inbox_count, waiting};

use crate::api::is_signed_out;
use crate::live::Live;
use crate::session::{Session, Visitor};
use crate::ui::{ErrorPanel, OrgZone};
use bottom_bar::BottomBar;
use leptos::prelude::*;
use leptos_router::components::{Outlet, Redirect};
use leptos_router::hooks::use_location;
use leptos_router::location::Url;
use palette::Palette;
use rail::Rail;
use signalbox::wire::{ApiError, ErrorCode, Me};
use top_bar::TopBar;

/// The page of who is signed in; nobody is sent to the sign-in page, which brings them back here.
///
/// A page that the server drew comes with the answer to who it is, so that the frame itself waits for nothing: what
/// waits is drawn more than once on the server, and each time it would fetch what the page shows anew. A page that the
/// browser opens by itself, from outside the frame, is therefore fetched whole.
#[component]
pub fn Frame() -> impl IntoView {
    let known =
        SharedValue::new(|| use_context::<Visitor>().map(|Visitor { me, waiting }| (me, waiting)));
    let was_drawn = Owner::current_shared_context().is_some_and(|page| page.during_hydration());
    let here = use_location();
    match known.into_inner() {
        Some((answer, waiting)) => signed_in_or_not(answer, waiting),
        // Fetching it again would not help.
        None if was_drawn => {
            let text = "The page came without saying who is signed in.";
            signed_in_or_not(Err(ApiError::new(ErrorCode::Internal, text)), None)
        }
        None => {
            // An effect: the server has no window.
            Effect::new(move || {
                let (path, search) = (here.pathname.get_untracked(), here.search.get_untracked());
                let path = if search.is_empty() { path } else { path + "?" + &search };
                // An address of our own is never refused.
                let _ = window().location().assign(&path);
            });
            ().into_any()
        }
    }
}

fn signed_in_or_not(answer: Result<Me, ApiError>, waiting: Option<u64>) -> AnyView {
    match answer {
        Ok(me) => view! { <SignedIn me=me waiting=waiting /> }.into_any(),
        Err(error) if is_signed_out(&error) => {
            let here = use_location();
            let (path, search) = (here.pathname.get_untracked(), here.search.get_untracked());
            view! { <Redirect path=sign_in_address(&path, &search) /> }.into_any()
        }
        Err(error) => {
            crate::status::set_status(error.code.status());
            let reload = Callback::new(|()| {
                // A page that cannot be reloaded stays as it is.
                let _ = window().location().reload();
            });
            view! { <ErrorPanel trouble=error.into() on_retry=reload /> }.into_any()
        }
    }
}

/// The sign-in page, which brings people back to where they wanted to go.
fn sign_in_address(path: &str, search: &str) -> String {
    match (path, search) {
        ("/", "") => "/sign-in".to_owned(),
        (path, "") => format!("/sign-in?next={}", escaped(path)),
        (path, search) => format!("/sign-in?next={}", escaped(&format!("{path}?{search}"))),
    }
}

/// For a place in the query of another one. Slashes may stay, and are easier to read.
fn escaped(place: &str) -> String {
    Url::escape(place).replace("%2F", "/")
}

#[component]
fn SignedIn(me: Me, waiting: Option<u64>) -> impl IntoView {
    if let Some(zone) = use_context::<OrgZone>() {
        zone.0.set(me.organization.timezone.clone());
    }
    Session::provide(me);
    Live::provide().connect();
    InboxCount::provide(waiting);
    let palette_open = RwSignal::new(false);
    view! {
        <a
            href="#content"
            class="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded focus:bg-surface-1 focus:p-2"
        >
            "Skip to the content"
        </a>
        <div class="flex h-dvh">
            <Rail />
            <div class="flex min-w-0 flex-1 flex-col">
                <TopBar palette_open=palette_open />
                <main id="content" tabindex="-1" class="min-h-0 flex-1 overflow-y-auto outline-none">
                    <Outlet />
                </main>
                <BottomBar />
            </div>
        </div>
        <Palette open=palette_open />
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_carries_the_query() {
        let cases = [
            ("/", "", "/sign-in"),
            ("/runs", "", "/sign-in?next=/runs"),
            ("/runs", "state=Failed&q=shop", "/sign-in?next=/runs%3Fstate%3DFailed%26q%3Dshop"),
        ];
        for (path, search, address) in cases {
            assert_eq!(sign_in_address(path, search), address);
        }
    }
}
