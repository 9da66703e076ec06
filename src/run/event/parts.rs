//! What several events are made of: edges that are decided, places among the runs of a key, what is begun anew.

use crate::run::ActivationId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What became of edges when something ended: ids of the edges that were taken and that died.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Edges {
    /// Their port was chosen and their condition holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<String>,
    /// They will never be taken in this frame.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dead: Vec<String>,
}

impl Edges {
    /// Whether nothing was decided.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.dead.is_empty()
    }
}

/// One of so many runs of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Slot {
    /// The key, rendered.
    pub key: String,
    /// So many runs at once.
    pub limit: u32,
}

/// What the start of a run computes, as a fork computed it anew.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct StartAnew {
    /// Variables that nothing but the start had set.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Value>,
    /// Its place among the runs of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
}

/// Whom to ask when nobody has decided until then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EscalationDue {
    /// When.
    pub due_at: DateTime<Utc>,
    /// A member or an address.
    pub to: String,
}

/// An activation that is begun anew under another number: its own is forgotten, and its edges are open again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Again {
    /// The activation.
    pub activation: ActivationId,
    /// Edges that are undecided again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<String>,
    /// A loop whose turns are all over: they stay, and it ends again under its own number.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_turns: bool,
}
