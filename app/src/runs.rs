//! The run page's graph: the canvas coloured by what the run did.

mod graph;

pub use graph::RunGraph;
