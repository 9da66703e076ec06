//! What both sides can list, in words. Of a database that others are in too, only the own rows.

use super::ops::{APPROVALS, CALLS, RUNS};
use super::player::{approval_id, at, call_id, run_id};
use super::side::Side;
use super::*;
use signalbox::id::RunId;

/// More rows than there are.
const ALL: u32 = 10_000;
/// After all that is set.
const LATER_MS: i64 = 1_000_000_000;

impl Side {
    /// What servers and workers look for: calls, timers, runs that are due, tasks, links, turns, events.
    pub async fn look(&self) -> Vec<String> {
        let mut lines = vec![];
        let mut calls = calls_open(&self.store, ALL).await.map(|calls| {
            let calls = calls.into_iter().flatten();
            calls.filter(|call| call.organization == self.ours).collect::<Vec<_>>()
        });
        if let Ok(calls) = &mut calls {
            calls.sort_by_key(|call| (call.run, call.call));
        }
        lines.push(format!("calls {}", self.said(calls)));
        for ms in [15, LATER_MS] {
            lines.push(format!("due {}", self.timers(ms).await));
        }
        let runs = runs_due(&self.store, ALL).await.map(|runs| self.mine(runs));
        lines.push(format!("runs {}", self.said(runs)));
        let free = slots_free(&self.store, ALL).await.map(|runs| self.mine(runs));
        lines.push(format!("turns {}", self.said(free)));
        lines.extend(self.tasks().await);
        let links = links_due(&self.store, ALL).await.map(|links| {
            let mut links: Vec<_> =
                links.into_iter().filter(|(link, _)| link.organization == self.ours).collect();
            links.sort_by_key(|(link, _)| link.run);
            links
        });
        lines.push(format!("links {}", self.said(links)));
        for run in (0..RUNS).map(run_id) {
            lines.extend(self.events(run).await);
        }
        lines
    }

    /// Everything that can be asked for, whatever became of it.
    pub async fn dump(&self) -> Vec<String> {
        let (store, ours) = (&self.store, self.ours);
        let mut lines = self.look().await;
        for number in 0..RUNS {
            let run = run_id(number);
            let parts = run_parts(store, ours, run).await;
            let parts = parts.map(|parts| (parts.run, parts.checkpoint, parts.root_workflow));
            lines.push(self.said(parts));
            lines.push(self.said(run_fetch(store, ours, run).await));
            lines.push(self.said(checkpoint_fetch(store, ours, run).await));
            lines.push(self.said(events_after(store, ours, run, 0, 1_000).await));
            lines.push(self.said(events_after(store, ours, run, 1, 2).await));
            lines.push(self.said(link_fetch(store, ours, run).await));
            for call in (0..CALLS).map(|call| call_id(number, call)) {
                lines.push(self.said(call_state(store, ours, run, call).await));
                lines.push(self.said(task_fetch(store, ours, call).await));
            }
            for approval in (0..APPROVALS).map(|approval| approval_id(number, approval)) {
                lines.push(self.said(approval_fetch(store, ours, approval).await));
            }
        }
        for key in ["key 0", "key 1"] {
            let run = run_by_key(store, ours, key).await;
            lines.push(self.said(run.map(|run| run.map(|run| run.id))));
        }
        lines
    }

    fn mine(&self, runs: Vec<(signalbox::id::OrganizationId, RunId)>) -> Vec<RunId> {
        let mine = runs.into_iter().filter(|(whose, _)| *whose == self.ours);
        let mut mine: Vec<RunId> = mine.map(|(_, run)| run).collect();
        mine.sort_unstable();
        mine
    }

    async fn timers(&self, until_ms: i64) -> String {
        let due = timers_due(&self.store, at(until_ms), ALL).await.map(|due| {
            let mine = due.into_iter().filter(|due| due.organization == self.ours);
            let mut mine: Vec<_> = mine.map(|due| (due.due_at, due.run, due.timer)).collect();
            mine.sort();
            mine
        });
        self.said(due)
    }

    /// As workers ask for them: with a name, of a queue, and of none that is full.
    async fn tasks(&self) -> Vec<String> {
        let queues = vec!["q".to_owned()];
        let anyone = TaskWanted { worker: "bob".into(), ..TaskWanted::default() };
        let named = TaskWanted { worker: "ada".into(), full: queues.clone(), ..anyone.clone() };
        let of_queue = TaskWanted { queues, ..anyone.clone() };
        let mut lines = vec![];
        for wanted in [anyone, named, of_queue] {
            let tasks = tasks_next(&self.store, self.ours, &wanted, 10).await;
            lines.push(format!("tasks {}", self.said(tasks)));
        }
        lines
    }

    /// The oldest event of each name that a run was not told, in order.
    pub async fn told(&self, run: RunId) -> StoreResult<Vec<Delivery>> {
        let told = deliveries_of(&self.store, self.ours, run, 100).await?;
        let mut oldest: Vec<Delivery> = Vec::new();
        for delivery in told {
            if !oldest.iter().any(|known| known.name == delivery.name) {
                oldest.push(delivery);
            }
        }
        Ok(oldest)
    }

    /// An event without its number.
    pub fn delivery(&self, event: &Delivery) -> String {
        self.words(&(event.run, &event.name, &event.id, &event.payload))
    }

    /// What a run was not told, and who else would hear that.
    async fn events(&self, run: RunId) -> Vec<String> {
        let told = match self.told(run).await {
            Ok(told) => told,
            Err(error) => return vec![self.words(&error)],
        };
        let mut lines = vec![];
        for event in told {
            let listeners = outside_listeners(&self.store, self.ours, event.number, 100).await;
            let listeners = listeners.map(|mut runs| {
                runs.sort_unstable();
                runs
            });
            lines.push(format!("{} heard by {}", self.delivery(&event), self.said(listeners)));
        }
        lines
    }
}
