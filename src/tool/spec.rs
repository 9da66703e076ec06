//! What is known about a tool without running it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One typed operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ToolSpec {
    /// Canonical dotted name, such as `customer.get_by_id`.
    pub name: String,
    /// Other names it answers to, such as `customer_get`.
    pub aliases: Vec<String>,
    /// What people read: `Get customer`.
    pub label: String,
    /// One or two sentences, for people and for models.
    pub description: String,
    /// The palette's group.
    pub family: ToolFamily,
    /// What it does to the world.
    pub effect: Effect,
    /// JSON Schema of the input object. A property with `"format": "expression"` compiles as an
    /// expression over the record, `"format": "template"` is multi-line text, `"x-secret": true` is
    /// never shown.
    pub input: Value,
    /// JSON Schema of the output.
    pub output: Value,
}

/// What a tool does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Only computes on the run's own state; done inside the state machine.
    Pure,
    /// Reads; models may be granted it.
    Read,
    /// Changes our own data or an outside system.
    Write,
    /// Sends a message to a person; passes the send gate.
    Outbound,
}

/// The palette's groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ToolFamily {
    Customer,
    Email,
    Approval,
    Http,
    Utility,
    Product,
    Conversation,
    Document,
    Integration,
}
