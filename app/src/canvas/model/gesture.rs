//! Gestures as a state machine: pointer in, acts out, one file per gesture. At most one gesture is
//! under way; Escape, `pointercancel` and a second finger abort it and everything is as before.
//!
//! Deliberately absent: wheel and keys, which act at once and need no state.

mod brushing;
mod connecting;
mod idle;
mod moving;
mod panning;

pub use connecting::Wire;

use super::document::Document;
use super::geometry::{Point, Rect};
use super::selection::Selection;
use super::viewport::Viewport;
use brushing::Brushing;
use connecting::Connecting;
use moving::Moving;
use panning::Panning;
use signalbox::graph::Position;
use signalbox::id::NodeId;

/// Further than this is a drag and not a click, in screen pixels, so that zoom does not change it.
pub const DRAG_PX: f64 = 4.0;

/// Which button is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Button {
    Primary,
    Middle,
    Secondary,
}

/// Keys that are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mods {
    /// Shift.
    pub shift: bool,
    /// Control, or Command.
    pub ctrl: bool,
    /// The space bar: dragging pans.
    pub space: bool,
}

/// A pointer event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pointer {
    /// Where, in screen pixels from the canvas's upper left corner.
    pub at: Point,
    /// The button that went down.
    pub button: Button,
    /// Keys that are held.
    pub mods: Mods,
    /// A finger rather than a mouse or pen.
    pub touch: bool,
}

/// What a gesture looks at.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The graph.
    pub document: &'a Document,
    /// What is in sight.
    pub view: Viewport,
    /// What is selected.
    pub selection: &'a Selection,
    /// Whether the graph may only be looked at.
    pub readonly: bool,
}

/// What a gesture wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Show another part of the world.
    View(Viewport),
    /// Select this and nothing else.
    Select(Selection),
    /// Move the keyboard's place to a node.
    Focus(NodeId),
    /// Show nodes elsewhere without changing the graph.
    Place(Vec<(NodeId, Position)>),
    /// Show these nodes where the graph has them.
    Restore(Vec<NodeId>),
    /// Move nodes, as one entry of the history.
    Move(Vec<(NodeId, Position)>),
    /// Show the marquee (world), or none.
    Brush(Option<Rect>),
    /// Show the connection that is being drawn, or none.
    Wire(Option<Wire>),
    /// Connect.
    Connect {
        /// The source.
        from: NodeId,
        /// Its port.
        port: String,
        /// The target.
        to: NodeId,
    },
    /// Offer the palette; what is chosen goes to `at` (world) and is connected from `from`.
    Palette {
        /// A node and a port to connect from.
        from: Option<(NodeId, String)>,
        /// Where the new node goes, in the world.
        at: Point,
    },
    /// Open a node's settings.
    Open(NodeId),
    /// Say it, politely.
    Say(String),
}

/// The gesture that is under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Gesture {
    /// None.
    #[default]
    Idle,
    /// Moving the view.
    Panning(Panning),
    /// Drawing a marquee.
    Brushing(Brushing),
    /// Moving nodes.
    Moving(Moving),
    /// Drawing a connection.
    Connecting(Connecting),
}

/// The next gesture and what is to be done.
type Next = (Gesture, Vec<Act>);

impl Gesture {
    /// A button or finger goes down.
    #[must_use]
    pub fn press(self, scene: &Scene<'_>, pointer: &Pointer) -> Next {
        match self {
            Self::Idle => idle::press(scene, pointer),
            Self::Connecting(connecting) => connecting.press(scene, pointer),
            // A second button or finger during a gesture aborts it.
            other => other.abort(scene),
        }
    }

    /// The pointer moves.
    #[must_use]
    pub fn drag(self, scene: &Scene<'_>, pointer: &Pointer) -> Next {
        match self {
            Self::Idle => (Self::Idle, Vec::new()),
            Self::Panning(panning) => panning.drag(pointer),
            Self::Brushing(brushing) => brushing.drag(scene, pointer),
            Self::Moving(moving) => moving.drag(scene, pointer),
            Self::Connecting(connecting) => connecting.drag(scene, pointer),
        }
    }

    /// The button or finger goes up.
    #[must_use]
    pub fn release(self, scene: &Scene<'_>, pointer: &Pointer) -> Next {
        match self {
            Self::Idle => (Self::Idle, Vec::new()),
            Self::Panning(panning) => panning.release(),
            Self::Brushing(_) => (Self::Idle, vec![Act::Brush(None)]),
            Self::Moving(moving) => moving.release(scene, pointer),
            Self::Connecting(connecting) => connecting.release(scene, pointer),
        }
    }

    /// Escape, `pointercancel`, a second finger: as if the gesture had never been.
    #[must_use]
    pub fn abort(self, _scene: &Scene<'_>) -> Next {
        let acts = match self {
            Self::Idle => Vec::new(),
            Self::Panning(panning) => panning.abort(),
            Self::Brushing(brushing) => brushing.abort(),
            Self::Moving(moving) => moving.abort(),
            Self::Connecting(_) => vec![Act::Wire(None), Act::Say("Connecting cancelled".into())],
        };
        (Self::Idle, acts)
    }

    /// Starts connecting from a port without a pointer: the next click chooses the target.
    #[must_use]
    pub fn connect_from(scene: &Scene<'_>, node: NodeId, port: String) -> Next {
        connecting::armed(scene, node, port)
    }

    /// Two clicks in one place.
    #[must_use]
    pub fn double_click(scene: &Scene<'_>, at: Point) -> Vec<Act> {
        idle::double_click(scene, at)
    }

    /// Whether the view moves along when the pointer comes to the rim.
    pub fn pans_at_rim(&self) -> bool {
        match self {
            Self::Idle | Self::Panning(_) => false,
            Self::Brushing(_) => true,
            Self::Moving(moving) => moving.is_moving(),
            Self::Connecting(connecting) => connecting.is_dragging(),
        }
    }

    /// Whether none is under way.
    pub fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }
}

#[cfg(test)]
mod tests;
