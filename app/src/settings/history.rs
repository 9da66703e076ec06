//! How long runs and events are kept.

use super::{Sending, loaded};
use crate::api::use_client;
use crate::ui::{Bind, Button, ButtonKind, TextInput};
use leptos::prelude::*;
use signalbox::wire::HistorySettings;

/// The tab.
#[component]
pub fn HistoryTab() -> impl IntoView {
    let client = use_client();
    let settings = Resource::new(
        || (),
        move |()| {
            let client = client.clone();
            async move { client.settings_history().await }
        },
    );
    loaded(settings, |found| view! { <Form found=found /> }.into_any())
}

#[component]
fn Form(found: HistorySettings) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let sending = Sending::new();
    let runs = RwSignal::new(found.runs_days.to_string());
    let keys = RwSignal::new(found.keys_days.to_string());
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        // What is no number becomes 0, which the server refuses with the field's name.
        let days = |field: RwSignal<String>| field.get_untracked().trim().parse().unwrap_or(0);
        let body = HistorySettings { runs_days: days(runs), keys_days: days(keys) };
        let client = client.get_value();
        sending.send(
            async move { client.settings_history_set(&body).await },
            "The settings are saved.",
            |_| {},
        );
    };
    view! {
        <form class="flex flex-col gap-4" on:submit=save>
            {sending.trouble()}
            <p class="text-text-2">
                "What is over is deleted after a while, so that lists stay short and the disk does not fill up. Runs \
                that are still going on are never deleted, however old they are. Emails that were sent, who approved \
                them and who does not want any stay."
            </p>
            <TextInput
                name="history-runs"
                label="Keep runs for (days)"
                input_type="number"
                value=Bind::from(runs)
                required=true
                help="Counted from the end of a run. With it goes its timeline, its input and its output."
            />
            <TextInput
                name="history-keys"
                label="Recognise repeated events for (days)"
                input_type="number"
                value=Bind::from(keys)
                required=true
                help="A webhook or a reply that comes a second time within these days does nothing again."
            />
            <div>
                <Button kind=ButtonKind::Primary button_type="submit" pending=sending.working>
                    "Save"
                </Button>
            </div>
        </form>
    }
}
