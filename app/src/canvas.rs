//! The canvas: a workflow as a picture that can be edited, and that shows a run by colouring it.
//!
//! [`model`] is the pure part: geometry, gestures, history, connecting. [`state`] holds one set of
//! signals per node and per edge, so that moving one node touches that node and its edges and
//! nothing else. [`view`] draws them. Deliberately absent: the side panel, saving and publishing
//! ([`crate::editor`]), and any call of the server.
//!
//! To show a graph: make a [`Canvas`] with [`Canvas::new`] and draw a [`CanvasView`] of it. To show
//! a run on it: [`Canvas::show_run`], as often as something happens; only what changed is touched.

pub mod model;
pub mod state;
pub mod view;

pub use state::{Canvas, EdgeMark, NodeOverlay, Placement};
pub use view::CanvasView;
