//! Drawing a marquee with Shift. From left to right it selects what it covers, from right to left
//! what it touches; what was selected before stays selected.

use super::{Act, Gesture, Next, Pointer, Scene};
use crate::canvas::model::geometry::{Point, Rect};
use crate::canvas::model::hit::brushed;
use crate::canvas::model::selection::Selection;

/// A marquee is being drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Brushing {
    start: Point,
    before: Selection,
}

impl Brushing {
    pub(super) fn new(scene: &Scene<'_>, pointer: &Pointer) -> Self {
        Self { start: scene.view.to_world(pointer.at), before: scene.selection.clone() }
    }

    pub(super) fn drag(self, scene: &Scene<'_>, pointer: &Pointer) -> Next {
        let here = scene.view.to_world(pointer.at);
        let marquee = Rect::spanning(self.start, here);
        let caught = brushed(scene.document, &marquee, here.x >= self.start.x);
        let selection = self.before.clone().joined(Selection::nodes(caught));
        let mut acts = vec![Act::Brush(Some(marquee))];
        if selection != *scene.selection {
            acts.push(Act::Select(selection));
        }
        (Gesture::Brushing(self), acts)
    }

    pub(super) fn abort(self) -> Vec<Act> {
        vec![Act::Brush(None), Act::Select(self.before)]
    }
}
