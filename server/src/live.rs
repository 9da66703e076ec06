//! The live stream: what changes in an organisation, and the events of single runs, to every
//! browser that listens, without a gap.
//!
//! The store numbers what changes (`org_feed`) and tells it after the commit. The [`hub`] makes a
//! frame of it once for all listeners. A socket that missed something reads it from the store; one
//! that missed too much is told to fetch again. Nothing is buffered without bound.
//!
//! Deliberately absent: what a frame means to a page.

mod frames;
mod hub;
mod seats;
mod socket;

pub use hub::LiveHub;
pub use socket::open;
