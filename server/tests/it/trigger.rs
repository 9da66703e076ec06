//! What starts runs by itself: schedules in virtual time, events through the real gate, a crash at every commit.

mod crash;
mod events;
mod schedules;
mod support;
