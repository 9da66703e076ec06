//! What the person or program at the other end reads: events as they are committed, then the outcome.

use super::{
    Plan,
    people::{Pending, plain},
    player::Scene,
};
use crate::{
    cli::{CommandError, print},
    store::{self, Store},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use signalbox::{
    id::{OrganizationId, RunId},
    run::{
        Decision, ErrorKind, Event, Outcome, RunEnd, RunState, RunStatus, Stop, TimelineWriter,
        apply, hide_in_event, world::Played,
    },
};
use std::process::ExitCode;

/// Events read at once.
const BATCH: usize = 500;
/// Columns for the name of a step.
const NODE_WIDTH_MAX: usize = 28;

/// Follows one run's journal.
pub struct Report {
    /// The run's state as far as it was read.
    pub state: RunState,
    store: Store,
    organization: OrganizationId,
    json: bool,
    node_width: usize,
    timeline: TimelineWriter,
    events: Vec<Event>,
}

/// How it went.
pub struct Ending {
    /// Why it is over for us although the run may go on, in words.
    pub left: Option<String>,
    /// Approvals that nobody decided.
    pub open: Vec<Pending>,
    /// Messages that are in the sandbox mailbox.
    pub sent: Vec<Value>,
    /// The time of the run.
    pub now: DateTime<Utc>,
}

impl Report {
    /// A report about a run that was started.
    pub fn new(store: Store, organization: OrganizationId, run: RunId, plan: &Plan) -> Self {
        let graph = &plan.imported.graph;
        let widest = graph.nodes.iter().map(|node| node.id.as_str().chars().count()).max();
        Self {
            state: RunState::new(run),
            store,
            organization,
            json: plan.json,
            node_width: widest.unwrap_or(0).min(NODE_WIDTH_MAX),
            timeline: TimelineWriter::new(graph),
            events: Vec::new(),
        }
    }

    /// Prints what was committed since the last time.
    pub async fn catch_up(&mut self) -> Result<(), CommandError> {
        loop {
            let (run, after) = (self.state.run, self.state.seq);
            let (events, more) =
                store::events_after(&self.store, self.organization, run, after, BATCH).await?;
            for event in events {
                apply(&mut self.state, &event);
                self.show(&event)?;
                self.events.push(event);
            }
            if !more {
                return Ok(());
            }
        }
    }

    fn show(&mut self, event: &Event) -> Result<(), CommandError> {
        let entry = self.timeline.entry(event);
        if self.json {
            let mut shown = event.clone();
            hide_in_event(&mut shown);
            return print::json_line(&shown);
        }
        let Some(entry) = entry else { return Ok(()) };
        let node = entry.node.as_ref().map_or("", |node| node.as_str());
        let node: String = node.chars().take(NODE_WIDTH_MAX).collect();
        let width = self.node_width;
        let at = entry.at.format("%Y-%m-%d %H:%M:%S");
        let (title, detail) = (plain(&entry.title), plain(&entry.detail));
        let until = entry.until.map(|until| until.format(" %Y-%m-%d %H:%M:%S UTC").to_string());
        let until = until.unwrap_or_default();
        let dash = if detail.is_empty() { "" } else { " \u{2014} " };
        print::line(&format!("{at}  {node:<width$}  {title}{until}{dash}{detail}"))
    }

    /// Prints how it ended; the exit code says it too.
    pub fn finish(
        self,
        plan: &Plan,
        scene: &Scene,
        ending: Ending,
    ) -> Result<ExitCode, CommandError> {
        let status = self.state.status();
        let (word, code) = self.verdict(&status, &ending);
        let (unanswered, simulated) = {
            let mut props = scene.props();
            let simulated: Vec<String> = props.simulated.iter().map(counted).collect();
            (std::mem::take(&mut props.stage.unanswered), simulated)
        };
        let approved = || Some(Decision::Approve { answer: Value::Null });
        let messages = ending.sent.iter().map(|mail| (mail.clone(), approved())).collect();
        let stop = if self.state.end.is_some() { Stop::Ended } else { Stop::Waiting };
        let Self { state, events, json, .. } = self;
        let outcome = Outcome { state, events, now: ending.now, stop };
        let played = Played::new(outcome, messages, unanswered, &plan.scenario.expect);
        for line in &simulated {
            eprintln!("sandbox: {line}");
        }
        for line in &played.differences {
            eprintln!("not as the scenario expects: {line}");
        }
        let code = if code == 0 && !played.differences.is_empty() { 1 } else { code };
        let state = &played.outcome.state;
        if json {
            let open: Vec<Value> = ending.open.iter().map(waiting).collect();
            print::json_line(&json!({
                "outcome": word,
                "status": status,
                "run": state.run,
                "at": ending.now,
                "output": output(state),
                "reason": ending.left,
                "waits_for": open,
                "messages": ending.sent,
                "simulated": simulated,
                "differences": played.differences,
                "exit_code": code,
            }))?;
        } else {
            print::line("")?;
            print::line(&plain(&sentence(&status, &ending)))?;
            for pending in &ending.open {
                print::line(&format!("  waits for a person: {}", plain(&pending.request.title)))?;
            }
            for mail in &ending.sent {
                let text = |key: &str| plain(mail[key].as_str().unwrap_or_default());
                print::line(&format!(
                    "In the sandbox mailbox: to {}: {}",
                    text("recipient"),
                    text("subject")
                ))?;
            }
            let output = output(state);
            if !output.is_null() {
                print::line(&format!("Output: {}", print::pretty(&output)?))?;
            }
        }
        Ok(ExitCode::from(code))
    }

    /// The outcome in a word, and the exit code.
    fn verdict(&self, status: &RunStatus, ending: &Ending) -> (String, u8) {
        let word = |word: &str, code| (word.to_owned(), code);
        match (&self.state.end, status) {
            (Some(RunEnd::Completed { outcome, .. }), _) => (outcome.clone(), 0),
            (Some(RunEnd::Failed { error, .. }), _) if error.kind == ErrorKind::HumanRejected => {
                word("rejected", 3)
            }
            (Some(RunEnd::Failed { .. }), _) => word("failed", 1),
            (Some(RunEnd::Stopped { .. }), _) => word("stopped", 3),
            (None, RunStatus::Blocked { .. } | RunStatus::Paused | RunStatus::PendingReview) => {
                word("needs_person", 3)
            }
            (None, _) if !ending.open.is_empty() => word("needs_person", 3),
            (None, _) => word("did_not_end", 4),
        }
    }
}

fn output(state: &RunState) -> Value {
    match &state.end {
        Some(RunEnd::Completed { output, .. }) => output.clone(),
        _ => Value::Null,
    }
}

fn waiting(pending: &Pending) -> Value {
    json!({"approval": pending.id, "kind": pending.request.kind, "title": pending.request.title})
}

fn counted((what, times): (&String, &usize)) -> String {
    match times {
        1 => what.clone(),
        times => format!("{what} ({times} times)"),
    }
}

fn sentence(status: &RunStatus, ending: &Ending) -> String {
    match status {
        RunStatus::Completed { outcome, .. } if outcome == "completed" => "Completed".to_owned(),
        RunStatus::Completed { outcome, .. } => format!("Completed: {outcome}"),
        RunStatus::Failed { error_message } => format!("Failed: {error_message}"),
        RunStatus::Stopped { reason, .. } => format!("Stopped: {reason}"),
        RunStatus::Blocked { reason } => format!("Blocked: {reason}"),
        _ if !ending.open.is_empty() => {
            "Needs a person: give --approve all, or --approve ask to decide here".to_owned()
        }
        _ => match &ending.left {
            Some(reason) => format!("Did not end: {reason}"),
            None => "Did not end".to_owned(),
        },
    }
}
