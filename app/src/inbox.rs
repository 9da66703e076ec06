//! The approval inbox: the list, one item in full, deciding, undoing.
//!
//! The card shows the message exactly as it will leave; deciding names the revision that was
//! looked at, so nobody approves what they have not seen.

mod bar;
mod because;
mod board;
mod card;
mod decider;
mod diff;
mod form;
mod item;
mod keys_help;
mod list;
mod message;
mod reject;

pub use board::{Ask, Board};
pub use card::Card;
pub use keys_help::KeysList;
pub use message::Finished;
