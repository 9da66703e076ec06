//! The Signalbox server.

pub mod engine;
pub mod store;
pub mod web;
