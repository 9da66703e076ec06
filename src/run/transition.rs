//! The two machines as tables: where an activation and a run may go from where they are.
//!
//! The tables at the top of [`crate::run`] are printed from here; a test holds the two together and checks that
//! every line is walked by some test. What is not listed is illegal.

use super::{ActivationState, CallRequest, EventBody, RunState};

/// What happens to an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Step {
    Started,
    Called,
    Offered,
    Claimed,
    Released,
    Delegated,
    AttemptFailed,
    Waited,
    Asked,
    Decided,
    Held,
    Sending,
    Uncertain,
    Blocked,
    Unblocked,
    Completed,
    Bypassed,
    Skipped,
    Failed,
}

impl Step {
    /// All steps.
    pub const ALL: [Self; 19] = [
        Self::Started,
        Self::Called,
        Self::Offered,
        Self::Claimed,
        Self::Released,
        Self::Delegated,
        Self::AttemptFailed,
        Self::Waited,
        Self::Asked,
        Self::Decided,
        Self::Held,
        Self::Sending,
        Self::Uncertain,
        Self::Blocked,
        Self::Unblocked,
        Self::Completed,
        Self::Bypassed,
        Self::Skipped,
        Self::Failed,
    ];

    /// What an event is to its activation; `None` when it is about none or does not move it.
    pub fn of(body: &EventBody) -> Option<Self> {
        Some(match body {
            EventBody::NodeStarted { .. } => Self::Started,
            EventBody::CallRequested { request, .. } => match request {
                CallRequest::Task(_) => Self::Offered,
                CallRequest::Run(_) => Self::Delegated,
                _ => Self::Called,
            },
            EventBody::TaskClaimed { .. } => Self::Claimed,
            EventBody::TaskReleased { .. } => Self::Released,
            EventBody::AttemptFailed { .. } => Self::AttemptFailed,
            EventBody::WaitStarted { .. } | EventBody::LoopStarted { .. } => Self::Waited,
            EventBody::ApprovalRequested { .. } => Self::Asked,
            EventBody::ApprovalDecided { .. } => Self::Decided,
            EventBody::MessageMoved { state, .. } => match state.as_str() {
                "held" | "scheduled" => Self::Held,
                "uncertain" => Self::Uncertain,
                "recalled" => return None,
                _ => Self::Sending,
            },
            EventBody::Blocked { activation: Some(_), .. } => Self::Blocked,
            EventBody::Unblocked { activation: Some(_), .. } => Self::Unblocked,
            EventBody::NodeCompleted { .. } => Self::Completed,
            EventBody::NodeBypassed { .. } => Self::Bypassed,
            EventBody::NodeSkipped { .. } => Self::Skipped,
            EventBody::NodeFailed { .. } => Self::Failed,
            _ => return None,
        })
    }
}

/// A pair that the tables do not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an activation that is {from:?} cannot be {step:?}")]
pub struct IllegalTransition {
    /// Where it is; `None` before it began.
    pub from: Option<ActivationState>,
    /// What happened.
    pub step: Step,
}

/// Where an activation goes.
pub fn activation_next(
    from: Option<ActivationState>,
    step: Step,
) -> Result<ActivationState, IllegalTransition> {
    use ActivationState as At;
    let illegal = IllegalTransition { from, step };
    let Some(at) = from else {
        return match step {
            Step::Started => Ok(At::Running),
            Step::Skipped => Ok(At::Skipped),
            _ => Err(illegal),
        };
    };
    let is_open = matches!(at, At::Running | At::Waiting | At::AwaitingHuman);
    let is_alive = is_open || at == At::Ready;
    match step {
        Step::Unblocked if at == At::Blocked => Ok(At::Running),
        Step::Waited if at == At::Running => Ok(At::Waiting),
        Step::Decided if at == At::AwaitingHuman => Ok(At::Running),
        Step::Called if matches!(at, At::Running | At::Waiting) => Ok(At::Running),
        Step::Offered if matches!(at, At::Running | At::Waiting) => Ok(At::Ready),
        Step::Delegated if matches!(at, At::Running | At::Waiting) => Ok(At::Waiting),
        Step::Claimed if at == At::Ready => Ok(At::Running),
        Step::Released if at == At::Running => Ok(At::Ready),
        Step::Sending if is_open => Ok(At::Running),
        Step::AttemptFailed if is_alive => Ok(At::Waiting),
        Step::Held if is_open => Ok(At::Waiting),
        Step::Asked | Step::Uncertain if is_open => Ok(At::AwaitingHuman),
        Step::Blocked if is_alive => Ok(At::Blocked),
        Step::Completed if is_open => Ok(At::Completed),
        Step::Bypassed if is_alive => Ok(At::Bypassed),
        Step::Skipped if is_alive => Ok(At::Skipped),
        Step::Failed if is_alive => Ok(At::Failed),
        _ => Err(illegal),
    }
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Stage {
    New,
    Live,
    Blocked,
    Paused,
    Ended,
}

/// What happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum RunStep {
    Started,
    Paused,
    Resumed,
    Blocked,
    Unblocked,
    Ended,
    Reopened,
}

