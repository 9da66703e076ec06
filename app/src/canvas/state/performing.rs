//! Doing what gestures ask for.

use super::editing::Placement;
use super::{Canvas, set_if};
use crate::canvas::model::gesture::Scene;
use crate::canvas::model::viewport::rim_pan;
use crate::canvas::model::{Act, Gesture, Point, Wire, connect};
use leptos::prelude::*;
use signalbox::id::NodeId;
use std::collections::HashSet;

/// What the canvas cannot do itself.
#[derive(Clone, Copy, Default)]
pub struct Hooks {
    /// Offer the palette.
    pub palette: Option<Callback<Placement>>,
    /// Open a node's settings.
    pub open: Option<Callback<NodeId>>,
}

impl Canvas {
    /// Lets the gesture under way take a step and does what it asks for.
    pub(crate) fn gesture_step(
        &self,
        hooks: Hooks,
        step: impl FnOnce(Gesture, &Scene<'_>) -> (Gesture, Vec<Act>),
    ) {
        let Some(gesture) = self.gesture.try_update_value(std::mem::take) else { return };
        let (view, readonly) = (self.viewport.get_untracked(), self.readonly.get_untracked());
        let (gesture, acts) = self.selection.with_untracked(|selection| {
            self.with_document(|document| {
                step(gesture, &Scene { document, view, selection, readonly })
            })
        });
        self.gesture.set_value(gesture);
        for act in acts {
            self.perform(act, hooks);
        }
    }

    /// Moves the view when something is dragged at the rim. Whether it did.
    pub(crate) fn pan_at_rim(&self, at: Point) -> bool {
        if !self.gesture.with_value(Gesture::pans_at_rim) {
            return false;
        }
        let by = rim_pan(at, self.size.get_untracked());
        if by == Point::default() {
            return false;
        }
        self.viewport.update(|view| *view = view.panned(by));
        true
    }

    /// Whether a gesture is under way.
    pub fn is_busy(&self) -> bool {
        self.gesture.with_value(|gesture| !gesture.is_idle())
    }

    /// Does one thing.
    pub(crate) fn perform(&self, act: Act, hooks: Hooks) {
        match act {
            Act::View(view) => self.viewport.set(view),
            Act::Select(selection) => self.select(selection),
            Act::Focus(id) => self.focus_on(Some(id)),
            Act::Place(places) => {
                if !self.moving.get_untracked() {
                    self.moving.set(true);
                }
                for (id, position) in places {
                    if let Some(node) = self.node(&id) {
                        set_if(&node.position, position);
                    }
                }
            }
            Act::Restore(ids) => {
                self.moving.set(false);
                for id in ids {
                    let place =
                        self.with_document(|document| document.node(&id).map(|n| n.position));
                    if let (Some(node), Some(place)) = (self.node(&id), place) {
                        set_if(&node.position, place);
                    }
                }
            }
            Act::Move(places) => {
                self.moving.set(false);
                let words = match places.as_slice() {
                    [(id, _)] => format!("Move {}", self.title(id)),
                    several => format!("Move {} steps", several.len()),
                };
                self.move_nodes(&words, places);
            }
            Act::Brush(rect) => self.brush.set(rect),
            Act::Wire(wire) => self.show_wire(wire),
            Act::Connect { from, port, to } => {
                self.connect(&from, &port, &to);
            }
            Act::Palette { from, at } => {
                if let Some(palette) = hooks.palette {
                    palette.run(Placement { at: Some(at), from, on_edge: None });
                }
            }
            Act::Open(id) => {
                if let Some(open) = hooks.open {
                    open.run(id);
                }
            }
            Act::Say(words) => self.say(words),
        }
    }

    /// Shows the connection that is being drawn; what it may not lead to is dimmed once, when it
    /// begins.
    fn show_wire(&self, wire: Option<Wire>) {
        let before = self.wire.with_untracked(Option::is_some);
        if before != wire.is_some() {
            let allowed: Option<HashSet<NodeId>> = wire.as_ref().map(|wire| {
                self.with_document(|document| {
                    let targets = connect::targets(document.graph(), &wire.node, &wire.port);
                    targets.into_iter().chain([wire.node.clone()]).collect()
                })
            });
            let refused =
                |id: &NodeId| allowed.as_ref().is_some_and(|allowed| !allowed.contains(id));
            self.node_list.with_untracked(|nodes| {
                nodes.iter().for_each(|node| set_if(&node.dimmed, refused(&node.id)));
            });
        }
        let reason = |wire: &Option<Wire>| wire.as_ref().and_then(|wire| wire.reason.clone());
        let (old, new) = (self.wire.with_untracked(reason), reason(&wire));
        if let Some(words) = new.filter(|new| old.as_ref() != Some(new)) {
            self.say(words);
        }
        self.wire.set(wire);
    }
}
