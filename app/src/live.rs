//! The live stream `/api/live` as a context: whether it is connected, and what it says.
//!
//! A page calls [`Live::on`] to hear what happens in the organisation, and [`Live::follow_run`]
//! to get a run's events in order. Reconnecting and catching up happen here;
//! the socket itself is in `live/socket.rs`, in the browser only.

mod follow;
mod frame;
#[cfg(target_arch = "wasm32")]
mod socket;

pub use frame::{Frame, FrameKind, RunChange, RunEvents};

use follow::{Followed, Take};
use futures::channel::mpsc;
use leptos::prelude::*;
use signalbox::id::RunId;
use signalbox::wire::LiveClient;
use std::sync::Arc;

/// The state of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LiveState {
    /// Not connected yet, or again not; it will try again.
    #[default]
    Connecting,
    /// What happens shows at once.
    Live,
}

type Handler = Arc<dyn Fn(&Frame) + Send + Sync>;

#[derive(Default)]
struct Inner {
    handlers: Vec<(u64, Handler)>,
    next_handler: u64,
    followed: Followed,
    /// The organisation's feed: the last number that was seen.
    cursor: Option<u64>,
    /// To the open socket; none while there is none.
    outbox: Option<mpsc::Sender<LiveClient>>,
}

/// The stream, as a context.
#[derive(Clone, Copy)]
pub struct Live {
    state: RwSignal<LiveState>,
    inner: StoredValue<Inner>,
}

impl Live {
    /// Provides the stream; it connects when [`Live::connect`] is called.
    pub(crate) fn provide() -> Live {
        let live = Live { state: RwSignal::default(), inner: StoredValue::new(Inner::default()) };
        provide_context(live);
        live
    }

    /// Connects, and again whenever the connection breaks, until the caller's owner is gone.
    /// Does nothing on the server.
    pub(crate) fn connect(self) {
        #[cfg(target_arch = "wasm32")]
        Effect::new(move || socket::keep_connected(self));
    }

    /// The state of the connection.
    pub fn state(&self) -> Signal<LiveState> {
        self.state.into()
    }

    /// Calls `handler` with every frame until the caller's owner is gone. On
    /// [`FrameKind::Resync`] fetch anew what you show.
    pub fn on(&self, handler: impl Fn(&Frame) + Send + Sync + 'static) {
        let this = *self;
        let id = self.inner.try_update_value(|inner| {
            inner.next_handler += 1;
            inner.handlers.push((inner.next_handler, Arc::new(handler)));
            inner.next_handler
        });
        on_cleanup(move || {
            this.inner.try_update_value(|inner| inner.handlers.retain(|(own, _)| Some(*own) != id));
        });
    }

    /// Follows a run from after event number `after` until the caller's owner is gone. Its events
    /// come to [`Live::on`] as [`FrameKind::RunEvents`] without a gap; a frame may begin with
    /// events that came before.
    pub fn follow_run(&self, run: RunId, after: u64) {
        let this = *self;
        self.inner.update_value(|inner| {
            inner.followed.add(run, after);
            inner.say(LiveClient::FollowRun { run, after });
        });
        on_cleanup(move || {
            this.inner.try_update_value(|inner| {
                if inner.followed.remove(run) {
                    inner.say(LiveClient::UnfollowRun { run });
                }
            });
        });
    }

    /// Takes a frame from the socket: keeps numbers, then hands it to the handlers.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    fn receive(&self, mut frame: Frame) {
        let handlers = self.inner.try_update_value(|inner| {
            // Before the first connection the page was drawn from what was fetched earlier; what happened in
            // between has no number that it could ask after.
            if frame.kind == FrameKind::Hello && inner.cursor.is_none() {
                frame.kind = FrameKind::Resync;
            }
            if let Some(cursor) = frame.cursor {
                inner.cursor = Some(cursor);
            }
            if frame.kind == FrameKind::RunEvents && !inner.goes_on(&frame) {
                return Vec::new();
            }
            // Cloned, so that a handler may call `on` or `follow_run` itself.
            inner.handlers.iter().map(|(_, handler)| handler.clone()).collect()
        });
        for handler in handlers.unwrap_or_default() {
            handler(&frame);
        }
    }
}

impl Inner {
    /// Whether a frame's events follow what was seen; asks for what is missing.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    fn goes_on(&mut self, frame: &Frame) -> bool {
        let Some(numbers) = frame.event_numbers() else { return false };
        let Some((first, newest)) = numbers.ends() else { return false };
        match self.followed.take(numbers.run, first, newest) {
            Take::Use => true,
            Take::Ignore => false,
            Take::Ask { after } => {
                self.say(LiveClient::FollowRun { run: numbers.run, after });
                false
            }
        }
    }

    /// Says something if there is a socket. What is lost in a full or broken one is said again
    /// when the next opens.
    fn say(&mut self, frame: LiveClient) {
        if let Some(outbox) = &mut self.outbox {
            let _ = outbox.try_send(frame);
        }
    }

    /// What a fresh connection says first.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    fn greeting(&self) -> Vec<LiveClient> {
        let mut frames = vec![LiveClient::Follow { after: self.cursor }];
        frames.extend(self.followed.all());
        frames
    }
}

/// The live stream of this application; one that never connects where there is none.
pub fn use_live() -> Live {
    use_context().unwrap_or_else(Live::provide)
}
