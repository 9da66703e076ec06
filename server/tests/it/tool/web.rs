//! `http.request`.

use crate::support::{
    town::{Played, Town, action},
    web_sink::{Answer, WebSink},
};
use serde_json::{Value, json};
use server::{
    egress::{Allowed, Egress, EgressError, EgressRequest},
    store::Store,
};
use signalbox::{
    id::OrganizationId,
    run::{ErrorKind, RunEnd},
};
use std::time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn a_request_is_made_and_its_answer_read() {
    let (town, web) = (Town::new().await, WebSink::start().await);
    web.answer(Answer::json(json!({ "ok": [1, 2] })).header("x-thing", "a"));
    let nodes = json!([action(
        "ask",
        "http_request",
        json!({
            "method": "post", "url": web.url("/api"), "query": { "q": "a b", "n": 3 },
            "headers": { "X-Key": "k" }, "body": { "name": "{{input.name}}" },
        })
    )]);
    let played = town.play(nodes, json!({ "name": "Ada" })).await;
    let wrong_case = played.errors.first().map(|error| error.kind);
    assert_eq!(wrong_case, Some(ErrorKind::InvalidInput), "methods are written in capitals");
    let nodes = json!([action(
        "ask",
        "http_request",
        json!({
            "method": "POST", "url": web.url("/api"), "query": { "q": "a b", "n": 3 },
            "headers": { "X-Key": "k" }, "body": { "name": "{{input.name}}" },
        })
    )]);
    let played = town.play(nodes, json!({ "name": "Ada" })).await;
    let output = &played.outputs["ask"];
    assert_eq!(output["body"], json!({ "ok": [1, 2] }), "{played:#?}");
    assert_eq!(output["headers"]["x-thing"], "a");
    let asked = &web.asked()[0];
    assert_eq!(asked.path, "/api?q=a+b&n=3");
    assert_eq!(
        (asked.json(), &asked.headers["x-key"]),
        (json!({ "name": "Ada" }), &"k".parse().unwrap())
    );
    assert!(asked.headers.contains_key("idempotency-key"));
}

#[tokio::test]
async fn refusals_have_their_kinds_and_a_retry_the_same_key() {
    let (town, web) = (Town::new().await, WebSink::start().await);
    for (status, kind) in [
        (400, ErrorKind::InvalidInput),
        (404, ErrorKind::NotFound),
        (429, ErrorKind::RateLimited),
        (503, ErrorKind::ExecutorError),
    ] {
        web.answer(Answer::status(status, "no"));
        let nodes = json!([action("ask", "http.request", json!({ "url": web.url("/") }))]);
        let played = town.play(nodes, json!({})).await;
        assert_eq!(played.errors.first().map(|e| e.kind), Some(kind), "{status}");
    }
    let before = web.asked().len();
    web.answer(Answer::status(503, "later"));
    let mut node = action("ask", "http.request", json!({ "url": web.url("/again") }));
    node["policy"] = json!({ "retry": { "retries_max": 2, "backoff_ms": 10 } });
    let played = town.play(json!([node]), json!({})).await;
    assert_eq!(played.outputs["ask"]["status"], 200, "{played:#?}");
    let keys: Vec<_> =
        web.asked()[before..].iter().map(|a| a.headers["idempotency-key"].clone()).collect();
    assert_eq!((keys.len(), &keys[0]), (2, &keys[1]));
}

#[tokio::test]
async fn secrets_reach_the_request_and_nothing_else() {
    let (town, web) = (Town::new().await, WebSink::start().await);
    let sealed = town.settings.seal_inline(town.organization, "apiKey", "s3cr3t-value").unwrap();
    let mut graph = crate::support::town::chain(json!([action(
        "ask",
        "http.request",
        json!({
            "url": web.url("/"), "headers": { "Authorization": "Bearer {{secrets.apiKey}}" },
        })
    )]));
    graph.settings.secrets.insert("apiKey".into(), sealed);
    let workflow = town.publish_graph(graph).await;
    let run = town.start(workflow, json!({})).await;
    town.until(run, server::engine::WaitFor::End).await;
    assert_eq!(web.asked()[0].headers["authorization"], "Bearer s3cr3t-value");
    let events = serde_json::to_string(&town.events(run).await).unwrap();
    assert!(!events.contains("s3cr3t-value"));
}

