//! What events do to a state. Total: on foreign input it changes what it can and never panics.

use super::{Event, RunState};

/// Applies one event. An event that was applied already changes nothing.
pub fn apply(state: &mut RunState, event: &Event) {
    if event.seq <= state.seq {
        return;
    }
    state.seq = event.seq;
}
