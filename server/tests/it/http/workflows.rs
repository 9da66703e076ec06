//! Workflows and runs through the real routes.

use super::support::{As, Organization, Reply, Server, document, example_body};
use serde_json::{Value, json};
use signalbox::{client::Method, wire::Role};

/// A workflow of the document, published; its path.
pub async fn published(server: &Server, acme: &Organization, document: &Value) -> String {
    let editor = acme.machine(Role::Editor);
    let body = json!({ "document": document });
    let made = server.post(&editor, "/api/workflows/import", &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = format!("/api/workflows/{}", made.json()["workflow"]["id"].as_str().unwrap());
    let publish = server.post(&editor, &format!("{path}/publish"), &json!({})).await;
    assert_eq!(publish.status, 201, "{}", publish.text);
    path
}

async fn save(
    server: &Server,
    who: &As,
    path: &str,
    if_match: Option<&str>,
    body: &Value,
) -> Reply {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(if_match.map(|tag| ("if-match", tag)));
    server.raw(who, Method::Put, path, &headers, Some(body.to_string().into_bytes())).await
}

#[tokio::test]
async fn drafts_are_saved_by_whoever_saw_the_newest() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let editor = acme.machine(Role::Editor);
    let made = server.post(&editor, "/api/workflows", &json!({})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = format!("/api/workflows/{}", made.json()["workflow"]["id"].as_str().unwrap());
    let first = server.get(&editor, &path).await;
    let tag = first.header("etag");
    assert_eq!(tag, format!("\"{}\"", first.json()["draft_revision"]));
    let body = example_body("draft_save");
    assert_eq!(save(&server, &editor, &path, None, &body).await.status, 428);
    assert_eq!(save(&server, &editor, &path, Some("seven"), &body).await.status, 400);
    let saved = save(&server, &editor, &path, Some(&tag), &body).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    assert_ne!(saved.header("etag"), tag);
    let late = save(&server, &editor, &path, Some(&tag), &body).await;
    assert_eq!((late.status, late.code().as_str()), (409, "conflict"));
    assert_eq!(late.json()["details"]["draft_revision"], saved.json()["draft_revision"]);
    // Of two that save at once one wins.
    let tag = saved.header("etag");
    let both = futures::join!(
        save(&server, &editor, &path, Some(&tag), &body),
        save(&server, &editor, &path, Some(&tag), &body)
    );
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let now = server.get(&editor, &path).await.json();
    assert_eq!(now["workflow"]["name"], "Hello");
    assert_eq!(now["graph"]["nodes"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn publishing_checks_first() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let editor = acme.machine(Role::Editor);
    let mut broken = document();
    broken["graph"]["edges"][0]["to"] = json!("nowhere");
    let made = server.post(&editor, "/api/workflows/import", &json!({ "document": broken })).await;
    assert_eq!(made.status, 201, "a draft may be wrong: {}", made.text);
    assert!(!made.json()["problems"].as_array().unwrap().is_empty());
    let path = format!("/api/workflows/{}", made.json()["workflow"]["id"].as_str().unwrap());
    let refused = server.post(&editor, &format!("{path}/publish"), &json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "graph_problems"));
    assert!(refused.json()["details"]["problems"][0]["code"].is_string());
    let start = server.post(&editor, &format!("{path}/runs"), &json!({})).await;
    assert_eq!(start.code(), "wrong_state", "never published: {}", start.text);
    // Mended, looked at by its revision, published; the version stays what it was.
    let body = example_body("draft_save");
    let saved = save(&server, &editor, &path, Some("\"1\""), &body).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    let publish = async |revision: u64| {
        let body = json!({ "draft_revision": revision, "note": "first" });
        server.post(&editor, &format!("{path}/publish"), &body).await
    };
    assert_eq!(publish(1).await.status, 409, "another revision was looked at");
    let published = publish(2).await;
    assert_eq!(
        (published.status, &published.json()["version"]),
        (201, &json!(1)),
        "{}",
        published.text
    );
    let detail = server.get(&editor, &path).await.json();
    assert_eq!(
        (&detail["workflow"]["version"], &detail["workflow"]["draft_changed"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(detail["versions"][0]["note"], "first");
    let version = server.get(&editor, &format!("{path}/versions/1")).await.json();
    assert_eq!(version["nodes"], detail["graph"]["nodes"]);
    assert_eq!(server.get(&editor, &format!("{path}/versions/2")).await.status, 404);
}

#[tokio::test]
async fn what_was_imported_comes_out_again() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let editor = acme.machine(Role::Editor);
    let text = std::fs::read_to_string("../public/starters/welcome-email.json").unwrap();
    let starter: Value = serde_json::from_str(&text).unwrap();
    for document in [starter["workflow"].clone(), json!(starter["workflow"].to_string())] {
        let made =
            server.post(&editor, "/api/workflows/import", &json!({ "document": document })).await;
        assert_eq!(
            (made.status, &made.json()["format"]),
            (201, &json!("visual-workflow")),
            "{}",
            made.text
        );
        let path =
            format!("/api/workflows/{}/export", made.json()["workflow"]["id"].as_str().unwrap());
        assert_eq!(server.get(&editor, &path).await.json(), starter["workflow"]);
        let own = server.get(&editor, &format!("{path}?format=signalbox/v1")).await.json();
        assert_eq!(own["format"], "signalbox/v1");
        assert_eq!(server.get(&editor, &format!("{path}?format=nothing")).await.status, 400);
    }
    for (name, format) in [
        ("dag-contract-review.yaml", "dag"),
        ("outbound-intro.json", "outbound"),
        ("contract-launch.json", "contract"),
    ] {
        let text = std::fs::read_to_string(format!("../tests/fixtures/plans/{name}")).unwrap();
        let made =
            server.post(&editor, "/api/workflows/import", &json!({ "document": text })).await;
        assert_eq!((made.status, &made.json()["format"]), (201, &json!(format)), "{}", made.text);
        let id = made.json()["workflow"]["id"].as_str().unwrap().to_owned();
        let written = server.get(&editor, &format!("/api/workflows/{id}/export")).await.json();
        assert_eq!(written, signalbox::format::parse(&text).unwrap().0);
        let export = async |query: &str| {
            server.get(&editor, &format!("/api/workflows/{id}/export?{query}")).await
        };
        let report = export("format=visual&report=true").await.json();
        assert_eq!(report["document"], export("format=visual").await.json());
        let behind = |problem: &Value| problem["code"] == "left-behind";
        let named = report["problems"].as_array().unwrap().iter().any(behind);
        assert_eq!(named, format != "dag", "{name}: {report:#}");
        let own = export("report=true").await.json();
        assert_eq!(own, json!({ "document": written, "problems": [] }), "{name}");
        let yaml = export("notation=yaml").await;
        if format == "dag" {
            assert_eq!(
                (yaml.header("content-type").as_str(), yaml.text),
                ("application/yaml", text)
            );
            let report = export("notation=yaml&report=true").await.json();
            assert!(report["document"].is_string(), "{report:#}");
        } else {
            assert_eq!((yaml.status, yaml.code().as_str()), (400, "invalid_parameter"));
        }
    }
    for (document, code) in [
        (json!({ "a": 1 }), "invalid_document"),
        (json!("{"), "invalid_document"),
        (json!(7), "invalid_document"),
    ] {
        let reply =
            server.post(&editor, "/api/workflows/import", &json!({ "document": document })).await;
        assert_eq!(reply.code(), code, "{}", reply.text);
    }
}

#[tokio::test]
async fn lists_come_in_pages_and_can_be_searched() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let editor = acme.machine(Role::Editor);
    for number in 0..5 {
        let body = json!({ "name": format!("Workflow {number}") });
        assert_eq!(server.post(&editor, "/api/workflows", &body).await.status, 201);
    }
    let (mut names, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let query = cursor.map_or(String::new(), |cursor| format!("&cursor={cursor}"));
        let page = server.get(&editor, &format!("/api/workflows?limit=2{query}")).await.json();
        let items = page["items"].as_array().unwrap().clone();
        names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, ["Workflow 4", "Workflow 3", "Workflow 2", "Workflow 1", "Workflow 0"]);
    let found = server.get(&editor, "/api/workflows?search=FLOW%203").await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    for wrong in ["limit=0", "limit=201", "limit=x", "cursor=x", "offset=1"] {
        let reply = server.get(&editor, &format!("/api/workflows?{wrong}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_parameter"), "{wrong}");
    }
    let path = format!("/api/workflows/{}", found["items"][0]["id"].as_str().unwrap());
    assert_eq!(server.raw(&editor, Method::Delete, &path, &[], None).await.status, 204);
    let left = server.get(&editor, "/api/workflows").await.json();
    assert_eq!(left["items"].as_array().unwrap().len(), 4, "archived ones are not listed");
}

#[tokio::test]
async fn the_same_key_creates_once() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let editor = acme.machine(Role::Editor);
    let create = async |who: &As, key: &str, name: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let body = json!({ "name": name }).to_string().into_bytes();
        server.raw(who, Method::Post, "/api/workflows", &headers, Some(body)).await
    };
    let replies = futures::future::join_all((0..8).map(|_| create(&editor, "k1", "One"))).await;
    assert!(replies.iter().all(|reply| reply.status == 201 && reply.text == replies[0].text));
    assert_eq!(create(&editor, "k1", "Two").await.code(), "conflict", "another request");
    assert_eq!(create(&editor, "k2", "Two").await.status, 201);
    let other = server.organization("other").await;
    assert_eq!(create(&other.owner(), "k1", "Theirs").await.json()["workflow"]["name"], "Theirs");
    let all = server.get(&editor, "/api/workflows").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    assert_eq!(create(&editor, "", "x").await.code(), "invalid_parameter");

    let path = published(&server, &acme, &document()).await;
    let start = async |key: &'static str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let body = Some(example_body("run_start").to_string().into_bytes());
        server.raw(&editor, Method::Post, &format!("{path}/runs"), &headers, body).await
    };
    let replies = futures::future::join_all((0..8).map(|_| start("r1"))).await;
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(made, 1, "{replies:?}");
    assert!(replies.iter().all(|reply| reply.json()["id"] == replies[0].json()["id"]));
    assert_ne!(start("r2").await.json()["id"], replies[0].json()["id"]);
    let runs = server.get(&editor, "/api/runs").await.json();
    assert_eq!(runs["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_run_waits_for_a_person_and_ends() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let (editor, approver) = (acme.machine(Role::Editor), acme.machine(Role::Approver));
    let path = published(&server, &acme, &document()).await;
    let started =
        server.post(&editor, &format!("{path}/runs"), &json!({ "input": { "a": 7 } })).await;
    assert_eq!(started.status, 201, "{}", started.text);
    let run = format!("/api/runs/{}", started.json()["id"].as_str().unwrap());
    let waited = server.get(&editor, &format!("{run}/wait?timeout_ms=20000")).await.json();
    assert_eq!(
        (&waited["ended"], &waited["run"]["status"]["type"]),
        (&json!(false), &json!("AwaitingInput"))
    );
    let pending = server.get(&approver, "/api/approvals?state=pending").await.json();
    assert_eq!(pending["items"].as_array().unwrap().len(), 1, "{pending}");
    let approval = format!("/api/approvals/{}", pending["items"][0]["id"].as_str().unwrap());
    let detail = server.get(&approver, &approval).await.json();
    assert_eq!(detail["prompt"], "Shall we?");
    let decide = json!({ "decision": "approve", "revision": detail["approval"]["revision"] });
    assert_eq!(server.post(&editor, &format!("{approval}/decide"), &decide).await.status, 403);
    let stale = json!({ "decision": "approve", "revision": 99 });
    assert_eq!(server.post(&approver, &format!("{approval}/decide"), &stale).await.status, 409);
    let decided = server.post(&approver, &format!("{approval}/decide"), &decide).await;
    assert_eq!(decided.status, 200, "{}", decided.text);
    let waited = server.get(&editor, &format!("{run}/wait?timeout_ms=20000")).await.json();
    assert_eq!(
        (&waited["ended"], &waited["output"]["said"]),
        (&json!(true), &json!(7)),
        "{waited}"
    );
    // What happened is all there, numbered without a gap, and the lists know.
    let detail = server.get(&editor, &run).await.json();
    let numbers: Vec<u64> = detail["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(detail["run"]["seq"], numbers.len());
    assert_eq!(detail["output"]["said"], 7);
    let later = server.get(&editor, &format!("{run}/events?after=2")).await.json();
    assert_eq!(later["events"].as_array().unwrap().len(), numbers.len() - 2);
    let listed = server.get(&editor, "/api/runs?state=Completed").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let none = server.get(&editor, "/api/runs?state=Failed").await.json();
    assert!(none["items"].as_array().unwrap().is_empty());
    let workflow = server.get(&editor, &path).await.json();
    assert_eq!(workflow["workflow"]["runs"], json!({ "Completed": 1 }));
    let stop = server.post(&editor, &format!("{run}/stop"), &json!({})).await;
    assert_eq!(stop.code(), "wrong_state", "it is over: {}", stop.text);
}

#[tokio::test]
async fn runs_are_paused_resumed_and_stopped() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let editor = acme.machine(Role::Editor);
    let path = published(&server, &acme, &document()).await;
    let started = server.post(&editor, &format!("{path}/runs"), &json!({})).await;
    let run = format!("/api/runs/{}", started.json()["id"].as_str().unwrap());
    for (action, status) in [("pause", "Paused"), ("resume", "AwaitingInput"), ("stop", "Stopped")]
    {
        let reply =
            server.post(&editor, &format!("{run}/{action}"), &json!({ "reason": "why not" })).await;
        assert_eq!(reply.json()["status"]["type"], status, "{action}: {}", reply.text);
    }
    let pending = server.get(&editor, "/api/approvals?state=pending").await.json();
    assert!(pending["items"].as_array().unwrap().is_empty(), "its approval was withdrawn");
}

#[tokio::test]
async fn webhooks_start_runs() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let editor = acme.machine(Role::Editor);
    let hook = json!({ "format": "signalbox/v1", "name": "Hook", "graph": {
        "nodes": [
            { "id": "start", "kind": { "type": "trigger", "trigger": { "on": "webhook", "path": "/orders" } } },
            { "id": "end", "kind": { "type": "end", "output": { "order": "{{input.order.id}}", "a": "{{input.query.a}}", "by": "{{input.method}}" } } },
        ],
        "edges": [{ "id": "e1", "from": "start", "port": "success", "to": "end" }],
    } });
    let made = server.post(&editor, "/api/workflows/import", &json!({ "document": hook })).await;
    let path = format!("/api/workflows/{}", made.json()["workflow"]["id"].as_str().unwrap());
    let url = server.get(&editor, &path).await.json()["hook_url"].as_str().unwrap().to_owned();
    let address = url.strip_prefix(&server.url("")).unwrap().to_owned();
    assert!(address.starts_with("/hooks/") && address.ends_with("/orders"), "{url}");
    let body = json!({ "order": { "id": 42 }, "method": "FAKE" });
    assert_eq!(server.post(&As::Nobody, &address, &body).await.status, 404, "not published yet");
    assert_eq!(server.post(&editor, &format!("{path}/publish"), &json!({})).await.status, 201);

    let accepted = server.post(&As::Nobody, &address, &body).await;
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let finished =
        server.post(&As::Nobody, &format!("{address}?respond=finished&a=b"), &body).await;
    assert_eq!(finished.status, 200, "{}", finished.text);
    assert_eq!(finished.json()["output"], json!({ "order": 42, "a": "b", "by": "POST" }));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let reply =
        server.raw(&As::Nobody, Method::Post, &address, &form, Some(b"order=1".to_vec())).await;
    assert_eq!(reply.status, 202);
    // The sender's repetition is one run.
    let keyed = [("content-type", "application/json"), ("x-idempotency-key", "evt_1")];
    let send = || {
        server.raw(&As::Nobody, Method::Post, &address, &keyed, Some(body.to_string().into_bytes()))
    };
    let (first, second) = (send().await, send().await);
    assert_eq!(first.json()["run"], second.json()["run"]);
    assert_ne!(first.json()["run"], accepted.json()["run"]);
    let runs = server.get(&editor, "/api/runs").await.json();
    assert_eq!(runs["items"].as_array().unwrap().len(), 4);

    let elsewhere = address.replace("/orders", "/other");
    let guessed = format!("/hooks/{}/orders", "A".repeat(43));
    for wrong in [elsewhere.as_str(), &guessed, "/hooks/x", "/hooks/", "/hooks"] {
        let reply = server.post(&As::Nobody, wrong, &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{wrong}");
    }
    let large = Some(vec![b' '; 2 * 1024 * 1024]);
    assert_eq!(server.raw(&As::Nobody, Method::Post, &address, &form, large).await.status, 413);
    let xml = [("content-type", "application/xml")];
    assert_eq!(
        server.raw(&As::Nobody, Method::Post, &address, &xml, Some(b"<a/>".to_vec())).await.status,
        415
    );
    let json = [("content-type", "application/json")];
    assert_eq!(
        server.raw(&As::Nobody, Method::Post, &address, &json, Some(b"{".to_vec())).await.status,
        400
    );
    assert_eq!(
        server.post(&As::Nobody, &format!("{address}?respond=soon"), &body).await.status,
        400
    );
}

#[tokio::test]
async fn what_is_archived_is_listed_when_asked_for_and_comes_back() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let (editor, viewer) = (acme.machine(Role::Editor), acme.machine(Role::Viewer));
    let path = published(&server, &acme, &document()).await;
    let listed = async |query: &str| {
        let list = server.get(&viewer, &format!("/api/workflows{query}")).await.json();
        let items = list["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["archived"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    let (all, put_away) = ("", "?archived=true");
    assert_eq!((listed(all).await, listed(put_away).await), (vec![false], vec![]));
    let gone = server.raw(&editor, Method::Delete, &path, &[], None).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    assert_eq!((listed(all).await, listed(put_away).await), (vec![], vec![true]));
    assert_eq!(listed("?archived=false").await, Vec::<bool>::new());
    let start = async || server.post(&editor, &format!("{path}/runs"), &json!({})).await;
    assert_ne!(start().await.status, 201);

    let back = format!("{path}/restore");
    assert_eq!(server.post(&viewer, &back, &Value::Null).await.status, 403);
    for _ in 0..2 {
        let restored = server.post(&editor, &back, &Value::Null).await;
        assert_eq!((restored.status, &restored.json()["archived"]), (200, &json!(false)));
    }
    assert_eq!((listed(all).await, listed(put_away).await), (vec![false], vec![]));
    assert_eq!(start().await.status, 201);
    let nothing = format!("/api/workflows/{}/restore", uuid::Uuid::now_v7());
    assert_eq!(server.post(&editor, &nothing, &Value::Null).await.code(), "not_found");
}

#[tokio::test]
async fn every_starter_becomes_a_workflow() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let editor = acme.machine(Role::Editor);
    let starters = server.get(&editor, "/api/starters").await.json();
    let starters = starters.as_array().unwrap();
    assert!(starters.len() >= 4);
    for starter in starters {
        let slug = starter["slug"].as_str().unwrap();
        let made = server.post(&editor, &format!("/api/starters/{slug}"), &Value::Null).await;
        assert_eq!(made.status, 201, "{slug}: {}", made.text);
        let path =
            format!("/api/workflows/{}/publish", made.json()["workflow"]["id"].as_str().unwrap());
        let published = server.post(&editor, &path, &json!({})).await;
        assert_eq!(published.status, 201, "{slug}: {}", published.text);
    }
    assert_eq!(server.post(&editor, "/api/starters/none", &Value::Null).await.status, 404);
    assert!(!server.get(&editor, "/api/tools").await.json().as_array().unwrap().is_empty());
}
