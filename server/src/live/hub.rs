//! One task that turns the store's feed into frames, once for all sockets of an organisation.

use super::{
    frames::{Frame, frame_of},
    seats::{Seat, Seats},
};
use crate::app_state::AppState;
use signalbox::id::OrganizationId;
use tokio::sync::broadcast::{self, error::RecvError};

/// Frames that a socket may be behind before it must read from the store.
const QUEUE_MAX: usize = 256;

/// Where sockets listen.
#[derive(Clone)]
pub struct LiveHub {
    frames: broadcast::Sender<Frame>,
    seats: Seats,
}

impl Default for LiveHub {
    fn default() -> Self {
        Self { frames: broadcast::channel(QUEUE_MAX).0, seats: Seats::default() }
    }
}

impl LiveHub {
    /// Starts the task; it ends with the server.
    pub fn start(state: &AppState) {
        let (state, mut feed) = (state.clone(), state.store().feed_listener());
        tokio::spawn(async move {
            loop {
                let entry = tokio::select! {
                    entry = feed.next() => entry,
                    () = state.shutdown().cancelled() => return,
                };
                match entry {
                    Ok(entry) if state.live().seats.anybody(entry.organization) => {
                        let frame = frame_of(&state, &entry).await.unwrap_or_else(|error| {
                            tracing::error!(%error, "a live frame was not made");
                            Frame::unmade(&entry)
                        });
                        // Nobody listening any more is fine.
                        drop(state.live().frames.send(frame));
                    }
                    // A missing number makes the sockets read from the store.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
    }

    /// What changes from now on, in every organisation.
    pub fn subscribe(&self) -> broadcast::Receiver<Frame> {
        self.frames.subscribe()
    }

    /// How many sockets are open.
    pub fn clients(&self) -> u64 {
        self.seats.taken()
    }

    /// A seat for one more socket, or none when its owner has too many.
    pub fn seat(&self, organization: OrganizationId, owner: String) -> Option<Seat> {
        self.seats.take(organization, owner)
    }
}
