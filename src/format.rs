//! File formats: documents in, graphs out, and back again without loss.
//!
//! The visual workflows and our own format are read everywhere, the browser included; the plans with the
//! feature `documents`, YAML with the feature `yaml`: the server has both.
//!
//! Import is generous and export writes back what was read: unknown fields, key order and port names
//! survive, because the graph keeps the document it came from ([`crate::graph::Origin`]) and export changes
//! only what was changed since. One file (or folder) a format. Deliberately absent: what a graph means
//! ([`crate::graph`]) and whether it is right ([`crate::graph::check`]).

#[cfg(any(test, feature = "documents"))]
mod contract;
#[cfg(any(test, feature = "documents"))]
pub mod dag;
mod error;
#[cfg(any(test, feature = "documents"))]
mod fields;
mod limits;
mod locator;
#[cfg(any(test, feature = "documents"))]
mod losses;
mod merge;
mod native;
mod notation;
#[cfg(any(test, feature = "documents"))]
mod outbound;
#[cfg(any(test, feature = "documents"))]
mod own;
mod place;
#[cfg(any(test, feature = "documents"))]
mod plan;
mod sealing;
mod settings;
#[cfg(test)]
mod tests;
mod visual;
#[cfg(any(test, feature = "yaml"))]
mod yaml;

pub use error::FormatError;
pub use locator::Locator;
pub use notation::{Notation, parse, parse_text};
pub use place::Place;
pub use sealing::{Seal, seal_secrets};

use crate::graph::{Graph, Origin, Problem};
use serde_json::Value;

/// The key under which everything stands that a format has no word for.
const OWN_KEY: &str = "signalbox";

/// The formats that can be read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `{name, steps: [{stepSlug, stepType, config, nextSteps}]}`.
    VisualWorkflow,
    /// The same steps as `{workflowConfig, stepsConfig}`.
    VisualWorkflowConfig,
    /// Our own: `{format: "signalbox/v1", name, description, graph}`; says everything a graph can.
    SignalboxV1,
    /// Outbound execution plans: `{id, version, name, steps: [{type, id, …}], transitions, metadata}`.
    Outbound,
    /// DAG plans: `{name, steps: [{id, prompt, dependsOn, …}]}`.
    Dag,
    /// Contract drafts: `{title, objective, schemas, nodes, edges, entryNodeIds}`.
    Contract,
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

/// A document that was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The document.
    pub document: Value,
    /// What the format cannot say: kept under our own key (a warning), or lost (an error); and what of a plan that
    /// the graph came from decides nothing and is left behind (a warning).
    pub problems: Vec<Problem>,
}

impl Format {
    /// All formats, in the order in which people see them.
    pub const ALL: [Self; 6] = [
        Self::SignalboxV1,
        Self::VisualWorkflow,
        Self::VisualWorkflowConfig,
        Self::Outbound,
        Self::Dag,
        Self::Contract,
    ];

    /// The formats that every build reads and writes, the browser's too.
    pub const EVERYWHERE: [Self; 3] =
        [Self::SignalboxV1, Self::VisualWorkflow, Self::VisualWorkflowConfig];

    /// The stable name, as in [`crate::graph::Origin::format`] and at the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::VisualWorkflow => "visual-workflow",
            Self::VisualWorkflowConfig => "visual-workflow-config",
            Self::SignalboxV1 => native::FORMAT,
            Self::Outbound => "outbound",
            Self::Dag => "dag",
            Self::Contract => "contract",
        }
    }

    /// Whether it is written in YAML as well as in JSON.
    pub fn has_yaml(self) -> bool {
        matches!(self, Self::SignalboxV1 | Self::Dag)
    }

    /// What people read in menus.
    pub fn title(self) -> &'static str {
        match self {
            Self::VisualWorkflow => "Visual workflow (steps)",
            Self::VisualWorkflowConfig => "Visual workflow (workflowConfig, stepsConfig)",
            Self::SignalboxV1 => "Signalbox",
            Self::Outbound => "Outbound plan",
            Self::Dag => "DAG plan",
            Self::Contract => "Contract draft",
        }
    }

    /// The format of a stable name, or of a short one: `visual`, `signalbox`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "visual" => Some(Self::VisualWorkflow),
            "signalbox" => Some(Self::SignalboxV1),
            _ => Self::ALL.into_iter().find(|format| format.name() == name),
        }
    }
}

