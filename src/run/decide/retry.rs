//! Doing again: a run that failed or was stopped goes on where it ended.

use super::Machine;
use crate::id::{MessageId, NodeId};
use crate::run::{
    Activation, ActivationId, ActivationState, Again, EventBody, FrameId, Refusal, RunEnd, RunState,
};
use std::collections::BTreeMap;

impl Machine<'_> {
    /// What had failed, or was cut off, is begun anew under other numbers, so that nothing takes it for the same.
    pub(super) fn reopen(&mut self, by: &str, from: Option<&NodeId>) -> Result<(), Refusal> {
        match &self.state.end {
            Some(RunEnd::Failed { .. }) => {}
            Some(RunEnd::Stopped { replaced_by: None, .. }) => {}
            _ => return Err(Refusal::NotFailed),
        }
        let again = self.begun_anew();
        let is_meant = |node: &NodeId| {
            let of =
                |one: &Again| self.activation(one.activation).map(|activation| &activation.node);
            again.iter().any(|one| of(one) == Some(node))
        };
        if let Some(node) = from.filter(|node| !is_meant(node)) {
            return Err(Refusal::NotBegunAnew { node: node.clone() });
        }
        let sent = self.sent(&again);
        self.emit(EventBody::RunReopened { by: by.to_owned(), again, sent });
        self.await_slot();
        self.rescan();
        Ok(())
    }

    /// [`begun_anew`], with the edges that are decided anew.
    pub(super) fn begun_anew(&self) -> Vec<Again> {
        let again = begun_anew(self.state).into_iter().filter_map(|activation| {
            let frame = self.activation(activation)?.frame;
            Some(Again { activation, edges: self.edges_of(activation, frame) })
        });
        again.collect()
    }

    /// The decided edges out of an activation.
    fn edges_of(&self, id: ActivationId, frame: FrameId) -> Vec<String> {
        let Some((node, _)) = self.place(id) else { return vec![] };
        let Some(edges) = self.state.frames.get(&frame).map(|frame| &frame.edges) else {
            return vec![];
        };
        let ways = self.all_ways(frame, node);
        let ids = ways.iter().map(|edge| self.graph.edge_id(*edge).to_owned());
        ids.filter(|edge| edges.contains_key(edge)).collect()
    }

    /// Messages that left, or may have left, from activations that are begun anew.
    fn sent(&self, again: &[Again]) -> BTreeMap<String, MessageId> {
        let left = again.iter().filter_map(|one| {
            let activation = self.activation(one.activation)?;
            let (message, state) = activation.message.as_ref()?;
            let place = self.place_name(activation.frame, &activation.node);
            may_have_left(state).then_some((place, *message))
        });
        left.collect()
    }

    /// A run that is one of so many of its key waits for its turn anew.
    pub(super) fn await_slot(&mut self) {
        if let Some(slot) = self.state.slot.as_ref().filter(|_| self.state.awaits_slot) {
            let (key, limit) = (slot.key.clone(), slot.limit);
            self.further.push(crate::run::Effect::AwaitSlot { key, limit });
        }
    }
}

/// What a retry or a fork begins anew: what is not over, but for loops with turns; and what failed without a way on.
pub fn begun_anew(state: &RunState) -> Vec<ActivationId> {
    let is_begun_anew = |id: &ActivationId, activation: &Activation| {
        let Some(frame) = state.frames.get(&activation.frame) else { return false };
        if frame.latest.get(&activation.node) != Some(id) {
            return false;
        }
        let has_turns =
            frame.regions.get(&activation.node).is_some_and(|region| region.owner == Some(*id));
        let failed = activation.state == ActivationState::Failed && activation.port.is_none();
        failed || (!activation.state.is_terminal() && !has_turns)
    };
    let again = state.activations.iter().filter(|(id, activation)| is_begun_anew(id, activation));
    again.map(|(id, _)| *id).collect()
}

/// Whether a message in this state is with the contact, or may be.
pub(super) fn may_have_left(state: &str) -> bool {
    !matches!(state, "draft" | "pending" | "held" | "scheduled" | "recalled" | "rejected")
}
