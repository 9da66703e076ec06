//! The inbox page: fetches what waits, then hands over to the board.

use crate::api::{failure, use_client};
use crate::inbox::Board;
use crate::ui::Skeleton;
use leptos::prelude::*;
use signalbox::wire::PageQuery;

/// `/inbox` and `/inbox/{id}`.
#[component]
pub fn Inbox() -> impl IntoView {
    let client = use_client();
    let first = Resource::new(
        || (),
        move |()| {
            let client = client.clone();
            async move {
                let wanted = PageQuery { limit: Some(200), ..Default::default() };
                client.approvals(None, &wanted).await
            }
        },
    );
    let retry = Callback::new(move |()| first.refetch());
    view! {
        <Suspense fallback=|| {
            view! { <Skeleton rows=8 /> }
        }>
            {move || Suspend::new(async move {
                match first.await {
                    Ok(page) => view! { <Board first=page.items /> }.into_any(),
                    Err(error) => failure(&error, Some(retry)),
                }
            })}
        </Suspense>
    }
}
