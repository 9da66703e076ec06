//! The WebSocket behind [`Live`]: opens it, keeps it open with growing pauses between tries.

use super::{Frame, Live, LiveState};
use futures::{
    FutureExt, SinkExt, StreamExt,
    channel::{mpsc, oneshot},
    future::{AbortHandle, Abortable},
    select_biased,
};
use gloo_net::websocket::{Message, futures::WebSocket};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// How many words may wait for the socket; more are said again on the next connection.
const OUTBOX: usize = 64;
const FIRST_PAUSE_MS: u64 = 300;
const LONGEST_PAUSE_MS: u64 = 15_000;

/// Runs until the caller's owner is gone.
pub(super) fn keep_connected(live: Live) {
    let (abort, registration) = AbortHandle::new_pair();
    on_cleanup(move || abort.abort());
    spawn_local(async move {
        // Aborted or finished, nobody waits for it.
        let _ = Abortable::new(connect_for_ever(live), registration).await;
    });
}

async fn connect_for_ever(live: Live) {
    let mut pause_ms = FIRST_PAUSE_MS;
    loop {
        if let Some(socket) = url().and_then(|url| WebSocket::open(&url).ok())
            && converse(live, socket).await
        {
            pause_ms = FIRST_PAUSE_MS;
        }
        live.inner.update_value(|inner| inner.outbox = None);
        live.state.set(LiveState::Connecting);
        // Spread, so that a restarted server is not met by everyone at once.
        pause(pause_ms + (js_sys::Math::random() * pause_ms as f64) as u64).await;
        pause_ms = (pause_ms * 2).min(LONGEST_PAUSE_MS);
    }
}

/// Talks until the connection breaks. True when the server said anything.
async fn converse(live: Live, socket: WebSocket) -> bool {
    let (mut writer, reader) = socket.split();
    let mut reader = reader.fuse();
    let (outbox, mut waiting) = mpsc::channel(OUTBOX);
    let greeting = live.inner.try_update_value(|inner| {
        inner.outbox = Some(outbox);
        inner.greeting()
    });
    let mut heard = false;
    let mut words: std::collections::VecDeque<_> = greeting.unwrap_or_default().into();
    loop {
        while let Some(word) = words.pop_front() {
            let Ok(text) = serde_json::to_string(&word) else { continue };
            if writer.send(Message::Text(text)).await.is_err() {
                return heard;
            }
        }
        select_biased! {
            came = reader.next().fuse() => match came {
                Some(Ok(Message::Text(text))) => {
                    heard = true;
                    live.state.set(LiveState::Live);
                    // A kind of frame that this page is too old to know is passed over.
                    if let Some(frame) = Frame::read(text) {
                        live.receive(frame);
                    }
                }
                Some(Ok(Message::Bytes(_))) => {}
                Some(Err(_)) | None => return heard,
            },
            word = waiting.next() => words.extend(word),
        }
    }
}

fn url() -> Option<String> {
    let location = window().location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}/api/live", location.host().ok()?))
}

async fn pause(ms: u64) {
    let (done, wait) = oneshot::channel::<()>();
    set_timeout(move || drop(done), Duration::from_millis(ms));
    // Ends when the sender is dropped.
    let _ = wait.await;
}
