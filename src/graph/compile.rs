//! Compiling: a graph becomes what the run state machine walks. Nodes and edges by index, loops found as
//! regions, expressions and templates parsed, tools under their canonical names.
//!
//! Deliberately absent: judging a draft (that is `check`, which lists more and never refuses).

mod components;
mod maps;
mod program;
mod region;
mod tail;
mod tools;
mod wiring;

#[cfg(test)]
mod tests;

pub use maps::maps;
pub use program::{
    Assignment, Human, Model, Parameters, Program, Source, Subworkflow, Task, Until,
};
pub use region::{DEPTH_MAX, Region, RegionKind, Regions};
pub use tools::{AnyTool, Catalogue, ToolNames};

use super::{Graph, Node};
use crate::expr::{Expression, Template, ValueTemplate};
use crate::id::NodeId;
use program::Parser;
use std::collections::{BTreeSet, HashMap, HashSet};
use wiring::Wiring;

/// Why a graph cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// Stable, kebab-case: `two-entries`, `unknown-tool`, `bad-expression`.
    pub code: &'static str,
    /// The node it belongs to.
    pub node: Option<NodeId>,
    /// The edge it belongs to, by id.
    pub edge: Option<String>,
    /// JSON pointer into the node's settings: `/parameters/subject`, `/policy/condition`.
    pub field: Option<String>,
    /// What is wrong and what to do, in a sentence.
    pub message: String,
}

/// A graph that can run. Nodes and edges keep the index they have in the [`Graph`].
#[derive(Clone, Debug)]
pub struct CompiledGraph {
    graph: Graph,
    index: HashMap<NodeId, usize>,
    nodes: Vec<CompiledNode>,
    edges: Vec<CompiledEdge>,
    edge_index: HashMap<String, usize>,
    regions: Regions,
    trigger: usize,
    variables: Vec<(String, ValueTemplate)>,
    exits: Vec<(Expression, String)>,
    concurrency: Option<(Template, u32)>,
    input_fields: BTreeSet<String>,
    input_is_open: bool,
}

/// A node that can run.
#[derive(Clone, Debug)]
pub struct CompiledNode {
    /// What it does.
    pub program: Program,
    /// When it is false the node is skipped.
    pub condition: Option<Expression>,
    /// Edges out of it, by index.
    pub outs: Vec<usize>,
    /// Edges that decide when it starts: all into it but those back from its own body.
    pub ins: Vec<usize>,
}

/// An edge that can be decided.
#[derive(Clone, Debug)]
pub struct CompiledEdge {
    /// The source.
    pub from: usize,
    /// The target.
    pub to: usize,
    /// What must hold for it to be taken.
    pub condition: Option<Expression>,
    /// Target input field ← path in the source's output.
    pub map: Vec<(String, Expression)>,
}

/// Only the loops of a graph and what is wrong with them: for checking a draft without its expressions.
pub fn shape(graph: &Graph) -> (Regions, Vec<CompileError>) {
    match Wiring::new(graph, &index(graph)) {
        Ok(wiring) => region::regions(&wiring),
        Err(errors) => (Regions::default(), errors),
    }
}

fn index(graph: &Graph) -> HashMap<NodeId, usize> {
    graph.nodes.iter().enumerate().map(|(index, node)| (node.id.clone(), index)).collect()
}

impl CompiledGraph {
    /// Compiles a graph, or says all that is in the way.
    pub fn compile(graph: Graph, tools: &dyn ToolNames) -> Result<Self, Vec<CompileError>> {
        let index = index(&graph);
        let wiring = Wiring::new(&graph, &index)?;
        let (regions, mut errors) = region::regions(&wiring);
        let mut parser = Parser::new(tools);
        let (trigger, nodes, edges) =
            (wiring.trigger, nodes(&wiring, &mut parser), edges(&graph, &index, &mut parser));
        let variables = parser.variables(&graph.settings.variables);
        let exits = parser.exits(&graph.settings);
        let concurrency = parser.concurrency(&graph.settings);
        errors.append(&mut parser.errors);
        errors.extend(maps(&graph));
        if !errors.is_empty() {
            return Err(errors);
        }
        let edge_index =
            graph.edges.iter().enumerate().map(|(at, edge)| (edge.id.clone(), at)).collect();
        let mut compiled = Self {
            index,
            nodes,
            edges,
            edge_index,
            regions,
            trigger,
            variables,
            exits,
            concurrency,
            input_fields: BTreeSet::new(),
            input_is_open: true,
            graph,
        };
        compiled.drop_back_edges();
        compiled.declare_input();
        Ok(compiled)
    }

