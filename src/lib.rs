//! The Signalbox domain: what a workflow is, what running it means, and the words the browser
//! and the server share.
//!
//! Deliberately absent: I/O, clocks, randomness, tokio, sqlx, axum, leptos, web_sys. Time and
//! ids come in as arguments. Everything here compiles for the host and for wasm32.
//!
//! Reading order: [`id`] → [`time`] → [`graph`] → [`expr`] → [`format`] → [`run`] → [`tool`] → [`wire`] →
//! [`client`].

pub mod client;
pub mod event_type;
pub mod expr;
pub mod format;
pub mod graph;
pub mod id;
pub mod run;
pub mod starter;
pub mod time;
pub mod tool;
pub mod wire;
