//! The list of keys.

use crate::ui::{Dialog, Kbd};
use leptos::prelude::*;

const KEYS: [(&str, &str); 8] = [
    ("j", "Next item"),
    ("k", "Previous item"),
    ("a", "Approve, and send if it is a message"),
    ("e", "Edit the message before it is approved"),
    ("#", "Reject, with a reason"),
    ("z", "Take the last approval back while the message is held"),
    ("Esc", "Close the item, or leave editing"),
    ("Ctrl+Enter", "While editing: approve and send the changed message"),
];

/// The dialog.
#[component]
pub fn KeysHelp(
    /// Whether it is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <Dialog open=open title="Keys of the inbox">
            {crate::lazy::inbox_keys()}
        </Dialog>
    }
}

/// The list.
#[component]
pub fn KeysList() -> impl IntoView {
    view! {
        <dl class="grid grid-cols-[auto_1fr] gap-x-4 gap-y-2">
            {KEYS
                .map(|(key, meaning)| {
                    view! {
                        <dt>
                            <Kbd key=key />
                        </dt>
                        <dd>{meaning}</dd>
                    }
                })
                .collect_view()}
        </dl>
    }
}
