//! The version's graph, each node with its state in this run.

use crate::timeline::RunFold;
use leptos::prelude::*;
use signalbox::graph::Graph;
use signalbox::id::NodeId;

/// The graph; choosing a node filters the timeline.
#[component]
pub fn RunGraph(
    /// The version.
    graph: StoredValue<Graph>,
    /// The run.
    fold: RwSignal<RunFold>,
    /// The chosen node.
    node: RwSignal<Option<NodeId>>,
) -> impl IntoView {
    let _ = (graph, fold, node);
    view! { <p class="p-4 text-text-3">"Graph"</p> }
}
