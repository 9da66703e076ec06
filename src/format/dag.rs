//! DAG plans: `{name, description?, steps: [{id, prompt, dependsOn?, …}], tags?, saveAsTemplate?}`, JSON or YAML.
//!
//! A step is one question to a model; `dependsOn` leads to it, and steps without it begin. `{{step.output}}` and
//! `{{input.x}}` are our own template language; an id with a hyphen, which that language would read as a
//! subtraction, is bound as `steps["id"]` and written back as it was. `requiresApproval` is a review of the
//! output; `maxAttempts` counts tries. Beside the format stand what a run may be told ([`ExecutePlanOptions`])
//! and how a run reads in the document's words ([`PlanExecution`]).

mod names;
mod options;
mod read;
mod status;
mod words;

pub use options::{Escalation, ExecutePlanOptions, ExecutionOptions, Hitl, NotifyChannel};
pub use status::{PlanExecution, PlanProgress, StepResult, TaskStatus, TokenUsage, plan_execution};

use super::Format;
use super::plan::Codec;

/// The format.
pub(super) const CODEC: Codec = Codec {
    format: Format::Dag,
    steps: "steps",
    parts: read::parts,
    words: words::words,
    keys: &[("steps", &["id"])],
    atoms: &[],
};
