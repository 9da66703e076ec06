//! A frame of the live stream, read as far as everybody needs it: its kind and its numbers. What
//! it carries stays text until a page that shows such things reads it, so that the code for run
//! events comes with the pages of runs only. Pure.

use chrono::{DateTime, Utc};
use serde::{Deserialize, de::DeserializeOwned};
use signalbox::id::{ApprovalId, RunId};
use signalbox::run::{Event, RunStatus};
use signalbox::wire::{ApprovalView, RunView};

/// The kinds of frame; see [`signalbox::wire::LiveServer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FrameKind {
    Hello,
    RunCreated,
    RunChanged,
    RunEvents,
    ApprovalChanged,
    ApprovalGone,
    OutboundChanged,
    Resync,
    Error,
}

impl FrameKind {
    fn of(word: &str) -> Option<FrameKind> {
        Some(match word {
            "hello" => FrameKind::Hello,
            "plan.created" => FrameKind::RunCreated,
            "plan.state.changed" => FrameKind::RunChanged,
            "plan.log.new" => FrameKind::RunEvents,
            "approval.changed" => FrameKind::ApprovalChanged,
            "approval.gone" => FrameKind::ApprovalGone,
            "outbound.changed" => FrameKind::OutboundChanged,
            "resync" => FrameKind::Resync,
            "error" => FrameKind::Error,
            _ => return None,
        })
    }
}

/// A frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What it says.
    pub kind: FrameKind,
    /// The organisation's feed after it; absent where the feed does not move.
    pub cursor: Option<u64>,
    text: String,
}

#[derive(Deserialize)]
struct Head {
    r#type: String,
    cursor: Option<u64>,
}

#[derive(Deserialize)]
struct OfApproval {
    approval: ApprovalView,
}

#[derive(Deserialize)]
struct OfApprovalId {
    approval: ApprovalId,
}

#[derive(Deserialize)]
struct OfRun {
    run: RunView,
}

/// A run's new status.
#[derive(Clone, Debug, Deserialize)]
pub struct RunChange {
    /// The run.
    pub run: RunId,
    /// Its status.
    pub status: RunStatus,
    /// Its last event.
    pub seq: u64,
    /// The title of the step it is at, or its id.
    #[serde(default)]
    pub step: Option<String>,
    /// When something happened last.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
}

/// A run's events, oldest first.
#[derive(Clone, Debug, Deserialize)]
pub struct RunEvents {
    /// The run.
    pub run: RunId,
    /// The events.
    pub events: Vec<Event>,
}

#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

/// The events' numbers alone.
#[derive(Deserialize)]
pub(super) struct EventNumbers {
    pub(super) run: RunId,
    events: Vec<Numbered>,
}

impl EventNumbers {
    /// The first and the last.
    pub(super) fn ends(&self) -> Option<(u64, u64)> {
        Some((self.events.first()?.seq, self.events.last()?.seq))
    }
}

