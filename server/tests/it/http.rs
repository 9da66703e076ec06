//! The HTTP API over real sockets.

mod accounts;
mod bad_input;
mod binary;
mod client;
mod health;
mod idempotency;
mod live;
mod openapi;
mod organizations;
mod schedules;
mod secrets;
pub mod support;
mod tenancy;
mod webhooks;
mod workflows;
