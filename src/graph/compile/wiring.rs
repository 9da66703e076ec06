//! The graph by index: edges in and out of each node, and what the trigger reaches.

use super::CompileError;
use crate::graph::{Graph, HumanMode, Node, NodeKind, WaitUntil};
use crate::id::NodeId;
use std::collections::HashMap;

/// An edge by index.
pub(super) struct Wire<'a> {
    pub from: usize,
    pub to: usize,
    pub port: &'a str,
}

/// The graph by index. Edges from unreachable nodes are in `edges` but in no list.
pub(super) struct Wiring<'a> {
    pub graph: &'a Graph,
    pub nodes: &'a [Node],
    pub edges: Vec<Wire<'a>>,
    pub outs: Vec<Vec<usize>>,
    pub ins: Vec<Vec<usize>>,
    pub reachable: Vec<bool>,
    pub trigger: usize,
}

impl<'a> Wiring<'a> {
    /// Wires a graph, or says what keeps it from being wired.
    pub fn new(
        graph: &'a Graph,
        index: &HashMap<NodeId, usize>,
    ) -> Result<Self, Vec<CompileError>> {
        let mut errors = unique(graph);
        let trigger = trigger(graph).unwrap_or_else(|error| {
            errors.push(error);
            0
        });
        let mut edges = Vec::with_capacity(graph.edges.len());
        for edge in &graph.edges {
            match (index.get(&edge.from), index.get(&edge.to)) {
                (Some(from), Some(to)) => {
                    edges.push(Wire { from: *from, to: *to, port: edge.port.as_str() });
                }
                (from, _) => errors.push(missing_end(edge, from.is_none())),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut wiring = Self {
            graph,
            nodes: &graph.nodes,
            edges,
            outs: vec![vec![]; graph.nodes.len()],
            ins: vec![vec![]; graph.nodes.len()],
            reachable: vec![false; graph.nodes.len()],
            trigger,
        };
        wiring.connect();
        if wiring.ins[trigger].is_empty() {
            Ok(wiring)
        } else {
            Err(vec![wiring.entered_trigger()])
        }
    }

    fn connect(&mut self) {
        for (index, edge) in self.edges.iter().enumerate() {
            self.outs[edge.from].push(index);
        }
        let mut open = vec![self.trigger];
        self.reachable[self.trigger] = true;
        while let Some(node) = open.pop() {
            for edge in &self.outs[node] {
                let to = self.edges[*edge].to;
                if !std::mem::replace(&mut self.reachable[to], true) {
                    open.push(to);
                }
            }
        }
        for (index, edge) in self.edges.iter().enumerate() {
            if self.reachable[edge.from] {
                self.ins[edge.to].push(index);
            }
        }
    }

    fn entered_trigger(&self) -> CompileError {
        let edge = self.ins[self.trigger][0];
        let message = format!(
            "A trigger starts the run and cannot be led to, but {} does. Remove that connection.",
            self.edge_name(edge)
        );
        self.error("trigger-entered", self.trigger, Some(edge), message)
    }

    pub fn is_loop(&self, node: usize) -> bool {
        matches!(self.nodes[node].kind, NodeKind::Loop(_))
    }

    pub fn is_end(&self, node: usize) -> bool {
        matches!(self.nodes[node].kind, NodeKind::End(_))
    }

    /// Whether an edge may die although its port was chosen.
    pub fn is_conditional(&self, edge: usize) -> bool {
        self.graph.edges[edge].condition.is_some()
    }

    /// Whether a node may end through a port that leads nowhere, or not run at all.
    pub fn has_open_choice(&self, node: usize) -> bool {
        let kind = &self.nodes[node].kind;
        let chooses = match kind {
            NodeKind::Condition(_) | NodeKind::Branch(_) => true,
            NodeKind::Human(human) => human.mode != HumanMode::Answer,
            NodeKind::Wait(wait) => {
                matches!(wait.until, WaitUntil::Event { .. } | WaitUntil::First { .. })
            }
            _ => false,
        };
        let leads = |port: &str| self.outs[node].iter().any(|edge| self.edges[*edge].port == port);
        let is_open = |port: &&str| **port != *"error" && !leads(port);
        self.nodes[node].policy.condition.is_some() || (chooses && kind.ports().iter().any(is_open))
    }

    pub fn title(&self, node: usize) -> &str {
        self.nodes[node].title()
    }

    pub fn edge_name(&self, edge: usize) -> String {
        let edge = &self.edges[edge];
        format!(
            "\u{201c}{}\u{201d} ({} \u{2192} \u{201c}{}\u{201d})",
            self.title(edge.from),
            edge.port,
            self.title(edge.to)
        )
    }

    pub fn error(
        &self,
        code: &'static str,
        node: usize,
        edge: Option<usize>,
        message: String,
    ) -> CompileError {
        CompileError {
            code,
            node: Some(self.nodes[node].id.clone()),
            edge: edge.map(|edge| self.graph.edges[edge].id.clone()),
            field: None,
            message,
        }
    }
}

fn plain(code: &'static str, node: Option<NodeId>, message: String) -> CompileError {
    CompileError { code, node, edge: None, field: None, message }
}

fn unique(graph: &Graph) -> Vec<CompileError> {
    let mut errors = vec![];
    let mut ids = std::collections::HashSet::new();
    for node in &graph.nodes {
        if !ids.insert(node.id.as_str()) {
            let message = format!("Two steps are called \u{201c}{}\u{201d}. Rename one.", node.id);
            errors.push(plain("duplicate-node", Some(node.id.clone()), message));
        }
    }
    let mut ids = std::collections::HashSet::new();
    for edge in &graph.edges {
        if !ids.insert(edge.id.as_str()) {
            let message =
                format!("Two connections have the id \u{201c}{}\u{201d}. Remove one.", edge.id);
            errors.push(CompileError {
                edge: Some(edge.id.clone()),
                ..plain("duplicate-edge", Some(edge.from.clone()), message)
            });
        }
    }
    errors
}

fn trigger(graph: &Graph) -> Result<usize, CompileError> {
    let is_trigger = |node: &Node| matches!(node.kind, NodeKind::Trigger(_));
    let mut triggers = graph.nodes.iter().enumerate().filter(|(_, node)| is_trigger(node));
    match (triggers.next(), triggers.next()) {
        (Some((index, _)), None) => Ok(index),
        (None, _) => {
            let message = "The workflow has no trigger, so nothing can start it. Add one.";
            Err(plain("no-trigger", None, message.to_owned()))
        }
        (Some(_), Some((_, second))) => {
            let message = "The workflow has two triggers. Keep one.".to_owned();
            Err(plain("two-triggers", Some(second.id.clone()), message))
        }
    }
}

fn missing_end(edge: &crate::graph::Edge, from: bool) -> CompileError {
    let missing = if from { &edge.from } else { &edge.to };
    let message = format!(
        "A connection names the step \u{201c}{missing}\u{201d}, which does not exist. Add it or remove the \
         connection."
    );
    CompileError {
        code: "missing-node",
        node: Some(if from { edge.to.clone() } else { edge.from.clone() }),
        edge: Some(edge.id.clone()),
        field: None,
        message,
    }
}
