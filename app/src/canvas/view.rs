//! Drawing the canvas and reading its events.
//!
//! Everything that is in the world hangs under one transform; gestures are read on the container
//! around it, which is not transformed. What floats (buttons on an edge, the reason at the pointer,
//! the minimap) is beside the container, so that it is neither scaled nor clipped. Places are set as
//! properties (`style:…`), never as a `style` attribute, which the page's policy forbids.

mod connect_list;
mod controls;
mod edges;
mod floating;
mod input;
mod keyboard;
mod minimap;
mod node;
mod signals;
mod watch;

pub use signals::{kind_icon, state_look};

use super::model::Rect;
use super::model::viewport::DETAIL_ZOOM;
use super::state::{Canvas, Hooks, Placement};
use connect_list::ConnectList;
use controls::Controls;
use edges::Edges;
use floating::Floating;
use input::Input;
use leptos::{html, prelude::*};
use minimap::Minimap;
use node::NodeView;
use signalbox::id::NodeId;

/// The canvas. It fills its parent, which must have a size and `position: relative`.
#[component]
pub fn CanvasView(
    /// What it shows.
    canvas: Canvas,
    /// Its name for screen readers: `Workflow Welcome`.
    #[prop(into)]
    label: Signal<String>,
    /// Offers the palette: `/`, double click, a wire let go over nothing, a plus.
    #[prop(optional, into)]
    on_palette: Option<Callback<Placement>>,
    /// Opens a step's settings: Enter, double click.
    #[prop(optional, into)]
    on_open: Option<Callback<NodeId>>,
    /// Whether there is a minimap.
    #[prop(default = true)]
    minimap: bool,
) -> impl IntoView {
    let pane = NodeRef::<html::Div>::new();
    let hooks = Hooks { palette: on_palette, open: on_open };
    let input = Input::new(canvas, hooks, pane);
    let connecting = RwSignal::new(false);
    watch::size_and_wheel(input);
    watch::cull(canvas);
    // The picture is drawn by the browser alone: a page may not carry styles of single elements.
    let awake = RwSignal::new(false);
    Effect::new(move |_| awake.set(true));
    view! {
        <div class="relative size-full overflow-hidden" data-testid="canvas">
            <div
                node_ref=pane
                class="canvas-pane"
                tabindex="0"
                role="application"
                aria-roledescription="workflow canvas"
                aria-label=move || label.get()
                aria-describedby="canvas-help"
                aria-activedescendant=move || canvas.focus.get().map(|id| node::dom_id(&id))
                data-hover=move || input.hover.get()
                data-space=move || input.space.get().then_some("")
                on:pointerdown=move |event| input.pointer_down(&event)
                on:pointermove=move |event| input.pointer_move(&event)
                on:pointerup=move |event| input.pointer_up(&event)
                on:pointercancel=move |event| input.pointer_cancel(&event)
                on:dblclick=move |event| input.double_click(&event)
                on:keydown=move |event| keyboard::key_down(input, connecting, &event)
                on:keyup=move |event| keyboard::key_up(input, &event)
                on:focus=move |_| keyboard::focus_in(input)
                on:blur=move |_| input.space.set(false)
                on:copy=move |event| keyboard::copy(canvas, &event, false)
                on:cut=move |event| keyboard::copy(canvas, &event, true)
                on:paste=move |event| keyboard::paste(canvas, &event)
            >
                {move || awake.get().then(|| view! { <World canvas=canvas input=input /> })}
            </div>
            {move || {
                awake
                    .get()
                    .then(|| view! { <Floating canvas=canvas hooks=hooks hover_edge=input.hover_edge /> })
            }}
            <Controls canvas=canvas />
            {move || (awake.get() && minimap).then(|| view! { <Minimap canvas=canvas /> })}
            <ConnectList canvas=canvas open=connecting />
            <p id="canvas-help" class="sr-only">
                "Arrow keys walk along the connections, or move what is selected. Space selects, Enter opens, \
                 slash adds a step, C connects, Delete deletes, F8 goes to the next problem. \
                 The outline lists the same steps as text."
            </p>
            <div role="status" aria-live="polite" class="sr-only" data-testid="canvas-live">
                {move || canvas.said.get()}
            </div>
        </div>
    }
}

/// What is under the transform.
#[component]
fn World(canvas: Canvas, input: Input) -> impl IntoView {
    let lod = Memo::new(move |_| canvas.viewport.with(|view| view.zoom < DETAIL_ZOOM));
    // Targets of ports grow in steps, so that zooming does not restyle every node each frame.
    let reach = Memo::new(move |_| match canvas.viewport.with(|view| view.zoom) {
        zoom if zoom >= 1.0 => "1",
        zoom if zoom >= 0.75 => "2",
        zoom if zoom >= 0.5 => "3",
        _ => "4",
    });
    view! {
        <div
            class="canvas-world"
            style:transform=move || canvas.viewport.with(|view| view.css())
            data-lod=move || lod.get().then_some("")
            data-reach=move || reach.get()
        >
            <Edges canvas=canvas hover_edge=input.hover_edge />
            <For each=move || canvas.node_list.get() key=|node| node.stamp let(node)>
                <NodeView canvas=canvas node=node lod=lod />
            </For>
            {move || canvas.brush.get().map(brush_view)}
        </div>
    }
}

/// The marquee.
fn brush_view(rect: Rect) -> impl IntoView {
    view! {
        <div
            class="canvas-brush"
            style:left=format!("{}px", rect.x)
            style:top=format!("{}px", rect.y)
            style:width=format!("{}px", rect.width)
            style:height=format!("{}px", rect.height)
        ></div>
    }
}
