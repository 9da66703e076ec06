//! The canvas without a browser: everything here is tested on the host.
//!
//! Screen points are CSS pixels from the canvas's upper left corner; world points are canvas units,
//! as in [`signalbox::graph::Position`]. Deliberately absent: leptos, web_sys, clocks.

pub mod clipboard;
pub mod connect;
pub mod curve;
pub mod document;
pub mod fixture;
pub mod fuzzy;
pub mod geometry;
pub mod gesture;
pub mod history;
pub mod hit;
pub mod keys;
pub mod outline;
pub mod references;
pub mod selection;
pub mod slug;
pub mod summary;
pub mod viewport;

pub use document::{Document, Touched};
pub use geometry::{Point, Rect};
pub use gesture::{Act, Button, Gesture, Mods, Pointer, Wire};
pub use hit::Hit;
pub use selection::Selection;
pub use viewport::Viewport;
