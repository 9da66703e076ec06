//! Edges: from a node's port to a node.

use crate::id::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A connection from `(from, port)` to `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Edge {
    /// Unique within the graph. Importers make `from.port>to`.
    pub id: String,
    /// The source node.
    pub from: NodeId,
    /// The source node's port, as in [`crate::graph::NodeKind::ports`].
    pub port: String,
    /// The target node.
    pub to: NodeId,
    /// Target input field ← path in the source's output. Empty passes everything.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub map: BTreeMap<String, String>,
    /// An expression that must hold for the edge to be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

impl Edge {
    /// An edge with the id that importers use.
    pub fn new(from: impl Into<NodeId>, port: impl Into<String>, to: impl Into<NodeId>) -> Self {
        let (from, port, to) = (from.into(), port.into(), to.into());
        Self {
            id: format!("{from}.{port}>{to}"),
            from,
            port,
            to,
            map: BTreeMap::new(),
            condition: None,
        }
    }
}
