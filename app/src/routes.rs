//! Every place of the application: one [`Place`] per entry of the rail, one `<Route>` per page.
//! A page is a component in `pages/`; adding one is one line in [`AppRoutes`].

use crate::frame::Frame;
use crate::pages::{
    Contacts, EditorPage, Inbox, NotFound, Run, Runs, Sandbox, Settings, Setup, SignIn,
    WorkflowsPage,
};
use crate::ui::Icon;
use leptos::prelude::*;
use leptos_router::{
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
    /// Whether it has room in the phone's bottom bar.
    pub on_phone: bool,
}

const fn place(href: &'static str, label: &'static str, icon: Icon, on_phone: bool) -> Place {
    Place { href, label, icon, on_phone }
}

/// The places, in the order of the rail.
pub const PLACES: [Place; 6] = [
    place("/inbox", "Inbox", Icon::Inbox, true),
    place("/runs", "Runs", Icon::Activity, true),
    place("/workflows", "Workflows", Icon::Workflow, true),
    place("/contacts", "Contacts", Icon::Users, true),
    place("/sandbox", "Sandbox", Icon::Flask, false),
    place("/settings", "Settings", Icon::Settings, true),
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

/// All pages. Those inside the [`Frame`] are for people who are signed in.
#[component]
pub fn AppRoutes() -> impl IntoView {
    view! {
        <Routes fallback=NotFound>
            <ParentRoute path=path!("") view=Frame>
                <Route path=path!("") view=|| view! { <Redirect path="/inbox" /> } />
                <Route path=path!("/inbox/:id?") view=Inbox />
                <Route path=path!("/runs") view=Runs />
                <Route path=path!("/runs/:id") view=Run />
                <Route path=path!("/contacts") view=Contacts />
                <Route path=path!("/sandbox") view=Sandbox />
                <Route path=path!("/settings") view=Settings />
                <Route path=path!("/workflows") view=WorkflowsPage />
                <Route path=path!("/workflows/:id") view=EditorPage />
            </ParentRoute>
            <Route path=path!("/sign-in") view=SignIn />
            <Route path=path!("/setup") view=Setup />
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
}
