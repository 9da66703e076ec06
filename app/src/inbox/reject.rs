//! The dialog that asks why something is rejected, and whether an output is made again with that.

use super::decider::Decider;
use crate::keys::focus_id;
use crate::ui::{Bind, Button, ButtonKind, Checkbox, Dialog, TextArea};
use leptos::prelude::*;
use signalbox::run::ApprovalKind;

/// Asks for the reason.
#[component]
pub(super) fn RejectDialog(open: RwSignal<bool>, decider: Decider) -> impl IntoView {
    let reason = RwSignal::new(String::new());
    let (retry, lacking) = (RwSignal::new(false), RwSignal::new(None::<String>));
    let is_review = decider.kind == ApprovalKind::Review;
    let send = move || {
        let reason = reason.get_untracked().trim().to_owned();
        if retry.get_untracked() && reason.is_empty() {
            return lacking.set(Some("Say what should be different".to_owned()));
        }
        open.set(false);
        decider.reject(reason, retry.get_untracked());
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
        lacking.set(None);
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
                    value=Bind::new(
                        reason,
                        move |text| {
                            lacking.set(None);
                            reason.set(text);
                        },
                    )
                    rows=3
                    optional=true
                    help="It stands in the run's timeline. Ctrl+Enter rejects."
                    error=lacking
                />
                {is_review
                    .then(|| {
                        view! {
                            <Checkbox
                                name="reject-retry"
                                label="Have it made again"
                                help="The step runs once more and is told the reason. Otherwise it fails."
                                value=retry
                            />
                        }
                    })}
                <div class="flex justify-end gap-2">
                    <Button on_click=move |_| open.set(false)>"Cancel"</Button>
                    <Button kind=ButtonKind::Danger button_type="submit">
                        {move || if retry.get() { "Reject and try again" } else { "Reject" }}
                    </Button>
                </div>
            </form>
        </Dialog>
    }
}
