//! The Signalbox server.

pub mod store;
