//! The tool catalogue: every typed operation that touches the world, as data.
//!
//! One file a family under `tool/`. The server's registry must implement exactly these; a test
//! holds the two together. Deliberately absent: the functions themselves.

mod spec;

pub use spec::{Effect, ToolFamily, ToolSpec};
