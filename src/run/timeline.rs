//! The timeline: events as sentences that people read.

use super::{
    ActivationId, CallRequest, Decision, Event, EventBody, FrameId, RunEnd, RunState, StepError,
    activation_of, origin,
};
use crate::graph::{Graph, NodeKind};
use crate::id::NodeId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// The event's number.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// The event's type: `node_completed`.
    pub kind: String,
    /// The node it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// What happened, in a sentence. With `until` its last words lead up to that instant.
    pub title: String,
    /// The instant that belongs behind the title, said in the zone of whoever reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// More, when there is more to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What it means.
    pub signal: Signal,
}

/// What an entry means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Done, sent.
    Clear,
    /// A person is needed, or time is awaited.
    Wait,
    /// Failed, rejected.
    Stop,
    /// Working.
    Move,
    /// For the record.
    Quiet,
}

/// The timeline of a run from its first event on.
pub fn timeline(events: &[Event], graph: &Graph) -> Vec<TimelineEntry> {
    let mut writer = TimelineWriter::new(graph);
    events.iter().filter_map(|event| writer.entry(event)).collect()
}

/// Writes the timeline event by event: for a run that is followed live. It must see all events from the first one, or
/// [know](TimelineWriter::knowing) the state before those that it sees.
#[derive(Clone, Debug, Default)]
pub struct TimelineWriter {
    titles: HashMap<NodeId, String>,
    logic: HashMap<NodeId, bool>,
    nodes: HashMap<ActivationId, (NodeId, FrameId)>,
    /// Header, turn, and the frame around it.
    frames: HashMap<FrameId, (NodeId, u32, FrameId)>,
}

type Line = (String, String, Signal);

impl TimelineWriter {
    /// A writer for runs of this graph.
    pub fn new(graph: &Graph) -> Self {
        let titles = graph.nodes.iter().map(|n| (n.id.clone(), n.title().to_owned())).collect();
        let is_logic =
            |kind: &NodeKind| matches!(kind, NodeKind::Condition(_) | NodeKind::Branch(_));
        let logic = graph.nodes.iter().map(|n| (n.id.clone(), is_logic(&n.kind))).collect();
        Self { titles, logic, nodes: HashMap::new(), frames: HashMap::new() }
    }

    /// The writer that knows what a state knows: which step an activation is of, and which turn a frame is.
    #[must_use]
    pub fn knowing(mut self, state: &RunState) -> Self {
        let of_step =
            |(id, a): (&ActivationId, &super::Activation)| (*id, (a.node.clone(), a.frame));
        self.nodes.extend(state.activations.iter().map(of_step));
        for (id, frame) in &state.frames {
            if let (Some(header), Some(around)) = (&frame.header, frame.parent) {
                self.frames.insert(*id, (header.clone(), frame.index, around));
            }
        }
        self
    }

    /// The line of an event; `None` for events that say nothing to people.
    pub fn entry(&mut self, event: &Event) -> Option<TimelineEntry> {
        self.remember(&event.body);
        let node = activation_of(&event.body).and_then(|id| self.nodes.get(&id)).cloned();
        let (title, detail, signal) = self.line(&event.body, node.as_ref())?;
        let frame = node.as_ref().map(|(_, frame)| *frame).or_else(|| around(&event.body));
        let turn = frame.and_then(|frame| self.turn(frame));
        let detail = match (turn, detail.is_empty()) {
            (Some(turn), true) => turn,
            (Some(turn), false) => format!("{detail} · {turn}"),
            (None, _) => detail,
        };
        Some(TimelineEntry {
            seq: event.seq,
            at: event.at,
            kind: event.body.kind().to_owned(),
            node: node.map(|(node, _)| node).or_else(|| header(&event.body)),
            title,
            until: leads_to(&event.body),
            detail,
            signal,
        })
    }

    /// Takes note of what later lines are about; [`TimelineWriter::entry`] does it by itself.
    pub fn remember(&mut self, body: &EventBody) {
        match body {
            EventBody::NodeStarted { activation, node, frame }
            | EventBody::NodeSkipped { activation, node, frame, .. } => {
                self.nodes.insert(*activation, (node.clone(), *frame));
            }
            EventBody::FrameStarted { frame, parent, header, index, .. } => {
                self.frames.insert(*frame, (header.clone(), *index, *parent));
            }
            _ => {}
        }
    }

    fn title(&self, node: &NodeId) -> String {
        self.titles.get(node).cloned().unwrap_or_else(|| node.0.clone())
    }

