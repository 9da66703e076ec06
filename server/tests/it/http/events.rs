//! Events that others send, by the API and from steps: they wake runs and start workflows, each once.

use super::{
    support::{Making, Organization, Reply, Server},
    workflows::published,
};
use crate::support::database::{Place, on_each};
use serde_json::{Value, json};
use server::{store, trigger};
use signalbox::{event_type, wire::Role};
use std::time::Duration;

struct Shop {
    server: Server,
    acme: Organization,
    _place: Place,
}

impl Shop {
    /// With the real tools.
    async fn open() -> Self {
        let place = Place::new().await;
        let making = Making { tools: Some(String::new()), ..Making::over(place.open().await) };
        let server = making.start().await;
        let acme = server.organization("acme").await;
        Self { server, acme, _place: place }
    }

    async fn publish(&self, document: &Value) -> String {
        published(&self.server, &self.acme, document).await
    }

    async fn contact(&self, name: &str) -> String {
        let body = json!({ "name": name });
        let made = self.server.post(&self.acme.owner(), "/api/contacts", &body).await;
        made.json()["id"].as_str().unwrap_or_else(|| panic!("{}", made.text)).to_owned()
    }

    /// Starts a run about a contact; gives its path.
    async fn start(&self, workflow: &str, contact: &str, input: Value) -> String {
        let body = json!({ "input": input, "contacts": [contact] });
        let path = format!("{workflow}/runs");
        let made = self.server.post(&self.acme.owner(), &path, &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        format!("/api/runs/{}", made.json()["id"].as_str().unwrap())
    }

    async fn send(&self, event: &Value) -> Reply {
        self.server.post(&self.acme.machine(Role::Editor), "/api/events", event).await
    }

    /// Sends what was not sent before; gives its number.
    async fn sent(&self, event: &Value) -> Value {
        let reply = self.send(event).await;
        assert_eq!(
            (reply.status, &reply.json()["duplicate"]),
            (201, &json!(false)),
            "{}",
            reply.text
        );
        reply.json()["number"].clone()
    }

    async fn get(&self, path: &str) -> Value {
        let reply = self.server.get(&self.acme.owner(), path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()
    }

    /// The output of a run that comes to its end.
    async fn output(&self, run: &str) -> Value {
        let waited = self.get(&format!("{run}/wait?timeout_ms=20000&until=end")).await;
        assert_eq!(waited["ended"], true, "{waited}");
        waited["output"].clone()
    }

    async fn status(&self, run: &str) -> Value {
        self.server.state.engine().settled().await;
        self.get(run).await["run"]["status"].clone()
    }

    /// Waits until so many runs of a workflow are over; gives all of them.
    async fn runs(&self, workflow: &str, count: usize) -> Vec<Value> {
        let mut commits = self.server.state.engine().subscribe();
        let path = format!("/api/runs?workflow={}", &workflow["/api/workflows/".len()..]);
        let looking = async {
            loop {
                let runs = self.get(&path).await["items"].as_array().unwrap().clone();
                if runs.iter().filter(|run| !run["ended_at"].is_null()).count() >= count {
                    return runs;
                }
                commits.recv().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(30), looking).await.expect("the runs come")
    }

    /// Everything that an event may start is started.
    async fn told(&self) {
        let engine = self.server.state.engine();
        trigger::look(engine).await.unwrap();
        engine.settled().await;
        trigger::look(engine).await.unwrap();
    }
}

/// `trigger → nodes in order → end`, which gives `output`.
fn chain(trigger: Value, nodes: &[(&str, Value)], output: &str) -> Value {
    let mut all = vec![json!({ "id": "start", "kind": { "type": "trigger", "trigger": trigger } })];
    all.extend(nodes.iter().map(|(id, kind)| json!({ "id": id, "kind": kind })));
    all.push(json!({ "id": "end", "kind": { "type": "end", "output": output } }));
    let edge = |pair: &[Value]| {
        let (from, to) = (&pair[0], &pair[1]["id"]);
        let port = if from["kind"]["type"] == "human" { "approved" } else { "success" };
        json!({ "id": to, "from": from["id"], "port": port, "to": to })
    };
    let edges: Vec<Value> = all.windows(2).map(edge).collect();
    json!({ "format": "signalbox/v1", "name": "Chain", "graph": { "nodes": all, "edges": edges } })
}

fn by_hand() -> Value {
    json!({ "on": "manual" })
}

fn on_event(name: &str) -> Value {
    json!({ "on": "event", "event_type": name })
}

fn wait() -> (&'static str, Value) {
    ("wait", json!({ "type": "wait", "for": "event", "event": "payment.received" }))
}

fn action(parameters: Value) -> (&'static str, Value) {
    ("tell", json!({ "type": "action", "tool": "event.send", "parameters": parameters }))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_wakes_the_runs_that_wait_for_it_about_its_contact() {
    on_each(async || {
        let shop = Shop::open().await;
        let (ada, bob) = (shop.contact("Ada").await, shop.contact("Bob").await);
        let waits = chain(by_hand(), &[wait()], "{{steps.wait.output}}");
        let waits = shop.publish(&waits).await;
        let of_ada = shop.start(&waits, &ada, json!({})).await;
        let of_bob = shop.start(&waits, &bob, json!({})).await;
        assert_eq!(shop.status(&of_ada).await["type"], "StandBy");
        let event = json!({
            "name": "payment.received", "payload": { "sum": 20 }, "contact": ada, "id": "p-1",
        });
        let number = shop.sent(&event).await;
        let heard = json!({ "sum": 20, "type": "payment.received" });
        assert_eq!(shop.output(&of_ada).await, heard);
        assert_eq!(shop.status(&of_bob).await["type"], "StandBy", "not about Bob");
        let again = shop.send(&event).await;
        let known = json!({ "number": number, "duplicate": true });
        assert_eq!((again.status, again.json()), (200, known));

        // One of two that wait for the same.
        let (one, other) =
            (shop.start(&waits, &ada, json!({})).await, shop.start(&waits, &ada, json!({})).await);
        assert_eq!(shop.status(&one).await["type"], "StandBy", "what came before is not for it");
        let run = &one["/api/runs/".len()..];
        shop.sent(&json!({ "name": "payment.received", "run": run })).await;
        assert_eq!(shop.output(&one).await, json!({ "type": "payment.received" }));
        assert_eq!(shop.status(&other).await["type"], "StandBy");

        // Names and ids with slashes are not taken for each other.
        shop.sent(&json!({ "name": "a/b", "id": "c" })).await;
        shop.sent(&json!({ "name": "a", "id": "b/c" })).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_came_just_before_the_wait_is_found() {
    on_each(async || {
        let shop = Shop::open().await;
        let ada = shop.contact("Ada").await;
        let ask = json!({ "type": "human", "mode": "approve", "prompt": "Shall we?" });
        let asks = chain(by_hand(), &[("ask", ask), wait()], "{{steps.wait.output.sum}}");
        let asks = shop.publish(&asks).await;
        let run = shop.start(&asks, &ada, json!({})).await;
        assert_eq!(shop.get(&format!("{run}/wait?timeout_ms=20000")).await["ended"], false);
        let event = json!({ "name": "payment.received", "payload": { "sum": 7 }, "contact": ada });
        shop.sent(&event).await;
        let pending = shop.get("/api/approvals?state=pending").await["items"][0].clone();
        let path = format!("/api/approvals/{}/decide", pending["id"].as_str().unwrap());
        let body = json!({ "decision": "approve", "revision": pending["revision"] });
        let decided = shop.server.post(&shop.acme.owner(), &path, &body).await;
        assert_eq!(decided.status, 200, "{}", decided.text);
        assert_eq!(shop.output(&run).await, json!(7));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_starts_a_run_of_the_workflow_that_it_triggers_once() {
    on_each(async || {
        let shop = Shop::open().await;
        let ada = shop.contact("Ada").await;
        let orders = shop.publish(&chain(on_event("order.placed"), &[], "{{input}}")).await;
        let event = json!({
            "name": "order.placed", "payload": { "id": "o-7", "total": 12 }, "contact": ada, "id": "o-7",
        });
        let (one, other) = futures::join!(shop.send(&event), shop.send(&event));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 201], "{} {}", one.text, other.text);
        assert_eq!(one.json()["number"], other.json()["number"]);
        let run = shop.runs(&orders, 1).await.remove(0);
        assert_eq!((&run["started_by"], &run["contacts"]), (&json!("event"), &json!(["Ada"])));
        let path = format!("/api/runs/{}", run["id"].as_str().unwrap());
        let input = shop.get(&path).await["input"].clone();
        assert_eq!((&input["type"], &input["total"]), (&json!("order.placed"), &json!(12)));
        assert_eq!(input["id"], "o-7", "what the sender says itself stays: {input}");
        assert!(input["at"].is_string(), "{input}");
        shop.told().await;
        assert_eq!(shop.runs(&orders, 1).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_refused() {
    on_each(async || {
        let shop = Shop::open().await;
        let own =
            event_type::ALL.iter().flat_map(|event| event.aliases.iter().chain([&event.name]));
        for name in own.copied().chain(["email.delivered"]) {
            let refused = shop.send(&json!({ "name": name })).await;
            assert_eq!((refused.status, refused.code().as_str()), (422, "invalid_value"), "{name}");
            assert_eq!(refused.json()["details"]["reason"], "own_event", "{}", refused.text);
        }
        for (event, code) in [
            (json!({ "name": " " }), "invalid_value"),
            (json!({ "name": "a\nb" }), "invalid_value"),
            (json!({ "name": "x".repeat(201) }), "invalid_value"),
            (json!({ "name": "x", "id": "" }), "invalid_value"),
            (json!({ "name": "x", "id": "i".repeat(201) }), "invalid_value"),
            (json!({ "name": "x", "payload": { "a": "b".repeat(64 * 1024) } }), "too_large"),
            (json!({ "name": "x", "payload": [1] }), "invalid_body"),
        ] {
            let refused = shop.send(&event).await;
            assert_eq!(refused.code(), code, "{}", refused.text);
        }

        let other = shop.server.organization("other").await;
        let (eve, anybody) = (json!({ "name": "Eve" }), json!({}));
        let eve =
            shop.server.post(&other.owner(), "/api/contacts", &eve).await.json()["id"].clone();
        let theirs = published(&shop.server, &other, &chain(by_hand(), &[wait()], "x")).await;
        let path = format!("{theirs}/runs");
        let run = shop.server.post(&other.owner(), &path, &anybody).await.json()["id"].clone();
        for event in [json!({ "name": "x", "contact": eve }), json!({ "name": "x", "run": run })] {
            let refused = shop.send(&event).await;
            assert_eq!((refused.status, refused.code().as_str()), (404, "not_found"), "{event}");
        }
        for role in [Role::Viewer, Role::Approver] {
            let who = shop.acme.machine(role);
            let refused = shop.server.post(&who, "/api/events", &json!({ "name": "x" })).await;
            assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
            assert_eq!(refused.json()["details"]["permission"], "Plan:Event:Send");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_sends_an_event_that_wakes_a_run_of_another_workflow() {
    on_each(async || {
        let shop = Shop::open().await;
        let (ada, bob) = (shop.contact("Ada").await, shop.contact("Bob").await);
        let waits = chain(by_hand(), &[wait()], "{{steps.wait.output}}");
        let waits = shop.publish(&waits).await;
        let of_ada = shop.start(&waits, &ada, json!({})).await;
        let of_bob = shop.start(&waits, &bob, json!({})).await;
        let tells = action(json!({
            "name": "{{input.name}}", "payload": { "sum": "{{input.sum}}" }, "customerId": "{{input.customer}}",
        }));
        let tells = shop.publish(&chain(by_hand(), &[tells], "{{steps.tell.output.name}}")).await;
        let input = |name: &str, customer: Value| {
            json!({ "name": name, "sum": 20, "customer": customer })
        };
        let run = shop.start(&tells, &ada, input("payment.received", json!(ada))).await;
        assert_eq!(shop.output(&run).await, json!("payment.received"));
        let heard = json!({ "sum": 20, "type": "payment.received" });
        assert_eq!(shop.output(&of_ada).await, heard);
        assert_eq!(shop.status(&of_bob).await["type"], "StandBy");
        for (input, why) in [
            (input("customer.created", json!(ada)), "Signalbox's own"),
            (input("payment.received", json!("nobody")), "there is no customer"),
            // About nobody in particular it would concern everybody.
            (input("payment.received", Value::Null), "customerId is empty"),
        ] {
            let run = shop.start(&tells, &ada, input).await;
            shop.output(&run).await;
            let status = shop.status(&run).await;
            assert_eq!(status["type"], "Failed", "{why}: {status}");
            assert!(status.to_string().contains(why), "{why}: {status}");
        }
        assert_eq!(shop.status(&of_bob).await["type"], "StandBy", "nothing was sent");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_sends_its_own_event_comes_to_an_end() {
    on_each(async || {
        let shop = Shop::open().await;
        let again = action(json!({ "name": "ping.sent" }));
        let circle = shop.publish(&chain(on_event("ping.sent"), &[again], "sent")).await;
        shop.sent(&json!({ "name": "ping.sent" })).await;
        let depth = event_type::DEPTH_MAX as usize;
        shop.runs(&circle, depth).await;
        shop.told().await;
        assert_eq!(shop.runs(&circle, depth).await.len(), depth);
        let workflow = circle["/api/workflows/".len()..].parse().unwrap();
        let store = shop.server.state.store();
        let note = store::event_trigger_note_fetch(store, shop.acme.id, workflow).await.unwrap();
        assert!(note.unwrap().contains("in a row"));
    })
    .await;
}
