//! What follows when something ended: its edges are taken or die, and units whose edges are all decided are due.

use super::Machine;
use crate::graph::compile::{Program, RegionKind};
use crate::run::{ActivationId, EdgeState, Edges, ErrorKind, EventBody, FrameId, StepError, Usage};
use serde_json::Value;

/// Edges by index.
#[derive(Default)]
pub(super) struct Ways {
    pub taken: Vec<usize>,
    pub dead: Vec<usize>,
}

/// What a completed activation says beside its port and output.
#[derive(Default)]
pub(super) struct Completion {
    pub usage: Option<Usage>,
    pub logic: bool,
    pub outcome: Option<String>,
    pub event: Option<String>,
    /// What it gave, where its event does not repeat it: the conditions of its edges see it.
    pub gave: Option<Value>,
}

impl Machine<'_> {
    /// The activation ended well. When the condition of an edge cannot be computed, it fails instead.
    pub(super) fn complete(
        &mut self,
        id: ActivationId,
        port: &str,
        output: Value,
        completion: Completion,
    ) {
        let Some((node, frame)) = self.place(id) else { return };
        let Completion { usage, logic, outcome, event, gave } = completion;
        match self.ways(frame, node, Some(port), Some(gave.as_ref().unwrap_or(&output))) {
            Err(error) => self.give_up(id, error, None),
            Ok(ways) => {
                let is_counted = self.activation(id).is_some_and(|activation| activation.counted);
                self.emit(EventBody::NodeCompleted {
                    activation: id,
                    port: port.to_owned(),
                    output,
                    counted: is_counted && usage.is_some(),
                    usage,
                    edges: self.ids(&ways),
                    logic,
                    outcome,
                    event,
                });
                self.follow(frame, &ways);
            }
        }
    }

    /// The step did not do its work and the path goes on.
    pub(super) fn bypass(&mut self, id: ActivationId, reason: String, error: Option<StepError>) {
        let Some((node, frame)) = self.place(id) else { return };
        let port = self.first_port(node);
        match self.ways(frame, node, Some(&port), Some(&Value::Null)) {
            // Not by its policy: that may have led here, and would again.
            Err(error) => self.fail(id, error, None, None),
            Ok(ways) => {
                let edges = self.ids(&ways);
                self.emit(EventBody::NodeBypassed { activation: id, port, reason, edges, error });
                self.follow(frame, &ways);
            }
        }
    }

    /// A loop leaves through `done`, anything else through its first ordinary port.
    fn first_port(&self, node: usize) -> String {
        let source = self.graph.source(node);
        match self.graph.node(node).program {
            Program::Loop { .. } => "done".to_owned(),
            _ => source.kind.ports().first().copied().unwrap_or("success").to_owned(),
        }
    }

    /// A unit that does not run: nothing led to it, or its condition does not hold.
    pub(super) fn skip(&mut self, frame: FrameId, unit: usize, reason: &str) {
        let ways = Ways { taken: vec![], dead: self.all_ways(frame, unit) };
        let edges = self.ids(&ways);
        self.emit(EventBody::NodeSkipped {
            activation: ActivationId(self.state.activation_last + 1),
            node: self.graph.source(unit).id.clone(),
            frame,
            reason: reason.to_owned(),
            edges,
            error: None,
            cancelled: None,
        });
        self.follow(frame, &ways);
    }

    /// All edges that die with a unit: its own, and those out of the region that it heads. Within a turn of a
    /// while region its header is a node like others.
    pub(super) fn all_ways(&self, frame: FrameId, unit: usize) -> Vec<usize> {
        let outs = &self.graph.node(unit).outs;
        let header = self.level(frame).and_then(|level| self.graph.region(level).header);
        match self.graph.regions().headed[unit].map(|region| self.graph.region(region)) {
            None => outs.clone(),
            Some(_) if header == Some(unit) => outs.clone(),
            Some(region) if region.kind == RegionKind::While => region.exits.clone(),
            Some(region) => outs.iter().chain(&region.exits).copied().collect(),
        }
    }

    /// What becomes of the edges out of a node that ended through `port`.
    pub(super) fn ways(
        &self,
        frame: FrameId,
        node: usize,
        port: Option<&str>,
        output: Option<&Value>,
    ) -> Result<Ways, StepError> {
        let mut ways = Ways::default();
        for edge in &self.graph.node(node).outs {
            if self.is_decided_by_turns(frame, node, *edge) {
                continue;
            }
            if Some(self.graph.edge_port(*edge)) == port
                && self.holds(frame, node, *edge, output)?
            {
                ways.taken.push(*edge);
            } else {
                ways.dead.push(*edge);
            }
        }
        Ok(ways)
    }

    /// Edges from a loop node into its body are decided in each turn; without a turn they die with the loop.
    pub(super) fn is_decided_by_turns(&self, frame: FrameId, node: usize, edge: usize) -> bool {
        let is_entry = matches!(self.graph.node(node).program, Program::Loop { .. })
            && self.graph.edge_port(edge) == "next";
        let turns = |frame: &crate::run::Frame| {
            frame.regions.get(&self.graph.source(node).id).map_or(0, |region| region.turns)
        };
        is_entry && self.state.frames.get(&frame).map_or(0, turns) > 0
    }

    /// Whether the condition of an edge holds; it sees the output that flows over it.
    pub(super) fn holds(
        &self,
        frame: FrameId,
        node: usize,
        edge: usize,
        output: Option<&Value>,
    ) -> Result<bool, StepError> {
        let Some(condition) = &self.graph.edge(edge).condition else { return Ok(true) };
        let mut scope = self.scope(frame);
        scope.ending = output.map(|output| (node, output));
        condition.test(&scope).map_err(|error| {
            let to = self.graph.source(self.graph.edge(edge).to).title();
            let message = format!(
                "The condition of the connection to \u{201c}{to}\u{201d} could not be computed: {}",
                error.message
            );
            StepError::new(ErrorKind::Expression, message)
        })
    }

    pub(super) fn ids(&self, ways: &Ways) -> Edges {
        let ids = |edges: &[usize]| {
            edges.iter().map(|edge| self.graph.edge_id(*edge).to_owned()).collect()
        };
        Edges { taken: ids(&ways.taken), dead: ids(&ways.dead) }
    }

    /// Notes which units are due after edges were decided in a frame, and that the frame may be done.
    pub(super) fn follow(&mut self, frame: FrameId, ways: &Ways) {
        if let Some(level) = self.level(frame) {
            for edge in ways.taken.iter().chain(&ways.dead) {
                if let Some(unit) = self.inside(*edge, level) {
                    self.arrive(frame, unit);
                }
            }
        }
        self.frames.push_back(frame);
    }

    /// The region of a frame.
    pub(super) fn level(&self, frame: FrameId) -> Option<usize> {
        match &self.state.frames.get(&frame)?.header {
            Some(header) => self.graph.region_of_header(header),
            None => Some(0),
        }
    }

    /// The unit of the region that an edge leads to; `None` when it leads back or out.
    fn inside(&self, edge: usize, level: usize) -> Option<usize> {
        let to = self.graph.edge(edge).to;
        if self.graph.region(level).header == Some(to) {
            return None;
        }
        let regions = self.graph.regions();
        let stands_here = regions.home[to] == Some(level);
        let heads_here = regions.headed[to]
            .is_some_and(|headed| self.graph.region(headed).parent == Some(level));
        (stands_here || heads_here).then_some(to)
    }

    /// One more incoming edge of a unit is decided.
    fn arrive(&mut self, frame: FrameId, unit: usize) {
        let left = match self.undecided.get(&(frame, unit)) {
            Some(left) => left.saturating_sub(1),
            None if self.graph.node(unit).ins.len() == 1 => 0,
            None => self.undecided_edges(frame, unit),
        };
        if self.graph.node(unit).ins.len() > 1 {
            self.undecided.insert((frame, unit), left);
        }
        if left == 0 {
            self.nodes.push_back((frame, unit));
        }
    }

    pub(super) fn undecided_edges(&self, frame: FrameId, unit: usize) -> usize {
        let Some(frame) = self.state.frames.get(&frame) else { return usize::MAX };
        let ins = self.graph.node(unit).ins.iter();
        ins.filter(|edge| !frame.edges.contains_key(self.graph.edge_id(**edge))).count()
    }

    /// Whether any edge into a unit was taken in a frame.
    pub(super) fn is_led_to(&self, frame: FrameId, unit: usize) -> bool {
        let Some(frame) = self.state.frames.get(&frame) else { return false };
        let is_taken =
            |edge: &usize| frame.edges.get(self.graph.edge_id(*edge)) == Some(&EdgeState::Taken);
        self.graph.node(unit).ins.iter().any(is_taken)
    }
}
