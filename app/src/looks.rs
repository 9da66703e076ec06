//! How states look: tone, icon and word of a run's phase, a message's and an approval's state.

use crate::ui::{Icon, StateBadge, Tone};
use leptos::prelude::*;
use signalbox::run::{ApprovalKind, RunPhase};
use signalbox::wire::{ApprovalState, MessageState};

/// Tone, icon and word.
pub type Look = (Tone, Icon, &'static str);

/// A run's phase.
pub fn phase(phase: RunPhase) -> Look {
    match phase {
        RunPhase::PendingReview => (Tone::Wait, Icon::Hand, "Waits for review"),
        RunPhase::StandBy => (Tone::Wait, Icon::Clock, "Stand-by"),
        RunPhase::Executing => (Tone::Move, Icon::Activity, "Executing"),
        RunPhase::AwaitingInput => (Tone::Wait, Icon::Hand, "Waits for a person"),
        RunPhase::Blocked => (Tone::Stop, Icon::Alert, "Blocked"),
        RunPhase::Paused => (Tone::Wait, Icon::Pause, "Paused"),
        RunPhase::Completed => (Tone::Clear, Icon::CircleCheck, "Completed"),
        RunPhase::Failed => (Tone::Stop, Icon::CircleX, "Failed"),
        RunPhase::Stopped => (Tone::Neutral, Icon::Stop, "Stopped"),
    }
}

/// A message's state.
pub fn message(state: MessageState) -> Look {
    match state {
        MessageState::PendingApproval => (Tone::Wait, Icon::Hand, "Waits for approval"),
        MessageState::Queued => (Tone::Move, Icon::Send, "Approved"),
        MessageState::Held => (Tone::Wait, Icon::Clock, "Held"),
        MessageState::InFlight => (Tone::Move, Icon::Send, "Sending"),
        MessageState::Accepted => (Tone::Clear, Icon::CircleCheck, "Sent"),
        MessageState::Delivered => (Tone::Clear, Icon::CircleCheck, "Delivered"),
        MessageState::Bounced => (Tone::Stop, Icon::CircleX, "Bounced"),
        MessageState::RetryWait => (Tone::Wait, Icon::Repeat, "Will be tried again"),
        MessageState::FailedPermanent => (Tone::Stop, Icon::CircleX, "Failed"),
        MessageState::Rejected => (Tone::Stop, Icon::Close, "Rejected"),
        MessageState::Expired => (Tone::Neutral, Icon::Clock, "Expired"),
        MessageState::Cancelled => (Tone::Neutral, Icon::Stop, "Recalled"),
        MessageState::Refused => (Tone::Stop, Icon::Lock, "Not sent"),
        MessageState::Uncertain => (Tone::Stop, Icon::Alert, "Uncertain"),
    }
}

/// An approval's state.
pub fn approval(state: ApprovalState) -> Look {
    match state {
        ApprovalState::Pending => (Tone::Wait, Icon::Hand, "Waits"),
        ApprovalState::Approved => (Tone::Clear, Icon::CircleCheck, "Approved"),
        ApprovalState::Rejected => (Tone::Stop, Icon::Close, "Rejected"),
        ApprovalState::Expired => (Tone::Neutral, Icon::Clock, "Expired"),
        ApprovalState::Withdrawn => (Tone::Neutral, Icon::Stop, "Withdrawn"),
    }
}

/// The icon and word of a kind of approval.
pub fn approval_kind(kind: ApprovalKind) -> (Icon, &'static str) {
    match kind {
        ApprovalKind::Message => (Icon::Mail, "Email"),
        ApprovalKind::Decision => (Icon::Hand, "Decision"),
        ApprovalKind::Answer => (Icon::Message, "Question"),
        ApprovalKind::Review => (Icon::Eye, "Review"),
        ApprovalKind::Resource => (Icon::CircleCheck, "Approval"),
        ApprovalKind::Uncertain => (Icon::Alert, "Uncertain sending"),
    }
}

/// The badge of a look.
pub fn badge(look: Look) -> impl IntoView {
    view! { <StateBadge tone=look.0 icon=look.1 label=look.2 /> }
}