// Every address that is not on the public internet, by number and by name, is refused before a
// connection is made.
#[tokio::test]
async fn private_hosts_other_ports_and_odd_schemes_are_refused() {
    let web = WebSink::start().await;
    let egress = Egress::new(Allowed::default()).unwrap();
    let check = async |url: String| {
        let Ok(parsed) = url.parse() else { return };
        let request = EgressRequest {
            method: reqwest::Method::GET,
            url: parsed,
            headers: reqwest::header::HeaderMap::new(),
            body: None,
            timeout: Duration::from_secs(5),
        };
        let refused = egress.send(request).await;
        assert!(matches!(refused, Err(EgressError::Forbidden(_))), "{url}: {refused:?}");
    };
    for host in [
        "127.0.0.1",
        "localhost",
        "10.0.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[fd00::1]",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",
        "0",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127.1",
        "100.64.0.1",
    ] {
        check(format!("http://{host}/")).await;
        check(format!("https://{host}/")).await;
    }
    check(web.url("/")).await;
    for url in [
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://user:pass@example.com/",
        "http://example.com:22/",
        "gopher://example.com/",
    ] {
        check(url.into()).await;
    }
    assert!(web.asked().is_empty());
}

// A name that is allowed on one port stays behind the rules on every other one.
#[tokio::test]
async fn what_is_allowed_on_a_port_is_allowed_on_that_port_alone() {
    let web = WebSink::start().await;
    let allowed = Allowed::parse(&format!("localhost:{}", web.port)).unwrap();
    let egress = Egress::new(allowed).unwrap();
    let ask = async |url: String| {
        let request = EgressRequest {
            method: reqwest::Method::GET,
            url: url.parse().unwrap(),
            headers: reqwest::header::HeaderMap::new(),
            body: None,
            timeout: Duration::from_secs(5),
        };
        egress.send(request).await
    };
    let answer = ask(format!("http://localhost:{}/", web.port)).await.unwrap();
    assert_eq!((answer.status, web.asked().len()), (200, 1));
    for url in ["http://localhost/", "https://localhost/"] {
        let refused = ask(url.to_owned()).await;
        assert!(matches!(refused, Err(EgressError::Forbidden(_))), "{url}: {refused:?}");
    }
}

#[tokio::test]
async fn redirects_are_followed_checked_and_lose_their_sign_in() {
    let (web, other) = (WebSink::start().await, WebSink::start().await);
    let allowed = format!("127.0.0.1:{},127.0.0.1:{}", web.port, other.port);
    let town =
        Town::over(Store::in_memory().await.unwrap(), OrganizationId(Uuid::now_v7()), &allowed);
    let ask = json!([action(
        "ask",
        "http.request",
        json!({
            "url": web.url("/a"), "headers": { "Authorization": "Bearer x", "X-Api-Key": "y", "X-Plain": "z" },
        })
    )]);
    web.answer(Answer::status(302, "").header("location", other.url("/b")));
    let played = town.play(ask.clone(), json!({})).await;
    assert_eq!(played.outputs["ask"]["url"], other.url("/b"), "{played:#?}");
    let asked = &other.asked()[0];
    assert!(
        !asked.headers.contains_key("authorization") && !asked.headers.contains_key("x-api-key")
    );
    assert_eq!(asked.headers["x-plain"], "z");

    for target in
        ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd"]
    {
        web.answer(Answer::status(302, "").header("location", target));
        let played = town.play(ask.clone(), json!({})).await;
        assert!(failed(&played, ErrorKind::InvalidInput), "{target}: {played:#?}");
    }
    for _ in 0..5 {
        web.answer(Answer::status(302, "").header("location", web.url("/round")));
    }
    let played = town.play(ask, json!({})).await;
    assert!(failed(&played, ErrorKind::InvalidInput), "{played:#?}");
}

// What the operator does not allow is never passed over in silence.
#[tokio::test]
async fn a_forbidden_host_fails_the_run() {
    let town = Town::new().await;
    for url in ["http://10.0.0.1/", "http://localhost/", "http://example.com:22/"] {
        let nodes = json!([action("ask", "http.request", json!({ "url": url }))]);
        let played = town.play(nodes, json!({})).await;
        assert!(failed(&played, ErrorKind::InvalidInput), "{url}: {played:#?}");
        assert!(played.errors[0].message.contains("the operator can allow"), "{:?}", played.errors);
    }
}

/// Whether the run ended as failed, by an error of a kind.
fn failed(played: &Played, kind: ErrorKind) -> bool {
    matches!(&played.end, Some(RunEnd::Failed { error, .. }) if error.kind == kind)
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_cut_short() {
    let (town, web) = (Town::new().await, WebSink::start().await);
    web.answer(Answer { status: 200, headers: Vec::new(), body: vec![b'x'; 11 * 1024 * 1024] });
    let nodes = json!([action("ask", "http.request", json!({ "url": web.url("/big") }))]);
    let played = town.play(nodes, Value::Null).await;
    assert!(played.errors[0].message.contains("10 MiB"), "{:?}", played.errors);
}
