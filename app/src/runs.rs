//! Parts of the run page: the canvas coloured by what the run did, and doing its steps again.

mod again;
mod graph;

pub use again::{Again, AgainDialogs};
pub use graph::RunGraph;
