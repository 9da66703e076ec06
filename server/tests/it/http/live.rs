//! The live stream over real sockets.

use super::{
    support::{As, Making, Server, document},
    workflows::published,
};
use crate::support::folder::Folder;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use server::store::Store;
use signalbox::{
    client::Method,
    wire::{LiveServer, Role},
};
use sqlx::{Connection, SqliteConnection};
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
const SOON: Duration = Duration::from_secs(10);

pub async fn connect(
    server: &Server,
    headers: &[(&'static str, &str)],
) -> Result<Socket, tungstenite::Error> {
    let mut request = format!("ws://{}/api/live", server.addr).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

pub async fn with_token(server: &Server, token: &str) -> Socket {
    connect(server, &[("authorization", &format!("Bearer {token}"))]).await.unwrap()
}

fn refused(result: Result<Socket, tungstenite::Error>) -> u16 {
    match result {
        Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
        other => panic!("not refused: {other:?}"),
    }
}

/// The next frame that says something; none when the socket was closed.
pub async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        match timeout(SOON, socket.next()).await.expect("nothing came")? {
            Ok(Message::Text(text)) => {
                serde_json::from_str::<LiveServer>(&text).expect("a frame of the documented form");
                return Some(serde_json::from_str(&text).unwrap());
            }
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

pub async fn say(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
}

#[tokio::test]
async fn only_members_from_our_own_pages_connect() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let As::Browser(cookie) = server.browser(&acme.user(Role::Viewer).email).await else {
        panic!()
    };
    let own = format!("http://{}", server.addr);
    assert_eq!(refused(connect(&server, &[]).await), 401);
    assert_eq!(refused(connect(&server, &[("cookie", &cookie)]).await), 403);
    assert_eq!(
        refused(connect(&server, &[("cookie", &cookie), ("origin", "https://evil.example")]).await),
        403
    );
    let mut socket = connect(&server, &[("cookie", &cookie), ("origin", &own)]).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap()["type"], "hello");
    let plain = server.get(&acme.owner(), "/api/live").await;
    assert_eq!(plain.code(), "invalid_parameter", "{}", plain.text);
}

#[tokio::test]
async fn nonsense_is_answered_and_the_socket_stays() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let mut socket = with_token(&server, acme.token(Role::Viewer)).await;
    next(&mut socket).await.unwrap();
    for text in [
        "",
        "{",
        "[]",
        "{\"type\":\"shout\"}",
        "{\"type\":\"follow_run\",\"run\":\"x\",\"after\":0}",
    ] {
        say(&mut socket, text).await;
        assert_eq!(next(&mut socket).await.unwrap()["type"], "error", "{text}");
    }
    say(
        &mut socket,
        &format!("{{\"type\":\"follow_run\",\"run\":\"{}\",\"after\":0}}", uuid::Uuid::now_v7()),
    )
    .await;
    assert_eq!(next(&mut socket).await.unwrap()["type"], "error", "no such run");
    // A number that this feed never reached: start anew.
    say(&mut socket, "{\"type\":\"follow\",\"after\":99999}").await;
    assert_eq!(next(&mut socket).await.unwrap()["type"], "resync");
    // Larger than a frame may be: the socket ends.
    let _ = socket.send(Message::text("x".repeat(100_000))).await;
    assert!(next(&mut socket).await.is_none());
}

#[tokio::test]
async fn ended_rights_end_the_socket() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let As::Browser(cookie) = server.browser(&acme.user(Role::Editor).email).await else {
        panic!()
    };
    let own = format!("http://{}", server.addr);
    let mut browser = connect(&server, &[("cookie", &cookie), ("origin", &own)]).await.unwrap();
    let mut machine = with_token(&server, acme.token(Role::Viewer)).await;
    let mut other = with_token(&server, acme.token(Role::Approver)).await;
    for socket in [&mut browser, &mut machine, &mut other] {
        assert_eq!(next(socket).await.unwrap()["type"], "hello");
    }
    let path = format!("/api/members/{}", acme.user(Role::Editor).id);
    assert_eq!(server.raw(&acme.owner(), Method::Delete, &path, &[], None).await.status, 204);
    assert!(next(&mut browser).await.is_none(), "the member is gone");
    let tokens = server.get(&acme.owner(), "/api/tokens").await.json();
    let viewer = tokens.as_array().unwrap().iter().find(|token| token["role"] == "viewer").unwrap();
    let path = format!("/api/tokens/{}", viewer["id"].as_str().unwrap());
    assert_eq!(server.raw(&acme.owner(), Method::Delete, &path, &[], None).await.status, 204);
    assert!(next(&mut machine).await.is_none(), "the token is gone");
    say(&mut other, "{").await;
    assert_eq!(next(&mut other).await.unwrap()["type"], "error", "others stay");
}

