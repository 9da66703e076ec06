//! Outside events: who waits for them is told, once, in order.

use super::{EngineError, EngineHandle, Inner, WriteOp};
use crate::store::{self, Delivery, OutsideEvent};
use futures::{FutureExt, StreamExt};
use signalbox::{
    id::{OrganizationId, RunId},
    run::Command,
};
use std::sync::Arc;

/// Rows read at once.
const BATCH: u32 = 256;
/// Runs that are told at the same time.
const AT_ONCE: usize = 16;

impl EngineHandle {
    /// Records something that happened outside and tells the runs that wait for it. Gives its number,
    /// or `None` when its source key was recorded before (then nobody is told again).
    pub async fn outside_event(
        &self,
        organization: OrganizationId,
        event: OutsideEvent,
    ) -> Result<Option<i64>, EngineError> {
        let now = self.inner.clock.now();
        let number = self
            .store()
            .write(move |tx| {
                async move { store::outside_record(tx, organization, &event, now).await }.boxed()
            })
            .await?;
        if let Some(number) = number {
            self.outside_poke(organization, number);
        }
        Ok(number)
    }

    /// Tells the runs that wait for an event which was recorded in a transaction of the caller's
    /// ([`outside_record`](crate::store::outside_record)). Forgotten pokes are made up at the next start.
    pub fn outside_poke(&self, organization: OrganizationId, number: i64) {
        let inner = self.inner.clone();
        self.inner.spawn_work(async move { inner.tell_listeners(organization, number).await });
    }
}

impl Inner {
    async fn tell_listeners(self: &Arc<Self>, organization: OrganizationId, number: i64) {
        let mut last = Vec::new();
        loop {
            let listeners =
                store::outside_listeners(&self.store, organization, number, BATCH).await;
            let runs = match listeners {
                Ok(runs) => runs,
                Err(error) => {
                    tracing::error!(%error, "who waits for an event cannot be read");
                    return;
                }
            };
            if runs.is_empty() || runs == last || self.stop.is_cancelled() {
                return; // the same again: they cannot be told now
            }
            self.deliver_each(runs.iter().map(|run| (organization, *run)).collect()).await;
            last = runs;
        }
    }

    /// A run that just began to wait is told what came before.
    pub(super) fn look_back(self: &Arc<Self>, organization: OrganizationId, run: RunId) {
        let inner = self.clone();
        self.spawn_work(async move { inner.deliver_to(organization, run).await });
    }

    async fn deliver_to(self: &Arc<Self>, organization: OrganizationId, run: RunId) {
        loop {
            match store::deliveries(&self.store, Some((organization, run)), BATCH).await {
                Ok(deliveries) if deliveries.is_empty() => return,
                Ok(deliveries) => {
                    for delivery in deliveries {
                        if !self.deliver(delivery).await {
                            return;
                        }
                    }
                }
                Err(error) => {
                    tracing::error!(%run, %error, "events for a run cannot be read");
                    return;
                }
            }
        }
    }

    async fn deliver_each(self: &Arc<Self>, runs: Vec<(OrganizationId, RunId)>) {
        futures::stream::iter(runs)
            .for_each_concurrent(AT_ONCE, |(organization, run)| self.deliver_to(organization, run))
            .await;
    }

    /// What no run was told yet, at the start.
    pub(super) async fn deliver_all(self: &Arc<Self>) {
        let mut last = Vec::new();
        loop {
            let deliveries = match store::deliveries(&self.store, None, BATCH).await {
                Ok(deliveries) => deliveries,
                Err(error) => {
                    tracing::error!(%error, "events that nobody was told of cannot be read");
                    return;
                }
            };
            if deliveries.is_empty() || deliveries == last || self.stop.is_cancelled() {
                return;
            }
            let mut runs: Vec<_> = deliveries.iter().map(|d| (d.organization, d.run)).collect();
            runs.dedup();
            self.deliver_each(runs).await;
            last = deliveries;
        }
    }

    /// Tells a run one event, and notes in the same commit that it was told.
    async fn deliver(self: &Arc<Self>, delivery: Delivery) -> bool {
        let Delivery { organization, run, name, number, payload, id } = delivery;
        let command = Command::OutsideEvent { name: name.clone(), payload, id: Some(id) };
        let seen: WriteOp = Box::new(move |tx| {
            async move { store::wait_seen(tx, organization, run, &name, number).await }.boxed()
        });
        let inner = self.clone();
        let told = self.tasks.spawn(async move {
            inner.command(organization, run, command, Some(seen.into())).await
        });
        match told.await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                tracing::warn!(%run, %error, "a run could not be told of an event");
                false
            }
            Err(_) => false,
        }
    }
}
