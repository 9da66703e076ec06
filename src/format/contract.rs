//! Contract drafts: `{title, objective, schemas, nodes, edges, entryNodeIds}`.
//!
//! A node that an agent, a plugin or a system owns is a task, one that a user owns is a person's step; what it must
//! be given, deliver and may use is its contract. `switch` and `join` only lead on. In the draft's schemas a property
//! says itself that it is required; in ours the object lists them. `maxAttempts` counts retries here.

mod read;
mod schemas;
mod words;

use super::Format;
use super::plan::Codec;

/// The format.
pub const CODEC: Codec = Codec {
    format: Format::Contract,
    steps: "nodes",
    parts: read::parts,
    words: words::words,
    keys: &[
        ("nodes", &["id"]),
        ("edges", &["id"]),
        ("deliverables", &["name"]),
        ("completionChecks", &["type", "description"]),
        ("failurePolicy", &["on"]),
    ],
    atoms: &["map"],
};

/// What a failure rule may do.
const ACTIONS: [&str; 7] =
    ["retry", "replan", "block", "skip", "fail", "abort", "continue-partial"];
