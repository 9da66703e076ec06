//! Compiling: a graph becomes what the run state machine walks. Nodes and edges by index, loops found as
//! regions, expressions and templates parsed, tools under their canonical names.
//!
//! Deliberately absent: judging a draft (that is `check`, which lists more and never refuses).

mod tools;

pub use tools::{AnyTool, ToolNames};

use super::Graph;
use crate::id::NodeId;

/// Why a graph cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// Stable, kebab-case: `two-entries`, `unknown-tool`, `bad-expression`.
    pub code: &'static str,
    /// The node it belongs to.
    pub node: Option<NodeId>,
    /// The edge it belongs to, by id.
    pub edge: Option<String>,
    /// JSON pointer into the node: `/kind/parameters/subject`.
    pub field: Option<String>,
    /// What is wrong and what to do, in a sentence.
    pub message: String,
}

/// A graph that can run.
#[derive(Clone, Debug)]
pub struct CompiledGraph {
    graph: Graph,
}

impl CompiledGraph {
    /// Compiles a graph, or says all that is in the way.
    pub fn compile(graph: Graph, tools: &dyn ToolNames) -> Result<Self, Vec<CompileError>> {
        let _ = tools;
        Ok(Self { graph })
    }

    /// The graph it was made from.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }
}
