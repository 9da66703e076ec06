//! The engine on a real database file: what runs, what waits, what a crash leaves.

mod basics;
mod calls;
mod children;
pub mod crash;
mod large;
mod looks;
mod others;
mod outside;
mod poison;
mod queues;
mod refused;
mod servers;
pub mod support;
mod waiting;
mod watch;
