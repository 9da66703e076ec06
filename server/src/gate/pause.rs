//! Pausing all that an organisation sends, by hand, and letting it go on. The server's own pauses are `time_travel`'s.

use super::{Gate, ramp::RAMP};
use crate::store::{self, Source, StoreResult};
use futures::FutureExt;
use signalbox::{
    id::OrganizationId,
    wire::{OutboundPause, OutboundState, PauseReason},
};
use std::sync::Arc;

impl Gate {
    /// Asks before anything is sent whether time went on as it should; while the answer is no nothing leaves. Only the
    /// first one counts.
    pub fn watch_time(&self, is_sound: Arc<dyn Fn() -> bool + Send + Sync>) {
        let _ = self.inner.time.set(is_sound);
    }

    pub(super) fn time_is_sound(&self) -> bool {
        self.inner.time.get().is_none_or(|is_sound| is_sound())
    }

    /// Whether messages leave, and what waits for it.
    pub async fn outbound(&self, organization: OrganizationId) -> StoreResult<OutboundState> {
        let (store, now) = (self.store(), self.now());
        let paused = store::outbound_pause_fetch(&mut Source::Pool(store), organization).await?;
        let (due, oldest_due_at) = store::messages_due_count(store, organization, now).await?;
        let resumed = store::outbound_resumed_at(store, organization, now - RAMP).await?;
        let ramping_until = resumed.map(|at| at + RAMP);
        Ok(OutboundState { paused, due, oldest_due_at, ramping_until })
    }

    /// Pauses all that an organisation sends; where it is paused already the earlier pause stays. What is on its way
    /// goes on.
    pub async fn outbound_pause(
        &self,
        organization: OrganizationId,
        by: String,
        note: String,
    ) -> StoreResult<OutboundState> {
        let pause = OutboundPause {
            reason: PauseReason::ByHand,
            note,
            since: self.now(),
            by: Some(by.clone()),
        };
        let write = self.store().write(move |tx| {
            async move { store::outbound_pause_put(tx, organization, &pause).await }.boxed()
        });
        if write.await? {
            tracing::warn!(%organization, by, "outbound was paused by hand");
        }
        self.outbound(organization).await
    }

    /// Lets what an organisation sends go on, slowly at first. Nothing happens where it is not paused.
    pub async fn outbound_resume(
        &self,
        organization: OrganizationId,
        by: String,
    ) -> StoreResult<OutboundState> {
        let (now, name) = (self.now(), by.clone());
        let write = self.store().write(move |tx| {
            async move { store::outbound_resume(tx, organization, &name, now).await }.boxed()
        });
        if write.await? {
            tracing::warn!(%organization, by, "outbound was resumed");
            self.wake();
        }
        self.outbound(organization).await
    }
}