#[tokio::test]
async fn one_account_has_at_most_twenty() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(with_token(&server, acme.token(Role::Viewer)).await);
    }
    let bearer = format!("Bearer {}", acme.token(Role::Viewer));
    assert_eq!(refused(connect(&server, &[("authorization", &bearer)]).await), 429);
    with_token(&server, acme.token(Role::Editor)).await;
    let mut gone = open.pop().unwrap();
    gone.close(None).await.unwrap();
    while next(&mut gone).await.is_some() {}
    // The place is free when the server has noticed.
    let again = async {
        loop {
            match connect(&server, &[("authorization", &bearer)]).await {
                Ok(socket) => return socket,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    timeout(SOON, again).await.expect("the seat was not given back");
}

/// Starts runs, kills the socket at every possible point, and looks at what arrived.
#[tokio::test]
async fn events_of_a_run_arrive_once_in_order_without_a_gap() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let path = published(&server, &acme, &document()).await;
    let owner = acme.owner();
    for cut in 0..8 {
        let started =
            server.post(&owner, &format!("{path}/runs"), &json!({ "input": {} })).await.json();
        let run = started["id"].as_str().unwrap().to_owned();
        let (mut last, mut seen, mut reads) = (0, Vec::new(), 0);
        let mut socket = with_token(&server, acme.token(Role::Viewer)).await;
        let follow =
            |last: u64| format!("{{\"type\":\"follow_run\",\"run\":\"{run}\",\"after\":{last}}}");
        say(&mut socket, &follow(last)).await;
        let decide = async {
            let approvals = server.get(&owner, "/api/approvals?state=pending").await.json();
            for approval in approvals["items"].as_array().unwrap() {
                let path = format!("/api/approvals/{}/decide", approval["id"].as_str().unwrap());
                server.post(&owner, &path, &json!({ "decision": "approve", "revision": 1 })).await;
            }
        };
        let read = async {
            loop {
                if reads == cut {
                    // Gone in the middle; a new one goes on from what was seen.
                    socket = with_token(&server, acme.token(Role::Viewer)).await;
                    say(&mut socket, &follow(last)).await;
                }
                reads += 1;
                let frame = next(&mut socket).await.expect("the socket ended");
                if frame["type"] != "plan.log.new" {
                    continue;
                }
                for event in frame["events"].as_array().unwrap() {
                    let seq = event["seq"].as_u64().unwrap();
                    if seq > last {
                        last = seq;
                        seen.push(seq);
                    }
                    if event["type"] == "run_ended" {
                        return;
                    }
                }
            }
        };
        server.get(&owner, &format!("/api/runs/{run}/wait?timeout_ms=20000")).await;
        futures::join!(decide, read);
        assert_eq!(seen, (1..=last).collect::<Vec<_>>(), "cut at {cut}");
        let detail = server.get(&owner, &format!("/api/runs/{run}")).await.json();
        assert_eq!(detail["run"]["seq"], last, "cut at {cut}");
    }
}

#[tokio::test]
async fn the_end_of_a_run_arrives_although_its_frame_could_not_be_made() {
    let folder = Folder::new();
    let server = Making::over(Store::open(&folder.0).await.unwrap()).start().await;
    let acme = server.organization("acme").await;
    let mut waits = document();
    waits["graph"]["nodes"][1]["kind"] =
        json!({ "type": "wait", "for": "duration", "duration_ms": 1_500 });
    waits["graph"]["edges"][1]["port"] = json!("success");
    let path = published(&server, &acme, &waits).await;
    let mut socket = with_token(&server, acme.token(Role::Viewer)).await;
    assert_eq!(next(&mut socket).await.unwrap()["type"], "hello");
    let started = server.post(&acme.owner(), &format!("{path}/runs"), &json!({})).await.json();
    let follow = json!({ "type": "follow_run", "run": started["id"], "after": 0 });
    say(&mut socket, &follow.to_string()).await;
    // What else a frame shows of the run cannot be read any more. Nothing happens after the end that would tell of it.
    let url = format!("sqlite://{}", folder.0.join("signalbox.db").display());
    let mut conn = SqliteConnection::connect(&url).await.unwrap();
    let hide = "ALTER TABLE run_contacts RENAME TO elsewhere";
    sqlx::query(hide).execute(&mut conn).await.unwrap();
    loop {
        let frame = next(&mut socket).await.expect("the socket ended");
        let events = frame["events"].as_array().cloned().unwrap_or_default();
        if events.iter().any(|event| event["type"] == "run_ended") {
            return;
        }
    }
}

#[tokio::test]
async fn the_organization_is_followed_from_a_number_on() {
    let server = Server::start().await;
    let (acme, other) = (server.organization("acme").await, server.organization("other").await);
    let path = published(&server, &acme, &document()).await;
    let owner = acme.owner();
    let mut socket = with_token(&server, acme.token(Role::Viewer)).await;
    let mut stranger = with_token(&server, other.token(Role::Owner)).await;
    let hello = next(&mut socket).await.unwrap();
    say(&mut socket, &format!("{{\"type\":\"follow\",\"after\":{}}}", hello["cursor"])).await;
    next(&mut stranger).await.unwrap();
    say(&mut stranger, "{\"type\":\"follow\",\"after\":0}").await;
    let started = server.post(&owner, &format!("{path}/runs"), &json!({})).await.json();
    let (mut created, mut approval, mut waiting) = (false, false, false);
    let mut cursor = hello["cursor"].as_u64().unwrap();
    while !(created && approval && waiting) {
        let frame = next(&mut socket).await.unwrap();
        let number = frame["cursor"].as_u64().unwrap();
        assert!(number > cursor, "numbers rise: {frame}");
        cursor = number;
        match frame["type"].as_str().unwrap() {
            "plan.created" => {
                assert_eq!(frame["run"]["id"], started["id"]);
                created = true;
                waiting |= frame["run"]["status"]["type"] == "AwaitingInput";
            }
            "plan.state.changed" => {
                assert!(frame["at"].is_string(), "when it changed: {frame}");
                waiting |= frame["status"]["type"] == "AwaitingInput";
            }
            "approval.changed" => approval = frame["approval"]["state"] == "pending",
            other => panic!("{other}"),
        }
    }
    // A late one gets the same from the number it knows.
    let mut late = with_token(&server, acme.token(Role::Viewer)).await;
    next(&mut late).await.unwrap();
    say(&mut late, &format!("{{\"type\":\"follow\",\"after\":{}}}", hello["cursor"])).await;
    let frame = next(&mut late).await.unwrap();
    assert_eq!(frame["cursor"], hello["cursor"].as_u64().unwrap() + 1, "{frame}");
    // Another organisation hears nothing of it.
    say(
        &mut stranger,
        &format!("{{\"type\":\"follow_run\",\"run\":{},\"after\":0}}", started["id"]),
    )
    .await;
    let frame = next(&mut stranger).await.unwrap();
    assert_eq!(frame["type"], "error", "{frame}");
}

#[tokio::test]
async fn who_missed_too_much_is_told_to_fetch_again() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let append = async |entries: usize| {
        let (id, now) = (acme.id, server.state.now());
        let op = server.state.store().write(move |tx| {
            for _ in 0..entries {
                tx.feed_append(id, "nothing", uuid::Uuid::nil(), Value::Null, now);
            }
            Box::pin(async { Ok(()) })
        });
        op.await.unwrap();
    };
    append(900).await;
    let mut socket = with_token(&server, acme.token(Role::Viewer)).await;
    assert_eq!(next(&mut socket).await.unwrap()["cursor"], 900);
    say(&mut socket, "{\"type\":\"follow\",\"after\":0}").await;
    say(&mut socket, "{").await;
    assert_eq!(next(&mut socket).await.unwrap()["type"], "error", "900 were replayed");
    append(200).await;
    say(&mut socket, "{\"type\":\"follow\",\"after\":0}").await;
    let frame = next(&mut socket).await.unwrap();
    assert_eq!((&frame["type"], &frame["cursor"]), (&json!("resync"), &json!(1_100)));
}
