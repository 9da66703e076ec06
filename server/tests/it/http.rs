//! The HTTP API over real sockets.

mod accounts;
mod bad_input;
mod binary;
mod client;
mod health;
mod heard;
mod history;
mod idempotency;
pub mod live;
mod metrics;
mod openapi;
mod organizations;
mod post;
mod queues;
mod replies;
mod run_details;
mod runs_again;
mod schedules;
mod secrets;
pub mod support;
mod tasks;
mod templates;
mod tenancy;
mod traces;
mod webhooks;
pub mod workflows;
