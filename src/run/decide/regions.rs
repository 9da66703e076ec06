//! Loops: turns begin and end, regions end.

use super::edges::{Completion, Ways};
use super::execute::step_error;
use super::{ITEMS_MAX, Machine, TURNS_MAX, cannot_compute};
use crate::graph::compile::{Program, RegionKind, Source};
use crate::run::{
    ActivationId, ActivationState, EdgeState, ErrorKind, EventBody, Frame, FrameId, RegionState,
    StepError,
};
use serde_json::Value;

impl Machine<'_> {
    /// A loop node has its list: its first turns begin. Without items it is done at once.
    pub(super) fn start_loop(
        &mut self,
        id: ActivationId,
        node: usize,
        frame: FrameId,
        items: &Source,
    ) -> Result<(), StepError> {
        let items = self.items(frame, items)?;
        if items.len() as u64 > ITEMS_MAX as u64 * self.grants() {
            let reason = format!(
                "\u{201c}{}\u{201d} has {} items, more than the {ITEMS_MAX} that a loop may have. Filter the list, \
                 or resume to let it go on.",
                self.graph.source(node).title(),
                items.len()
            );
            let error = Some(step_error(ErrorKind::LimitReached, reason.clone()));
            let activation = Some(id);
            self.emit(EventBody::Blocked { reason, activation, error, replan: false });
            return Ok(());
        }
        self.emit(EventBody::LoopStarted { activation: id, items });
        if let Some(region) = self.graph.regions().headed[node] {
            self.next_turns(frame, region);
        }
        Ok(())
    }

    /// The list: as it is, from text that is JSON, or empty for null.
    fn items(&self, frame: FrameId, source: &Source) -> Result<Vec<Value>, StepError> {
        let scope = self.scope(frame);
        let value = match source {
            Source::Template(template) => template.render(&scope),
            Source::Expression(expression) => expression.evaluate(&scope),
        };
        let value = value.map_err(|error| cannot_compute("The list of items", &error))?;
        if let Some(items) = self.items_dry(&value) {
            return Ok(items);
        }
        let what = match value {
            Value::Array(items) => return Ok(items),
            Value::Null => return Ok(vec![]),
            Value::String(text) => match serde_json::from_str(&text) {
                Ok(Value::Array(items)) => return Ok(items),
                _ => "a text",
            },
            Value::Object(_) => "an object",
            Value::Number(_) => "a number",
            Value::Bool(_) => "true or false",
        };
        let message =
            format!("The items of a loop must be a list, but this is {what}. Name a list.");
        Err(step_error(ErrorKind::InvalidInput, message))
    }

    /// What a region does when a turn ended, or before its first: more turns, or its end.
    pub(super) fn next_turns(&mut self, parent: FrameId, region: usize) {
        let Some(turns) = self.region_state(parent, region) else { return };
        if turns.ended {
            return self.end_loop(parent, region);
        }
        let (live, broken) = (turns.live, !turns.exits.is_empty());
        let next = turns.turns;
        match self.graph.region(region).kind {
            RegionKind::Root => {}
            RegionKind::While if live > 0 => {}
            RegionKind::While
                if !broken && self.may_go_round() && self.went_back(parent, region) =>
            {
                self.start_turn(parent, region, next);
            }
            RegionKind::While => self.end_region(parent, region),
            RegionKind::ForEach => {
                let total = u32::try_from(turns.items.len()).unwrap_or(u32::MAX);
                let room = self.concurrency(region).saturating_sub(live);
                let more = if broken { 0 } else { room.min(total.saturating_sub(next)) };
                for index in next..next + more {
                    self.start_turn(parent, region, index);
                }
                if live == 0 && more == 0 {
                    self.end_region(parent, region);
                }
            }
        }
    }

    fn region_state(&self, parent: FrameId, region: usize) -> Option<&RegionState> {
        let header = self.graph.region(region).header?;
        self.state.frames.get(&parent)?.regions.get(&self.graph.source(header).id)
    }

    fn concurrency(&self, region: usize) -> u32 {
        let header = self.graph.region(region).header;
        match header.map(|header| &self.graph.node(header).program) {
            Some(Program::Loop { concurrency, .. }) => *concurrency,
            _ => 1,
        }
    }

    /// Whether the last turn took an edge back to the header.
    fn went_back(&self, parent: FrameId, region: usize) -> bool {
        let last = self.region_state(parent, region).and_then(|turns| turns.last);
        let Some(frame) = last.and_then(|last| self.state.frames.get(&last)) else { return false };
        self.graph.region(region).back.iter().any(|edge| self.is_taken(frame, *edge))
    }

    fn is_taken(&self, frame: &Frame, edge: usize) -> bool {
        frame.edges.get(self.graph.edge_id(edge)) == Some(&EdgeState::Taken)
    }

    /// Begins a turn: of a while region with its header, of a for-each region with the edges into its body.
    pub(super) fn start_turn(&mut self, parent: FrameId, region: usize, index: u32) {
        let Some(header) = self.graph.region(region).header else { return };
        let for_each = self.graph.region(region).kind == RegionKind::ForEach;
        if !for_each && self.has_turned_enough(header, index) {
            return;
        }
        let frame = FrameId(self.state.frame_last + 1);
        let id = self.graph.source(header).id.clone();
        let owner =
            for_each.then(|| self.state.frames.get(&parent)?.latest.get(&id).copied()).flatten();
        let ways = self.entries(parent, region, frame, owner, index);
        self.emit(EventBody::FrameStarted {
            frame,
            parent,
            header: id,
            owner,
            index,
            item: Value::Null,
            edges: self.ids(&ways),
        });
        if for_each {
            self.follow(frame, &ways);
        } else {
            self.nodes.push_back((frame, header));
            self.frames.push_back(frame);
        }
    }

    fn has_turned_enough(&mut self, header: usize, index: u32) -> bool {
        let turns_max = self.graph.graph().settings.turns_max.unwrap_or(TURNS_MAX).max(1);
        if u64::from(index) < u64::from(turns_max) * self.grants() {
            return false;
        }
        self.halt(format!(
            "The loop at \u{201c}{}\u{201d} took {index} turns, as many as it may. Look whether it ever ends; \
             resuming lets it take as many again.",
            self.graph.source(header).title()
        ));
        true
    }

    /// What becomes of the edges from a loop node into a turn that is about to begin. An edge whose condition
    /// cannot be computed dies.
    fn entries(
        &mut self,
        parent: FrameId,
        region: usize,
        frame: FrameId,
        owner: Option<ActivationId>,
        index: u32,
    ) -> Ways {
        let graph = self.graph;
        let entries = &graph.region(region).entries;
        let mut ways = Ways::default();
        if entries.iter().all(|edge| graph.edge(*edge).condition.is_none()) {
            ways.taken.clone_from(entries);
            return ways;
        }
        let Some(header) = graph.region(region).header else { return ways };
        let items = self.region_state(parent, region).map(|turns| &turns.items);
        let item = items.and_then(|items| items.get(index as usize)).cloned().unwrap_or_default();
        // The conditions see the turn's item: the turn stands in the state while they are computed.
        let header_id = Some(graph.source(header).id.clone());
        let begun = Frame {
            parent: Some(parent),
            header: header_id,
            owner,
            index,
            item,
            ..Frame::default()
        };
        self.state.frames.insert(frame, begun);
        for edge in entries {
            if self.holds(frame, header, *edge, None).unwrap_or(false) {
                ways.taken.push(*edge);
            } else {
                ways.dead.push(*edge);
            }
        }
        self.state.frames.remove(&frame);
        ways
    }

    /// Ends a turn in which nothing is alive, and goes on with its region.
    pub(super) fn end_frame_if_done(&mut self, id: FrameId) {
        let Some(frame) = self.state.frames.get(&id) else { return };
        let Some(parent) = frame.parent.filter(|_| frame.alive == 0 && !frame.ended) else {
            return;
        };
        let Some(region) = self.level(id) else { return };
        // A header that a limit kept from starting is not the end of its turn.
        let waits = self.graph.region(region).header.is_some_and(|header| {
            self.graph.region(region).kind == RegionKind::While && !self.has_begun(id, header)
        });
        if waits {
            return;
        }
        let exits = self.graph.region(region).exits.iter();
        let taken = exits.filter(|edge| self.is_taken(frame, **edge));
        let exits = taken.map(|edge| self.graph.edge_id(*edge).to_owned()).collect();
        self.emit(EventBody::FrameEnded { frame: id, exits });
        self.next_turns(parent, region);
    }

    /// All turns are over: the edges out of the region are decided, and a loop node is complete.
    fn end_region(&mut self, parent: FrameId, region: usize) {
        let Some(turns) = self.region_state(parent, region) else { return };
        let count = turns.turns;
        let Some(header) = self.graph.region(region).header else { return };
        let mut ways = Ways::default();
        for edge in &self.graph.region(region).exits {
            if turns.exits.contains(self.graph.edge_id(*edge)) {
                ways.taken.push(*edge);
            } else {
                ways.dead.push(*edge);
            }
        }
        let header = self.graph.source(header).id.clone();
        let edges = self.ids(&ways);
        self.emit(EventBody::RegionEnded { parent, header, turns: count, edges });
        self.follow(parent, &ways);
        self.end_loop(parent, region);
    }

    /// A loop node whose turns are all over is complete, unless it is over or waits for a person. A turn that left the
    /// loop decides where the path goes on: `done` dies with the rest.
    fn end_loop(&mut self, parent: FrameId, region: usize) {
        let Some(turns) = self.region_state(parent, region) else { return };
        let Some(owner) = turns.owner.filter(|owner| self.is_open(*owner)) else { return };
        let Some(header) = self.graph.region(region).header else { return };
        let port = if turns.exits.is_empty() { "done" } else { "break" };
        // Its event does not repeat what its turns gave; only the conditions of its edges need it before.
        let mut outs = self.graph.node(header).outs.iter();
        let is_asked = outs.any(|edge| self.graph.edge(*edge).condition.is_some());
        let gave = is_asked.then(|| turns.output());
        self.complete(owner, port, Value::Null, Completion { gave, ..Completion::default() });
    }

    fn is_open(&self, id: ActivationId) -> bool {
        let activation = self.activation(id).filter(|_| self.state.alive.contains(&id));
        activation.is_some_and(|activation| {
            matches!(activation.state, ActivationState::Running | ActivationState::Waiting)
        })
    }
}
