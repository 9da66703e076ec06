//! The version's graph, each node with its state in this run.

use crate::canvas::{Canvas, CanvasView, NodeOverlay, model::Selection};
use crate::timeline::RunFold;
use leptos::prelude::*;
use signalbox::graph::Graph;
use signalbox::id::NodeId;
use signalbox::run::{ActivationState, EdgeState, RunState};
use std::collections::{BTreeMap, BTreeSet};

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
    let canvas = Canvas::new(graph.get_value(), true);
    let stands = fold.with_untracked(|fold| {
        fold.state.living().next().map(|(_, activation)| activation.node.clone())
    });
    if let Some(node) = stands {
        canvas.open_at(node);
    }
    let painting = StoredValue::new(false);
    // However many events arrive, it is painted once a frame.
    Effect::new(move |_| {
        fold.track();
        if painting.get_value() {
            return;
        }
        painting.set_value(true);
        request_animation_frame(move || {
            if painting.try_set_value(false).is_none()
                && let Some((overlays, taken, dead)) =
                    fold.try_with_untracked(|fold| shown(&fold.state))
            {
                canvas.show_run(&overlays, &taken, &dead);
            }
        });
    });
    Effect::new(move |_| {
        let chosen = canvas.selection.with(|selection| selection.single().cloned());
        if node.get_untracked() != chosen {
            node.set(chosen);
        }
    });
    Effect::new(move |_| {
        let wanted = node.get();
        if canvas.selection.with_untracked(|selection| selection.single().cloned()) != wanted {
            match wanted {
                Some(id) => canvas.go_to(&id),
                None => canvas.select(Selection::default()),
            }
        }
    });
    view! { <CanvasView canvas=canvas label="The run's steps" /> }
}

/// Where each node is and which edges were taken or not, in any frame.
fn shown(state: &RunState) -> (BTreeMap<NodeId, NodeOverlay>, BTreeSet<String>, BTreeSet<String>) {
    let mut overlays: BTreeMap<NodeId, NodeOverlay> = BTreeMap::new();
    for activation in state.activations.values() {
        let note = activation.error.as_ref().map(|error| error.message.clone()).unwrap_or_default();
        let overlay = overlays.entry(activation.node.clone());
        overlay
            .and_modify(|overlay| {
                // Of several turns the one that is still alive says more than one that is over.
                if !activation.state.is_terminal() || overlay.state.is_terminal() {
                    overlay.state = activation.state;
                    overlay.note.clone_from(&note);
                }
                overlay.turns += 1;
            })
            .or_insert(NodeOverlay { state: activation.state, note, turns: 1 });
    }
    overlays.retain(|_, overlay| overlay.state != ActivationState::Pending);
    let (mut taken, mut dead) = (BTreeSet::new(), BTreeSet::new());
    for (edge, became) in state.frames.values().flat_map(|frame| &frame.edges) {
        match became {
            EdgeState::Taken => taken.insert(edge.clone()),
            EdgeState::Dead => dead.insert(edge.clone()),
        };
    }
    (overlays, taken, dead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use signalbox::id::RunId;
    use signalbox::run::{Activation, ActivationId, Frame, FrameId};

    fn activation(node: &str, state: ActivationState) -> Activation {
        serde_json::from_value(json!({
            "node": node, "frame": 0, "state": state, "attempt": 1, "call": null, "approval": null, "message": null,
            "timer": null, "awaited_event": null, "port": null, "output": null, "error": null,
            "started_at": "2026-01-01T00:00:00Z", "ended_at": null,
        }))
        .expect("an activation")
    }

    #[test]
    fn a_turn_that_is_alive_shows_before_one_that_is_over() {
        let mut state = RunState::new(RunId(uuid::Uuid::nil()));
        let turns = [
            ActivationState::Completed,
            ActivationState::AwaitingHuman,
            ActivationState::Completed,
        ];
        for (number, turn) in (1..).zip(turns) {
            state.activations.insert(ActivationId(number), activation("mail", turn));
        }
        let frame = Frame {
            edges: BTreeMap::from([("e".to_owned(), EdgeState::Taken)]),
            ..Frame::default()
        };
        state.frames.insert(FrameId(7), frame);
        let (overlays, taken, dead) = shown(&state);
        let mail = &overlays[&NodeId::from("mail")];
        assert_eq!((mail.state, mail.turns), (ActivationState::AwaitingHuman, 3));
        assert!(taken.contains("e") && dead.is_empty());
    }
}
