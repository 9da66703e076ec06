//! The gallery of starters: a picture, what it does, and a button that makes a workflow of it.

use super::Making;
use super::preview::Preview;
use crate::api::use_client;
use crate::ui::{Button, ButtonKind, Dialog, ErrorPanel, Skeleton, Toast, Toasts, Trouble};
use leptos::{prelude::*, task::spawn_local};
use signalbox::wire::StarterView;

#[component]
pub(super) fn GalleryDialog(making: Making) -> impl IntoView {
    view! {
        <Dialog open=making.gallery title="Start from the gallery" width="max-w-4xl">
            {crate::lazy::gallery(making)}
        </Dialog>
    }
}

#[component]
pub(crate) fn Gallery(making: Making) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let starters = LocalResource::new(move || async move { client.get_value().starters().await });
    view! {
        <div class="max-h-[70dvh] overflow-y-auto">
            // A border of its own: without it the frame around the page would wait, and take the
            // dialog out of the page while it does.
            <Suspense fallback=|| view! { <Skeleton rows=6 /> }>
                {move || Suspend::new(async move {
                    match starters.await {
                        Err(error) => {
                            let retry = Callback::new(move |()| starters.refetch());
                            view! { <ErrorPanel trouble=Trouble::from(error) on_retry=retry /> }.into_any()
                        }
                        Ok(list) => {
                            view! {
                                <ul class="grid gap-4 md:grid-cols-2">
                                    {list
                                        .into_iter()
                                        .map(|starter| view! { <Card making=making starter=starter /> })
                                        .collect_view()}
                                </ul>
                            }
                                .into_any()
                        }
                    }
                })}
            </Suspense>
        </div>
    }
}

#[component]
fn Card(making: Making, starter: StarterView) -> impl IntoView {
    let pending = RwSignal::new(false);
    let client = StoredValue::new(use_client());
    let toasts = Toasts::expect();
    let slug = starter.slug.clone();
    let take = move |_| {
        let slug = slug.clone();
        pending.set(true);
        spawn_local(async move {
            let made = client.get_value().starter_use(&slug).await;
            if pending.try_set(false).is_some() {
                return;
            }
            match made {
                Ok(made) => {
                    making.gallery.set(false);
                    making.go.run(made.workflow.id);
                }
                Err(error) => {
                    toasts.push(Toast::failed(format!("{} {}", error.message, error.help)))
                }
            }
        });
    };
    view! {
        <li class="flex flex-col gap-2 rounded border border-line p-3" data-testid=format!("starter-{}", starter.slug)>
            <Preview graph=starter.graph />
            <h3 class="font-semibold">{starter.name}</h3>
            <p class="flex-1 text-text-2">{starter.description}</p>
            <div>
                <Button kind=ButtonKind::Primary pending=pending on_click=take>
                    "Use this workflow"
                </Button>
            </div>
        </li>
    }
}
