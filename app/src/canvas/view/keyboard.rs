//! Keys and the clipboard, while the canvas has the focus.

use super::input::Input;
use crate::canvas::model::keys::{Command, Key};
use crate::canvas::model::{Selection, Viewport, outline};
use crate::canvas::state::{Canvas, Placement};
use leptos::prelude::*;
use signalbox::id::NodeId;
use web_sys::{ClipboardEvent, KeyboardEvent};

pub(super) fn key_down(input: Input, connecting: RwSignal<bool>, event: &KeyboardEvent) {
    let name = event.key();
    let key = Key {
        name: &name,
        ctrl: event.ctrl_key() || event.meta_key(),
        shift: event.shift_key(),
        alt: event.alt_key(),
    };
    let selecting = input.canvas.selection.with_untracked(|selection| !selection.nodes.is_empty());
    let Some(command) = Command::of(key, selecting) else { return };
    event.prevent_default();
    event.stop_propagation();
    if command == Command::ToggleSelected {
        // Held, it pans; let go without a drag, it selects.
        if !event.repeat() {
            input.space.set(true);
            input.space_used.set_value(false);
        }
        return;
    }
    run(input, connecting, command);
}

pub(super) fn key_up(input: Input, event: &KeyboardEvent) {
    if event.key() != " " {
        return;
    }
    input.space.set(false);
    if input.space_used.get_value() {
        return;
    }
    let canvas = input.canvas;
    let Some(id) = canvas.focus.get_untracked() else { return };
    let selection = canvas.selection.get_untracked().toggled(&id);
    let words = if selection.nodes.contains(&id) { "selected" } else { "not selected" };
    canvas.say(format!("{} {words}", canvas.title(&id)));
    canvas.select(selection);
}

pub(super) fn focus_in(input: Input) {
    let canvas = input.canvas;
    if canvas.focus.with_untracked(Option::is_none) && !canvas.is_busy() {
        canvas.focus_on(
            canvas.with_document(|document| outline::order(document.graph()).into_iter().next()),
        );
    }
}

fn run(input: Input, connecting: RwSignal<bool>, command: Command) {
    let (canvas, hooks) = (input.canvas, input.hooks);
    match command {
        Command::Undo => canvas.undo(),
        Command::Redo => canvas.redo(),
        Command::Delete { rejoin } => canvas.delete_selection(rejoin),
        Command::SelectAll => {
            canvas.select(canvas.with_document(|document| Selection::all(document.graph())))
        }
        Command::Duplicate => canvas.duplicate(),
        Command::Zoom(factor) => canvas.zoom(factor),
        Command::FitAll => canvas.fit(),
        Command::FitSelection => canvas.fit_selection(),
        Command::ActualSize => actual_size(canvas),
        Command::Walk(step) => walk(canvas, |graph, from| outline::step(graph, from, step)),
        Command::Next => walk(canvas, |graph, from| neighbour(graph, from, 1)),
        Command::Previous => walk(canvas, |graph, from| neighbour(graph, from, -1)),
        Command::First => walk(canvas, |graph, _| outline::order(graph).into_iter().next()),
        Command::Last => walk(canvas, |graph, _| outline::order(graph).into_iter().last()),
        Command::Nudge(by) => canvas.nudge(by),
        Command::ConnectTo => {
            if !canvas.readonly.get_untracked() && canvas.focus.with_untracked(Option::is_some) {
                connecting.set(true);
            }
        }
        Command::Palette => {
            if let Some(palette) = hooks.palette.filter(|_| !canvas.readonly.get_untracked()) {
                palette.run(after_focus(canvas));
            }
        }
        Command::Open => {
            if let (Some(id), Some(open)) = (canvas.focus.get_untracked(), hooks.open) {
                canvas.select(Selection::node(id.clone()));
                open.run(id);
            }
        }
        Command::Cancel => {
            if canvas.is_busy() {
                input.abort();
            } else {
                canvas.select(Selection::default());
            }
        }
        Command::NextProblem => canvas.go_to_problem(true),
        Command::PreviousProblem => canvas.go_to_problem(false),
        Command::ToggleSelected => {}
    }
}

/// A step added by keyboard follows the one the keyboard is at, if that has a free way out.
fn after_focus(canvas: Canvas) -> Placement {
    let from = canvas.focus.get_untracked().and_then(|id| {
        let port = canvas.with_document(|document| {
            let graph = document.graph();
            let port = crate::canvas::model::connect::likely_port(graph, &id)?;
            graph.edges_from(&id).all(|edge| edge.port != port).then_some(port)
        })?;
        Some((id, port))
    });
    Placement { at: None, from, on_edge: None }
}

fn actual_size(canvas: Canvas) {
    let size = canvas.size.get_untracked();
    canvas.viewport.update(|view| {
        let middle = view.sight(size).centre();
        *view = Viewport { zoom: 1.0, ..*view }.centred(middle, size);
    });
}

fn walk(canvas: Canvas, to: impl Fn(&signalbox::graph::Graph, &NodeId) -> Option<NodeId>) {
    let from = canvas.focus.get_untracked();
    let next = canvas.with_document(|document| match &from {
        Some(from) => to(document.graph(), from),
        None => outline::order(document.graph()).into_iter().next(),
    });
    if let Some(next) = next {
        canvas.reveal(&next);
        canvas.focus_on(Some(next));
    }
}

fn neighbour(graph: &signalbox::graph::Graph, from: &NodeId, by: isize) -> Option<NodeId> {
    let order = outline::order(graph);
    let at = order.iter().position(|id| id == from)?;
    order.get(at.checked_add_signed(by)?).cloned()
}

pub(super) fn copy(canvas: Canvas, event: &ClipboardEvent, cut: bool) {
    let (Some(text), Some(data)) = (canvas.copied(), event.clipboard_data()) else { return };
    // Fails only outside a clipboard event.
    let _ = data.set_data("text/plain", &text);
    event.prevent_default();
    if cut {
        canvas.delete_selection(false);
    } else {
        canvas.say("Copied");
    }
}

pub(super) fn paste(canvas: Canvas, event: &ClipboardEvent) {
    let text = event.clipboard_data().and_then(|data| data.get_data("text/plain").ok());
    if let Some(text) = text {
        event.prevent_default();
        canvas.paste(&text, None);
    }
}
