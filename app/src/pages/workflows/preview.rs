//! A still picture of a graph, small: for the gallery. One path for the edges, one block a step.

use crate::canvas::model::document::Document;
use crate::canvas::model::geometry::{Rect, bounds, node_rect};
use crate::canvas::model::hit::edge_curve;
use leptos::prelude::*;
use signalbox::graph::{Graph, KindTag};

fn hue(tag: KindTag) -> &'static str {
    match tag {
        KindTag::Trigger => "var(--kind-trigger)",
        KindTag::Action | KindTag::Task | KindTag::Subworkflow => "var(--kind-action)",
        KindTag::Llm => "var(--kind-model)",
        KindTag::Condition | KindTag::Branch | KindTag::Loop | KindTag::Wait => "var(--kind-logic)",
        KindTag::Human => "var(--kind-human)",
        KindTag::End => "var(--kind-end)",
    }
}

#[component]
pub(super) fn Preview(graph: Graph) -> impl IntoView {
    let document = Document::new(graph);
    let graph = document.graph();
    let all = bounds(&graph.nodes).unwrap_or(Rect { x: 0.0, y: 0.0, width: 1.0, height: 1.0 });
    let curves = graph.edges.iter().filter_map(|edge| edge_curve(&document, edge));
    let (path, all) = curves.fold((String::new(), all), |(path, all), curve| {
        (path + &curve.path(), all.union(&curve.bounds()))
    });
    let frame = all.grown(24.0);
    let blocks = graph
        .nodes
        .iter()
        .map(|node| {
            let rect = node_rect(node.position, &node.kind);
            let title = node.title().chars().take(24).collect::<String>();
            view! {
                <g transform=format!("translate({} {})", rect.x, rect.y)>
                    <rect
                        width=rect.width
                        height=rect.height
                        rx="8"
                        fill="var(--surface-1)"
                        stroke="var(--line-strong)"
                        stroke-width="2"
                    ></rect>
                    <rect width="8" height=rect.height rx="4" fill=hue(node.kind.tag())></rect>
                    <text x="22" y=rect.height / 2.0 + 6.0 font-size="17" fill="var(--text-1)">
                        {title}
                    </text>
                </g>
            }
        })
        .collect_view();
    view! {
        <svg
            class="h-40 w-full rounded border border-line bg-surface-0"
            aria-hidden="true"
            viewBox=format!("{} {} {} {}", frame.x, frame.y, frame.width, frame.height)
        >
            <path d=path fill="none" stroke="var(--line-strong)" stroke-width="3"></path>
            {blocks}
        </svg>
    }
}
