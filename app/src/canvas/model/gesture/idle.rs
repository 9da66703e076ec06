//! No gesture: what is under the pointer decides which one begins.

use super::{Act, Brushing, Button, Connecting, Gesture, Moving, Next, Panning, Pointer, Scene};
use crate::canvas::model::geometry::Point;
use crate::canvas::model::hit::Hit;
use crate::canvas::model::selection::Selection;
use signalbox::id::NodeId;

pub(super) fn press(scene: &Scene<'_>, pointer: &Pointer) -> Next {
    if pointer.button == Button::Middle || pointer.mods.space {
        return (Gesture::Panning(Panning::new(scene, pointer, false)), Vec::new());
    }
    if pointer.button == Button::Secondary {
        return (Gesture::Idle, Vec::new());
    }
    match Hit::at(scene.document, &scene.view, pointer.at) {
        Hit::Port { node, port } if !scene.readonly => {
            let connecting = Connecting::new(scene, pointer.at, node.clone(), port);
            let wire = connecting.wire(scene, pointer.at);
            (Gesture::Connecting(connecting), vec![Act::Focus(node), Act::Wire(Some(wire))])
        }
        Hit::Port { node, .. } | Hit::Input(node) | Hit::Node(node) => {
            press_node(scene, pointer, node)
        }
        Hit::Edge(id) => press_edge(scene, pointer, &id),
        Hit::Background if pointer.mods.shift && !pointer.touch => {
            (Gesture::Brushing(Brushing::new(scene, pointer)), Vec::new())
        }
        Hit::Background => (Gesture::Panning(Panning::new(scene, pointer, true)), Vec::new()),
    }
}

fn press_node(scene: &Scene<'_>, pointer: &Pointer, node: NodeId) -> Next {
    let toggling = pointer.mods.shift || pointer.mods.ctrl;
    let selection = if toggling {
        scene.selection.clone().toggled(&node)
    } else if scene.selection.nodes.contains(&node) {
        scene.selection.clone()
    } else {
        Selection::node(node.clone())
    };
    let mut acts = vec![Act::Focus(node.clone())];
    if selection != *scene.selection {
        acts.push(Act::Select(selection.clone()));
    }
    if scene.readonly {
        return (Gesture::Panning(Panning::new(scene, pointer, false)), acts);
    }
    if !selection.nodes.contains(&node) {
        return (Gesture::Idle, acts); // It was toggled out: there is nothing to move.
    }
    (Gesture::Moving(Moving::new(scene, pointer, node, selection, toggling)), acts)
}

fn press_edge(scene: &Scene<'_>, pointer: &Pointer, id: &str) -> Next {
    let selection = if pointer.mods.shift || pointer.mods.ctrl {
        scene.selection.clone().edge_toggled(id)
    } else {
        Selection::edge(id)
    };
    // Dragging from an edge pans, as from the background.
    (Gesture::Panning(Panning::new(scene, pointer, false)), vec![Act::Select(selection)])
}

pub(super) fn double_click(scene: &Scene<'_>, at: Point) -> Vec<Act> {
    match Hit::at(scene.document, &scene.view, at) {
        Hit::Node(node) | Hit::Input(node) => vec![Act::Open(node)],
        Hit::Background if !scene.readonly => {
            vec![Act::Palette { from: None, at: scene.view.to_world(at) }]
        }
        _ => Vec::new(),
    }
}
