//! Moving the view: drag of the background, of the middle button, or with the space bar.

use super::{Act, DRAG_PX, Gesture, Next, Pointer, Scene};
use crate::canvas::model::geometry::Point;
use crate::canvas::model::selection::Selection;
use crate::canvas::model::viewport::Viewport;

/// The view is being moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Panning {
    start: Point,
    view: Viewport,
    moved: bool,
    /// A click on the background, without a drag, selects nothing.
    clears: bool,
}

impl Panning {
    pub(super) fn new(scene: &Scene<'_>, pointer: &Pointer, clears: bool) -> Self {
        Self { start: pointer.at, view: scene.view, moved: false, clears }
    }

    pub(super) fn drag(mut self, pointer: &Pointer) -> Next {
        let by = pointer.at.minus(self.start);
        self.moved |= by.x.hypot(by.y) > DRAG_PX;
        let acts = if self.moved { vec![Act::View(self.view.panned(by))] } else { Vec::new() };
        (Gesture::Panning(self), acts)
    }

    pub(super) fn release(self) -> Next {
        let clear = self.clears && !self.moved;
        let acts = if clear { vec![Act::Select(Selection::default())] } else { Vec::new() };
        (Gesture::Idle, acts)
    }

    pub(super) fn abort(self) -> Vec<Act> {
        vec![Act::View(self.view)]
    }
}
