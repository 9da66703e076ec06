//! The HTTP API over real sockets.

mod accounts;
mod bad_input;
mod binary;
mod client;
mod live;
mod openapi;
mod schedules;
pub mod support;
mod tenancy;
mod workflows;
