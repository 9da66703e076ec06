//! The edges: one path each, in one SVG under the world's transform. The arrow is part of the path.

use crate::canvas::model::curve::Curve;
use crate::canvas::state::{Canvas, EdgeMark, EdgeSignals};
use leptos::prelude::*;

#[component]
pub(super) fn Edges(canvas: Canvas, hover_edge: RwSignal<Option<String>>) -> impl IntoView {
    let hovered = move || {
        let edge = hover_edge.get().and_then(|id| canvas.edge(&id))?;
        let path = edge.curve().path();
        Some(view! { <path class="edge" data-hover="" d=path></path> })
    };
    let wire = move || {
        let wire = canvas.wire.get()?;
        let path = Curve::between(wire.from, wire.to).path();
        let refused = wire.reason.is_some().then_some("");
        Some(view! { <path class="edge edge-wire" data-refused=refused d=path></path> })
    };
    view! {
        <svg class="canvas-edges" aria-hidden="true">
            <For each=move || canvas.edge_list.get() key=|edge| edge.stamp let(edge)>
                <EdgeView edge=edge />
            </For>
            {hovered}
            {wire}
        </svg>
    }
}

#[component]
fn EdgeView(edge: EdgeSignals) -> impl IntoView {
    let id = edge.edge.id.clone();
    let line = edge.clone();
    let stale = {
        let edge = edge.clone();
        Memo::new(move |_| edge.is_stale())
    };
    let EdgeSignals { selected, mark, culled, .. } = edge;
    let word = move || match mark.get() {
        EdgeMark::Plain => None,
        EdgeMark::Taken => Some("taken"),
        EdgeMark::Moving => Some("moving"),
        EdgeMark::Dead => Some("dead"),
    };
    view! {
        <path
            class="edge"
            data-edge=id
            data-mark=word
            data-selected=move || selected.get().then_some("")
            data-stale=move || stale.get().then_some("")
            style:display=move || culled.get().then_some("none")
            d=move || line.curve().path()
        ></path>
    }
}