    /// Which turn of which loop a frame is, and in which turns that loop runs; `None` outside of loops.
    pub fn turn(&self, frame: FrameId) -> Option<String> {
        let mut turns = Vec::new();
        let mut at = frame;
        while let Some((header, index, around)) = self.frames.get(&at) {
            let turn = index.saturating_add(1);
            turns.push(format!("turn {turn} of \u{201c}{}\u{201d}", self.title(header)));
            // A frame is younger than the one around it, except in foreign input.
            if *around >= at {
                break;
            }
            at = *around;
        }
        (!turns.is_empty()).then(|| turns.join(" in "))
    }

    fn line(&self, body: &EventBody, node: Option<&(NodeId, FrameId)>) -> Option<Line> {
        let name = node.map_or("A step".to_owned(), |(node, _)| {
            format!("\u{201c}{}\u{201d}", self.title(node))
        });
        let plain = |title: String, signal| Some((title, String::new(), signal));
        match body {
            EventBody::NodeStarted { .. } | EventBody::FrameEnded { .. } => None,
            EventBody::NodeCompleted { port: _, outcome: None, usage: Some(usage), .. } => {
                // What was made up says so wherever it shows.
                let model = if usage.sandbox { "the sandbox model" } else { usage.model.as_str() };
                Some((format!("{name} done"), format!("written by {model}"), Signal::Clear))
            }
            EventBody::NodeCompleted { port, outcome, .. } => {
                let is_logic = node.is_some_and(|(id, _)| self.logic.get(id) == Some(&true));
                match (port.as_str(), outcome) {
                    (_, Some(outcome)) => {
                        plain(format!("Reached {name}: {outcome}"), Signal::Clear)
                    }
                    (port, _) if is_logic => plain(format!("{name}: {port}"), Signal::Quiet),
                    ("success" | "" | "done", _) => plain(format!("{name} done"), Signal::Clear),
                    ("break", _) => plain(format!("{name} was left early"), Signal::Quiet),
                    (port, _) => plain(format!("{name} done: {port}"), Signal::Clear),
                }
            }
            EventBody::NodeSkipped { reason, .. } => {
                Some((format!("{name} skipped"), reason.clone(), Signal::Quiet))
            }
            EventBody::NodeBypassed { reason, .. } => {
                Some((format!("{name} passed over"), reason.clone(), Signal::Quiet))
            }
            EventBody::NodeFailed { error, port, .. } => {
                let goes_on = if port.is_some() { ", its error path goes on" } else { "" };
                Some((format!("{name} failed{goes_on}"), error.message.clone(), Signal::Stop))
            }
            EventBody::CallRequested { attempt, request, .. } => {
                Some(asked(&name, *attempt, request))
            }
            EventBody::AttemptFailed { attempt, error, .. } => {
                let title = format!("{name} did not work (attempt {attempt}); next try at");
                Some((title, error.message.clone(), Signal::Wait))
            }
            EventBody::WaitStarted { due_at, event, more, .. } => {
                let names: Vec<&str> = event.iter().chain(more).map(String::as_str).collect();
                let names = names.join(", ");
                let names = Some(names.as_str()).filter(|names| !names.is_empty());
                Some(waits(&name, due_at.is_some(), names))
            }
            EventBody::TaskClaimed { worker, .. } => {
                plain(format!("{worker} took {name}"), Signal::Move)
            }
            EventBody::TaskReleased { reason, lost: true, .. } => {
                Some((format!("{name} is free again"), reason.clone(), Signal::Wait))
            }
            EventBody::TaskReleased { reason, .. } => {
                Some((format!("{name} was given back"), reason.clone(), Signal::Wait))
            }
            EventBody::ChildStarted { timeout_at: Some(_), .. } => {
                plain(format!("The run of {name} began; it may take until"), Signal::Move)
            }
            EventBody::ChildStarted { .. } => {
                plain(format!("The run of {name} began"), Signal::Move)
            }
            EventBody::Scored { confidence, .. } => {
                let signal = if confidence.is_enough() { Signal::Clear } else { Signal::Wait };
                let title = format!("{name} was scored {:.2} of 1", confidence.value);
                Some((title, confidence.band().to_owned(), signal))
            }
            EventBody::SignalReceived { signal, .. } => Some(received(&name, signal)),
            EventBody::ApprovalRequested { summary, .. } => {
                Some((format!("{name} waits for a decision"), summary.clone(), Signal::Wait))
            }
            EventBody::ApprovalDecided { decision, by, .. } => Some(decided(&name, decision, by)),
            EventBody::Notified { channel, to, reached, .. } => {
                Some(notified(&name, channel.as_str(), to.as_deref(), *reached))
            }
            EventBody::ApprovalEscalated { to, .. } => {
                plain(format!("Nobody decided about {name} in time: {to} is asked"), Signal::Wait)
            }
            EventBody::MessageMoved { state, detail, .. } => Some(message(&name, state, detail)),
            EventBody::VariablesSet { values, secure, .. } => {
                let names: Vec<&str> = values.keys().map(String::as_str).collect();
                let hidden = if secure.is_empty() { "" } else { " (some are not shown)" };
                plain(format!("{name} set {}{hidden}", names.join(", ")), Signal::Quiet)
            }
            _ => self.run_line(body),
        }
    }

