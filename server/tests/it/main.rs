//! The server's integration tests: one binary, one module an area.
#![allow(missing_docs)]

mod engine;
mod gate;
mod cli;
mod http;
mod store;
mod support;
mod tool;
