//! Every place of the application: one [`Place`] per entry of the rail, one `<Route>` per page.
//! A page is a component in `pages/`; adding one is one line in [`AppRoutes`].

use crate::frame::Frame;
use crate::lazy::{
    ContactsRoute, EditorRoute, InboxRoute, Part, RunRoute, RunsRoute, SandboxRoute, SettingsRoute,
    SetupRoute, SignInRoute, TemplatesRoute, WorkflowsRoute,
};
use crate::pages::NotFound;
use crate::ui::Icon;
use leptos::prelude::*;
use leptos_router::{
    Lazy,
    components::{ParentRoute, Redirect, Route, Routes},
    path,
};

/// An entry of the rail, the phone's bottom bar and the palette.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its path; everything below it belongs to it.
    pub href: &'static str,
    /// Its name.
    pub label: &'static str,
    /// Its icon.
    pub icon: Icon,
    /// Whether it has room in the phone's bottom bar; the others are behind its last entry.
    pub on_phone: bool,
}

const fn place(href: &'static str, label: &'static str, icon: Icon, on_phone: bool) -> Place {
    Place { href, label, icon, on_phone }
}

/// The places, in the order of the rail.
pub const PLACES: [Place; 7] = [
    place("/inbox", "Inbox", Icon::Inbox, true),
    place("/runs", "Runs", Icon::Activity, true),
    place("/workflows", "Workflows", Icon::Workflow, true),
    place("/contacts", "Contacts", Icon::Users, true),
    place("/templates", "Templates", Icon::Mail, false),
    place("/sandbox", "Sandbox", Icon::Flask, false),
    place("/settings", "Settings", Icon::Settings, false),
];

impl Place {
    /// The place that a path belongs to.
    pub fn of(path: &str) -> Option<&'static Place> {
        PLACES.iter().find(|place| place.holds(path))
    }

    /// Whether a path is this place or below it.
    pub fn holds(&self, path: &str) -> bool {
        path.strip_prefix(self.href).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The parts that draw the page at a path; none where it is in the first wasm file.
pub fn parts_of(path: &str) -> &'static [Part] {
    let Some(place) = Place::of(path) else {
        return match path.trim_end_matches('/') {
            "/sign-in" | "/setup" => &[Part::Entry],
            _ => &[],
        };
    };
    let below = path.trim_end_matches('/').len() > place.href.len();
    match (place.href, below) {
        ("/inbox", false) => &[Part::Inbox],
        ("/inbox", true) => &[Part::Inbox, Part::Office],
        ("/workflows", false) => &[Part::Workflows],
        ("/workflows" | "/runs", true) => &[Part::Canvas],
        _ => &[Part::Office],
    }
}

/// All pages. Those inside the [`Frame`] are for people who are signed in.
#[component]
pub fn AppRoutes() -> impl IntoView {
    view! {
        <Routes fallback=NotFound>
            <ParentRoute path=path!("") view=Frame>
                <Route path=path!("") view=|| view! { <Redirect path="/inbox" /> } />
                <Route path=path!("/inbox/:id?") view={Lazy::<InboxRoute>::new()} />
                <Route path=path!("/runs") view={Lazy::<RunsRoute>::new()} />
                <Route path=path!("/runs/:id") view={Lazy::<RunRoute>::new()} />
                <Route path=path!("/contacts") view={Lazy::<ContactsRoute>::new()} />
                <Route path=path!("/templates") view={Lazy::<TemplatesRoute>::new()} />
                <Route path=path!("/sandbox") view={Lazy::<SandboxRoute>::new()} />
                <Route path=path!("/settings") view={Lazy::<SettingsRoute>::new()} />
                <Route path=path!("/workflows") view={Lazy::<WorkflowsRoute>::new()} />
                <Route path=path!("/workflows/:id") view={Lazy::<EditorRoute>::new()} />
            </ParentRoute>
            <Route path=path!("/sign-in") view={Lazy::<SignInRoute>::new()} />
            <Route path=path!("/setup") view={Lazy::<SetupRoute>::new()} />
        </Routes>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_the_place_above_it() {
        let cases = [
            ("/runs", Some("Runs")),
            ("/runs/01J/timeline", Some("Runs")),
            ("/runsx", None),
            ("/", None),
            ("/settings/members", Some("Settings")),
        ];
        for (path, label) in cases {
            assert_eq!(Place::of(path).map(|place| place.label), label, "{path}");
        }
    }

    #[test]
    fn a_page_needs_its_parts() {
        let cases: [(&str, &[Part]); 9] = [
            ("/sign-in", &[Part::Entry]),
            ("/", &[]),
            ("/inbox", &[Part::Inbox]),
            ("/inbox/", &[Part::Inbox]),
            ("/inbox/01J", &[Part::Inbox, Part::Office]),
            ("/workflows", &[Part::Workflows]),
            ("/workflows/01J", &[Part::Canvas]),
            ("/runs", &[Part::Office]),
            ("/runs/01J", &[Part::Canvas]),
        ];
        for (path, parts) in cases {
            assert_eq!(parts_of(path), parts, "{path}");
        }
    }
}