    /// The edges back to a header do not decide when it starts.
    fn drop_back_edges(&mut self) {
        for region in &self.regions.regions {
            let Some(header) = region.header else { continue };
            let back: HashSet<usize> = region.back.iter().copied().collect();
            self.nodes[header].ins.retain(|edge| !back.contains(edge));
        }
    }

    fn declare_input(&mut self) {
        let super::NodeKind::Trigger(settings) = &self.graph.nodes[self.trigger].kind else {
            return;
        };
        let properties = settings.input_schema.get("properties").and_then(|p| p.as_object());
        if let Some(properties) = properties {
            self.input_fields = properties.keys().cloned().collect();
            self.input_is_open = false;
        }
    }

    /// The graph it was made from.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The index of a node.
    pub fn node_index(&self, id: &NodeId) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// The index of an edge.
    pub fn edge_index(&self, id: &str) -> Option<usize> {
        self.edge_index.get(id).copied()
    }

    /// The loops and where nodes stand.
    pub fn regions(&self) -> &Regions {
        &self.regions
    }

    /// A node by index, as people made it.
    pub(crate) fn source(&self, node: usize) -> &Node {
        &self.graph.nodes[node]
    }

    pub(crate) fn node(&self, node: usize) -> &CompiledNode {
        &self.nodes[node]
    }

    pub(crate) fn edge(&self, edge: usize) -> &CompiledEdge {
        &self.edges[edge]
    }

    pub(crate) fn edge_id(&self, edge: usize) -> &str {
        &self.graph.edges[edge].id
    }

    pub(crate) fn edge_port(&self, edge: usize) -> &str {
        &self.graph.edges[edge].port
    }

    pub(crate) fn region(&self, region: usize) -> &Region {
        &self.regions.regions[region]
    }

    pub(crate) fn trigger(&self) -> usize {
        self.trigger
    }

    pub(crate) fn variables(&self) -> &[(String, ValueTemplate)] {
        &self.variables
    }

    /// What ends a run early, with the outcome.
    pub(crate) fn exits(&self) -> &[(Expression, String)] {
        &self.exits
    }

    /// The key under which runs wait for one another, and how many may go at once.
    pub(crate) fn concurrency(&self) -> Option<&(Template, u32)> {
        self.concurrency.as_ref()
    }

    /// Whether a bare name may be a field of the input although it is absent.
    pub(crate) fn declares_input(&self, field: &str) -> bool {
        self.input_fields.contains(field)
    }

    /// The region whose turns `header` begins.
    pub(crate) fn region_of_header(&self, header: &NodeId) -> Option<usize> {
        self.regions.headed[self.node_index(header)?]
    }
}

fn nodes(wiring: &Wiring, parser: &mut Parser) -> Vec<CompiledNode> {
    let compile = |(index, node): (usize, &Node)| CompiledNode {
        program: parser.program(node),
        condition: parser.condition(node),
        outs: wiring.outs[index].clone(),
        ins: wiring.ins[index].clone(),
    };
    wiring.nodes.iter().enumerate().map(compile).collect()
}

fn edges(graph: &Graph, index: &HashMap<NodeId, usize>, parser: &mut Parser) -> Vec<CompiledEdge> {
    let compile = |edge: &super::Edge| CompiledEdge {
        from: index.get(&edge.from).copied().unwrap_or(0),
        to: index.get(&edge.to).copied().unwrap_or(0),
        condition: edge
            .condition
            .as_ref()
            .and_then(|source| parser.edge(edge, "condition", source)),
        map: edge
            .map
            .iter()
            .filter_map(|(field, path)| Some((field.clone(), parser.edge(edge, "map", path)?)))
            .collect(),
    };
    graph.edges.iter().map(compile).collect()
}
