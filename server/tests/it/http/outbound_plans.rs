//! Outbound plans over real HTTP: their JSON form, waits over a restart, branches, outcomes, transitions, what is refused,
//! circles with a way out, and calls.

use super::{
    post::Post,
    support::{Making, Server},
};
use crate::support::database::on_each;
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use server::{engine::Clock, store::Store};
use signalbox::{client::Method, wire::Role};

const HOUR_MS: i64 = 3_600_000;

fn document(name: &str) -> Value {
    let path = format!("{}/../tests/fixtures/plans/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn outbound(steps: Value, transitions: Value) -> Value {
    json!({ "id": "p", "version": 1, "name": "P", "steps": steps, "transitions": transitions, "metadata": {} })
}

async fn templates(post: &Post) {
    for (id, text) in [
        ("tmpl_intro", "Dear {{contact.name}}"),
        ("tmpl_warm", "Warm"),
        ("tmpl_cold", "Cold"),
        ("script_follow_up", "Hello {{contact.name}}, this is about {{input.product}}."),
        ("vm_follow_up", "Call us back, {{contact.name}}."),
    ] {
        post.template(id, text, None).await;
    }
}

// OUT-01
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_read_kept_and_written_in_exactly_its_json_form() {
    on_each(async || {
        let post = Post::new().await;
        for name in ["outbound-intro.json", "outbound-linear.json"] {
            let given = document(name);
            let workflow = post.import(&given).await;
            let written = post.get(&format!("{workflow}/export?format=outbound")).await;
            assert_eq!(
                written.to_string(),
                given.to_string(),
                "{name}: to the letter, in its order"
            );
            let detail = post.get(&workflow).await;
            assert_eq!(detail["workflow"]["name"], given["name"]);
        }
        // What is changed on the canvas is changed there and nowhere else.
        let workflow = post.import(&document("outbound-linear.json")).await;
        let detail = post.get(&workflow).await;
        let mut graph = detail["graph"].clone();
        let nodes = graph["nodes"].as_array_mut().unwrap();
        let pause = nodes.iter_mut().find(|node| node["id"] == "pause").unwrap();
        pause["kind"]["duration_ms"] = json!(24 * HOUR_MS);
        let body = json!({ "name": "Welcome", "description": "", "graph": graph }).to_string();
        let headers = [("content-type", "application/json"), ("if-match", "\"1\"")];
        let saved = post
            .server
            .raw(&post.owner(), Method::Put, &workflow, &headers, Some(body.into()))
            .await;
        assert_eq!(saved.status, 200, "{}", saved.text);
        let mut expected = document("outbound-linear.json");
        let written = post.get(&format!("{workflow}/export?format=outbound")).await;
        assert_ne!(written["steps"][1]["duration"], expected["steps"][1]["duration"]);
        expected["steps"][1]["duration"] = written["steps"][1]["duration"].clone();
        // Plans never change: this is another version of it.
        expected["version"] = json!(2);
        assert_eq!(written, expected);
    })
    .await;
}

// OUT-06 OUT-07 OUT-09
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_is_durable_the_first_case_that_holds_wins_and_outcomes_are_told() {
    on_each(async || {
        let post = Post::new().await;
        let steps = json!([
            { "type": "wait", "id": "pause", "duration": { "days": 1, "hours": 2, "minutes": 3, "seconds": 4 } },
            { "type": "branch", "id": "check", "conditions": [
                { "when": "input.n > 10", "goto": "much" },
                { "when": "input.n > 5", "goto": "some" },
                { "when": "default", "goto": "little" },
            ] },
            { "type": "end", "id": "much", "outcome": "much" },
            { "type": "end", "id": "some", "outcome": "some" },
            { "type": "end", "id": "little", "outcome": "little" },
        ]);
        let workflow = post.published(&outbound(steps, json!("linear"))).await;
        let ada = post.contact("Ada", "ada@example.com").await;
        let mut runs = Vec::new();
        for n in [20, 7, 1, 2] {
            runs.push(post.start(&workflow, &ada, json!({ "n": n })).await);
        }
        let almost = 26 * HOUR_MS + 3 * 60_000 + 3_999;
        post.clock.advance_ms(almost);
        post.server.state.engine().settled().await;
        for run in &runs {
            assert_eq!(post.get(run).await["run"]["status"]["type"], "StandBy", "not before its time");
        }
        post.clock.advance_ms(1);
        for (run, outcome) in runs.iter().zip(["much", "some", "little", "little"]) {
            assert_eq!(post.outcome(run).await, outcome);
        }
        // Outcomes can be counted: they stand on the runs of the list.
        let page = post.get(&format!("/api/runs?workflow={}", &workflow[15..])).await;
        let of = |wanted: &str| {
            let items = page["items"].as_array().unwrap().iter();
            items.filter(|run| run["status"]["outcome"] == wanted && run["version"] == 1).count()
        };
        assert_eq!((of("much"), of("some"), of("little")), (1, 1, 2));
    })
    .await;
}

// OUT-01 OUT-02
#[tokio::test(flavor = "multi_thread")]
async fn each_version_of_a_plan_can_be_written_and_bears_a_number_of_its_own() {
    on_each(async || {
        let post = Post::new().await;
        let pause = json!({ "type": "wait", "id": "pause", "duration": { "days": 1 } });
        let mut given = outbound(
            json!([pause, { "type": "end", "id": "end", "outcome": "x" }]),
            json!("linear"),
        );
        given["version"] = json!(3);
        let workflow = post.published(&given).await;
        let export =
            async |more: &str| post.get(&format!("{workflow}/export?format=outbound{more}")).await;
        assert_eq!(export("").await.to_string(), given.to_string());
        assert_eq!(export("&version=1").await.to_string(), given.to_string());

        let mut graph = post.get(&workflow).await["graph"].clone();
        let nodes = graph["nodes"].as_array_mut().unwrap();
        let pause = nodes.iter_mut().find(|node| node["id"] == "pause").unwrap();
        pause["kind"]["duration_ms"] = json!(2 * HOUR_MS);
        let body = json!({ "name": "P", "description": "", "graph": graph }).to_string();
        let headers = [("content-type", "application/json"), ("if-match", "\"1\"")];
        let body = Some(body.into());
        let saved = post.server.raw(&post.owner(), Method::Put, &workflow, &headers, body).await;
        assert_eq!(saved.status, 200, "{}", saved.text);
        let draft = export("").await;
        assert_eq!(draft["steps"][0]["duration"], json!({ "hours": 2 }));
        for number in [2, 3] {
            assert_eq!(post.publish(&workflow).await.json()["version"], number);
        }
        let (second, third) = (export("&version=2").await, export("&version=3").await);
        let version = |plan: &Value| plan["version"].as_u64().unwrap();
        assert_eq!(second, draft, "the draft had the number that it was published under");
        assert!(version(&second) > 3 && version(&third) > version(&second), "{second} {third}");
        assert_eq!(export("").await, third, "the draft is the newest version");
        assert_eq!(export("&version=1").await.to_string(), given.to_string(), "it never changes");
        // Read again, it is the version that it says.
        let again = post.import(&second).await;
        assert_eq!(post.get(&format!("{again}/export")).await, second);
        for (more, status) in [("version=9", 404), ("notation=yaml", 400), ("notation=xml", 400)] {
            let path = format!("{workflow}/export?format=outbound&{more}");
            assert_eq!(post.server.get(&post.owner(), &path).await.status, status, "{more}");
        }
    })
    .await;
}

// OUT-09
#[tokio::test(flavor = "multi_thread")]
async fn outcomes_are_counted_by_version() {
    on_each(async || {
        let post = Post::new().await;
        let ada = post.contact("Ada", "ada@example.com").await;
        let steps = json!([
            { "type": "branch", "id": "check", "conditions": [
                { "when": "input.n > 5", "goto": "much" },
                { "when": "input.n > 0", "goto": "little" },
                { "when": "default", "goto": "pause" },
            ] },
            { "type": "end", "id": "much", "outcome": "much" },
            { "type": "end", "id": "little", "outcome": "\u{201c}{{input.n}}\u{201d} is little" },
            { "type": "wait", "id": "pause", "duration": { "days": 1 } },
            { "type": "end", "id": "late", "outcome": "late" },
        ]);
        let workflow = post.published(&outbound(steps, json!("linear"))).await;
        let counts = format!("{workflow}/outcomes");
        assert_eq!(post.get(&counts).await, json!({ "items": [] }));
        let run = async |n: i64| {
            let run = post.start(&workflow, &ada, json!({ "n": n })).await;
            post.outcome(&run).await
        };
        let little = "\u{201c}1\u{201d} is little";
        for (n, outcome) in [(9, "much"), (1, little), (7, "much")] {
            assert_eq!(run(n).await, outcome);
        }
        assert_eq!(post.publish(&workflow).await.json()["version"], 2);
        assert_eq!(run(9).await, "much");
        // One that goes on, and one that was stopped, have no outcome.
        let waits = post.start(&workflow, &ada, json!({ "n": 0 })).await;
        let stopped = post.start(&workflow, &ada, json!({ "n": 0 })).await;
        let stop = post.server.post(&post.owner(), &format!("{stopped}/stop"), &json!({})).await;
        assert_eq!(stop.status, 200, "{}", stop.text);
        let expected = json!({ "items": [
            { "version": 2, "outcome": "much", "count": 1 },
            { "version": 1, "outcome": "much", "count": 2 },
            { "version": 1, "outcome": little, "count": 1 },
        ] });
        assert_eq!(post.get(&counts).await, expected);
        let seen = post.server.get(&post.viewer(), &counts).await;
        assert_eq!(seen.json(), expected);
        post.server.state.engine().settled().await;
        post.clock.advance_ms(24 * HOUR_MS);
        assert_eq!(post.outcome(&waits).await, "late");
        assert_eq!(post.get(&counts).await["items"].as_array().unwrap().len(), 4);
    })
    .await;
}

// OUT-11
#[tokio::test]
async fn how_many_steps_a_plan_may_have_is_a_setting_of_the_server() {
    let wait =
        |n: u32| json!({ "type": "wait", "id": format!("w{n}"), "duration": { "seconds": 1 } });
    for (most, steps, refused) in [(2, 3, Some("w2")), (3, 3, None), (501, 501, None)] {
        let store = Store::in_memory().await.unwrap();
        let making = Making { plan_steps_max: most, ..Making::over(store) };
        let server = making.start().await;
        let acme = server.organization("acme").await;
        let plan = outbound(json!((0..steps).map(wait).collect::<Vec<_>>()), json!("linear"));
        let body = json!({ "document": plan });
        let made = server.post(&acme.owner(), "/api/workflows/import", &body).await.json();
        let path = format!("/api/workflows/{}", made["workflow"]["id"].as_str().unwrap());
        let detail = server.get(&acme.owner(), &path).await.json();
        assert_eq!(detail["plan_steps_max"], most, "so that the editor knows");
        let reply = server.post(&acme.owner(), &format!("{path}/publish"), &json!({})).await;
        let Some(step) = refused else {
            assert_eq!(reply.status, 201, "{most}: {}", reply.text);
            continue;
        };
        assert_eq!((reply.status, reply.code().as_str()), (422, "graph_problems"));
        let problem = &reply.json()["details"]["problems"][0];
        assert_eq!((&problem["code"], &problem["node"]), (&json!("too-many-steps"), &json!(step)));
        assert!(problem["message"].as_str().unwrap().contains("2 steps"), "{problem}");
    }
}

// OUT-10
#[tokio::test(flavor = "multi_thread")]
async fn explicit_transitions_lead_where_they_say_and_name_a_branchs_cases() {
    on_each(async || {
        let post = Post::new().await;
        let ada = post.contact("Ada", "ada@example.com").await;
        let steps = json!([
            { "type": "branch", "id": "check", "conditions": [
                { "when": "input.n > 5", "goto": "pause" }, { "when": "default", "goto": "done" }] },
            { "type": "wait", "id": "pause", "duration": { "seconds": 1 } },
            { "type": "wait", "id": "never", "duration": { "days": 9 } },
            { "type": "end", "id": "done", "outcome": "done" },
        ]);
        let transitions = json!([
            { "from": "check", "to": "pause", "condition": "many" },
            { "from": "check", "to": "done", "condition": "default" },
            { "from": "pause", "to": "done" },
            { "from": "never", "to": "done" },
        ]);
        // `never` is unreachable: linear transitions would lead there.
        let workflow = post.import(&outbound(steps.clone(), transitions.clone())).await;
        let refused = post.publish(&workflow).await;
        assert_eq!(refused.code(), "graph_problems", "{}", refused.text);
        assert!(refused.text.contains("never"), "{}", refused.text);
        let (mut steps, mut transitions) = (steps, transitions);
        steps.as_array_mut().unwrap().remove(2);
        transitions.as_array_mut().unwrap().pop();
        let workflow = post.published(&outbound(steps, transitions)).await;
        let graph = post.get(&workflow).await["graph"].clone();
        let edges = graph["edges"].as_array().unwrap();
        assert!(edges.iter().any(|edge| edge["from"] == "check" && edge["port"] == "many"), "{edges:?}");
        let run = post.start(&workflow, &ada, json!({ "n": 9 })).await;
        post.server.state.engine().settled().await;
        assert_eq!(post.get(&run).await["run"]["current_node"], "pause");
        post.clock.advance_ms(1_000);
        assert_eq!(post.outcome(&run).await, "done");
        let run = post.start(&workflow, &ada, json!({ "n": 1 })).await;
        assert_eq!(post.outcome(&run).await, "done");
    })
    .await;
}

// OUT-11
#[tokio::test]
async fn what_a_plan_must_not_be_is_refused_with_the_step() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let editor = acme.machine(Role::Editor);
    let end = json!({ "type": "end", "id": "end", "outcome": "x" });
    let branch = |to: &str| json!({ "type": "branch", "id": "check", "conditions": [{ "when": "input.n > 1", "goto": to }] });
    let wait = |id: &str| json!({ "type": "wait", "id": id, "duration": { "seconds": 1 } });
    let many: Vec<Value> = (0..=500).map(|n| wait(&format!("w{n}"))).collect();
    let cases = [
        ("unreachable", outbound(json!([end, wait("lost")]), json!([])), "lost"),
        (
            "circular",
            outbound(
                json!([wait("a"), wait("b")]),
                json!([{ "from": "a", "to": "b" }, { "from": "b", "to": "a" }]),
            ),
            "a",
        ),
        (
            "missing template",
            outbound(
                json!([{ "type": "sendEmail", "id": "mail", "templateId": "nothing", "subject": "x" }, end]),
                json!("linear"),
            ),
            "mail",
        ),
        (
            "missing script",
            outbound(
                json!([{ "type": "sendVoice", "id": "call", "scriptId": "nothing" }, end]),
                json!("linear"),
            ),
            "call",
        ),
        (
            "missing voicemail",
            outbound(
                json!([{ "type": "sendVoice", "id": "call", "scriptId": "script",
                    "voicemail": { "detect": true, "messageId": "nothing" } }, end]),
                json!("linear"),
            ),
            "call",
        ),
        ("no default", outbound(json!([branch("end"), end]), json!("linear")), "check"),
        ("too many steps", outbound(json!(many), json!("linear")), "w500"),
    ];
    let script = json!({ "id": "script", "text": "Hello" });
    assert_eq!(server.post(&editor, "/api/templates", &script).await.status, 201);
    for (what, plan, step) in cases {
        let made =
            server.post(&editor, "/api/workflows/import", &json!({ "document": plan })).await;
        assert_eq!(made.status, 201, "{what}: {}", made.text);
        let path =
            format!("/api/workflows/{}/publish", made.json()["workflow"]["id"].as_str().unwrap());
        let refused = server.post(&editor, &path, &json!({})).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (422, "graph_problems"),
            "{what}: {}",
            refused.text
        );
        let problems = refused.json()["details"]["problems"].as_array().unwrap().clone();
        let names = |problem: &Value| {
            problem["severity"] == "error"
                && (problem["node"] == step || problem["message"].as_str().unwrap().contains(step))
        };
        assert!(problems.iter().any(names), "{what}: {problems:#?}");
    }
}

