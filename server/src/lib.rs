//! The Signalbox server.
