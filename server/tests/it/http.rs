//! The HTTP API over real sockets.

mod accounts;
mod bad_input;
mod binary;
mod client;
mod health;
mod heard;
mod idempotency;
pub mod live;
mod openapi;
mod organizations;
mod post;
mod replies;
mod queues;
mod runs_again;
mod run_details;
mod schedules;
mod secrets;
pub mod support;
mod templates;
mod tasks;
mod tenancy;
mod webhooks;
pub mod workflows;
