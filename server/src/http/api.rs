//! The handlers, one file a family.

pub mod accounts;
pub mod health;
pub mod members;
pub mod tokens;
mod check;
