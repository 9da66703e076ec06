//! The whole graph, small, with the part in sight. Drag or click moves the view. All nodes are one
//! path that is drawn anew when the graph changes, not while something is dragged.

use crate::canvas::model::Point;
use crate::canvas::model::geometry::{Rect, node_rect};
use crate::canvas::state::Canvas;
use leptos::{html, prelude::*};
use std::fmt::Write;
use web_sys::PointerEvent;

/// As the classes `w-42` and `h-28` make it.
const WIDTH: f64 = 168.0;
const HEIGHT: f64 = 112.0;
/// How far an arrow key moves the view, in screen pixels.
const KEY_STEP: f64 = 80.0;

/// The rectangle of the world that the minimap shows: all nodes, in the minimap's proportions.
fn frame(canvas: Canvas) -> Rect {
    let all = canvas
        .with_document(|document| crate::canvas::model::geometry::bounds(&document.graph().nodes));
    let all = all.unwrap_or(Rect { x: 0.0, y: 0.0, width: 1.0, height: 1.0 }).grown(120.0);
    let scale = (all.width / WIDTH).max(all.height / HEIGHT);
    let middle = all.centre();
    let (width, height) = (WIDTH * scale, HEIGHT * scale);
    Rect { x: middle.x - width / 2.0, y: middle.y - height / 2.0, width, height }
}

fn blocks(canvas: Canvas) -> String {
    canvas.with_document(|document| {
        let mut path = String::with_capacity(document.graph().nodes.len() * 40);
        for node in &document.graph().nodes {
            let rect = node_rect(node.position, &node.kind);
            // Writing to a string does not fail.
            let _ = write!(
                path,
                "M{:.0} {:.0}h{:.0}v{:.0}h-{:.0}z",
                rect.x, rect.y, rect.width, rect.height, rect.width
            );
        }
        path
    })
}

#[component]
pub(super) fn Minimap(canvas: Canvas) -> impl IntoView {
    let shown = Memo::new(move |_| {
        canvas.version.track();
        frame(canvas)
    });
    let path = move || {
        canvas.version.track();
        blocks(canvas)
    };
    let sight = Memo::new(move |_| {
        let size = canvas.size.get();
        canvas.viewport.with(|view| view.sight(size))
    });
    let map = NodeRef::<html::Div>::new();
    let go = move |event: &PointerEvent| {
        let Some(map) = map.get_untracked() else { return };
        let corner = map.get_bounding_client_rect();
        let frame = shown.get_untracked();
        let world = Point::new(
            frame.x + (f64::from(event.client_x()) - corner.left()) / WIDTH * frame.width,
            frame.y + (f64::from(event.client_y()) - corner.top()) / HEIGHT * frame.height,
        );
        let size = canvas.size.get_untracked();
        canvas.viewport.update(|view| *view = view.centred(world, size));
    };
    let dragging = StoredValue::new(false);
    let keys = move |event: web_sys::KeyboardEvent| {
        let by = match event.key().as_str() {
            "ArrowLeft" => Point::new(KEY_STEP, 0.0),
            "ArrowRight" => Point::new(-KEY_STEP, 0.0),
            "ArrowUp" => Point::new(0.0, KEY_STEP),
            "ArrowDown" => Point::new(0.0, -KEY_STEP),
            _ => return,
        };
        event.prevent_default();
        canvas.viewport.update(|view| *view = view.panned(by));
    };
    view! {
        <div
            node_ref=map
            class="absolute right-3 bottom-3 hidden touch-none overflow-hidden rounded border border-line \
            h-28 w-42 bg-surface-1 shadow-float md:block"
            role="img"
            aria-label="Map of the workflow. Arrow keys move the view"
            tabindex="0"
            data-testid="minimap"
            on:keydown=keys
            on:pointerdown=move |event| {
                dragging.set_value(true);
                if let Some(map) = map.get_untracked() {
                    let _ = map.set_pointer_capture(event.pointer_id());
                }
                go(&event);
            }
            on:pointermove=move |event| {
                if dragging.get_value() {
                    go(&event);
                }
            }
            on:pointerup=move |_| dragging.set_value(false)
            on:pointercancel=move |_| dragging.set_value(false)
        >
            <svg
                class="size-full"
                aria-hidden="true"
                viewBox=move || {
                    let frame = shown.get();
                    format!("{} {} {} {}", frame.x, frame.y, frame.width, frame.height)
                }
            >
                <path d=path fill="var(--line-strong)"></path>
                <rect
                    x=move || sight.get().x
                    y=move || sight.get().y
                    width=move || sight.get().width
                    height=move || sight.get().height
                    fill="var(--accent)"
                    fill-opacity="0.12"
                    stroke="var(--accent)"
                    stroke-width=move || shown.get().width / WIDTH * 1.5
                ></rect>
            </svg>
        </div>
    }
}
