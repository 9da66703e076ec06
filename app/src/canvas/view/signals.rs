//! Which icon stands for which kind of step, and what a run's states look like: colour, icon, word.

use crate::ui::{Icon, Tone};
use signalbox::graph::{NodeKind, TriggerKind};
use signalbox::run::ActivationState;
use signalbox::tool::ToolFamily;

/// The icon of a kind of step; of an action, that of its tool's family.
pub fn kind_icon(kind: &NodeKind) -> Icon {
    match kind {
        NodeKind::Trigger(settings) => match settings.trigger {
            TriggerKind::Manual => Icon::Play,
            TriggerKind::Webhook { .. } => Icon::Webhook,
            TriggerKind::Schedule { .. } => Icon::Calendar,
            TriggerKind::Event { .. } => Icon::Zap,
        },
        NodeKind::Action(settings) => signalbox::tool::find(&settings.tool)
            .map_or(Icon::Help, |tool| family_icon(tool.family)),
        NodeKind::Llm(_) => Icon::Sparkles,
        NodeKind::Condition(_) => Icon::Branch,
        NodeKind::Branch(_) => Icon::Split,
        NodeKind::Loop(_) => Icon::Repeat,
        NodeKind::Wait(_) => Icon::Clock,
        NodeKind::Human(_) => Icon::Hand,
        NodeKind::Task(_) => Icon::Bot,
        NodeKind::Subworkflow(_) => Icon::Workflow,
        NodeKind::End(_) => Icon::Flag,
    }
}

/// The icon of a family of tools.
pub fn family_icon(family: ToolFamily) -> Icon {
    match family {
        ToolFamily::Customer => Icon::Users,
        ToolFamily::Email => Icon::Mail,
        ToolFamily::Approval => Icon::CircleCheck,
        ToolFamily::Http => Icon::Globe,
        ToolFamily::Utility => Icon::Variable,
        ToolFamily::Product => Icon::Building,
        ToolFamily::Conversation => Icon::Message,
        ToolFamily::Document => Icon::Inbox,
        ToolFamily::Integration => Icon::Link,
    }
}

/// Tone, icon and word of an activation's state.
pub fn state_look(state: ActivationState) -> (Tone, Icon, &'static str) {
    match state {
        ActivationState::Pending => (Tone::Neutral, Icon::Circle, "Pending"),
        ActivationState::Ready => (Tone::Neutral, Icon::Circle, "Ready"),
        ActivationState::Running => (Tone::Move, Icon::Activity, "Running"),
        ActivationState::AwaitingHuman => (Tone::Wait, Icon::Hand, "Needs a person"),
        ActivationState::Waiting => (Tone::Wait, Icon::Clock, "Waiting"),
        ActivationState::Completed => (Tone::Clear, Icon::CircleCheck, "Done"),
        ActivationState::Partial => (Tone::Clear, Icon::CircleCheck, "Done in part"),
        ActivationState::Bypassed => (Tone::Neutral, Icon::Skip, "Bypassed"),
        ActivationState::Blocked => (Tone::Stop, Icon::Alert, "Blocked"),
        ActivationState::Failed => (Tone::Stop, Icon::CircleX, "Failed"),
        ActivationState::Skipped => (Tone::Neutral, Icon::Skip, "Skipped"),
    }
}

/// The state's word in data attributes, as in JSON.
pub(super) fn state_word(state: ActivationState) -> &'static str {
    match state {
        ActivationState::Pending => "pending",
        ActivationState::Ready => "ready",
        ActivationState::Running => "running",
        ActivationState::AwaitingHuman => "awaiting-human",
        ActivationState::Waiting => "waiting",
        ActivationState::Completed => "completed",
        ActivationState::Partial => "partial",
        ActivationState::Bypassed => "bypassed",
        ActivationState::Blocked => "blocked",
        ActivationState::Failed => "failed",
        ActivationState::Skipped => "skipped",
    }
}
