//! File formats: documents in, graphs out, and back again without loss.
//!
//! Import is generous and export writes back what was read: unknown fields, key order and port names
//! survive, because the graph keeps the document it came from ([`crate::graph::Origin`]) and export changes
//! only what was changed since. One file (or folder) a format. Deliberately absent: what a graph means
//! ([`crate::graph`]) and whether it is right ([`crate::graph::check`]).

mod error;
mod limits;
mod merge;
mod native;
#[cfg(test)]
mod tests;
mod text;
mod visual;

pub use error::FormatError;
pub use text::parse_text;

use crate::graph::{Graph, Problem};
use serde_json::Value;

/// The formats that can be read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `{name, steps: [{stepSlug, stepType, config, nextSteps}]}`.
    VisualWorkflow,
    /// The same steps as `{workflowConfig, stepsConfig}`.
    VisualWorkflowConfig,
    /// Our own: `{format: "signalbox/v1", name, description, graph}`; says everything a graph can.
    SignalboxV1,
}

/// A document that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The program, with its document as [`Graph::origin`] where that is needed to write it back.
    pub graph: Graph,
    /// The workflow's name; empty when the document has none.
    pub name: String,
    /// The workflow's description.
    pub description: String,
    /// The format it was read as.
    pub format: Format,
    /// What the import had to decide or leave aside. Checking the graph is a separate matter.
    pub problems: Vec<Problem>,
}

impl Format {
    /// All formats, in the order in which people see them.
    pub const ALL: [Self; 3] =
        [Self::SignalboxV1, Self::VisualWorkflow, Self::VisualWorkflowConfig];

    /// The stable name, as in [`crate::graph::Origin::format`] and at the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::VisualWorkflow => "visual-workflow",
            Self::VisualWorkflowConfig => "visual-workflow-config",
            Self::SignalboxV1 => native::FORMAT,
        }
    }

    /// What people read in menus.
    pub fn title(self) -> &'static str {
        match self {
            Self::VisualWorkflow => "Visual workflow (steps)",
            Self::VisualWorkflowConfig => "Visual workflow (workflowConfig, stepsConfig)",
            Self::SignalboxV1 => "Signalbox",
        }
    }

    /// The format of a stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// Which format a document is in, by its distinguishing keys.
pub fn detect(document: &Value) -> Option<Format> {
    let fields = document.as_object()?;
    if fields.get("format").and_then(Value::as_str) == Some(native::FORMAT) {
        return Some(Format::SignalboxV1);
    }
    if fields.contains_key("workflowConfig") || fields.contains_key("stepsConfig") {
        return Some(Format::VisualWorkflowConfig);
    }
    let steps = fields.get("steps")?.as_array()?;
    let visual = |step: &Value| step.get("stepSlug").is_some() || step.get("stepType").is_some();
    (steps.is_empty() || steps.iter().any(visual)).then_some(Format::VisualWorkflow)
}

/// Reads a document of any known format. Nodes without a position are laid out.
pub fn import(document: &Value) -> Result<Imported, FormatError> {
    limits::check_depth(document)?;
    match detect(document) {
        Some(Format::SignalboxV1) => native::import(document),
        Some(format) => visual::import(document, format),
        None => Err(FormatError::Unknown),
    }
}

/// Writes a graph in a format. A graph that was read in this format comes out as it was read, but for what
/// was changed since.
pub fn export(
    graph: &Graph,
    name: &str,
    description: &str,
    format: Format,
) -> Result<Value, FormatError> {
    match format {
        Format::SignalboxV1 => native::export(graph, name, description),
        _ => Ok(visual::export(graph, name, description, format)),
    }
}

/// The documents that tests share, by file name.
#[cfg(test)]
pub(crate) fn fixtures() -> Vec<(String, Value)> {
    let name = |path: std::path::PathBuf| {
        path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    tests::fixtures().into_iter().map(|(path, document)| (name(path), document)).collect()
}
