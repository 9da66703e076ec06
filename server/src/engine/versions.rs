//! Compiled versions, kept in memory: bounded, two generations like the cells.

use super::{EngineError, EngineHandle, Inner};
use crate::store;
use signalbox::{
    graph::CompiledGraph,
    id::{NodeId, OrganizationId, WorkflowId},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

type Key = (OrganizationId, WorkflowId, u32);
type Generation = HashMap<Key, Arc<CompiledGraph>>;

pub(super) struct Versions {
    generation_max: usize,
    generations: Mutex<(Generation, Generation)>,
}

impl Versions {
    pub(super) fn new(versions_max: usize) -> Self {
        Self { generation_max: (versions_max / 2).max(1), generations: Mutex::default() }
    }

    fn get(&self, key: &Key) -> Option<Arc<CompiledGraph>> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(graph) = generations.0.get(key) {
            return Some(graph.clone());
        }
        let graph = generations.1.remove(key)?;
        self.insert(&mut generations, *key, graph.clone());
        Some(graph)
    }

    fn put(&self, key: Key, graph: Arc<CompiledGraph>) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        self.insert(&mut generations, key, graph);
    }

    fn insert(
        &self,
        generations: &mut (Generation, Generation),
        key: Key,
        graph: Arc<CompiledGraph>,
    ) {
        if generations.0.len() >= self.generation_max {
            generations.1 = std::mem::take(&mut generations.0);
        }
        generations.0.insert(key, graph);
    }
}

impl EngineHandle {
    /// A version, compiled; from memory when it ran not long ago.
    pub async fn version(
        &self,
        organization: OrganizationId,
        workflow: WorkflowId,
        number: u32,
    ) -> Result<Arc<CompiledGraph>, EngineError> {
        self.inner.version(organization, workflow, number).await
    }
}

impl Inner {
    /// A version, compiled. Immutable, so what was compiled once stays right.
    pub(super) async fn version(
        &self,
        organization: OrganizationId,
        workflow: WorkflowId,
        number: u32,
    ) -> Result<Arc<CompiledGraph>, EngineError> {
        let key = (organization, workflow, number);
        if let Some(graph) = self.versions.get(&key) {
            return Ok(graph);
        }
        let version = store::version_fetch(&self.store, organization, workflow, number).await?;
        let compiled = CompiledGraph::compile(version.graph, self.config.tools.as_ref())
            .map_err(EngineError::Graph)?;
        let graph = Arc::new(compiled);
        self.versions.put(key, graph.clone());
        Ok(graph)
    }
}

impl EngineHandle {
    /// The title of a step as a version has it; none where it has none, or the version cannot be read.
    pub async fn step_title(
        &self,
        organization: OrganizationId,
        workflow: WorkflowId,
        number: u32,
        node: &str,
    ) -> Option<String> {
        let version = self.inner.version(organization, workflow, number).await;
        let version = version
            .inspect_err(|error| tracing::debug!(%error, "a step's title is not known"))
            .ok()?;
        let index = version.node_index(&NodeId::from(node))?;
        let node = version.graph().nodes.get(index)?;
        (!node.label.is_empty()).then(|| node.label.clone())
    }
}
