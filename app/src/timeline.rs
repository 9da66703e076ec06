//! A run's timeline: its events folded in the browser with the same code as the server's.

mod fold;
mod offers;
mod older;
mod other_runs;
mod rows;
mod view;

pub use fold::{RunFold, Taken};
pub use offers::can_retry;
pub use other_runs::{OtherRun, OtherRuns};
pub use view::Timeline;