impl Stage {
    /// All stages.
    pub const ALL: [Self; 5] = [Self::New, Self::Live, Self::Blocked, Self::Paused, Self::Ended];

    /// Where a state is. A run that is both paused and blocked is paused.
    pub fn of(state: &RunState) -> Self {
        match state {
            state if state.end.is_some() => Self::Ended,
            state if state.started_at.is_none() => Self::New,
            state if state.paused => Self::Paused,
            state if state.blocked.is_some() => Self::Blocked,
            _ => Self::Live,
        }
    }
}

impl RunStep {
    /// All steps.
    pub const ALL: [Self; 7] = [
        Self::Started,
        Self::Paused,
        Self::Resumed,
        Self::Blocked,
        Self::Unblocked,
        Self::Ended,
        Self::Reopened,
    ];

    /// What an event is to its run.
    pub fn of(body: &EventBody) -> Option<Self> {
        Some(match body {
            EventBody::RunStarted { .. } => Self::Started,
            EventBody::Paused { .. } => Self::Paused,
            EventBody::Resumed { .. } => Self::Resumed,
            EventBody::Blocked { .. } => Self::Blocked,
            EventBody::Unblocked { .. } => Self::Unblocked,
            EventBody::RunEnded { .. } => Self::Ended,
            EventBody::RunReopened { .. } => Self::Reopened,
            _ => return None,
        })
    }
}

/// Where a run may go: several stages where it depends on what else blocks it.
pub fn run_next(from: Stage, step: RunStep) -> &'static [Stage] {
    match (from, step) {
        (Stage::New, RunStep::Started) => &[Stage::Live],
        (Stage::Live | Stage::Blocked, RunStep::Paused) => &[Stage::Paused],
        (Stage::Paused, RunStep::Resumed) => &[Stage::Live, Stage::Blocked],
        (Stage::Live | Stage::Blocked, RunStep::Blocked) => &[Stage::Blocked],
        (Stage::Paused, RunStep::Blocked) => &[Stage::Paused],
        (Stage::Blocked, RunStep::Unblocked) => &[Stage::Live, Stage::Blocked],
        (Stage::Live | Stage::Blocked | Stage::Paused, RunStep::Ended) => &[Stage::Ended],
        (Stage::Ended, RunStep::Reopened) => &[Stage::Live],
        _ => &[],
    }
}

/// The activation table as text, one line a pair.
pub fn activation_table() -> String {
    use ActivationState as At;
    let states = [At::Ready, At::Running, At::Waiting, At::AwaitingHuman, At::Blocked];
    let from = std::iter::once(None).chain(states.into_iter().map(Some));
    let mut table = String::new();
    for from in from {
        for step in Step::ALL {
            if let Ok(to) = activation_next(from, step) {
                let from = from.map_or("(none)".to_owned(), |state| format!("{state:?}"));
                table.push_str(&format!("{from} --{step:?}--> {to:?}\n"));
            }
        }
    }
    table
}

/// The run table as text, one line a pair.
pub fn run_table() -> String {
    let mut table = String::new();
    for from in Stage::ALL {
        for step in RunStep::ALL {
            let to: Vec<String> = run_next(from, step).iter().map(|to| format!("{to:?}")).collect();
            if !to.is_empty() {
                table.push_str(&format!("{from:?} --{step:?}--> {}\n", to.join(" | ")));
            }
        }
    }
    table
}
