//! What compiling must know about tools.

use crate::tool::{Effect, ToolSpec};

/// What compiling must know about tools.
pub trait ToolNames {
    /// The canonical name of a tool or alias. `None`: there is no such tool.
    fn canonical(&self, name: &str) -> Option<String>;

    /// The parameters that are expressions over a record (`"format": "expression"`), by canonical name.
    fn expression_parameters(&self, tool: &str) -> Vec<String> {
        let _ = tool;
        Vec::new()
    }

    /// Whether the send gate asks before this tool does anything, so that the run need not.
    fn is_gated(&self, tool: &str) -> bool {
        let _ = tool;
        false
    }
}

/// Takes every name as it is: for the browser and for tests, where nothing is called.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyTool;

impl ToolNames for AnyTool {
    fn canonical(&self, name: &str) -> Option<String> {
        Some(name.to_owned())
    }
}

/// The tools of [`crate::tool::catalogue`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Catalogue;

impl ToolNames for Catalogue {
    fn canonical(&self, name: &str) -> Option<String> {
        crate::tool::find(name).map(|spec| spec.name.clone())
    }
    fn expression_parameters(&self, tool: &str) -> Vec<String> {
        crate::tool::find(tool).map(expressions).unwrap_or_default()
    }
    fn is_gated(&self, tool: &str) -> bool {
        crate::tool::find(tool).is_some_and(|spec| spec.effect == Effect::Outbound)
    }
}

/// The properties of a tool's input that are expressions over a record.
fn expressions(spec: &ToolSpec) -> Vec<String> {
    let properties = spec.input.get("properties").and_then(|properties| properties.as_object());
    let is_expression = |schema: &serde_json::Value| {
        schema.get("format").and_then(|format| format.as_str()) == Some("expression")
    };
    let fields = properties.into_iter().flatten();
    fields.filter(|(_, schema)| is_expression(schema)).map(|(name, _)| name.clone()).collect()
}

impl ToolNames for [ToolSpec] {
    fn canonical(&self, name: &str) -> Option<String> {
        let answers =
            |spec: &&ToolSpec| spec.name == name || spec.aliases.iter().any(|a| a == name);
        self.iter().find(answers).map(|spec| spec.name.clone())
    }

    fn expression_parameters(&self, tool: &str) -> Vec<String> {
        self.iter().find(|spec| spec.name == tool).map(expressions).unwrap_or_default()
    }

    fn is_gated(&self, tool: &str) -> bool {
        self.iter().any(|spec| spec.name == tool && spec.effect == Effect::Outbound)
    }
}

impl ToolNames for Vec<ToolSpec> {
    fn canonical(&self, name: &str) -> Option<String> {
        self.as_slice().canonical(name)
    }
    fn expression_parameters(&self, tool: &str) -> Vec<String> {
        self.as_slice().expression_parameters(tool)
    }
    fn is_gated(&self, tool: &str) -> bool {
        self.as_slice().is_gated(tool)
    }
}
