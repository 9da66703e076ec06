//! Visual workflows: steps with named ways to the next step.
//!
//! Two shapes of one thing: `{name, steps, config?}` and `{workflowConfig, stepsConfig}`. What the
//! documents leave open is decided here: ports `loop` = `next`, `failure` = `error`, `default` = any
//! ordinary port that is not connected otherwise; targets `end`, `finish` and `noop` that no step bears
//! mean the end; a workflow without a trigger starts by hand. Our own additions (positions, edge
//! conditions, policies and settings the format has no word for) go under one key, `signalbox`.
//!
//! A step that nothing leads to is joined to the trigger where the document does not say how the workflow
//! begins (no trigger, or one that leads nowhere). Where it does say so, such a step stays unconnected and
//! the checker reports it: a forgotten step must not begin to run by being imported.

mod config;
mod encode;
mod header;
mod ports;
mod read;
mod step;
mod tool_name;
mod write;

pub use write::export;

use super::{Format, FormatError, Imported, OWN_KEY};
use crate::graph::Origin;
use serde_json::Value;

/// Targets that mean the end when no step bears the name.
const END_WORDS: [&str; 3] = ["end", "finish", "noop"];

pub fn import(document: &Value, format: Format) -> Result<Imported, FormatError> {
    let reading = read::read(document, format)?;
    let mut graph = reading.graph;
    graph.origin = Some(Origin::new(format, document.clone()));
    Ok(Imported {
        graph,
        name: reading.header.name,
        description: reading.header.description,
        format,
        problems: reading.problems,
    })
}
