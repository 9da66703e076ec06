//! Doing again: a run that failed or was stopped goes on where it ended.

use super::Machine;
use crate::id::{MessageId, NodeId};
use crate::run::effects::open_effects;
use crate::run::{
    Activation, ActivationId, ActivationState, Again, Effect, EventBody, FrameId, Refusal, RunEnd,
    RunState, TimerPurpose,
};
use std::collections::BTreeMap;

impl Machine<'_> {
    /// What had failed, or was cut off, is begun anew under other numbers, so that nothing takes it for the same. Waits
    /// that were cut off go on: their time has run on.
    pub(super) fn reopen(&mut self, by: &str, from: Option<&NodeId>) -> Result<(), Refusal> {
        match &self.state.end {
            Some(RunEnd::Failed { node: None, .. }) if self.state.activation_last == 0 => {
                return Err(Refusal::NeverBegan);
            }
            Some(RunEnd::Failed { .. }) => {}
            Some(RunEnd::Stopped { replaced_by: None, .. }) => {}
            _ => return Err(Refusal::NotFailed),
        }
        let is_meant = |node: &NodeId| {
            let cut_off = begun_anew(self.state).into_iter().filter_map(|id| self.activation(id));
            cut_off.map(|activation| &activation.node).any(|other| other == node)
        };
        if let Some(node) = from.filter(|node| !is_meant(node)) {
            return Err(Refusal::NotBegunAnew { node: node.clone() });
        }
        let again = self.again_of(done_again(self.state));
        let (sent, resumed) = (self.sent(&again), self.state.paused);
        self.emit(EventBody::RunReopened { by: by.to_owned(), again, sent, resumed });
        self.await_slot();
        self.await_again();
        self.rescan();
        Ok(())
    }

    /// These activations, with the edges that are decided anew.
    pub(super) fn again_of(&self, activations: Vec<ActivationId>) -> Vec<Again> {
        let again = activations.into_iter().filter_map(|activation| {
            let frame = self.activation(activation)?.frame;
            let keeps_turns = self.state.turns_are_over(activation);
            let edges = self.edges_of(activation, frame, keeps_turns);
            Some(Again { activation, edges, keeps_turns })
        });
        again.collect()
    }

    /// The decided edges out of an activation; of a loop whose turns stay only its own, not those out of its turns.
    fn edges_of(&self, id: ActivationId, frame: FrameId, only_own: bool) -> Vec<String> {
        let Some((node, _)) = self.place(id) else { return vec![] };
        let Some(edges) = self.state.frames.get(&frame).map(|frame| &frame.edges) else {
            return vec![];
        };
        let mut ways = self.all_ways(frame, node);
        ways.retain(|edge| !only_own || self.graph.edge(*edge).from == node);
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
            self.further.push(Effect::AwaitSlot { key, limit });
        }
    }

    /// The end of a run forgets what it waited for; what goes on waits again, for the same.
    fn await_again(&mut self) {
        let open = self.state.living().flat_map(|(id, activation)| open_effects(id, activation));
        let open: Vec<Effect> = open.collect();
        self.further.extend(open);
    }
}

/// What a fork begins anew: what is not over, but for loops with turns; and what failed without a way on. Of a loop
/// that failed or was blocked when all its turns were over only its end.
pub fn begun_anew(state: &RunState) -> Vec<ActivationId> {
    let is_begun_anew = |id: &ActivationId, activation: &Activation| {
        let Some(frame) = state.frames.get(&activation.frame) else { return false };
        if frame.latest.get(&activation.node) != Some(id) {
            return false;
        }
        let has_turns =
            frame.regions.get(&activation.node).is_some_and(|region| region.owner == Some(*id));
        let failed = activation.state == ActivationState::Failed && activation.port.is_none();
        let is_blocked = activation.state == ActivationState::Blocked;
        failed || (!activation.state.is_terminal() && (!has_turns || is_blocked))
    };
    let again = state.activations.iter().filter(|(id, activation)| is_begun_anew(id, activation));
    again.map(|(id, _)| *id).collect()
}

/// What a manual retry does again: as in a fork, but that waits for a time or an event go on.
pub fn done_again(state: &RunState) -> Vec<ActivationId> {
    let mut again = begun_anew(state);
    again.retain(|id| !state.activations.get(id).is_some_and(waits));
    again
}

/// Whether nothing but a time or an outside event is awaited.
fn waits(activation: &Activation) -> bool {
    let timer = activation.timer.as_ref().and_then(|(timer, _)| timer.parts());
    let for_time = timer.is_some_and(|(_, purpose)| purpose == TimerPurpose::Wait);
    activation.state == ActivationState::Waiting && (for_time || activation.awaited_event.is_some())
}

/// Whether a message in this state is with the contact, or may be.
pub(super) fn may_have_left(state: &str) -> bool {
    !matches!(state, "draft" | "pending" | "held" | "scheduled" | "recalled" | "rejected")
}