    /// Lines about the run and its loops.
    fn run_line(&self, body: &EventBody) -> Option<Line> {
        let plain = |title: String, signal| Some((title, String::new(), signal));
        match body {
            EventBody::RunStarted { options, .. } if options.options.dry_run => Some((
                "Dry run started".to_owned(),
                "No model is asked and nothing is sent; answers are made up".to_owned(),
                Signal::Move,
            )),
            EventBody::RunStarted { started_by, .. } if started_by.is_empty() => {
                plain("Run started".to_owned(), Signal::Move)
            }
            EventBody::RunStarted { started_by, .. } => {
                plain(format!("Run started by {}", origin::said(started_by)), Signal::Move)
            }
            EventBody::LoopStarted { activation, items } => {
                let name = self.nodes.get(activation).map(|(node, _)| self.title(node));
                let name = name.unwrap_or_else(|| "A loop".to_owned());
                plain(
                    format!("\u{201c}{name}\u{201d} has {}", counted(items.len(), "item")),
                    Signal::Move,
                )
            }
            EventBody::FrameStarted { header, index, .. } => plain(
                format!("Turn {} of \u{201c}{}\u{201d}", index + 1, self.title(header)),
                Signal::Quiet,
            ),
            EventBody::RegionEnded { header, turns, .. } => {
                let turns = counted(*turns as usize, "turn");
                plain(
                    format!("\u{201c}{}\u{201d} ended after {turns}", self.title(header)),
                    Signal::Quiet,
                )
            }
            EventBody::MessageHeard { node, what } => plain(
                format!("{}: {}", self.title(node), super::heard::sentence(what)),
                Signal::Quiet,
            ),
            EventBody::Paused { by } => plain(format!("Paused by {by}"), Signal::Wait),
            EventBody::Resumed { by } => plain(format!("Resumed by {by}"), Signal::Move),
            EventBody::Blocked { reason, .. } => {
                Some(("The run needs an intervention".to_owned(), reason.clone(), Signal::Stop))
            }
            EventBody::Unblocked { by, .. } => {
                plain(format!("{by} let it try again"), Signal::Move)
            }
            EventBody::SlotGranted {} => plain("It is the run's turn".to_owned(), Signal::Move),
            EventBody::RunReopened { by, .. } => {
                plain(format!("{by} let what failed be done again"), Signal::Move)
            }
            EventBody::Forked { up_to, by, input, .. } => {
                let edited = if input.is_some() { " with another input" } else { "" };
                plain(
                    format!("{by} made this run from another one, up to its event {up_to}{edited}"),
                    Signal::Move,
                )
            }
            EventBody::Migrated { from, to, by, .. } => {
                plain(format!("{by} moved the run from version {from} to {to}"), Signal::Move)
            }
            EventBody::RunEnded { end } => Some(ended(end)),
            _ => None,
        }
    }
}

fn asked(name: &str, attempt: u32, request: &CallRequest) -> Line {
    let what = match request {
        CallRequest::Tool { tool, .. } => format!("{name} uses {tool}"),
        CallRequest::Model(_) => format!("{name} asks the model"),
        CallRequest::Task(task) if task.worker.is_empty() => {
            format!("{name} waits for any {} to claim it", task.executor.as_str())
        }
        CallRequest::Task(task) => format!("{name} waits for {} to claim it", task.worker),
        CallRequest::Run(_) => format!("{name} starts a run of another workflow"),
        CallRequest::Score(_) => format!("The output of {name} is scored"),
    };
    let again = if attempt > 1 { format!("attempt {attempt}") } else { String::new() };
    (what, again, Signal::Move)
}