// OUT-12
#[tokio::test]
async fn a_circle_with_a_way_out_runs_and_one_with_two_entries_is_refused() {
    let post = Post::new().await;
    let ada = post.contact("Ada", "ada@example.com").await;
    let steps = json!([
        { "type": "wait", "id": "pause", "duration": { "hours": 1 } },
        { "type": "branch", "id": "check", "conditions": [
            { "when": "$now > input.until", "goto": "done" }, { "when": "default", "goto": "pause" }] },
        { "type": "end", "id": "done", "outcome": "enough" },
    ]);
    let transitions = json!([{ "from": "pause", "to": "check" }]);
    let workflow = post.published(&outbound(steps, transitions)).await;
    let until = post.clock.now() + TimeDelta::milliseconds(3 * HOUR_MS - 1);
    let until = until.to_rfc3339_opts(SecondsFormat::Millis, true);
    let run = post.start(&workflow, &ada, json!({ "until": until })).await;
    for turn in 0..3 {
        post.server.state.engine().settled().await;
        let status = post.get(&run).await["run"]["status"]["type"].clone();
        assert_eq!(status, "StandBy", "turn {turn}");
        post.clock.advance_ms(HOUR_MS);
        post.server.state.engine().fire_due().await.unwrap();
        post.server.state.engine().settled().await;
    }
    assert_eq!(post.outcome(&run).await, "enough");
    let turns = post.events(&run).await;
    assert_eq!(turns.iter().filter(|event| event["type"] == "frame_started").count(), 3);

    let two = json!([
        { "type": "branch", "id": "first", "conditions": [
            { "when": "input.n > 1", "goto": "a" }, { "when": "default", "goto": "b" }] },
        { "type": "wait", "id": "a", "duration": { "seconds": 1 } },
        { "type": "branch", "id": "b", "conditions": [
            { "when": "input.n > 2", "goto": "done" }, { "when": "default", "goto": "a" }] },
        { "type": "end", "id": "done", "outcome": "x" },
    ]);
    let workflow = post.import(&outbound(two, json!([{ "from": "a", "to": "b" }]))).await;
    let refused = post.publish(&workflow).await;
    assert_eq!(refused.code(), "graph_problems", "{}", refused.text);
    let problems = refused.json()["details"]["problems"].clone();
    let entries = problems.as_array().unwrap().iter().find(|p| p["code"] == "two-entries");
    let message = entries.unwrap_or_else(|| panic!("{problems:#}"))["message"].as_str().unwrap();
    assert!(message.contains("\u{201c}a\u{201d}"), "{message}");
    assert!(message.contains("\u{201c}b\u{201d}"), "{message}");
}

