//! The binary `signalbox`.
fn main() {}
