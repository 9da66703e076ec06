//! DAG plans: `{name, description?, steps: [{id, prompt, dependsOn?, …}], tags?, saveAsTemplate?}`, JSON or YAML.
//!
//! A step is one question to a model; `dependsOn` leads to it, and steps without it begin. `{{step.output}}` and
//! `{{input.x}}` are our own template language; an id with a hyphen, which that language would read as a
//! subtraction, and one that is a word of it are bound by `steps` and written back as they were. `requiresApproval`
//! is a review of the output, which a scoring model looks at first; `maxAttempts` counts tries. Beside the format
//! stands how a run reads in the document's words ([`PlanExecution`]); what a run may be told is
//! [`crate::run::RunOptions`].

mod names;
mod read;
mod status;
mod step;
mod words;

pub use status::{PlanExecution, PlanProgress, StepResult, TaskStatus, TokenUsage, plan_execution};
pub use step::step_of_event;

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
