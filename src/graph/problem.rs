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
    /// JSON pointer into the node's settings: `/parameters/subject`.
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
