//! The Signalbox server.

pub mod app_state;
pub mod assemble;
pub mod auth;
pub mod channel;
pub mod cli;
pub mod config;
pub mod egress;
pub mod engine;
pub mod gate;
pub mod hours;
pub mod http;
pub mod live;
pub mod maintenance;
pub mod metrics;
pub mod model;
pub mod money;
pub mod private;
pub mod router;
pub mod secret;
pub mod setting;
pub mod step_hooks;
pub mod store;
pub mod telemetry;
pub mod tool;
pub mod trigger;
pub mod web;
