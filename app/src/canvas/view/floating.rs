//! What floats over the canvas at a place in it: buttons on an edge, a plus on each free way out of
//! the selected step, the reason at the pointer. Absent while nodes are dragged.

use crate::canvas::model::Point;
use crate::canvas::model::geometry::port_anchor;
use crate::canvas::state::{Canvas, Hooks, Placement};
use crate::ui::{ButtonKind, Icon, IconButton};
use leptos::prelude::*;

/// The transform that puts something from the upper left corner to a point.
fn at(point: Point) -> String {
    format!("translate({:.1}px,{:.1}px)", point.x, point.y)
}

#[component]
pub(super) fn Floating(
    canvas: Canvas,
    hooks: Hooks,
    hover_edge: RwSignal<Option<String>>,
) -> impl IntoView {
    let quiet = Memo::new(move |_| {
        canvas.moving.get() || canvas.wire.with(Option::is_some) || canvas.readonly.get()
    });
    // The edge that is pointed at, else the one that is selected.
    let edge = Memo::new(move |_| {
        if quiet.get() {
            return None;
        }
        hover_edge.get().or_else(|| {
            canvas.selection.with(|chosen| {
                (chosen.edges.len() == 1 && chosen.nodes.is_empty())
                    .then(|| chosen.edges.first().cloned())
                    .flatten()
            })
        })
    });
    let single = Memo::new(move |_| {
        // Smaller than this they would lie over each other.
        let small = canvas.viewport.with(|view| view.zoom < 0.8);
        if quiet.get() || small {
            None
        } else {
            canvas.selection.with(|chosen| chosen.single().cloned())
        }
    });
    view! {
        {move || edge.get().map(|id| view! { <EdgeButtons canvas=canvas hooks=hooks id=id /> })}
        {move || {
            canvas.version.track();
            single.get().map(|id| view! { <FreePorts canvas=canvas hooks=hooks id=id /> })
        }}
        <Reason canvas=canvas />
    }
}

/// Plus and delete, in the middle of an edge.
#[component]
fn EdgeButtons(canvas: Canvas, hooks: Hooks, id: String) -> impl IntoView {
    let edge = canvas.edge(&id)?;
    let (from, to) = (canvas.title(&edge.edge.from), canvas.title(&edge.edge.to));
    let place = move || {
        let middle = edge.curve().middle();
        at(canvas.viewport.with(|view| view.to_screen(middle)))
    };
    let (insert, remove) = (id.clone(), id);
    Some(view! {
        <div
            class="absolute top-0 left-0 flex -translate-x-1/2 -translate-y-1/2 rounded border border-line bg-surface-1 shadow-float"
            style:transform=place
        >
            {hooks
                .palette
                .map(|palette| {
                    let add = move |_| {
                        let on_edge = Some(insert.clone());
                        palette.run(Placement { at: None, from: None, on_edge });
                    };
                    view! {
                        <IconButton
                            icon=Icon::Plus
                            label=format!("Add a step between {from} and {to}")
                            on_click=add
                        />
                    }
                })}
            <IconButton
                icon=Icon::Trash
                kind=ButtonKind::Quiet
                label="Remove the connection"
                on_click=move |_| canvas.disconnect(&remove)
            />
        </div>
    })
}

/// A plus on each way out that leads nowhere.
#[component]
fn FreePorts(canvas: Canvas, hooks: Hooks, id: signalbox::id::NodeId) -> impl IntoView {
    let node = canvas.with_document(|document| document.node(&id).cloned())?;
    let palette = hooks.palette?;
    let free: Vec<String> = canvas.with_document(|document| {
        let used = |port: &str| document.graph().edges_from(&id).any(|edge| edge.port == port);
        let ports = node.kind.ports().into_iter().filter(|port| !used(port));
        ports.map(str::to_owned).collect()
    });
    let button = move |port: String| {
        let anchor = port_anchor(node.position, &node.kind, &port);
        let place = move || {
            let screen = canvas.viewport.with(|view| view.to_screen(anchor));
            // Beyond the port's name, which grows with the picture.
            let beyond = canvas.viewport.with(|view| 48.0 * view.zoom) + 10.0;
            at(Point::new(screen.x + beyond, screen.y))
        };
        let label = format!("Add a step after {}, port {port}", node.title());
        let from = Some((id.clone(), port));
        view! {
            <button
                type="button"
                class="absolute top-0 left-0 flex size-6 -translate-x-1/2 -translate-y-1/2 items-center justify-center rounded \
                border border-line bg-surface-1 text-text-2 shadow-float hover:bg-surface-2"
                style:transform=place
                title=label.clone()
                aria-label=label
                on:click=move |_| {
                    palette.run(Placement { at: None, from: from.clone(), on_edge: None });
                }
            >
                <crate::ui::Glyph icon=Icon::Plus class="size-3.5" />
            </button>
        }
    };
    Some(free.into_iter().map(button).collect_view())
}

/// Why the step under the pointer cannot be connected to.
#[component]
fn Reason(canvas: Canvas) -> impl IntoView {
    move || {
        let wire = canvas.wire.get()?;
        let reason = wire.reason?;
        let screen = canvas.viewport.with(|view| view.to_screen(wire.to));
        Some(view! {
            <p
                class="pointer-events-none absolute top-0 left-0 max-w-72 rounded border border-stop bg-surface-1 px-2 py-1 \
                text-sm text-stop shadow-float"
                style:transform=at(Point::new(screen.x + 14.0, screen.y + 14.0))
                data-testid="connect-reason"
            >
                {reason}
            </p>
        })
    }
}
