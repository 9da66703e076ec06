//! Events that others send.

use crate::id::{ContactId, RunId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `POST /api/events`: starts the workflows that the event triggers, and wakes the runs that wait for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EventSend {
    /// Its name, such as `order.placed`, 200 bytes at most; none of Signalbox's own events.
    pub name: String,
    /// Its particulars, 64 KiB at most. Without a `type` of its own it is given the name as one.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub payload: Map<String, Value>,
    /// Whom it is about; then only waiting runs about that contact hear of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactId>,
    /// The waiting run that it is for; then no other one hears of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The sender's own id of it, 200 characters at most; of the same name and id one is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// The answer to an event that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EventSent {
    /// Its number within the organisation.
    pub number: u64,
    /// It had been sent before; nothing happened again.
    pub duplicate: bool,
}
