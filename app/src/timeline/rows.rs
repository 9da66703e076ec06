//! From events to rows that people read: one row a thing that happened, with the step's title.
//! Pure.

use crate::ui::{Icon, Tone};
use signalbox::graph::Graph;
use signalbox::id::{ApprovalId, NodeId};
use signalbox::run::{ActivationId, CallRequest, Decision, Event, EventBody, FrameId, RunEnd};
use std::collections::BTreeMap;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineRow {
    /// The event it shows.
    pub seq: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The node it belongs to.
    pub node: Option<NodeId>,
    /// What happened, as a sentence without a full stop.
    pub title: String,
    /// More, on a second line.
    pub detail: String,
    /// The colour's meaning.
    pub tone: Tone,
    /// The icon that says the same.
    pub icon: Icon,
    /// The approval that waits, if this row asks for one.
    pub approval: Option<ApprovalId>,
}

/// Longest detail that a row shows, in characters.
const DETAIL_MAX: usize = 240;

/// The rows of events, oldest first.
pub fn rows(events: &[Event], graph: &Graph) -> Vec<TimelineRow> {
    let mut names = Names::new(graph);
    events.iter().filter_map(|event| row(event, &mut names)).collect()
}

/// What events name by number: nodes of activations, turns of frames.
struct Names<'a> {
    graph: &'a Graph,
    nodes: BTreeMap<ActivationId, (NodeId, FrameId)>,
    turns: BTreeMap<FrameId, String>,
}

impl<'a> Names<'a> {
    fn new(graph: &'a Graph) -> Self {
        Self { graph, nodes: BTreeMap::new(), turns: BTreeMap::new() }
    }

    fn title(&self, node: &NodeId) -> String {
        self.graph.node(node).map_or_else(|| node.to_string(), |node| node.title().to_owned())
    }

    /// The title of an activation's node, with its turn.
    fn of(&self, activation: ActivationId) -> (Option<NodeId>, String) {
        match self.nodes.get(&activation) {
            Some((node, frame)) => {
                let turn = self.turns.get(frame).map(|turn| format!(" ({turn})"));
                (Some(node.clone()), format!("{}{}", self.title(node), turn.unwrap_or_default()))
            }
            None => (None, "A step".to_owned()),
        }
    }
}

