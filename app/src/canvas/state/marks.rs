//! What is shown on nodes and edges beside the graph itself: problems, and where a run is.

use super::{Canvas, set_if};
use leptos::prelude::*;
use signalbox::graph::{Problem, Severity};
use signalbox::id::NodeId;
use signalbox::run::ActivationState;
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeMarks {
    /// How many errors.
    pub errors: usize,
    /// How many warnings.
    pub warnings: usize,
    /// The sentences, errors first.
    pub messages: Vec<String>,
}

/// Where a run is with a node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeOverlay {
    /// The state of its newest activation.
    pub state: ActivationState,
    /// A word on it, shown on hover: the error, who is waited for, `turn 3 of 7`.
    pub note: String,
    /// How its turns ended, where it has turns: `400 done, 2 failed`.
    pub counts: String,
}

impl NodeOverlay {
    /// What its badge says: the word of its state, and how its turns ended. Of what is over the counts say it all.
    pub fn words(&self, word: &str) -> String {
        match (self.counts.is_empty(), self.state.is_terminal()) {
            (true, _) => word.to_owned(),
            (false, true) => self.counts.clone(),
            (false, false) => format!("{word}, {}", self.counts),
        }
    }
}

/// What became of an edge in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EdgeMark {
    /// Nothing to say.
    #[default]
    Plain,
    /// It was taken.
    Taken,
    /// It leads to a node that is working now.
    Moving,
    /// It was not taken.
    Dead,
}

impl Canvas {
    /// Shows where a run is. Only what changed since the last call is touched.
    ///
    /// `taken` and `dead` are edge ids, as in [`signalbox::run::Frame::edges`].
    pub fn show_run(
        &self,
        overlays: &BTreeMap<NodeId, NodeOverlay>,
        taken: &BTreeSet<String>,
        dead: &BTreeSet<String>,
    ) {
        self.node_list.with_untracked(|nodes| {
            for node in nodes {
                set_if(&node.overlay, overlays.get(&node.id).cloned());
            }
        });
        let working = |id: &NodeId| {
            overlays.get(id).is_some_and(|overlay| overlay.state == ActivationState::Running)
        };
        self.edge_list.with_untracked(|edges| {
            for edge in edges {
                let is_taken = taken.contains(&edge.edge.id);
                let mark = match (is_taken, dead.contains(&edge.edge.id)) {
                    (true, _) if working(&edge.edge.to) => EdgeMark::Moving,
                    (true, _) => EdgeMark::Taken,
                    (false, true) => EdgeMark::Dead,
                    (false, false) => EdgeMark::Plain,
                };
                set_if(&edge.mark, mark);
            }
        });
    }

    /// Shows what is wrong, on the nodes and in [`Canvas::problems`].
    pub fn show_problems(&self, problems: Vec<Problem>) {
        let mut marks: BTreeMap<&NodeId, NodeMarks> = BTreeMap::new();
        let mut sorted: Vec<&Problem> = problems.iter().collect();
        sorted.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
        for problem in sorted {
            let Some(node) = &problem.node else { continue };
            let mark = marks.entry(node).or_default();
            match problem.severity {
                Severity::Error => mark.errors += 1,
                Severity::Warning => mark.warnings += 1,
                Severity::Info => continue,
            }
            mark.messages.push(problem.message.clone());
        }
        self.node_list.with_untracked(|nodes| {
            for node in nodes {
                set_if(&node.marks, marks.get(&node.id).cloned().unwrap_or_default());
            }
        });
        if self.problems.with_untracked(|old| *old != problems) {
            self.problems.set(problems);
        }
    }
}

impl Canvas {
    /// Goes to the next problem (or the one before), and says it.
    pub fn go_to_problem(&self, forward: bool) {
        let placed: Vec<(NodeId, String)> = self.problems.with_untracked(|problems| {
            let placed = |problem: &Problem| Some((problem.node.clone()?, problem.message.clone()));
            problems.iter().filter_map(placed).collect()
        });
        if placed.is_empty() {
            return self.say("No problems");
        }
        let count = placed.len();
        let here = self.problem_at.get_value();
        let next = match here {
            Some(at) if forward => (at + 1) % count,
            Some(at) => (at + count - 1) % count,
            None if forward => 0,
            None => count - 1,
        };
        self.problem_at.set_value(Some(next));
        let (id, message) = &placed[next];
        self.go_to(id);
        self.say(format!("Problem {} of {count}, {}: {message}", next + 1, self.title(id)));
    }
}
