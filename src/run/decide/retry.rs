//! Doing again: a run that failed or was stopped goes on where it ended.

use super::Machine;
use crate::id::MessageId;
use crate::run::{ActivationId, ActivationState, Again, EventBody, FrameId, Refusal, RunEnd};
use std::collections::BTreeMap;

impl Machine<'_> {
    /// What had failed, or was cut off, is begun anew under other numbers, so that nothing takes it for the same.
    pub(super) fn reopen(&mut self, by: &str) -> Result<(), Refusal> {
        match &self.state.end {
            Some(RunEnd::Failed { .. }) => {}
            Some(RunEnd::Stopped { replaced_by: None, .. }) => {}
            _ => return Err(Refusal::NotFailed),
        }
        let again = self.begun_anew();
        let sent = self.sent(&again);
        self.emit(EventBody::RunReopened { by: by.to_owned(), again, sent });
        self.await_slot();
        self.rescan();
        Ok(())
    }

    /// What is not over, but for loops with turns; and what failed without a way on.
    pub(super) fn begun_anew(&self) -> Vec<Again> {
        let mut again = vec![];
        for (id, activation) in &self.state.activations {
            let Some(frame) = self.state.frames.get(&activation.frame) else { continue };
            if frame.latest.get(&activation.node) != Some(id) {
                continue;
            }
            let has_turns =
                frame.regions.get(&activation.node).is_some_and(|region| region.owner == Some(*id));
            let failed = activation.state == ActivationState::Failed && activation.port.is_none();
            let cut_off = !activation.state.is_terminal() && !has_turns;
            if failed || cut_off {
                again.push(Again { activation: *id, edges: self.edges_of(*id, activation.frame) });
            }
        }
        again
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

/// Whether a message in this state is with the contact, or may be.
pub(super) fn may_have_left(state: &str) -> bool {
    !matches!(state, "draft" | "pending" | "held" | "scheduled" | "recalled" | "rejected")
}