impl Frame {
    /// Reads a frame's kind and number. None for what this page is too old to know.
    pub fn read(text: String) -> Option<Frame> {
        let head: Head = serde_json::from_str(&text).ok()?;
        Some(Frame { kind: FrameKind::of(&head.r#type)?, cursor: head.cursor, text })
    }

    fn content<T: DeserializeOwned>(&self, kind: FrameKind) -> Option<T> {
        if self.kind != kind {
            return None;
        }
        serde_json::from_str(&self.text).ok()
    }

    /// The approval that is new or changed, if that is what it says.
    pub fn approval(&self) -> Option<ApprovalView> {
        self.content(FrameKind::ApprovalChanged).map(|of: OfApproval| of.approval)
    }

    /// The approval that is gone, if that is what it says.
    pub fn approval_gone(&self) -> Option<ApprovalId> {
        self.content(FrameKind::ApprovalGone).map(|of: OfApprovalId| of.approval)
    }

    /// The run that was started, if that is what it says.
    pub fn run_created(&self) -> Option<RunView> {
        self.content(FrameKind::RunCreated).map(|of: OfRun| of.run)
    }

    /// The run that changed, if that is what it says.
    pub fn run_changed(&self) -> Option<RunChange> {
        self.content(FrameKind::RunChanged)
    }

    /// The events of a followed run, if that is what it says.
    pub fn run_events(&self) -> Option<RunEvents> {
        self.content(FrameKind::RunEvents)
    }

    /// The numbers of the events of a followed run, if that is what it says.
    pub(super) fn event_numbers(&self) -> Option<EventNumbers> {
        self.content(FrameKind::RunEvents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use signalbox::wire::LiveServer;

    fn frame(of: &LiveServer) -> Frame {
        Frame::read(serde_json::to_string(of).expect("JSON")).expect("a known frame")
    }

    fn approval(id: ApprovalId) -> ApprovalView {
        serde_json::from_value(json!({
            "id": id, "kind": "message", "state": "pending", "title": "Hello", "recipient": "",
            "excerpt": "", "run": null, "workflow": null, "revision": 1, "priority": "medium",
            "stale": false, "created_at": "2026-11-20T18:00:00Z", "expires_at": null,
            "decided_at": null, "decided_by": null, "held_until": null, "message_state": null,
        }))
        .expect("an approval")
    }

    #[test]
    fn what_the_server_says_is_read_in_two_steps() {
        let run = RunId(uuid::Uuid::from_u128(7));
        let id = ApprovalId(uuid::Uuid::from_u128(8));
        let changed =
            frame(&LiveServer::ApprovalChanged { cursor: 3, approval: Box::new(approval(id)) });
        assert_eq!((changed.kind, changed.cursor), (FrameKind::ApprovalChanged, Some(3)));
        assert_eq!(changed.approval(), Some(approval(id)));
        assert_eq!(changed.approval_gone(), None);

        let gone = frame(&LiveServer::ApprovalGone { cursor: 4, approval: id });
        assert_eq!((gone.cursor, gone.approval_gone()), (Some(4), Some(id)));

        let paused = frame(&LiveServer::OutboundChanged { cursor: 6 });
        assert_eq!((paused.kind, paused.cursor), (FrameKind::OutboundChanged, Some(6)));

        let status = RunStatus::Blocked { reason: "why".into() };
        let step = Some("Say hello".to_owned());
        let moved = LiveServer::PlanStateChanged {
            cursor: 5,
            run,
            status: status.clone(),
            seq: 9,
            step: step.clone(),
            at: DateTime::from_timestamp_millis(7),
        };
        let moved = frame(&moved).run_changed().expect("a change");
        assert_eq!((moved.run, moved.status, moved.seq, moved.step), (run, status, 9, step));
        assert_eq!(moved.at, DateTime::from_timestamp_millis(7));

        let event = |seq: u64| {
            let event = json!({"seq": seq, "at": "2026-11-20T18:00:00Z", "type": "run_started", "input": null});
            serde_json::from_value::<Event>(event).expect("an event")
        };
        let log = frame(&LiveServer::PlanLogNew { run, events: vec![event(4), event(5)] });
        assert_eq!((log.kind, log.cursor), (FrameKind::RunEvents, None));
        assert_eq!(log.event_numbers().and_then(|numbers| numbers.ends()), Some((4, 5)));
        assert_eq!(log.run_events().expect("events").events, vec![event(4), event(5)]);

        assert_eq!(frame(&LiveServer::Hello { cursor: 1 }).kind, FrameKind::Hello);
        assert_eq!(frame(&LiveServer::Resync { cursor: 2 }).cursor, Some(2));
        let error = LiveServer::Error { message: "what".into() };
        assert_eq!((frame(&error).kind, frame(&error).cursor), (FrameKind::Error, None));
        assert!(Frame::read(r#"{"type": "news"}"#.into()).is_none());
        assert!(Frame::read("{".into()).is_none());
    }
}
