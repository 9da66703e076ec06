//! Outbound execution plans: `{id, version, name, steps, transitions, exitConditions?, metadata}`.
//!
//! The plan begins with its first step. `"transitions": "linear"` (or none) leads each step to the next one in
//! the list, a branch to its `goto`s alone; an explicit list leads as it says, and a transition out of a branch
//! only gives the case with the same target its name: the first one that has none yet. A `sendEmail` is the tool
//! `email.send` to the run's contact, a `sendVoice` the tool `voice.call`. Deliberately absent: whether the plan is
//! sound (unreachable steps, a branch without default): that is checked on every edit ([`crate::graph::check`]).

mod duration;
mod read;
mod step;
mod ways;
mod words;

use super::Format;
use super::plan::Codec;

/// The format.
pub const CODEC: Codec = Codec {
    format: Format::Outbound,
    steps: "steps",
    parts: read::parts,
    words: words::words,
    keys: &[
        ("steps", &["id"]),
        ("transitions", &["from", "to"]),
        ("conditions", &["when", "goto"]),
        ("exitConditions", &["when"]),
    ],
    atoms: &["duration", "maxDuration"],
};

/// The types of steps.
pub const TYPES: [&str; 5] = ["sendEmail", "sendVoice", "wait", "branch", "end"];

/// The recipient of a plan's messages: the contact that the run is about.
const RECIPIENT: &str = "{{contact.id}}";
