//! Contracts: what a node must be given, must deliver and may use, as contract drafts write it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a node must be given, must deliver and may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Contract {
    /// The draft's word for the node: `action`, `human-approval`. Empty: as the kind says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node_type: String,
    /// Who answers for it, where the kind does not name them: a person.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub objective: String,
    /// What it must be given: a name in [`crate::graph::Graph::schemas`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<String>,
    /// What its structured output must be: a name in [`crate::graph::Graph::schemas`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<String>,
    /// Things it must hand over besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deliverables: Vec<Deliverable>,
    /// When it is well done, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub success_criteria: Vec<String>,
    /// What is checked before its result counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub completion_checks: Vec<CompletionCheck>,
    /// What follows which failure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failure: Vec<ContractFailure>,
    /// The tools it may use; absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolPolicy>,
    /// What it may look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextPolicy>,
}

/// A thing to hand over. In JSON: `{"name", "kind", "required", "description"}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Deliverable {
    /// Its name.
    pub name: String,
    /// What it is: `markdown`.
    pub kind: String,
    /// Without it the result does not count.
    pub required: bool,
    /// More about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// A check of a result. In JSON: `{"type", "description", "config", "blocking"}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CompletionCheck {
    /// `schema`, `artifact-present`, `expression`, `regex`, `min-items`, `human`, `model`.
    #[serde(rename = "type")]
    pub check: String,
    /// What it finds out.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its particulars.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub config: Value,
    /// A result that fails it does not count.
    pub blocking: bool,
}

/// What follows a failure. In JSON: `{"on": "human_rejected", "action": "replan", "note": …}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ContractFailure {
    /// Which failure.
    pub on: String,
    /// `retry`, `replan`, `block`, `skip`, `fail`, `abort`, `continue-partial`.
    pub action: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Tools by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ToolPolicy {
    /// Only these, unless empty.
    pub allow: Vec<String>,
    /// Not these.
    pub deny: Vec<String>,
}

/// What a node may look at. In JSON: `{"retrievalScopes", "attachmentPolicy", "webPolicy"}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ContextPolicy {
    /// `organization`, `workstream`.
    pub retrieval_scopes: Vec<String>,
    /// `referenced-only`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub attachment_policy: String,
    /// `allowed`, `forbidden`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub web_policy: String,
}
