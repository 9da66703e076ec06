//! The kept bad input over real sockets: requests as bytes, frames of the live stream, documents, and texts that
//! would be scripts. The server answers each with a coded error, or takes what is known to be taken, and stays up.

use super::corpus::{accepted, files};
use crate::http::{
    live::{next, say, with_token},
    support::{As, Organization, Server},
    workflows::published,
};
use serde_json::{Value, json};
use signalbox::wire::Role;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn still_well(server: &Server) {
    assert_eq!(server.get(&As::Nobody, "/health").await.status, 200);
}

async fn start() -> (Server, Organization) {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    (server, acme)
}

/// The address of a webhook that answers at once.
async fn hook(server: &Server, acme: &Organization) -> String {
    let document = json!({ "format": "signalbox/v1", "name": "Hook", "graph": {
        "nodes": [
            { "id": "start", "kind": { "type": "trigger", "trigger": { "on": "webhook" } } },
            { "id": "end", "kind": { "type": "end" } },
        ],
        "edges": [{ "id": "e1", "from": "start", "port": "success", "to": "end" }],
    } });
    let path = published(server, acme, &document).await;
    let detail = server.get(&acme.owner(), &path).await.json();
    let url = detail["hook_url"].as_str().unwrap();
    url.strip_prefix(&server.url("")).unwrap().to_owned()
}

/// Sends a file's request as it is; gives the status and the body.
async fn sent(server: &Server, address: &str, content: &[u8]) -> (u16, String) {
    let end = content.windows(2).position(|pair| pair == b"\n\n").unwrap();
    let (head, body) = (&content[..end], &content[end + 2..]);
    let mut lines = head.split(|byte| *byte == b'\n');
    let query = lines.next().unwrap();
    let mut bytes = format!("POST {address}?").into_bytes();
    bytes.extend_from_slice(query);
    bytes.extend_from_slice(b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for line in lines {
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    let mut socket = TcpStream::connect(server.addr).await.unwrap();
    socket.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}

#[tokio::test]
async fn bad_requests_to_a_webhook_are_refused_with_a_code() {
    let (server, acme) = start().await;
    let address = hook(&server, &acme).await;
    let known = accepted();
    let mut refused = 0;
    for (name, content) in files("webhook") {
        let (status, body) = sent(&server, &address, &content).await;
        if known.contains(&name) {
            // What HTTP itself does not carry, and who is nobody here, never comes to the webhook.
            assert!((200..500).contains(&status), "{name}: {status} {body}");
            continue;
        }
        let error: Value = serde_json::from_str(&body).unwrap_or_default();
        let coded =
            error["code"].is_string() && !error["message"].as_str().unwrap_or_default().is_empty();
        // A request that is no HTTP is answered without a body.
        assert!(
            (400..500).contains(&status) && (coded || body.is_empty()),
            "{name}: {status} {body}"
        );
        refused += usize::from(coded);
    }
    assert!(refused > 150, "{refused}");
    still_well(&server).await;
}

#[tokio::test]
async fn bad_frames_are_answered_and_the_socket_stays() {
    let (server, acme) = start().await;
    let mut socket = with_token(&server, acme.token(Role::Viewer)).await;
    assert_eq!(next(&mut socket).await.unwrap()["type"], "hello");
    let known = accepted();
    for (name, content) in files("live") {
        if known.contains(&name) {
            continue;
        }
        say(&mut socket, &String::from_utf8(content).unwrap()).await;
        let answer = next(&mut socket).await.unwrap_or_else(|| panic!("{name} ended the socket"));
        assert_eq!(answer["type"], "error", "{name}");
        assert!(
            answer["message"].as_str().is_some_and(|message| message.len() < 1_000),
            "{name}: {answer}"
        );
    }
    still_well(&server).await;
}

#[tokio::test]
async fn bad_documents_are_refused_with_a_code_by_the_api() {
    let (server, acme) = start().await;
    let (editor, known) = (acme.machine(Role::Editor), accepted());
    let mut refused = 0;
    for target in ["own", "visual", "outbound", "dag", "contract"] {
        // One of each dozen; the others are read without a server.
        for (name, content) in files(target).into_iter().step_by(12) {
            let Ok(text) = String::from_utf8(content) else { continue };
            let reply =
                server.post(&editor, "/api/workflows/import", &json!({ "document": text })).await;
            if known.contains(&name) {
                assert!(
                    matches!(reply.status, 201 | 400 | 422),
                    "{name}: {} {}",
                    reply.status,
                    reply.text
                );
                continue;
            }
            let is_coded = !reply.code().is_empty()
                && !reply.json()["message"].as_str().unwrap_or_default().is_empty();
            assert!(
                (400..500).contains(&reply.status) && is_coded,
                "{name}: {} {}",
                reply.status,
                reply.text
            );
            refused += 1;
        }
    }
    assert!(refused > 60, "{refused}");
    still_well(&server).await;
}

/// Scripts are texts: they come back as they were given, in JSON that no browser takes for a page.
#[tokio::test]
async fn scripts_stay_texts() {
    let (server, acme) = start().await;
    let owner = acme.owner();
    let mut kept = 0;
    for (name, content) in files("script") {
        let text = String::from_utf8(content).unwrap();
        let made = server.post(&owner, "/api/workflows", &json!({ "name": text })).await;
        assert!(
            made.header("content-type").starts_with("application/json"),
            "{name}: {:?}",
            made.headers
        );
        assert_eq!(made.header("x-content-type-options"), "nosniff", "{name}");
        if made.status == 201 {
            assert_eq!(made.json()["workflow"]["name"], json!(text.trim()), "{name}");
            kept += 1;
        } else {
            assert!(
                (400..500).contains(&made.status) && !made.code().is_empty(),
                "{name}: {}",
                made.text
            );
        }
    }
    assert!(kept > 100, "{kept}");
    still_well(&server).await;
}
