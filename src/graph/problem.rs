//! Problems: what is wrong with a draft, as data.

use crate::id::NodeId;
use serde::{Deserialize, Serialize};

/// One thing that is wrong, or worth a look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Stable, kebab-case: `unknown-tool`, `unreachable-node`.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// The node it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// The port it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// The connection it belongs to, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<String>,
    /// JSON pointer into the node's settings, or into the connection: `/parameters/subject`, `/map/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong and what to do, in a sentence.
    pub message: String,
    /// A change that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<QuickFix>,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Probably not meant so.
    Warning,
    /// Cannot be published.
    Error,
}

/// A change that mends a problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct QuickFix {
    /// The button's words.
    pub label: String,
    /// The edits.
    pub edits: Vec<super::GraphEdit>,
}

impl Problem {
    /// A problem that belongs to the whole graph until [`Problem::at`] says otherwise.
    pub fn new(code: &str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            severity,
            node: None,
            port: None,
            edge: None,
            field: None,
            message: message.into(),
            fix: None,
        }
    }

    /// The node it belongs to.
    #[must_use]
    pub fn at(mut self, node: &NodeId) -> Self {
        self.node = Some(node.clone());
        self
    }

    /// The port it belongs to.
    #[must_use]
    pub fn port(mut self, port: impl Into<String>) -> Self {
        self.port = Some(port.into());
        self
    }

    /// The connection it belongs to.
    #[must_use]
    pub fn edge(mut self, id: impl Into<String>) -> Self {
        self.edge = Some(id.into());
        self
    }

    /// The field it belongs to: a JSON pointer into the node's settings.
    #[must_use]
    pub fn field(mut self, pointer: impl Into<String>) -> Self {
        self.field = Some(pointer.into());
        self
    }

    /// The change that mends it.
    #[must_use]
    pub fn fix(mut self, label: impl Into<String>, edits: Vec<super::GraphEdit>) -> Self {
        self.fix = Some(QuickFix { label: label.into(), edits });
        self
    }
}
