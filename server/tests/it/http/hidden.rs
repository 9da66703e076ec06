//! Variables that a step sets as hidden: later steps read them, and nobody is shown them, whatever the role.

use super::{
    live,
    support::{As, Making, Server},
    workflows::published,
};
use crate::support::database::{Place, on_each};
use serde_json::{Value, json};
use signalbox::{run::NOT_SHOWN, wire::Role};

/// It is put together in the run, so that it stands nowhere else.
const PIN: &str = "4711-secret";
const OTHER: &str = "0815-secret";

fn document() -> Value {
    let variables = json!([
        { "name": "pin", "value": "{{ input.number + '-secret' }}", "secure": true },
        { "name": "open", "value": "x" },
    ]);
    json!({ "format": "signalbox/v1", "name": "Hidden", "graph": {
        "nodes": [
            { "id": "start", "kind": { "type": "trigger", "trigger": { "on": "manual" } } },
            { "id": "set", "kind": { "type": "action", "tool": "set_variables",
                "parameters": { "variables": variables } } },
            { "id": "ask", "kind": { "type": "human", "mode": "approve", "prompt": "Shall we?" } },
            { "id": "end", "kind": { "type": "end",
                "output": { "same": "{{ pin == input.number + '-secret' }}" } } },
        ],
        "edges": [
            { "id": "e1", "from": "start", "port": "success", "to": "set" },
            { "id": "e2", "from": "set", "port": "success", "to": "ask" },
            { "id": "e3", "from": "ask", "port": "approved", "to": "end" },
        ],
    } })
}

/// What a route answers, with nothing hidden in it.
async fn seen(server: &Server, who: &As, path: &str) -> Value {
    let reply = server.get(who, path).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    for value in [PIN, OTHER] {
        assert!(!reply.text.contains(value), "{path} shows it: {}", reply.text);
    }
    reply.json()
}

fn of_kind(events: &Value, kind: &str) -> Value {
    let found = events.as_array().unwrap().iter().find(|event| event["type"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {events}")).clone()
}

/// Approves what a run asks, and gives its output.
async fn approved(server: &Server, owner: &As, run: &str) -> Value {
    let pending = seen(server, owner, "/api/approvals?state=pending").await;
    let mut items = pending["items"].as_array().unwrap().iter();
    let ours = items.find(|item| run.ends_with(item["run"].as_str().unwrap())).unwrap();
    let path = format!("/api/approvals/{}", ours["id"].as_str().unwrap());
    seen(server, owner, &path).await;
    let body = json!({ "decision": "approve", "revision": ours["revision"] });
    let decided = server.post(owner, &format!("{path}/decide"), &body).await;
    assert_eq!(decided.status, 200, "{}", decided.text);
    let ended = seen(server, owner, &format!("{run}/wait?timeout_ms=20000&until=end")).await;
    assert_eq!(ended["ended"], true, "{ended}");
    ended["output"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_step_hides_is_shown_to_nobody_and_read_by_later_steps() {
    on_each(async || {
        let place = Place::new().await;
        let server = Making::over(place.open().await).start().await;
        let acme = server.organization("acme").await;
        let owner = acme.owner();
        let path = published(&server, &acme, &document()).await;
        let body = json!({ "input": { "number": "4711" } });
        let started = server.post(&owner, &format!("{path}/runs"), &body).await.json();
        let id = started["id"].as_str().unwrap().to_owned();
        let run = format!("/api/runs/{id}");
        seen(&server, &owner, &format!("{run}/wait?timeout_ms=20000")).await;

        let shown = json!({ "pin": NOT_SHOWN, "open": "x" });
        for role in [Role::Viewer, Role::Owner] {
            let who = acme.machine(role);
            let detail = seen(&server, &who, &run).await;
            assert_eq!(detail["variables"], shown, "{role:?}");
            assert_eq!(of_kind(&detail["events"], "variables_set")["values"], shown, "{role:?}");
            let page = seen(&server, &who, &format!("{run}/events")).await;
            assert_eq!(of_kind(&page["events"], "variables_set")["values"], shown, "{role:?}");
            seen(&server, &who, &format!("{run}/execution")).await;

            let mut socket = live::with_token(&server, acme.token(role)).await;
            live::next(&mut socket).await.unwrap();
            let follow = json!({ "type": "follow_run", "run": id, "after": 0 });
            live::say(&mut socket, &follow.to_string()).await;
            let frame = live::next(&mut socket).await.unwrap();
            assert!(!frame.to_string().contains(PIN), "{role:?}: {frame}");
            assert_eq!(of_kind(&frame["events"], "variables_set")["values"], shown, "{role:?}");
        }

        // A fork keeps it where it is given back as it was shown, and hides what takes its place.
        let seq = seen(&server, &owner, &run).await["run"]["seq"].clone();
        let fork = async |pin: &str| {
            let body = json!({ "seq": seq, "variables": { "pin": pin, "open": "y" } });
            let made = server.post(&owner, &format!("{run}/fork"), &body).await;
            assert_eq!(made.status, 201, "{}", made.text);
            let fork = format!("/api/runs/{}", made.json()["id"].as_str().unwrap());
            let detail = seen(&server, &owner, &fork).await;
            assert_eq!(detail["variables"], json!({ "pin": NOT_SHOWN, "open": "y" }));
            (fork, of_kind(&detail["events"], "forked")["variables"].clone())
        };
        let (same, changed) = fork(NOT_SHOWN).await;
        assert_eq!(changed, json!({ "open": "y" }));
        let (other, changed) = fork(OTHER).await;
        assert_eq!(changed, json!({ "pin": NOT_SHOWN, "open": "y" }));
        for (run, is_same) in [(&run, true), (&same, true), (&other, false)] {
            let output = approved(&server, &owner, run).await;
            assert_eq!(output, json!({ "same": is_same }), "{run}");
        }
    })
    .await;
}
