//! The Signalbox server.

pub mod app_state;
pub mod auth;
pub mod cli;
pub mod config;
pub mod engine;
pub mod http;
pub mod live;
pub mod maintenance;
pub mod store;
pub mod web;
