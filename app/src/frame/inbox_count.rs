//! How many approvals wait in the inbox, kept up to date by the live stream.

use crate::api::use_client;
use crate::live::{FrameKind, use_live};
use leptos::{prelude::*, task::spawn_local};
use signalbox::client::Client;
use signalbox::wire::{ApprovalState, PageQuery};

/// The count, as a context; none until it is known.
#[derive(Clone, Copy)]
pub struct InboxCount(pub RwSignal<Option<u64>>);

/// How many approvals wait; none where the API does not say.
pub async fn waiting(client: &Client) -> Option<u64> {
    // One item is enough: the total comes with it.
    let page = PageQuery { limit: Some(1), ..PageQuery::default() };
    let page = client.approvals(Some(ApprovalState::Pending), &page).await.ok()?;
    page.total.or(Some(page.items.len() as u64))
}

/// Whether the count is being asked for, and whether it has changed meanwhile.
#[derive(Clone, Copy, Default)]
struct Asking {
    now: bool,
    again: bool,
}

impl InboxCount {
    /// Counts anew whenever an approval changes; provides the context.
    pub(super) fn provide(known: Option<u64>) -> InboxCount {
        let count = InboxCount(RwSignal::new(known));
        provide_context(count);
        let client = StoredValue::new(use_client());
        let asking = StoredValue::new(Asking::default());
        use_live().on(move |frame| {
            let counts = matches!(
                frame.kind,
                FrameKind::ApprovalChanged | FrameKind::ApprovalGone | FrameKind::Resync
            );
            if counts && asking.get_value().now {
                asking.update_value(|asking| asking.again = true);
            } else if counts {
                asking.set_value(Asking { now: true, again: false });
                spawn_local(count.ask(client, asking));
            }
        });
        count
    }

    /// Asks, one question at a time, until nothing has changed since the last one.
    async fn ask(self, client: StoredValue<Client>, asking: StoredValue<Asking>) {
        loop {
            let Some(client) = client.try_get_value() else { return };
            if let Some(known) = waiting(&client).await {
                self.0.try_set(Some(known));
            }
            // The page may be gone by now.
            let again = asking.try_get_value().is_some_and(|asking| asking.again);
            asking.try_set_value(Asking { now: again, again: false });
            if !again {
                return;
            }
        }
    }
}

/// The count of this application.
pub fn use_inbox_count() -> InboxCount {
    use_context().unwrap_or_else(|| InboxCount(RwSignal::new(None)))
}
