//! Outside events: who waits for them is told, once, in order.

use super::{EngineError, EngineHandle, Inner, WriteOp};
use crate::store::{self, Delivery, OutsideEvent, SentEvent};
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use signalbox::{
    id::{OrganizationId, RunId},
    run::Command,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

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

    /// As [`outside_event`](Self::outside_event), of an event that somebody sends: a program, or a run (`cause`). It may
    /// start workflows too. One whose source key was recorded before is found again, and nobody is told again.
    pub async fn event_send(
        &self,
        organization: OrganizationId,
        mut event: OutsideEvent,
        cause: Option<RunId>,
    ) -> Result<SentEvent, EngineError> {
        // As of every other event, its type can be read where only its particulars are.
        if let Value::Object(payload) = &mut event.payload {
            payload.entry("type").or_insert_with(|| event.name.clone().into());
        }
        let now = self.inner.clock.now();
        let write = self.store().write(move |tx| {
            async move { store::outside_send(tx, organization, &event, cause, now).await }.boxed()
        });
        let sent = write.await?;
        if sent.is_new {
            self.outside_poke(organization, sent.number);
        }
        Ok(sent)
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

    /// Tells a run what it was not told yet. What it has heard already, because an earlier wait of it was told, is passed
    /// over together: each new wait looks back over all of it.
    async fn deliver_to(self: &Arc<Self>, organization: OrganizationId, run: RunId) {
        loop {
            let untold = match store::deliveries_of(&self.store, organization, run, BATCH).await {
                Ok(untold) => untold,
                Err(error) => {
                    tracing::error!(%run, %error, "events for a run cannot be read");
                    return;
                }
            };
            let heard = match untold.len() {
                0 => return,
                1 => BTreeSet::new(),
                _ => self.heard(organization, run).await,
            };
            let news = untold.iter().position(|event| !heard.contains(&event.id));
            let (passed, news) = untold.split_at(news.unwrap_or(untold.len()));
            if !self.pass_over(organization, run, passed).await {
                return;
            }
            // One at a time: it may wait for nothing more after it.
            if let Some(first) = news.first()
                && !self.deliver(first.clone()).await
            {
                return;
            }
        }
    }

    /// The events that a run has heard.
    async fn heard(&self, organization: OrganizationId, run: RunId) -> BTreeSet<String> {
        match self.load(organization, run).await {
            Ok(live) => live.state.consumed,
            // Each is told, and the run passes over it itself.
            Err(_) => BTreeSet::new(),
        }
    }

    /// Notes that a run was told of events which it had heard before.
    async fn pass_over(
        &self,
        organization: OrganizationId,
        run: RunId,
        passed: &[Delivery],
    ) -> bool {
        // In order: the last of each name counts.
        let last: BTreeMap<String, i64> =
            passed.iter().map(|event| (event.name.clone(), event.number)).collect();
        if last.is_empty() {
            return true;
        }
        let noted = self.store.write(move |tx| {
            let last = last.clone();
            async move {
                for (name, number) in &last {
                    store::wait_seen(tx, organization, run, name, *number).await?;
                }
                Ok(())
            }
            .boxed()
        });
        noted
            .await
            .inspect_err(|error| tracing::warn!(%run, %error, "events could not be passed over"))
            .is_ok()
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
            let deliveries = match store::deliveries(&self.store, BATCH).await {
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
