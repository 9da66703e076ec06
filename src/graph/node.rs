//! Nodes: one step of a workflow.

use super::{Contract, NodeKind, Policy};
use crate::id::NodeId;
use serde::{Deserialize, Serialize};

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Node {
    /// Unique within the graph; expressions name it (`steps.<id>.output`).
    pub id: NodeId,
    /// What people read on the canvas. Empty means the id is shown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Longer words for the side panel.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What it does, and its settings.
    pub kind: NodeKind,
    /// Where it stands on the canvas, in canvas units (one unit is a CSS pixel at zoom 1).
    #[serde(default)]
    pub position: Position,
    /// How it is run.
    #[serde(default, skip_serializing_if = "Policy::is_default")]
    pub policy: Policy,
    /// What it must be given, must deliver and may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
}

impl Node {
    /// A node without label or policy at the origin.
    pub fn new(id: impl Into<NodeId>, kind: NodeKind) -> Self {
        Self {
            id: id.into(),
            label: String::new(),
            description: String::new(),
            kind,
            position: Position::default(),
            policy: Policy::default(),
            contract: None,
        }
    }

    /// What people call it: the label, or else the id.
    pub fn title(&self) -> &str {
        if self.label.is_empty() { self.id.as_str() } else { &self.label }
    }
}

/// A point on the canvas: the node's upper left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Position {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}
