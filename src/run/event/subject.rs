//! What an event is about.

use super::EventBody;
use crate::run::ActivationId;

/// The activation that an event is about, if it is about one.
pub fn activation_of(body: &EventBody) -> Option<ActivationId> {
    match body {
        EventBody::NodeStarted { activation, .. }
        | EventBody::CallRequested { activation, .. }
        | EventBody::AttemptFailed { activation, .. }
        | EventBody::NodeCompleted { activation, .. }
        | EventBody::NodeSkipped { activation, .. }
        | EventBody::NodeBypassed { activation, .. }
        | EventBody::NodeFailed { activation, .. }
        | EventBody::WaitStarted { activation, .. }
        | EventBody::ApprovalRequested { activation, .. }
        | EventBody::ApprovalDecided { activation, .. }
        | EventBody::Notified { activation, .. }
        | EventBody::ApprovalEscalated { activation, .. }
        | EventBody::MessageMoved { activation, .. }
        | EventBody::LoopStarted { activation, .. }
        | EventBody::TaskClaimed { activation, .. }
        | EventBody::TaskReleased { activation, .. }
        | EventBody::ChildStarted { activation, .. }
        | EventBody::Scored { activation, .. }
        | EventBody::Spent { activation, .. }
        | EventBody::SignalReceived { activation, .. }
        | EventBody::VariablesSet { activation, .. } => Some(*activation),
        EventBody::Blocked { activation, .. } | EventBody::Unblocked { activation, .. } => {
            *activation
        }
        EventBody::RunStarted { .. }
        | EventBody::FrameStarted { .. }
        | EventBody::FrameEnded { .. }
        | EventBody::RegionEnded { .. }
        | EventBody::MessageHeard { .. }
        | EventBody::Paused { .. }
        | EventBody::Resumed { .. }
        | EventBody::SlotGranted {}
        | EventBody::RunReopened { .. }
        | EventBody::Forked { .. }
        | EventBody::Migrated { .. }
        | EventBody::RunEnded { .. } => None,
    }
}
