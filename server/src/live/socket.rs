//! One socket: what it follows, what it has been sent, and when it must end.
//!
//! Everything is sent by the one task that also listens, so a slow reader holds back only itself:
//! what it misses meanwhile it is told from the store, or to fetch again.

use super::{
    frames::{Frame, frame_of, text_of},
    seats::Seat,
};
use crate::{
    app_state::AppState,
    auth::{self, Caller, Credential, Identity, Site},
    http::{failure::Failure, views},
    store::{self, StoreError},
};
use axum::{
    extract::{
        FromRequestParts, Request,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    response::Response,
};
use signalbox::{
    id::RunId,
    wire::{ErrorCode, LiveClient, LiveServer, Permission},
};
use std::{collections::HashMap, time::Duration};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

/// Entries of the feed that are replayed; past it the client fetches again.
const REPLAY_MAX: u64 = 1_000;
const REPLAY_PAGE: u32 = 200;
const EVENTS_PAGE: usize = 500;
/// Runs that one socket may follow.
const RUNS_MAX: usize = 100;
const MESSAGE_MAX: usize = 64 * 1024;
const PING_EVERY: Duration = Duration::from_secs(25);
/// Without a sign of life for so long the socket is closed.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a socket asks whether its session has run out; changes of rights wake it at once.
const CHECK_EVERY: Duration = Duration::from_secs(5);
/// What a client may say in a minute.
const SAID_MAX: u32 = 600;

/// `GET /api/live`: becomes a WebSocket.
pub async fn open(
    state: AppState,
    caller: Option<Caller>,
    request: Request,
) -> Result<Response, Failure> {
    let (mut parts, _) = request.into_parts();
    let credential = auth::identity_from_headers(&parts.headers, state.secure_cookies());
    let (Some(caller), Some(credential)) = (caller, credential) else {
        return Err(Failure::new(ErrorCode::Unauthenticated, "Sign in first."));
    };
    // Browsers open sockets to anywhere and send their cookies along.
    let person = matches!(caller.identity, Identity::Person { .. });
    if person && auth::site_of(&parts.headers, state.public_origin()) != Site::Own {
        return Err(Failure::new(ErrorCode::ForeignOrigin, "The request comes from another site."));
    }
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.map_err(|error| {
        Failure::new(ErrorCode::InvalidParameter, format!("This path speaks WebSocket: {error}"))
    })?;
    let owner = match &caller.identity {
        Identity::Person { user, .. } => format!("user {user}"),
        Identity::Token(token) => format!("token {token}"),
    };
    let Some(seat) = state.live().seat(caller.organization(), owner) else {
        let text = "Too many live connections are open for this account.";
        return Err(Failure::rate_limited(text, Duration::from_secs(5)));
    };
    Ok(upgrade
        .read_buffer_size(4 * 1024)
        .write_buffer_size(4 * 1024)
        .max_write_buffer_size(1024 * 1024)
        .max_message_size(MESSAGE_MAX)
        .max_frame_size(MESSAGE_MAX)
        .on_upgrade(move |socket| async move {
            let frames = state.live().subscribe();
            let listener = Listener {
                socket,
                state,
                caller,
                credential,
                frames,
                feed: None,
                head: None,
                runs: HashMap::new(),
                _seat: seat,
            };
            listener.serve().await;
        }))
}

struct Listener {
    socket: WebSocket,
    state: AppState,
    caller: Caller,
    credential: Credential,
    frames: broadcast::Receiver<Frame>,
    /// The last feed number that was sent, when the organisation is followed.
    feed: Option<u64>,
    /// The last feed number that the hub told, to see a gap.
    head: Option<u64>,
    /// Followed runs with the last event number that was sent.
    runs: HashMap<RunId, u64>,
    _seat: Seat,
}

/// Why a socket ends.
enum End {
    /// It is gone, or too slow to talk to.
    Gone,
    /// We close it.
    Close(u16, &'static str),
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a live connection cannot read the store");
        Self::Close(1011, "the server failed; connect again")
    }
}

type Step = Result<(), End>;

impl Listener {
    async fn serve(mut self) {
        let end = match self.run().await {
            Ok(()) | Err(End::Gone) => return,
            Err(End::Close(code, reason)) => CloseFrame { code, reason: reason.into() },
        };
        let _ = timeout(SEND_TIMEOUT, self.socket.send(Message::Close(Some(end)))).await;
    }

    async fn run(&mut self) -> Step {
        let cursor = self.feed_now().await?;
        self.say(&LiveServer::Hello { cursor }).await?;
        let mut epoch = self.state.access_epoch();
        epoch.mark_unchanged();
        let shutdown = self.state.shutdown().clone();
        let start = Instant::now();
        let mut ping = interval_at(start + PING_EVERY, PING_EVERY);
        let mut check = interval_at(start + CHECK_EVERY, CHECK_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut heard, mut said) = (Instant::now(), Said::default());
        loop {
            tokio::select! {
                message = self.socket.recv() => {
                    heard = Instant::now();
                    said.count(heard)?;
                    match message {
                        Some(Ok(message)) => self.hear(message).await?,
                        _ => return Err(End::Gone),
                    }
                }
                frame = self.frames.recv() => self.told(frame).await?,
                _ = ping.tick() => {
                    if heard.elapsed() > SILENCE_MAX {
                        return Err(End::Gone);
                    }
                    self.send(Message::Ping(Default::default())).await?;
                }
                _ = check.tick() => self.check_rights().await?,
                _ = epoch.changed() => self.check_rights().await?,
                () = shutdown.cancelled() => return Err(End::Close(1001, "the server restarts")),
            }
        }
    }

    /// The session may have ended, the role may be another one.
    async fn check_rights(&mut self) -> Step {
        let now = self.state.now();
        match auth::identify(self.state.store(), self.state.tokens(), &self.credential, now).await?
        {
            Some(caller) if caller.organization() == self.caller.organization() => {
                self.caller = caller;
                Ok(())
            }
            _ => Err(End::Close(4401, "the session is over; sign in again")),
        }
    }

    async fn hear(&mut self, message: Message) -> Step {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return self.complain("Frames are JSON text.").await,
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(End::Gone),
        };
        match serde_json::from_str(&text) {
            Ok(LiveClient::Follow { after }) => {
                let now = self.feed_now().await?;
                self.feed = Some(after.unwrap_or(now));
                self.catch_up().await
            }
            Ok(LiveClient::FollowRun { run, after }) => self.follow_run(run, after).await,
            Ok(LiveClient::UnfollowRun { run }) => {
                self.runs.remove(&run);
                Ok(())
            }
            Err(error) => {
                // It repeats what was sent, and that may be long.
                let why: String = error.to_string().chars().take(300).collect();
                self.complain(&format!("The frame was not understood: {why}.")).await
            }
        }
    }

    async fn follow_run(&mut self, run: RunId, after: u64) -> Step {
        let organization = self.caller.organization();
        if !self.caller.may(Permission::PlanInstanceRead) {
            return self.complain("The role may not see runs.").await;
        }
        if self.runs.len() >= RUNS_MAX && !self.runs.contains_key(&run) {
            return self.complain("Too many runs are followed; unfollow some.").await;
        }
        match store::run_fetch(self.state.store(), organization, run).await {
            Ok(_) => {
                self.runs.insert(run, after);
                self.send_events(run).await
            }
            Err(StoreError::NotFound { .. }) => self.complain("There is no such run.").await,
            Err(error) => Err(error.into()),
        }
    }

    /// The hub tells of a change, or that some were missed or could not be told.
    async fn told(&mut self, frame: Result<Frame, RecvError>) -> Step {
        let frame = match frame {
            Ok(frame) if frame.organization == self.caller.organization() => frame,
            Ok(_) => return Ok(()),
            Err(RecvError::Lagged(_)) => return self.refresh().await,
            Err(RecvError::Closed) => return Err(End::Close(1001, "the server restarts")),
        };
        let gap = self.head.is_some_and(|head| frame.number > head + 1);
        self.head = Some(frame.number);
        if gap || frame.unmade {
            return self.refresh().await;
        }
        if let Some(last) = self.feed {
            if frame.number == last + 1 {
                self.feed = Some(frame.number);
                self.pass_on(&frame).await?;
            } else if frame.number > last {
                self.catch_up().await?;
            }
        }
        match frame.run {
            Some(run) if self.runs.contains_key(&run) => self.send_events(run).await,
            _ => Ok(()),
        }
    }

    async fn refresh(&mut self) -> Step {
        self.catch_up().await?;
        let runs: Vec<RunId> = self.runs.keys().copied().collect();
        for run in runs {
            self.send_events(run).await?;
        }
        Ok(())
    }

    /// Sends what the feed has after the last number that was sent.
    async fn catch_up(&mut self) -> Step {
        let organization = self.caller.organization();
        let newest = self.feed_now().await?;
        if self.feed.is_some_and(|last| last > newest) {
            // A number from the future: another database than the client saw.
            return self.resync(newest).await;
        }
        loop {
            let Some(last) = self.feed else { return Ok(()) };
            // What came since is read along.
            if last >= newest {
                return Ok(());
            }
            if newest - last > REPLAY_MAX {
                return self.resync(newest).await;
            }
            let after = i64::try_from(last).unwrap_or(i64::MAX);
            let entries = self.state.store().feed_after(organization, after, REPLAY_PAGE).await?;
            let first = entries.first().and_then(|entry| u64::try_from(entry.number).ok());
            if first != Some(last + 1) {
                return self.resync(newest).await;
            }
            for entry in entries {
                let frame = frame_of(&self.state, &entry).await?;
                self.feed = Some(frame.number);
                self.pass_on(&frame).await?;
            }
        }
    }

    async fn resync(&mut self, cursor: u64) -> Step {
        self.feed = Some(cursor);
        self.say(&LiveServer::Resync { cursor }).await
    }

    async fn pass_on(&mut self, frame: &Frame) -> Step {
        match &frame.text {
            Some((permission, text)) if self.caller.may(*permission) => {
                self.send_text(text.clone()).await
            }
            _ => Ok(()),
        }
    }

    /// Sends the events of a followed run after the last that was sent.
    async fn send_events(&mut self, run: RunId) -> Step {
        let organization = self.caller.organization();
        loop {
            let Some(after) = self.runs.get(&run).copied() else { return Ok(()) };
            let store = self.state.store();
            let (events, more) =
                views::run_events(store, organization, run, after, EVENTS_PAGE).await?;
            let Some(last) = events.last().map(|event| event.seq) else { return Ok(()) };
            self.runs.insert(run, last);
            self.say(&LiveServer::PlanLogNew { run, events }).await?;
            if !more {
                return Ok(());
            }
        }
    }

    // `&mut`: a socket cannot be shared between threads, not even to look.
    async fn feed_now(&mut self) -> Result<u64, End> {
        let last = self.state.store().feed_last(self.caller.organization()).await?;
        Ok(u64::try_from(last).unwrap_or(0))
    }

    async fn complain(&mut self, message: &str) -> Step {
        self.say(&LiveServer::Error { message: message.to_owned() }).await
    }

    async fn say(&mut self, frame: &LiveServer) -> Step {
        match text_of(frame) {
            Some(text) => self.send_text(text).await,
            None => Ok(()),
        }
    }

    async fn send_text(&mut self, text: Utf8Bytes) -> Step {
        self.send(Message::Text(text)).await
    }

    async fn send(&mut self, message: Message) -> Step {
        match timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(End::Gone),
        }
    }
}

/// Counts what a client says, by the minute.
#[derive(Default)]
struct Said {
    since: Option<Instant>,
    count: u32,
}

impl Said {
    fn count(&mut self, now: Instant) -> Step {
        let over = self.since.is_none_or(|since| now - since > Duration::from_secs(60));
        if over {
            (self.since, self.count) = (Some(now), 0);
        }
        self.count += 1;
        if self.count > SAID_MAX { Err(End::Close(1008, "too many frames")) } else { Ok(()) }
    }
}
