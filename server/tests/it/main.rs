//! The server's integration tests: one binary, one module an area.
#![allow(missing_docs)]

mod cli;
mod conformance;
mod engine;
mod frozen;
mod fuzz;
mod gate;
mod group_commit;
mod history;
mod http;
mod postgres;
mod races;
mod schema;
mod store;
mod support;
mod tool;
mod trigger;
