//! What shows where nothing is; answers with status 404.

use crate::status::set_status;
use crate::ui::{EmptyState, Icon, LinkButton, PageHeader};
use leptos::prelude::*;

/// The page for a path that leads nowhere.
#[component]
pub fn NotFound() -> impl IntoView {
    set_status(404);
    view! {
        <PageHeader title="Not found" />
        <EmptyState
            icon=Icon::Map
            title="There is nothing here"
            text="The address is mistyped, or what was here has been deleted."
        >
            <LinkButton href="/inbox">"Open the inbox"</LinkButton>
        </EmptyState>
    }
}
