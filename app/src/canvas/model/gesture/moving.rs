//! Moving the selected nodes. They follow the pointer without the graph being changed; letting go
//! makes one entry of the history.

use super::{Act, DRAG_PX, Gesture, Next, Pointer, Scene};
use crate::canvas::model::geometry::{Point, snapped};
use crate::canvas::model::selection::Selection;
use signalbox::graph::Position;
use signalbox::id::NodeId;

/// Nodes are being moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Moving {
    start: Point,
    /// Where it started in the world: the view may move along meanwhile.
    origin: Point,
    /// The node under the pointer; it is the one that snaps to the grid.
    grabbed: NodeId,
    /// The nodes and where they were.
    from: Vec<(NodeId, Position)>,
    before: Selection,
    moved: bool,
    toggling: bool,
}

impl Moving {
    pub(super) fn new(
        scene: &Scene<'_>,
        pointer: &Pointer,
        grabbed: NodeId,
        selection: Selection,
        toggling: bool,
    ) -> Self {
        let place = |id: &NodeId| Some((id.clone(), scene.document.node(id)?.position));
        Self {
            start: pointer.at,
            origin: scene.view.to_world(pointer.at),
            grabbed,
            from: selection.nodes.iter().filter_map(place).collect(),
            before: scene.selection.clone(),
            moved: false,
            toggling,
        }
    }

    fn places(&self, scene: &Scene<'_>, pointer: &Pointer) -> Vec<(NodeId, Position)> {
        let by = scene.view.to_world(pointer.at).minus(self.origin);
        let grabbed = self.from.iter().find(|(id, _)| *id == self.grabbed);
        let origin = grabbed.map_or(Point::default(), |(_, position)| Point::from(*position));
        let by = snapped(origin.plus(by)).minus(origin);
        let moved = |(id, position): &(NodeId, Position)| {
            (id.clone(), Position::from(Point::from(*position).plus(by)))
        };
        self.from.iter().map(moved).collect()
    }

    pub(super) fn is_moving(&self) -> bool {
        self.moved
    }

    pub(super) fn drag(mut self, scene: &Scene<'_>, pointer: &Pointer) -> Next {
        self.moved |= pointer.at.distance(self.start) > DRAG_PX;
        let acts =
            if self.moved { vec![Act::Place(self.places(scene, pointer))] } else { Vec::new() };
        (Gesture::Moving(self), acts)
    }

    pub(super) fn release(self, scene: &Scene<'_>, pointer: &Pointer) -> Next {
        if self.moved {
            let places = self.places(scene, pointer);
            let same = places.iter().zip(&self.from).all(|(new, old)| new == old);
            let act = if same { Act::Restore(ids(&self.from)) } else { Act::Move(places) };
            return (Gesture::Idle, vec![act]);
        }
        // A plain click on one of several selected nodes selects it alone.
        let alone = !self.toggling && scene.selection.single() != Some(&self.grabbed);
        let acts =
            if alone { vec![Act::Select(Selection::node(self.grabbed))] } else { Vec::new() };
        (Gesture::Idle, acts)
    }

    pub(super) fn abort(self) -> Vec<Act> {
        vec![Act::Restore(ids(&self.from)), Act::Select(self.before)]
    }
}

fn ids(places: &[(NodeId, Position)]) -> Vec<NodeId> {
    places.iter().map(|(id, _)| id.clone()).collect()
}
