//! What the rules need to know about a graph, gathered once: edges by node, what the trigger reaches, the
//! loops, and every text with the names it reads.

use super::CheckContext;
use super::texts::{self, Text};
use crate::graph::compile::{self, CompileError, RegionKind, Regions};
use crate::graph::{Edge, Graph, Node, NodeKind};
use crate::id::NodeId;
use crate::tool::ToolSpec;
use std::collections::{HashMap, HashSet};

/// A graph with what the rules need to know about it.
pub struct Draft<'a> {
    pub graph: &'a Graph,
    pub context: &'a CheckContext<'a>,
    /// The first node of each id.
    pub index: HashMap<&'a NodeId, usize>,
    /// Edges out of each node that lead to a node.
    pub outs: Vec<Vec<&'a Edge>>,
    /// The nodes from which edges lead to each node.
    pub ins: Vec<Vec<usize>>,
    /// What the first trigger reaches.
    pub reachable: Vec<bool>,
    /// The loops; none when the graph is too wrong to look for them.
    pub regions: Option<Regions>,
    /// What is wrong with the loops.
    pub loop_errors: Vec<CompileError>,
    /// Every text of every node, in order.
    pub texts: Vec<Text<'a>>,
    /// The ids of all edges.
    pub edge_ids: HashSet<&'a str>,
    tools: HashMap<&'a str, &'a ToolSpec>,
}

impl<'a> Draft<'a> {
    pub fn new(graph: &'a Graph, context: &'a CheckContext<'a>) -> Self {
        let mut index = HashMap::with_capacity(graph.nodes.len());
        for (number, node) in graph.nodes.iter().enumerate() {
            index.entry(&node.id).or_insert(number);
        }
        let mut outs = vec![Vec::new(); graph.nodes.len()];
        let mut ins = vec![Vec::new(); graph.nodes.len()];
        for edge in &graph.edges {
            if let (Some(&from), Some(&to)) = (index.get(&edge.from), index.get(&edge.to)) {
                outs[from].push(edge);
                ins[to].push(from);
            }
        }
        let mut tools = HashMap::new();
        for spec in context.tools {
            tools.insert(spec.name.as_str(), spec);
            tools.extend(spec.aliases.iter().map(|alias| (alias.as_str(), spec)));
        }
        let (regions, loop_errors) = compile::shape(graph);
        let mut draft = Self {
            graph,
            context,
            reachable: vec![false; graph.nodes.len()],
            index,
            outs,
            ins,
            regions: Some(regions).filter(|regions| !regions.regions.is_empty()),
            loop_errors,
            texts: Vec::new(),
            edge_ids: graph.edges.iter().map(|edge| edge.id.as_str()).collect(),
            tools,
        };
        draft.reachable = draft.reached();
        draft.texts = texts::collect(&draft);
        draft
    }

    fn reached(&self) -> Vec<bool> {
        let is_trigger = |node: &Node| matches!(node.kind, NodeKind::Trigger(_));
        let mut rest: Vec<usize> =
            self.graph.nodes.iter().position(is_trigger).into_iter().collect();
        let mut reached = vec![false; self.graph.nodes.len()];
        while let Some(node) = rest.pop() {
            if !std::mem::replace(&mut reached[node], true) {
                rest.extend(self.targets(node));
            }
        }
        reached
    }

    /// The nodes that a node leads to.
    pub fn targets(&self, node: usize) -> impl Iterator<Item = usize> {
        self.outs[node].iter().filter_map(|edge| self.index.get(&edge.to).copied())
    }

    /// The tool of a name or alias.
    pub fn tool(&self, name: &str) -> Option<&'a ToolSpec> {
        self.tools.get(name).copied()
    }

    /// The tool that an action calls.
    pub fn tool_of(&self, node: &Node) -> Option<&'a ToolSpec> {
        match &node.kind {
            NodeKind::Action(action) => self.tool(&action.tool),
            _ => None,
        }
    }

    /// The loop nodes around a node, innermost first. `None`: not known.
    pub fn loops_around(&self, node: usize) -> Option<Vec<usize>> {
        let regions = self.regions.as_ref()?;
        let mut found = Vec::new();
        let mut region = regions.home.get(node).copied()?;
        while let Some(at) = region {
            let inner = regions.regions.get(at)?;
            if inner.kind == RegionKind::ForEach {
                found.extend(inner.header);
            }
            region = inner.parent;
        }
        Some(found)
    }

    /// A title in quotation marks.
    pub fn title(&self, node: usize) -> String {
        format!("\u{201c}{}\u{201d}", self.graph.nodes[node].title())
    }

    /// Nodes with their index.
    pub fn nodes(&self) -> impl Iterator<Item = (usize, &'a Node)> {
        self.graph.nodes.iter().enumerate()
    }
}
