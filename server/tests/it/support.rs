//! What several areas' tests share.

pub mod clock;
pub mod database;
pub mod folder;
pub mod proxy;
pub mod runs;
pub mod smtp_sink;
pub mod town;
pub mod web_sink;
