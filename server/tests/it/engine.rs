//! The engine on a real database file: what runs, what waits, what a crash leaves.

mod basics;
mod calls;
mod crash;
mod outside;
mod support;
mod waiting;
