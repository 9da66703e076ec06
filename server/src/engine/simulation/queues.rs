//! A queue with limits that steps of some worlds go through, and a count of its calls that are made at the same time,
//! over all servers.

use super::Dice;
use crate::engine::{CallContext, Organizations};
use crate::store::model::{Node, Tables};
use futures::future::BoxFuture;
use serde_json::json;
use signalbox::{
    graph::{Graph, NodeKind},
    id::{CallId, OrganizationId, RunId, WorkflowId},
    wire::{QueueLimit, QueueSettings},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

const NAME: &str = "narrow";
/// Of a hundred worlds so many have the queue.
const WORLDS: u64 = 50;
/// Of a hundred of its steps that work, so many go through it.
const STEPS: u64 = 80;

/// What the queue lets through.
#[derive(Clone, Copy)]
pub(super) struct Narrow(QueueLimit);

impl Narrow {
    /// Puts steps into the queue, in some worlds. Only several servers have a rate: one alone counts it by a clock that
    /// is not the world's.
    pub(super) fn draw(
        dice: &mut Dice,
        graphs: &mut [(WorkflowId, Vec<Graph>)],
        shared: bool,
    ) -> Option<Self> {
        if !dice.percent(WORLDS) {
            return None;
        }
        let nodes = graphs.iter_mut().flat_map(|(_, versions)| versions);
        for node in nodes.flat_map(|graph| &mut graph.nodes) {
            let works = matches!(&node.kind, NodeKind::Action(action) if action.tool == "work");
            if works && dice.percent(STEPS) {
                node.policy.queue = Some(NAME.into());
            }
        }
        let concurrency = 1 + u32::try_from(dice.below(2)).unwrap_or(0);
        let per_minute =
            (shared && dice.percent(30)).then(|| 20 + u32::try_from(dice.below(20)).unwrap_or(0));
        Some(Self(QueueLimit { concurrency, per_minute }))
    }
}

/// The limits of the world's queues.
pub(super) struct Limits(pub Option<Narrow>);

impl Organizations for Limits {
    fn zone(&self, _: OrganizationId) -> BoxFuture<'_, chrono_tz::Tz> {
        Box::pin(std::future::ready(chrono_tz::Tz::UTC))
    }

    fn queues(&self, _: OrganizationId) -> BoxFuture<'_, Result<QueueSettings, String>> {
        let limits = self.0.iter().map(|narrow| (NAME.to_owned(), narrow.0)).collect();
        Box::pin(std::future::ready(Ok(QueueSettings(limits))))
    }
}

/// A call that is being made.
struct Made {
    call: (RunId, CallId),
    attempt: u32,
    node: Node,
    epoch: Option<i64>,
}

impl Made {
    /// Whether its server may make it, and its run waits for it: what nobody wants any more may end when it likes. Not one
    /// whose lease ended: it may go on beside whoever took its place, under another lease, too.
    fn counts(&self, tables: &Tables, now_ms: i64) -> bool {
        let alive = |epoch| tables.servers.get(&epoch).is_some_and(|until| *until > now_ms);
        !self.node.is_dead()
            && self.epoch.is_none_or(alive)
            && tables.is_in_queue(&self.call, self.attempt, NAME)
    }
}

#[derive(Default)]
struct Seen {
    made: BTreeMap<u64, Made>,
    number: u64,
}

/// The calls of the queue that are being made.
#[derive(Clone, Default)]
pub(super) struct InQueue(Arc<Mutex<Seen>>);

/// One of them; it is over when this is dropped.
pub(super) struct Entered(InQueue, u64);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.seen().made.remove(&self.1);
    }
}

impl InQueue {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call begins. What is wrong with that, if something is.
    pub(super) fn enter(
        &self,
        limit: Narrow,
        (context, node): (&CallContext, &Node),
        now_ms: i64,
    ) -> (Entered, Option<String>) {
        let tables = node.committed();
        let call = (context.run, context.call);
        let made = Made { call, attempt: context.attempt, node: node.clone(), epoch: node.epoch() };
        let mut seen = self.seen();
        seen.number += 1;
        let number = seen.number;
        let mut broken = None;
        if made.counts(&tables, now_ms) {
            let others = seen.made.values().filter(|of| of.counts(&tables, now_ms)).count();
            if others >= limit.0.concurrency as usize {
                let places = limit.0.concurrency;
                broken = Some(format!("{} calls of a queue of {places} at once", others + 1));
            }
        }
        seen.made.insert(number, made);
        drop(seen);
        (Entered(self.clone(), number), broken)
    }
}

/// The queue in words.
pub(super) fn story(limit: Option<Narrow>) -> String {
    let Some(Narrow(limit)) = limit else { return "no queue".into() };
    json!({"queue": NAME, "places": limit.concurrency, "per_minute": limit.per_minute}).to_string()
}
