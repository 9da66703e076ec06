//! The Signalbox server.

pub mod web;
