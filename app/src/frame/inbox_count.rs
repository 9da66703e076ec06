//! How many approvals wait in the inbox, kept up to date by the live stream.

use crate::api::use_client;
use crate::live::{FrameKind, use_live};
use leptos::prelude::*;
use signalbox::wire::{ApprovalState, PageQuery};

/// The count, as a context; none until it is known.
#[derive(Clone, Copy)]
pub struct InboxCount(pub RwSignal<Option<u64>>);

impl InboxCount {
    /// Counts now and whenever an approval changes; provides the context.
    pub(super) fn provide() -> InboxCount {
        let count = InboxCount(RwSignal::new(None));
        provide_context(count);
        let changes = RwSignal::new(0_u32);
        use_live().on(move |frame| {
            let counts = matches!(
                frame.kind,
                FrameKind::ApprovalChanged | FrameKind::ApprovalGone | FrameKind::Resync
            );
            if counts {
                changes.update(|changes| *changes = changes.wrapping_add(1));
            }
        });
        let client = use_client();
        let waiting = Resource::new(
            move || changes.get(),
            move |_| {
                let client = client.clone();
                async move {
                    // One item is enough: the total comes with it.
                    let page = PageQuery { limit: Some(1), ..PageQuery::default() };
                    let page = client.approvals(Some(ApprovalState::Pending), &page).await.ok()?;
                    page.total.or(Some(page.items.len() as u64))
                }
            },
        );
        Effect::new(move || {
            if let Some(known) = waiting.get() {
                count.0.set(known);
            }
        });
        count
    }
}

/// The count of this application.
pub fn use_inbox_count() -> InboxCount {
    use_context().unwrap_or_else(|| InboxCount(RwSignal::new(None)))
}