// OUT-05
#[tokio::test(flavor = "multi_thread")]
async fn a_call_speaks_its_script_on_the_sandbox_phone_once_a_person_approved_it() {
    on_each(async || {
        let post = Post::new().await;
        templates(&post).await;
        let person = json!({ "name": "Ada Byron", "email": "ada@example.com", "phone": "+44 20 7946 0000" });
        let ada = post.make("/api/contacts", person).await["id"].as_str().unwrap().to_owned();
        let steps = json!([
            { "type": "sendVoice", "id": "call", "scriptId": "script_follow_up", "callerId": "+15551234567",
              "maxDuration": { "minutes": 5 }, "voicemail": { "detect": true, "messageId": "vm_follow_up" } },
            { "type": "branch", "id": "check", "conditions": [
                { "when": "events.hasAnswered('call')", "goto": "answered" },
                { "when": "default", "goto": "missed" }] },
            { "type": "end", "id": "answered", "outcome": "answered" },
            { "type": "end", "id": "missed", "outcome": "missed" },
        ]);
        let plan = outbound(steps, json!("linear"));
        let workflow = post.published(&plan).await;
        let run = post.start(&workflow, &ada, json!({ "product": "lamps" })).await;
        post.wait(&run).await;
        let shown = post.pending().await;
        let message = &shown["message"];
        assert_eq!(
            (&message["channel"], &message["to"], &message["from"], &message["via"]),
            (&json!("voice"), &json!("Ada Byron +442079460000"), &json!("+15551234567"), &json!("sandbox phone"))
        );
        let said = message["text"].as_str().unwrap();
        assert_eq!(
            said,
            "Hello Ada Byron, this is about lamps.\n\n[If a machine answers: Call us back, Ada Byron.]\n\n\
             [The call is ended after 300 seconds.]"
        );
        let gate = shown["gate"].to_string();
        assert!(gate.contains("sandbox phone") && gate.contains("calls"), "{gate}");
        assert_eq!(post.get("/api/sandbox/messages").await["items"], json!([]), "nothing before that");
        post.approve().await;
        assert_eq!(post.outcome(&run).await, "answered");
        let kept = post.get("/api/sandbox/messages").await["items"].clone();
        assert_eq!((kept.as_array().unwrap().len(), &kept[0]["text"]), (1, &json!(said)));
        assert!(post.arrived().is_empty(), "no email left");

        // Rejected: nobody is called.
        let run = post.start(&workflow, &ada, json!({ "product": "lamps" })).await;
        post.wait(&run).await;
        let detail = post.pending().await;
        let path = format!("/api/approvals/{}/decide", detail["approval"]["id"].as_str().unwrap());
        let body = json!({ "decision": "reject", "revision": 1, "reason": "no" });
        assert_eq!(post.server.post(&post.owner(), &path, &body).await.status, 200);
        post.wait(&run).await;
        assert_eq!(post.get("/api/sandbox/messages").await["items"].as_array().unwrap().len(), 1);
        // Without a number, or with consent to calls revoked, the step fails and says so.
        let bob = post.contact("Bob", "bob@example.com").await;
        let run = post.start(&workflow, &bob, json!({})).await;
        post.wait(&run).await;
        let events = post.events(&run).await;
        assert!(json!(events).to_string().contains("Bob has no telephone number"), "{events:#?}");
    })
    .await;
}

#[tokio::test]
async fn the_document_itself_is_published_once_its_templates_and_scripts_are_there() {
    let post = Post::new().await;
    let workflow = post.import(&document("outbound-intro.json")).await;
    let refused = post.publish(&workflow).await;
    let problems = refused.json()["details"]["problems"].clone();
    let missing =
        problems.as_array().unwrap().iter().filter(|p| p["code"] == "missing-template").count();
    assert_eq!(missing, 5, "{problems:#}");
    templates(&post).await;
    assert_eq!(post.publish(&workflow).await.status, 201);
}