fn row(event: &Event, names: &mut Names<'_>) -> Option<TimelineRow> {
    let mut row = TimelineRow {
        seq: event.seq,
        at_ms: event.at.timestamp_millis(),
        node: None,
        title: String::new(),
        detail: String::new(),
        tone: Tone::Neutral,
        icon: Icon::Circle,
        approval: None,
    };
    match &event.body {
        EventBody::RunStarted { started_by, .. } => {
            row.title = "Run started".into();
            row.detail = started_by.clone();
            (row.tone, row.icon) = (Tone::Move, Icon::Play);
        }
        EventBody::NodeStarted { activation, node, frame } => {
            names.nodes.insert(*activation, (node.clone(), *frame));
            // What the step does shows in the rows that follow.
            return None;
        }
        EventBody::CallRequested { activation, attempt, request, .. } => {
            let (node, title) = names.of(*activation);
            row.node = node;
            let what = match request {
                CallRequest::Tool { tool, .. } => tool.clone(),
                CallRequest::Model(request) => {
                    format!("model {}", request.model.as_deref().unwrap_or("of the organisation"))
                }
            };
            row.title = format!("{title}: working");
            row.detail = if *attempt > 1 { format!("{what}, try {attempt}") } else { what };
            (row.tone, row.icon) = (Tone::Move, Icon::Activity);
        }
        EventBody::AttemptFailed { activation, attempt, error, .. } => {
            let (node, title) = names.of(*activation);
            row.node = node;
            row.title = format!("{title}: try {attempt} failed, another follows");
            row.detail = error.message.clone();
            (row.tone, row.icon) = (Tone::Wait, Icon::Repeat);
        }
        EventBody::NodeCompleted { activation, port, output, usage, .. } => {
            let (node, title) = names.of(*activation);
            row.node = node;
            let branching = !matches!(port.as_str(), "success" | "");
            row.title =
                if branching { format!("{title}: {port}") } else { format!("{title}: done") };
            row.detail = match usage {
                Some(usage) if usage.sandbox => format!("sandbox model: {}", short(output)),
                Some(usage) => format!("{}: {}", usage.model, short(output)),
                None => short(output),
            };
            (row.tone, row.icon) = (Tone::Clear, Icon::CircleCheck);
        }
        EventBody::NodeSkipped { activation, node, frame, reason, .. } => {
            names.nodes.insert(*activation, (node.clone(), *frame));
            let (node, title) = names.of(*activation);
            row.node = node;
            row.title = format!("{title}: skipped");
            row.detail = reason.clone();
            row.icon = Icon::CircleDashed;
        }
        EventBody::LoopStarted { activation, items } => {
            let (node, title) = names.of(*activation);
            row.node = node;
            row.title = format!("{title}: {} items", items.len());
            (row.tone, row.icon) = (Tone::Move, Icon::Repeat);
        }
        EventBody::NodeBypassed { activation, reason, .. } => {
            let (node, title) = names.of(*activation);
            row.node = node;
            row.title = format!("{title}: bypassed");
            row.detail = reason.clone();
            row.icon = Icon::CircleDashed;
        }
        EventBody::NodeFailed { activation, error, port, .. } => {
            let (node, title) = names.of(*activation);
            row.node = node;
            let caught = if port.is_some() { ", the error path goes on" } else { "" };
            row.title = format!("{title}: failed{caught}");
            row.detail = error.message.clone();
            (row.tone, row.icon) = (Tone::Stop, Icon::CircleX);
        }
        EventBody::WaitStarted { activation, due_at, event: name, .. } => {
            let (node, title) = names.of(*activation);
            row.node = node;
            row.title = match name {
                Some(name) => format!("{title}: waits for {name}"),
                None => format!("{title}: waits"),
            };
            row.detail = due_at.map(|at| format!("until {}", at.to_rfc3339())).unwrap_or_default();
            (row.tone, row.icon) = (Tone::Wait, Icon::Clock);
        }
        EventBody::ApprovalRequested { activation, approval, request, summary, .. } => {
            let (node, title) = names.of(*activation);
            row.node = node;
            row.title = format!("{title}: waits for a person");
            let asked = request.as_ref().map(|request| request.title.clone()).unwrap_or_default();
            row.detail = if summary.is_empty() { asked } else { summary.clone() };
            row.approval = Some(*approval);
            (row.tone, row.icon) = (Tone::Wait, Icon::Hand);
        }
        EventBody::ApprovalDecided { activation, decision, by, .. } => {
            let (node, title) = names.of(*activation);
            row.node = node;
            let (word, detail, tone, icon) = match decision {
                Decision::Approve { .. } => ("approved", String::new(), Tone::Clear, Icon::Check),
                Decision::Reject { reason, .. } => {
                    ("rejected", reason.clone(), Tone::Stop, Icon::Close)
                }
                Decision::Expire => ("expired", String::new(), Tone::Stop, Icon::Clock),
            };
            row.title = format!("{title}: {word}");
            let by = if by.is_empty() { String::new() } else { format!("by {by}") };
            row.detail =
                [by, detail].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(": ");
            (row.tone, row.icon) = (tone, icon);
        }
        EventBody::MessageMoved { activation, state, detail, .. } => {
            let (node, title) = names.of(*activation);
            row.node = node;
            row.title = format!("{title}: message {}", state.replace('_', " "));
            row.detail = detail.clone();
            (row.tone, row.icon) = match state.as_str() {
                "uncertain" => (Tone::Stop, Icon::Alert),
                "sent" | "accepted" => (Tone::Clear, Icon::Send),
                "held" => (Tone::Wait, Icon::Clock),
                _ => (Tone::Move, Icon::Send),
            };
        }
        EventBody::VariablesSet { activation, values, .. } => {
            let (node, title) = names.of(*activation);
            row.node = node;
            row.title = format!("{title}: variables set");
            row.detail = values.keys().cloned().collect::<Vec<_>>().join(", ");
            row.icon = Icon::Code;
        }
        EventBody::FrameStarted { frame, header, index, .. } => {
            let turn = format!("turn {}", index + 1);
            names.turns.insert(*frame, turn.clone());
            row.node = Some(header.clone());
            row.title = format!("{}: {turn}", names.title(header));
            row.icon = Icon::Repeat;
        }
        EventBody::FrameEnded { .. } => return None,
        EventBody::RegionEnded { header, turns, .. } => {
            row.node = Some(header.clone());
            row.title = format!("{}: {turns} turns done", names.title(header));
            (row.tone, row.icon) = (Tone::Clear, Icon::Repeat);
        }
        EventBody::Paused { by } => {
            row.title = "Paused".into();
            row.detail = by_words(by);
            (row.tone, row.icon) = (Tone::Wait, Icon::Pause);
        }
        EventBody::Resumed { by } => {
            row.title = "Resumed".into();
            row.detail = by_words(by);
            (row.tone, row.icon) = (Tone::Move, Icon::Play);
        }
        EventBody::Blocked { reason, activation, .. } => {
            row.node = activation.and_then(|activation| names.of(activation).0);
            row.title = "Blocked".into();
            row.detail = reason.clone();
            (row.tone, row.icon) = (Tone::Stop, Icon::Alert);
        }
        EventBody::Unblocked { by, .. } => {
            row.title = "Tried again".into();
            row.detail = by_words(by);
            (row.tone, row.icon) = (Tone::Move, Icon::Play);
        }
        EventBody::RunEnded { end } => match end {
            RunEnd::Completed { outcome, .. } => {
                row.title = "Run completed".into();
                row.detail = format!("outcome: {outcome}");
                (row.tone, row.icon) = (Tone::Clear, Icon::Flag);
            }
            RunEnd::Failed { error, node } => {
                row.node = node.clone();
                row.title = "Run failed".into();
                row.detail = error.message.clone();
                (row.tone, row.icon) = (Tone::Stop, Icon::Flag);
            }
            RunEnd::Stopped { reason, by } => {
                row.title = "Run stopped".into();
                row.detail = [by_words(by), reason.clone()]
                    .into_iter()
                    .filter(|s| !s.is_empty())
                    .collect::<Vec<_>>()
                    .join(": ");
                row.icon = Icon::Stop;
            }
        },
    }
    row.detail = cut(&row.detail);
    Some(row)
}

fn by_words(by: &str) -> String {
    if by.is_empty() { String::new() } else { format!("by {by}") }
}

fn short(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= DETAIL_MAX {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(DETAIL_MAX).collect();
    short.push('…');
    short
}
