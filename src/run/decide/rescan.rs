//! Finding again what can go on, from the state alone: after a pause, a block, a spent budget, a restart.

use super::Machine;
use crate::graph::compile::RegionKind;
use crate::run::{ActivationId, ActivationState, FrameId, TimerPurpose};

impl Machine<'_> {
    /// Notes everything that might be able to go on. Looking at what cannot costs nothing but the look.
    pub(super) fn rescan(&mut self) {
        self.again.extend(self.state.alive.iter().copied());
        let live: Vec<FrameId> =
            self.state.frames.iter().filter(|(_, frame)| !frame.ended).map(|(id, _)| *id).collect();
        for frame in live {
            let Some(level) = self.level(frame) else { continue };
            for unit in self.graph.region(level).units.clone() {
                if self.is_due(frame, level, unit) {
                    self.nodes.push_back((frame, unit));
                }
            }
            self.rescan_regions(frame);
            self.frames.push_back(frame);
        }
    }

    /// While regions between two turns: a limit kept the next one from beginning.
    fn rescan_regions(&mut self, frame: FrameId) {
        let Some(regions) = self.state.frames.get(&frame).map(|frame| &frame.regions) else {
            return;
        };
        let rest = regions.iter().filter(|(_, region)| {
            !region.ended && region.live == 0 && region.turns > 0 && region.owner.is_none()
        });
        let resting = rest.filter_map(|(header, _)| self.graph.region_of_header(header));
        let resting: Vec<usize> = resting.collect();
        self.turns.extend(resting.into_iter().map(|region| (frame, region)));
    }

    /// Whether a unit has not begun although its incoming edges allow it.
    fn is_due(&self, frame: FrameId, level: usize, unit: usize) -> bool {
        if self.has_begun(frame, unit) {
            return false;
        }
        if Some(unit) == self.graph.region(level).header
            || (level == 0 && unit == self.graph.trigger())
        {
            return true;
        }
        self.undecided_edges(frame, unit) == 0
    }

    /// Whether a unit ran, runs or was skipped in a frame.
    pub(super) fn has_begun(&self, frame: FrameId, unit: usize) -> bool {
        let Some(frame) = self.state.frames.get(&frame) else { return true };
        let id = &self.graph.source(unit).id;
        frame.latest.contains_key(id) || frame.regions.contains_key(id)
    }

    /// Lets an activation go on that was held up: a retry that is due, a prepared call, another try.
    pub(super) fn go_on(&mut self, id: ActivationId) {
        let Some(activation) = self.activation(id).filter(|a| !a.state.is_terminal()) else {
            return;
        };
        match activation.state {
            ActivationState::Running => match (&activation.request, activation.call) {
                (Some(request), None) => {
                    let request = request.clone();
                    self.request_call(id, request);
                }
                // A loop that was blocked as it ended: its turns are not taken again.
                (None, None) if self.state.turns_are_over(id) => self.go_on_with_turns(id),
                (None, None) => self.execute(id),
                _ => {}
            },
            ActivationState::Waiting => {
                if self.is_retry_due(id) {
                    self.retry_call(id);
                } else {
                    self.go_on_with_turns(id);
                }
            }
            _ => {}
        }
    }

    fn is_retry_due(&self, id: ActivationId) -> bool {
        let timer = self.activation(id).and_then(|activation| activation.timer.as_ref());
        timer.is_some_and(|(timer, due_at)| {
            let purpose = timer.parts().map(|(_, purpose)| purpose);
            purpose == Some(TimerPurpose::Retry) && *due_at <= self.now
        })
    }

    /// A loop node whose turns all ended, or that may begin more.
    fn go_on_with_turns(&mut self, id: ActivationId) {
        let Some((node, frame)) = self.place(id) else { return };
        if let Some(region) = self.graph.regions().headed[node]
            && self.graph.region(region).kind == RegionKind::ForEach
        {
            self.next_turns(frame, region);
        }
    }
}
