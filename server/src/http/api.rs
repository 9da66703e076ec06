//! The handlers, one file a family.

pub mod accounts;
mod check;
pub mod contacts;
pub mod events;
pub mod exports;
pub mod health;
mod hook_address;
mod hook_proof;
pub mod hooks;
pub mod imports;
pub mod inbound;
pub mod inbox;
pub mod labels;
pub mod members;
mod page;
pub mod run_options;
pub mod runs;
pub mod runs_again;
mod samples;
pub mod schedules;
pub mod secrets;
pub mod settings;
pub mod tasks;
pub mod templates;
pub mod tokens;
pub mod tracked;
pub mod workflows;
