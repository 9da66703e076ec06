//! The dialog that asks why something is rejected.

use super::decider::Decider;
use crate::keys::focus_id;
use crate::ui::{Bind, Button, ButtonKind, Dialog, TextArea};
use leptos::prelude::*;

/// Asks for the reason.
#[component]
pub(super) fn RejectDialog(open: RwSignal<bool>, decider: Decider) -> impl IntoView {
    let reason = RwSignal::new(String::new());
    let send = move || {
        open.set(false);
        decider.reject(reason.get_untracked().trim().to_owned());
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        send();
    };
    let keys = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            send();
        }
    };
    Effect::new(move || {
        if open.get() {
            request_animation_frame(|| focus_id("reject-reason"));
        }
    });
    view! {
        <Dialog open=open title="Reject" width="max-w-md">
            <form class="flex flex-col gap-4" on:submit=submit on:keydown=keys>
                <TextArea
                    name="reject-reason"
                    label="Reason"
                    value=Bind::from(reason)
                    rows=3
                    optional=true
                    help="It stands in the run's timeline. Ctrl+Enter rejects."
                />
                <div class="flex justify-end gap-2">
                    <Button on_click=move |_| open.set(false)>"Cancel"</Button>
                    <Button kind=ButtonKind::Danger button_type="submit">
                        "Reject"
                    </Button>
                </div>
            </form>
        </Dialog>
    }
}
