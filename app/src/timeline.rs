//! A run's timeline: its events folded in the browser with the same code as the server's.

mod fold;
mod rows;
mod view;

pub use fold::{RunFold, Taken};
pub use view::Timeline;
