//! Fetches events that are older than those the page has.

use super::fold::RunFold;
use crate::api::{toast_failure, use_client};
use crate::ui::{Button, Icon, Toasts};
use leptos::{prelude::*, task::spawn_local};

/// The button, where there are older events.
#[component]
pub(super) fn OlderEvents(
    /// The run.
    fold: RwSignal<RunFold>,
    /// Runs when they are here.
    #[prop(into)]
    on_more: Callback<()>,
) -> impl IntoView {
    let (client, toasts) = (StoredValue::new(use_client()), Toasts::expect());
    let fetching = RwSignal::new(false);
    let run = fold.with_untracked(|fold| fold.state.run);
    let fetch = move |_| {
        let Some(after) = fold.with_untracked(RunFold::older) else { return };
        fetching.set(true);
        spawn_local(async move {
            match client.get_value().run_events(run, after).await {
                Ok(page) => {
                    fold.try_update(|fold| fold.put_before(&page.events));
                    on_more.try_run(());
                }
                Err(error) => toast_failure(toasts, &error),
            }
            fetching.try_set(false);
        });
    };
    let exist = Memo::new(move |_| fold.with(|fold| fold.older().is_some()));
    view! {
        <Show when=move || exist.get()>
            <div class="flex justify-center p-3">
                <Button icon=Icon::Clock pending=fetching on_click=fetch>
                    "Older events"
                </Button>
            </div>
        </Show>
    }
}
