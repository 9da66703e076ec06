//! From an entry of the feed to the frame that the browser gets.

use crate::{
    app_state::AppState,
    http::views,
    store::{FeedEntry, StoreError, StoreResult},
};
use axum::extract::ws::Utf8Bytes;
use signalbox::{
    id::{ApprovalId, OrganizationId, RunId},
    wire::{LiveServer, Permission},
};

/// An entry of the feed on its way to the sockets.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Whose.
    pub organization: OrganizationId,
    /// The entry's number.
    pub number: u64,
    /// The run that went on, if one did.
    pub run: Option<RunId>,
    /// What followers of the organisation get, and the permission it takes. None for entries that
    /// only count.
    pub text: Option<(Permission, Utf8Bytes)>,
    /// It could not be made now: who follows reads what there is from the store.
    pub unmade: bool,
}

impl Frame {
    /// Of an entry that could not be read up on.
    pub fn unmade(entry: &FeedEntry) -> Self {
        Self { unmade: true, ..Self::with(entry, None) }
    }

    fn with(entry: &FeedEntry, text: Option<(Permission, Utf8Bytes)>) -> Self {
        Self {
            organization: entry.organization,
            number: u64::try_from(entry.number).unwrap_or(0),
            run: (entry.topic == "run").then_some(RunId(entry.resource)),
            text,
            unmade: false,
        }
    }
}

/// The frame of an entry, showing things as they are now.
pub async fn frame_of(state: &AppState, entry: &FeedEntry) -> StoreResult<Frame> {
    let number = u64::try_from(entry.number).unwrap_or(0);
    let made = match entry.topic.as_ref() {
        "run" => run_frame(state, entry, number).await,
        "approval" => approval_frame(state, entry, number).await,
        "outbound" => {
            let frame = LiveServer::OutboundChanged { cursor: number };
            Ok(Some((Permission::InboxApprovalRead, frame)))
        }
        _ => Ok(None),
    };
    let frame = match made {
        Err(error @ StoreError::Corrupt { .. }) => {
            // The next time it would be no other: it only counts.
            tracing::error!(%error, "what changed cannot be shown");
            None
        }
        made => made?,
    };
    let text = frame.and_then(|(permission, frame)| Some((permission, text_of(&frame)?)));
    Ok(Frame::with(entry, text))
}

/// A frame as text.
pub fn text_of(frame: &LiveServer) -> Option<Utf8Bytes> {
    match serde_json::to_string(frame) {
        Ok(text) => Some(text.into()),
        Err(error) => {
            tracing::error!(%error, "a frame of the live stream cannot be written");
            None
        }
    }
}

type Made = Option<(Permission, LiveServer)>;

async fn run_frame(state: &AppState, entry: &FeedEntry, cursor: u64) -> StoreResult<Made> {
    let (organization, run) = (entry.organization, RunId(entry.resource));
    let mut view = match views::run_view(state.store(), organization, run).await {
        Ok(view) => view,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    views::add_title(state, organization, &mut view).await;
    let created = entry.payload.get("created").and_then(serde_json::Value::as_bool);
    let frame = if created == Some(true) {
        LiveServer::PlanCreated { cursor, run: Box::new(view) }
    } else {
        LiveServer::PlanStateChanged {
            cursor,
            run,
            status: view.status,
            seq: view.seq,
            step: view.current_title.or(view.current_node),
            at: Some(view.updated_at),
        }
    };
    Ok(Some((Permission::PlanInstanceRead, frame)))
}

async fn approval_frame(state: &AppState, entry: &FeedEntry, cursor: u64) -> StoreResult<Made> {
    let (organization, approval) = (entry.organization, ApprovalId(entry.resource));
    let frame = match views::approval_view(state, organization, approval).await? {
        Some(view) => LiveServer::ApprovalChanged { cursor, approval: Box::new(view) },
        None => LiveServer::ApprovalGone { cursor, approval },
    };
    Ok(Some((Permission::InboxApprovalRead, frame)))
}
