//! Drawing a connection: drag from a port to a node, or click the port and then the node. Over a
//! node that is not allowed the reason shows; over nothing the palette opens.

use super::{Act, DRAG_PX, Gesture, Next, Pointer, Scene};
use crate::canvas::model::connect;
use crate::canvas::model::geometry::{Point, input_anchor, port_anchor};
use crate::canvas::model::hit::Hit;
use signalbox::id::NodeId;

/// The connection that is being drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Wire {
    /// The source.
    pub node: NodeId,
    /// Its port.
    pub port: String,
    /// Where it starts, in the world.
    pub from: Point,
    /// Where it ends, in the world: the pointer, or the way in of an allowed target.
    pub to: Point,
    /// The node under the pointer.
    pub target: Option<NodeId>,
    /// Why that node is not allowed.
    pub reason: Option<String>,
}

/// A connection is being drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Connecting {
    node: NodeId,
    port: String,
    start: Point,
    /// The pointer has left the port.
    moved: bool,
    /// The port was clicked: the next click chooses the target.
    armed: bool,
}

/// Connecting by clicks, from the start.
pub(super) fn armed(scene: &Scene<'_>, node: NodeId, port: String) -> Next {
    let anchor =
        scene.document.node(&node).map(|node| port_anchor(node.position, &node.kind, &port));
    let start = scene.view.to_screen(anchor.unwrap_or_default());
    let mut connecting = Connecting::new(scene, start, node, port);
    connecting.armed = true;
    let wire = connecting.wire(scene, start);
    (Gesture::Connecting(connecting), vec![Act::Wire(Some(wire)), say_armed()])
}

fn say_armed() -> Act {
    Act::Say("Choose the step it leads to. Escape cancels".into())
}

impl Connecting {
    pub(super) fn new(_scene: &Scene<'_>, at: Point, node: NodeId, port: String) -> Self {
        Self { node, port, start: at, moved: false, armed: false }
    }

    pub(super) fn is_dragging(&self) -> bool {
        self.moved && !self.armed
    }

    pub(super) fn wire(&self, scene: &Scene<'_>, at: Point) -> Wire {
        let source = scene.document.node(&self.node);
        let from = source.map(|node| port_anchor(node.position, &node.kind, &self.port));
        let mut wire = Wire {
            node: self.node.clone(),
            port: self.port.clone(),
            from: from.unwrap_or_default(),
            to: scene.view.to_world(at),
            target: None,
            reason: None,
        };
        let hit = Hit::at(scene.document, &scene.view, at);
        // Over its own port nothing is meant yet.
        let own = matches!(&hit, Hit::Port { node, .. } if *node == self.node);
        if let Some(target) = hit.node().filter(|_| !own) {
            match connect::allowed(scene.document.graph(), &self.node, &self.port, target) {
                Ok(()) => {
                    let target = scene.document.node(target);
                    wire.to =
                        target.map_or(wire.to, |node| input_anchor(node.position, &node.kind));
                }
                Err(refusal) => wire.reason = Some(refusal.to_string()),
            }
            wire.target = Some(target.clone());
        }
        wire
    }

    pub(super) fn drag(mut self, scene: &Scene<'_>, pointer: &Pointer) -> Next {
        self.moved |= pointer.at.distance(self.start) > DRAG_PX;
        let wire = self.wire(scene, pointer.at);
        (Gesture::Connecting(self), vec![Act::Wire(Some(wire))])
    }

    pub(super) fn release(mut self, scene: &Scene<'_>, pointer: &Pointer) -> Next {
        if self.armed {
            return (Gesture::Connecting(self), Vec::new());
        }
        self.moved |= pointer.at.distance(self.start) > DRAG_PX;
        if !self.moved {
            self.armed = true;
            return (Gesture::Connecting(self), vec![say_armed()]);
        }
        self.finish(scene, pointer)
    }

    pub(super) fn press(self, scene: &Scene<'_>, pointer: &Pointer) -> Next {
        // While dragging, a second finger aborts; after a click on the port, this is the target.
        if self.armed {
            self.finish(scene, pointer)
        } else {
            Gesture::Connecting(self).abort(scene)
        }
    }

    fn finish(self, scene: &Scene<'_>, pointer: &Pointer) -> Next {
        let wire = self.wire(scene, pointer.at);
        let mut acts = vec![Act::Wire(None)];
        match (wire.target, wire.reason) {
            (_, Some(reason)) => acts.push(Act::Say(format!("Not connected. {reason}"))),
            (Some(to), None) => acts.push(Act::Connect { from: self.node, port: self.port, to }),
            (None, None) => match Hit::at(scene.document, &scene.view, pointer.at) {
                Hit::Background | Hit::Edge(_) => acts.push(Act::Palette {
                    from: Some((self.node, self.port)),
                    at: scene.view.to_world(pointer.at),
                }),
                _ => acts.push(Act::Say("Connecting cancelled".into())),
            },
        }
        (Gesture::Idle, acts)
    }
}
