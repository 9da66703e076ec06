//! The HTTP API over real sockets.

mod accounts;
mod bad_input;
mod binary;
mod client;
mod live;
mod openapi;
pub mod support;
mod tenancy;
mod workflows;
