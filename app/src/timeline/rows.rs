//! How the domain's timeline entries look: tone, icon, and the approval that a row leads to. Pure.

use crate::ui::{Icon, Tone};
use signalbox::graph::Graph;
use signalbox::id::ApprovalId;
use signalbox::run::{Event, EventBody, Signal, TimelineEntry, timeline};
use std::collections::BTreeMap;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineRow {
    /// What it says.
    pub entry: TimelineEntry,
    /// The approval that it asks for.
    pub approval: Option<ApprovalId>,
}

/// The rows of events, oldest first.
pub fn rows(events: &[Event], graph: &Graph) -> Vec<TimelineRow> {
    let asked: BTreeMap<u64, ApprovalId> = events.iter().filter_map(asked_for).collect();
    let row = |entry: TimelineEntry| {
        let approval = asked.get(&entry.seq).copied();
        TimelineRow { entry, approval }
    };
    timeline(events, graph).into_iter().map(row).collect()
}

fn asked_for(event: &Event) -> Option<(u64, ApprovalId)> {
    match &event.body {
        EventBody::ApprovalRequested { approval, .. } => Some((event.seq, *approval)),
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
