//! The tabs of the settings page.

mod email;
mod general;
mod history;
mod members;
mod models;
mod outbound;
mod secrets;
mod sending;
mod tokens;

pub use email::EmailTab;
pub use general::GeneralTab;
pub use history::HistoryTab;
pub use members::MembersTab;
pub use models::ModelsTab;
pub use outbound::{OutboundTab, PauseBanner};
pub use secrets::SecretsTab;
pub use sending::SendingTab;
pub use tokens::TokensTab;

use crate::api::{failure, trouble};
use crate::ui::{Skeleton, Toast, Toasts, Trouble};
use leptos::{prelude::*, task::spawn_local};
use serde::{Serialize, de::DeserializeOwned};
use signalbox::wire::ApiError;
use std::future::Future;

/// Shows what `resource` holds with `draw`; its failure with a way to try again.
fn loaded<T>(
    resource: Resource<Result<T, ApiError>>,
    draw: impl Fn(T) -> AnyView + Clone + Send + 'static,
) -> impl IntoView
where
    T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
{
    let retry = Callback::new(move |()| resource.refetch());
    view! {
        <Transition fallback=|| {
            view! { <Skeleton rows=5 /> }
        }>
            {move || {
                let draw = draw.clone();
                Suspend::new(async move {
                    match resource.await {
                        Ok(value) => draw(value),
                        Err(error) => failure(&error, Some(retry)),
                    }
                })
            }}
        </Transition>
    }
}

/// The state of a form that is being sent.
#[derive(Clone, Copy)]
struct Sending {
    working: RwSignal<bool>,
    wrong: RwSignal<Option<Trouble>>,
    toasts: Toasts,
}

impl Sending {
    fn new() -> Self {
        Self { working: RwSignal::new(false), wrong: RwSignal::new(None), toasts: Toasts::expect() }
    }

    /// Sends; says `done` when it worked and calls `after`, shows the trouble when not.
    fn send<T: 'static>(
        self,
        call: impl Future<Output = Result<T, ApiError>> + 'static,
        done: &'static str,
        after: impl FnOnce(T) + 'static,
    ) {
        self.working.set(true);
        self.wrong.set(None);
        spawn_local(async move {
            let answer = call.await;
            self.working.try_set(false);
            match answer {
                Ok(value) => {
                    if !done.is_empty() {
                        self.toasts.push(Toast::done(done));
                    }
                    after(value);
                }
                Err(error) => {
                    self.wrong.try_set(Some(trouble(&error)));
                }
            }
        });
    }

    /// The trouble, where the form shows it.
    fn trouble(self) -> impl IntoView {
        move || self.wrong.get().map(|wrong| view! { <crate::ui::ErrorPanel trouble=wrong /> })
    }
}
