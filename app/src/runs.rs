//! Parts of the pages of runs: the canvas coloured by what a run did, its data, doing its steps again, moving it to
//! another version; and who started a run.

mod again;
mod data;
mod graph;
mod migrate;
mod origin;
mod returning;
mod turns;

pub use again::{Again, AgainDialogs, Versions};
pub use data::RunData;
pub use graph::RunGraph;
pub use migrate::MoveButton;
pub use origin::started_by;
pub use returning::retry_on_return;
