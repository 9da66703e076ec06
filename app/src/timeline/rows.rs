//! How the domain's timeline entries look: tone, icon, and the approval or the other run that a row leads to. Pure.

use super::fold::RunFold;
use super::other_runs::{OtherRun, OtherRuns};
use crate::ui::{Icon, Tone};
use signalbox::graph::Graph;
use signalbox::id::ApprovalId;
use signalbox::run::{Event, EventBody, Signal, TimelineEntry, TimelineWriter};
use std::hash::{DefaultHasher, Hash, Hasher};

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineRow {
    /// What it says.
    pub entry: TimelineEntry,
    /// The approval that it asks for.
    pub approval: Option<ApprovalId>,
    /// The run that it is about beside its own.
    pub other: Option<OtherRun>,
}

impl TimelineRow {
    /// Changes with what it says: a row that keeps its key is not drawn anew.
    pub fn key(&self) -> (u64, u64) {
        let mut hasher = DefaultHasher::new();
        (&self.entry.title, &self.entry.detail, &self.other).hash(&mut hasher);
        (self.entry.seq, hasher.finish())
    }
}

/// The rows of the events that are known, oldest first.
pub fn rows(fold: &RunFold, graph: &Graph) -> Vec<TimelineRow> {
    let mut writer = TimelineWriter::new(graph).knowing(fold.base());
    let others = OtherRuns::of(fold.state.run, &fold.events);
    let row = |event: &Event| {
        let entry = writer.entry(event)?;
        Some(TimelineRow { entry, approval: asked_for(&event.body), other: others.of_event(event) })
    };
    fold.events.iter().filter_map(row).collect()
}

fn asked_for(body: &EventBody) -> Option<ApprovalId> {
    match body {
        EventBody::ApprovalRequested { approval, .. } => Some(*approval),
        _ => None,
    }
}

/// The tone of a row.
pub fn tone(signal: Signal) -> Tone {
    match signal {
        Signal::Clear => Tone::Clear,
        Signal::Wait => Tone::Wait,
        Signal::Stop => Tone::Stop,
        Signal::Move => Tone::Move,
        Signal::Quiet => Tone::Neutral,
    }
}

/// The icon that says the same as the tone, and more where the event has an icon of its own.
pub fn icon(entry: &TimelineEntry) -> Icon {
    match (entry.kind.as_str(), entry.signal) {
        ("run_started" | "resumed" | "unblocked", _) => Icon::Play,
        ("run_ended", _) => Icon::Flag,
        ("paused", _) => Icon::Pause,
        ("approval_requested", _) => Icon::Hand,
        ("attempt_failed" | "frame_started" | "loop_started" | "region_ended", _) => Icon::Repeat,
        ("wait_started", _) => Icon::Clock,
        ("message_moved", Signal::Clear | Signal::Move) => Icon::Send,
        ("variables_set", _) => Icon::Code,
        ("node_skipped" | "node_bypassed", _) => Icon::CircleDashed,
        (_, Signal::Clear) => Icon::CircleCheck,
        (_, Signal::Wait) => Icon::Clock,
        (_, Signal::Stop) => Icon::CircleX,
        (_, Signal::Move) => Icon::Activity,
        (_, Signal::Quiet) => Icon::Circle,
    }
}
