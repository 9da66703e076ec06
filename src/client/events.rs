//! Calls about events.

use super::{Answer, Client};
use crate::wire::{EventSend, EventSent};

impl Client {
    /// `POST /api/events`. An `id` of the sender's makes it safe to send again.
    pub async fn event_send(&self, body: &EventSend) -> Answer<EventSent> {
        self.post("/api/events".to_owned(), body).await
    }
}
