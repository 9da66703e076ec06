//! The version's graph, each node with its state in this run.

use crate::canvas::{Canvas, CanvasView, NodeOverlay, model::Selection};
use crate::timeline::RunFold;
use leptos::prelude::*;
use signalbox::graph::Graph;
use signalbox::id::NodeId;
use signalbox::run::{
    ActivationState, EdgeState, FrameId, Items, NodeSummary, RunState, Tally, node_states,
};
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
                && let Some((overlays, taken, dead)) = fold
                    .try_with_untracked(|fold| graph.with_value(|graph| shown(graph, &fold.state)))
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
fn shown(
    graph: &Graph,
    state: &RunState,
) -> (BTreeMap<NodeId, NodeOverlay>, BTreeSet<String>, BTreeSet<String>) {
    // Turns that are over are forgotten but for their number; a step outside of loops has none, however often it was
    // done again.
    let outside = state.activations.values().filter(|activation| activation.frame == FrameId(0));
    let outside: BTreeSet<&NodeId> = outside.map(|activation| &activation.node).collect();
    let overlay = |(node, summary): (NodeId, NodeSummary)| {
        let counts = match (outside.contains(&node), summary.items) {
            (_, Some(items)) => of_items(items),
            (true, None) => String::new(),
            (false, None) => of_turns(summary.tally),
        };
        let at = if summary.state == ActivationState::Pending {
            ended_as(summary.tally)?
        } else {
            summary.state
        };
        let note = summary.error.unwrap_or_default();
        Some((node, NodeOverlay { state: at, note, counts }))
    };
    let overlays = node_states(graph, state).into_iter().filter_map(overlay).collect();
    let (mut taken, mut dead) = (BTreeSet::new(), BTreeSet::new());
    for (edge, became) in state.frames.values().flat_map(|frame| &frame.edges) {
        match became {
            EdgeState::Taken => taken.insert(edge.clone()),
            EdgeState::Dead => dead.insert(edge.clone()),
        };
    }
    (overlays, taken, dead)
}

/// `3 of 7 items`.
fn of_items(items: Items) -> String {
    let noun = if items.total == 1 { "item" } else { "items" };
    match items.done < items.total {
        true => format!("{} of {} {noun}", items.done, items.total),
        false => format!("{} {noun}", items.total),
    }
}

/// `400 done, 2 failed`.
fn of_turns(tally: Tally) -> String {
    let counts = [
        (tally.completed, "done"),
        (tally.failed, "failed"),
        (tally.bypassed, "bypassed"),
        (tally.skipped, "skipped"),
    ];
    let some: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    some.join(", ")
}

/// What a step shows of which no turn is remembered; none when it had none.
fn ended_as(tally: Tally) -> Option<ActivationState> {
    let ways = [
        (tally.failed, ActivationState::Failed),
        (tally.completed, ActivationState::Completed),
        (tally.bypassed, ActivationState::Bypassed),
        (tally.skipped, ActivationState::Skipped),
    ];
    ways.into_iter().find(|(count, _)| *count > 0).map(|(_, state)| state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use signalbox::id::RunId;
    use signalbox::run::{Activation, ActivationId, Frame};

    fn activation(node: &str, frame: u32, state: ActivationState) -> Activation {
        serde_json::from_value(json!({
            "node": node, "frame": frame, "state": state, "attempt": 1, "call": null, "approval": null, "message": null,
            "timer": null, "awaited_event": null, "port": null, "output": null, "error": null,
            "started_at": "2026-01-01T00:00:00Z", "ended_at": null,
        }))
        .expect("an activation")
    }

    fn graph(nodes: &[&str]) -> Graph {
        let node = |id: &&str| json!({ "id": id, "kind": { "type": "human", "mode": "approve" } });
        let nodes: Vec<_> = nodes.iter().map(node).collect();
        serde_json::from_value(json!({ "nodes": nodes, "edges": [] })).expect("a graph")
    }

    /// What the badge of a step says, with `at` in place of its state's word.
    fn badge(state: &RunState, node: &str) -> Option<(ActivationState, String)> {
        let (overlays, ..) = shown(&graph(&[node]), state);
        overlays.get(&NodeId::from(node)).map(|overlay| (overlay.state, overlay.words("at")))
    }

    #[test]
    fn a_turn_that_is_alive_shows_before_those_that_are_over() {
        let mut state = RunState::new(RunId(uuid::Uuid::nil()));
        let turns = [
            ActivationState::Completed,
            ActivationState::AwaitingHuman,
            ActivationState::Completed,
        ];
        for (number, turn) in (1..).zip(turns) {
            state.activations.insert(ActivationId(number), activation("mail", number, turn));
        }
        // Two that are remembered, and 398 that are not.
        let tally = Tally { completed: 400, failed: 2, ..Tally::default() };
        state.tallies.insert("mail".into(), tally);
        let frame = Frame {
            edges: BTreeMap::from([("e".to_owned(), EdgeState::Taken)]),
            ..Frame::default()
        };
        state.frames.insert(FrameId(7), frame);
        let words = "at, 400 done, 2 failed".to_owned();
        assert_eq!(badge(&state, "mail"), Some((ActivationState::AwaitingHuman, words)));
        let (_, taken, dead) = shown(&graph(&["mail"]), &state);
        assert!(taken.contains("e") && dead.is_empty());
    }

    #[test]
    fn a_step_of_which_no_turn_is_remembered_shows_its_counts() {
        let mut state = RunState::new(RunId(uuid::Uuid::nil()));
        assert_eq!(badge(&state, "rare"), None);
        state.tallies.insert("rare".into(), Tally { completed: 3, ..Tally::default() });
        let done = (ActivationState::Completed, "3 done".to_owned());
        assert_eq!(badge(&state, "rare"), Some(done));
    }

    #[test]
    fn a_step_that_was_done_again_outside_of_loops_has_no_turns() {
        let mut state = RunState::new(RunId(uuid::Uuid::nil()));
        for (number, turn) in (1..).zip([ActivationState::Failed, ActivationState::Completed]) {
            state.activations.insert(ActivationId(number), activation("call", 0, turn));
        }
        let tally = Tally { completed: 1, failed: 1, ..Tally::default() };
        state.tallies.insert("call".into(), tally);
        assert_eq!(badge(&state, "call"), Some((ActivationState::Completed, "at".to_owned())));
    }

    #[test]
    fn a_loop_says_how_many_items_are_done() {
        let items = |total, done, live| of_items(Items { total, done, live });
        assert_eq!(items(7, 3, 1), "3 of 7 items");
        assert_eq!(items(1, 1, 0), "1 item");
        assert_eq!(items(400, 400, 0), "400 items");
    }
}
