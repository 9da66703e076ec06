//! Whether the browser is connected to the live stream, as a context that the frame shows.

use leptos::prelude::*;

/// The state of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LiveState {
    /// Not connected yet, or again not.
    #[default]
    Connecting,
    /// What happens shows at once.
    Live,
    /// Given up until something is done.
    Offline,
}

/// The state, as a context.
#[derive(Clone, Copy)]
pub struct LiveStatus(pub RwSignal<LiveState>);

/// The state of this application's connection.
pub fn use_live_status() -> LiveStatus {
    use_context().unwrap_or_else(|| LiveStatus(RwSignal::new(LiveState::Connecting)))
}