/// Which format a document is in, by its distinguishing keys.
pub fn detect(document: &Value) -> Option<Format> {
    let fields = document.as_object()?;
    let has = |key: &str| fields.contains_key(key);
    if fields.get("format").and_then(Value::as_str) == Some(native::FORMAT) {
        return Some(Format::SignalboxV1);
    }
    if has("workflowConfig") || has("stepsConfig") {
        return Some(Format::VisualWorkflowConfig);
    }
    if has("entryNodeIds") || (has("nodes") && (has("edges") || has("schemas"))) {
        return Some(Format::Contract);
    }
    let steps = fields.get("steps").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let any =
        |keys: &[&str]| steps.iter().any(|step| keys.iter().any(|key| step.get(key).is_some()));
    if any(&["stepSlug", "stepType"]) {
        return Some(Format::VisualWorkflow);
    }
    let has_types = any(&["type"]);
    // Every outbound step has a type; a step that asks something may have other fields beside that.
    if !has_types && any(&["prompt"]) {
        return Some(Format::Dag);
    }
    if has("transitions")
        || has("exitConditions")
        || any(&["templateId", "scriptId", "conditions", "duration"])
    {
        return Some(Format::Outbound);
    }
    if any(&["prompt", "dependsOn", "requiresApproval"]) || has("saveAsTemplate") {
        return Some(Format::Dag);
    }
    if has_types {
        return Some(Format::Outbound);
    }
    // A DAG plan may have nothing but steps that it has no word for.
    let own = format!("/{OWN_KEY}/node/kind");
    if steps.iter().any(|step| step.pointer(&own).is_some()) {
        return Some(Format::Dag);
    }
    let is_empty = fields.get("steps").and_then(Value::as_array).is_some_and(Vec::is_empty);
    is_empty.then_some(Format::VisualWorkflow)
}

/// Reads a document of any known format. Nodes without a position are laid out.
pub fn import(document: &Value) -> Result<Imported, FormatError> {
    limits::check_depth(document)?;
    match detect(document) {
        Some(Format::SignalboxV1) => native::import(document),
        Some(format @ (Format::VisualWorkflow | Format::VisualWorkflowConfig)) => {
            visual::import(document, format)
        }
        #[cfg(any(test, feature = "documents"))]
        Some(format @ (Format::Outbound | Format::Dag | Format::Contract)) => {
            plan::import(codec(format), document)
        }
        #[cfg(not(any(test, feature = "documents")))]
        Some(format) => Err(FormatError::NotHere { title: format.title().to_owned() }),
        None => Err(FormatError::Unknown),
    }
}

/// Reads a text in either notation and any known format. An error says where in the text it is.
pub fn import_text(text: &str) -> Result<Imported, FormatError> {
    let (document, notation) = parse(text)?;
    let read = import(&document).map_err(|error| {
        let mut locator = Locator::new(text);
        error.placed(|pointer| locator.locate(pointer))
    });
    let mut imported = read?;
    if notation == Notation::Yaml {
        let origin = imported.graph.origin.take();
        let mut origin = origin.unwrap_or_else(|| Origin::new(imported.format, document));
        // A document of ours may hold another one that its graph came from.
        if origin.format == imported.format.name() {
            origin.text = Some(text.to_owned());
        }
        imported.graph.origin = Some(origin);
    }
    Ok(imported)
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
        Format::VisualWorkflow | Format::VisualWorkflowConfig => {
            Ok(visual::export(graph, name, description, format))
        }
        #[cfg(any(test, feature = "documents"))]
        Format::Outbound | Format::Dag | Format::Contract => {
            Ok(write(graph, name, description, format)?.document)
        }
        #[cfg(not(any(test, feature = "documents")))]
        _ => Err(FormatError::NotHere { title: format.title().to_owned() }),
    }
}

/// Writes a graph in a format, and says what that format cannot say.
#[cfg(any(test, feature = "documents"))]
pub fn write(
    graph: &Graph,
    name: &str,
    description: &str,
    format: Format,
) -> Result<Written, FormatError> {
    let mut written = match format {
        Format::Outbound | Format::Dag | Format::Contract => {
            plan::export(codec(format), graph, plan::Names { name, description })?
        }
        _ => {
            let document = export(graph, name, description, format)?;
            let problems = match import(&document) {
                Ok(again) => losses::between(graph, &again.graph, format),
                Err(_) => Vec::new(),
            };
            Written { document, problems }
        }
    };
    written.problems.extend(losses::left_behind(graph, format));
    Ok(written)
}

/// A document as text. YAML that was read and has not changed since comes out to the letter, comments too.
#[cfg(any(test, feature = "yaml"))]
pub fn to_text(graph: &Graph, document: &Value, notation: Notation) -> Result<String, FormatError> {
    match notation {
        Notation::Json => serde_json::to_string_pretty(document)
            .map_err(|error| FormatError::invalid("", error.to_string())),
        Notation::Yaml => {
            let origin = graph.origin.as_ref().filter(|origin| origin.document == *document);
            match origin.and_then(|origin| origin.text.as_ref()) {
                Some(text) => Ok(text.clone()),
                None => yaml::write(document),
            }
        }
    }
}

#[cfg(any(test, feature = "documents"))]
fn codec(format: Format) -> &'static plan::Codec {
    match format {
        Format::Dag => &dag::CODEC,
        Format::Contract => &contract::CODEC,
        _ => &outbound::CODEC,
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
