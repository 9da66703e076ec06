//! What a run was told about people (`hitl`): which outputs are reviewed, from which confidence on nobody is asked,
//! who is told of an open approval, and who is asked when nobody decides.

use super::Machine;
use crate::graph::compile::Program;
use crate::graph::{ApprovalTiming, ReviewPolicy};
use crate::id::ApprovalId;
use crate::run::{ActivationId, EscalationDue, EventBody, Hitl, NotifyChannel};
use chrono::{DateTime, Utc};

/// Whom an escalation asks when it does not say.
const ANYBODY: &str = "anybody who may approve";

impl Machine<'_> {
    fn hitl(&self) -> Option<&Hitl> {
        self.state.options.hitl.as_ref()
    }

    /// Whether a person reviews a node's output: the node says so, or the run does. What leaves through the send gate
    /// was decided about before it left.
    pub(super) fn is_reviewed(&self, node: usize) -> bool {
        let source = self.graph.source(node);
        let is_gated = matches!(self.graph.node(node).program, Program::Tool { gated: true, .. });
        source.policy.approval == Some(ApprovalTiming::After)
            || (!is_gated && self.hitl().is_some_and(|hitl| hitl.requires(&source.id)))
    }

    /// With at least this confidence nobody is asked. `None`: a person always is.
    pub(super) fn threshold(&self, node: usize) -> Option<f64> {
        let own = self.graph.source(node).policy.review.as_ref().and_then(|own| own.threshold);
        match self.hitl() {
            None => own,
            Some(hitl) if hitl.confidence_threshold.is_some() => Some(hitl.threshold()),
            Some(_) => own.or(Some(ReviewPolicy::THRESHOLD_DEFAULT)),
        }
    }

    /// When an approval of a node expires: by the node's own word, else by the run's.
    pub(super) fn expiry(&self, own_ms: Option<u64>) -> Option<DateTime<Utc>> {
        let delay_ms = own_ms.or_else(|| self.hitl()?.timeout_ms)?;
        Some(self.after_ms(delay_ms))
    }

    /// When somebody else is asked, and who.
    pub(super) fn escalation(&self) -> Option<Box<EscalationDue>> {
        let escalation = self.hitl()?.escalation.as_ref()?;
        let to = escalation.to.clone().filter(|to| !to.trim().is_empty());
        Some(Box::new(EscalationDue {
            due_at: self.after_ms(escalation.after_ms?),
            to: to.unwrap_or_else(|| ANYBODY.to_owned()),
        }))
    }

    /// Notes whom the run wants told of an open approval. The inbox shows it by itself; the other ways are not there
    /// yet, and the journal says so.
    pub(super) fn tell_people(&mut self, id: ActivationId, approval: ApprovalId, to: Option<&str>) {
        let channels = self.hitl().map(|hitl| hitl.notify_channels.clone()).unwrap_or_default();
        for (at, channel) in channels.iter().enumerate() {
            if channels[..at].contains(channel) || self.is_dry() {
                continue;
            }
            self.emit(EventBody::Notified {
                activation: id,
                approval,
                channel: *channel,
                to: to.map(str::to_owned),
                reached: *channel == NotifyChannel::Dashboard,
            });
        }
    }

    /// Nobody decided in time.
    pub(super) fn escalate(&mut self, id: ActivationId) {
        let Some(activation) = self.activation(id) else { return };
        let (Some(approval), Some((.., to))) = (activation.approval, &activation.escalation) else {
            return;
        };
        let to = to.clone();
        self.emit(EventBody::ApprovalEscalated { activation: id, approval, to: to.clone() });
        self.tell_people(id, approval, Some(&to));
    }
}