fn waits(name: &str, has_end: bool, event: Option<&str>) -> Line {
    let title = match (event, has_end) {
        (Some(event), true) => {
            format!("{name} waits for \u{201c}{event}\u{201d}, at most until")
        }
        (Some(event), false) => format!("{name} waits for \u{201c}{event}\u{201d}"),
        (None, true) => format!("{name} waits until"),
        (None, false) => format!("{name} waits"),
    };
    (title, String::new(), Signal::Wait)
}

fn decided(name: &str, decision: &Decision, by: &str) -> Line {
    match decision {
        Decision::Approve { answer } if answer.is_null() => {
            (format!("{by} approved {name}"), String::new(), Signal::Clear)
        }
        Decision::Approve { .. } => {
            (format!("{by} approved {name} with changes"), String::new(), Signal::Clear)
        }
        Decision::Reject { reason, retry: true } => {
            (format!("{by} asked for another try of {name}"), reason.clone(), Signal::Stop)
        }
        Decision::Reject { reason, .. } => {
            (format!("{by} rejected {name}"), reason.clone(), Signal::Stop)
        }
        Decision::Expire => {
            (format!("Nobody decided about {name} in time"), String::new(), Signal::Stop)
        }
    }
}

fn notified(name: &str, channel: &str, to: Option<&str>, reached: bool) -> Line {
    let whom = to.unwrap_or("whoever may approve");
    match reached {
        true => (format!("{name} stands in the inbox of {whom}"), String::new(), Signal::Quiet),
        false => (
            format!("{whom} was to be told of {name} by {channel}, and was not"),
            format!("There is no way to tell people by {channel} yet; the inbox shows it."),
            Signal::Quiet,
        ),
    }
}

fn message(name: &str, state: &str, detail: &str) -> Line {
    let (title, signal) = match state {
        "held" => (format!("The message of {name} is held for a moment"), Signal::Wait),
        "scheduled" => (format!("The message of {name} is scheduled"), Signal::Wait),
        "sending" => (format!("The message of {name} is on its way"), Signal::Move),
        "sent" => (format!("The message of {name} was sent"), Signal::Clear),
        "uncertain" => {
            (format!("It is not known whether the message of {name} left"), Signal::Stop)
        }
        "recalled" => (format!("The message of {name} was recalled"), Signal::Quiet),
        other => (format!("The message of {name} is {other}"), Signal::Quiet),
    };
    (title, detail.to_owned(), signal)
}

fn received(name: &str, signal: &str) -> Line {
    let (words, signal) = match signal {
        "reply" => ("was answered", Signal::Clear),
        "open" => ("was opened", Signal::Clear),
        "click" => ("had a link followed", Signal::Clear),
        "bounce" => ("bounced", Signal::Stop),
        "delivered" => ("was delivered", Signal::Clear),
        "failed" => ("could not be delivered", Signal::Stop),
        "unsubscribed" => ("led to an opt-out", Signal::Stop),
        "answered" => ("was answered by a person", Signal::Clear),
        "voicemail" => ("reached a voicemail", Signal::Quiet),
        _ => ("had something happen to it", Signal::Quiet),
    };
    (format!("The message of {name} {words}"), String::new(), signal)
}

fn ended(end: &RunEnd) -> Line {
    match end {
        RunEnd::Completed { outcome, .. } if outcome == "completed" => {
            ("Run completed".to_owned(), String::new(), Signal::Clear)
        }
        RunEnd::Completed { outcome, .. } => {
            (format!("Run completed: {outcome}"), String::new(), Signal::Clear)
        }
        RunEnd::Failed { error: StepError { message, .. }, .. } => {
            ("Run failed".to_owned(), message.clone(), Signal::Stop)
        }
        RunEnd::Stopped { reason, by, .. } => {
            (format!("Run stopped by {}", origin::said(by)), reason.clone(), Signal::Stop)
        }
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// The instant that an event's title leads up to.
fn leads_to(body: &EventBody) -> Option<DateTime<Utc>> {
    match body {
        EventBody::AttemptFailed { retry_at, .. } => Some(*retry_at),
        EventBody::WaitStarted { due_at, .. } => *due_at,
        EventBody::ChildStarted { timeout_at, .. } => *timeout_at,
        _ => None,
    }
}

/// The frame in which a loop has its turns.
fn around(body: &EventBody) -> Option<FrameId> {
    match body {
        EventBody::FrameStarted { parent, .. } | EventBody::RegionEnded { parent, .. } => {
            Some(*parent)
        }
        _ => None,
    }
}

fn header(body: &EventBody) -> Option<NodeId> {
    match body {
        EventBody::FrameStarted { header, .. } | EventBody::RegionEnded { header, .. } => {
            Some(header.clone())
        }
        _ => None,
    }
}
