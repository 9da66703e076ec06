//! The handlers, one file a family.

pub mod accounts;
mod check;
pub mod contacts;
pub mod health;
mod hook_address;
pub mod hooks;
pub mod imports;
pub mod inbox;
pub mod members;
mod page;
pub mod runs;
mod samples;
pub mod schedules;
pub mod settings;
pub mod tokens;
pub mod workflows;
