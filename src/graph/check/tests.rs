//! Each rule catches its mistake, says where, and its fix mends it.

mod calls;
mod codes;
mod policies;
mod property;
mod schemas;

use super::*;
use crate::graph::{CompiledGraph, Edge, Node};
use crate::tool;
use serde_json::{Value, json};

/// A node as JSON: `("a", {"type": "action", …})`. Edges as `a.success>b`.
fn graph(nodes: &[(&str, Value)], edges: &str) -> Graph {
    let node =
        |(id, kind): &(&str, Value)| Node::new(*id, serde_json::from_value(kind.clone()).unwrap());
    let edge = |text: &str| {
        let (from, to) = text.split_once('>').unwrap();
        let (from, port) = from.split_once('.').unwrap();
        Edge::new(from, port, to)
    };
    Graph {
        nodes: nodes.iter().map(node).collect(),
        edges: edges.split_whitespace().map(edge).collect(),
        ..Graph::default()
    }
}

fn manual() -> (&'static str, Value) {
    ("t", json!({"type": "trigger"}))
}
fn end() -> (&'static str, Value) {
    ("end", json!({"type": "end"}))
}
fn set(id: &'static str, parameters: Value) -> (&'static str, Value) {
    (id, json!({"type": "action", "tool": "set_variables", "parameters": parameters}))
}
fn action<'a>(id: &'a str, tool: &str, parameters: Value) -> (&'a str, Value) {
    (id, json!({"type": "action", "tool": tool, "parameters": parameters}))
}
fn condition<'a>(id: &'a str, expression: &str) -> (&'a str, Value) {
    (id, json!({"type": "condition", "expression": expression}))
}
fn each<'a>(id: &'a str, items: &str, name: &str) -> (&'a str, Value) {
    (id, json!({"type": "loop", "items": items, "item_variable": name}))
}
fn llm<'a>(id: &'a str, system: &str, tools: Value) -> (&'a str, Value) {
    (id, json!({"type": "llm", "system_prompt": system, "user_prompt": "Go.", "tools": tools}))
}

fn found(graph: &Graph) -> Vec<Problem> {
    check(graph, &CheckContext::default())
}

/// A chain from the trigger through one step to the end, its error handled.
fn alone(step: (&'static str, Value)) -> Graph {
    let id = step.0;
    graph(&[manual(), step, end()], &format!("t.success>{id} {id}.success>end {id}.error>end"))
}

/// The problem of this code at this node; its fix must apply and mend it.
#[track_caller]
fn caught(graph: &Graph, code: &str, node: &str) -> Problem {
    let problems = found(graph);
    let is = |problem: &&Problem| {
        problem.code == code && problem.node.as_ref().map_or("", |id| id.as_str()) == node
    };
    let Some(problem) = problems.iter().find(is) else {
        panic!("{code} at {node:?} not in {problems:#?}")
    };
    if let Some(fix) = &problem.fix {
        let mut mended = graph.clone();
        for edit in fix.edits.clone() {
            edit.apply(&mut mended).unwrap_or_else(|refusal| panic!("{}: {refusal}", fix.label));
        }
        let left = found(&mended);
        assert!(!left.contains(problem), "{} does not mend {code}", fix.label);
        let worst = |problems: &[Problem]| {
            problems.iter().filter(|p| p.severity == Severity::Error).count()
        };
        assert!(worst(&left) <= worst(&problems), "{} makes it worse: {left:#?}", fix.label);
    }
    problem.clone()
}

#[test]
fn a_clean_workflow_has_no_problems() {
    let graph = graph(
        &[
            manual(),
            action("get_customer", "customer_get", json!({"customerId": "{{input.customerId}}"})),
            condition("vip", "{{steps.get_customer.output.totalSpent}} > 1000"),
            action(
                "send",
                "email.send",
                json!({"customerId": "{{input.customerId}}", "subject": "Hi", "body": "Hello {{get_customer.output.name}}"}),
            ),
            end(),
        ],
        "t.success>get_customer get_customer.success>vip get_customer.error>end vip.true>send vip.false>end send.success>end send.error>end",
    );
    assert_eq!(found(&graph), []);
    assert!(CompiledGraph::compile(graph, &tool::catalogue().to_vec()).is_ok());
}

// WF-25
#[test]
fn the_guides_common_mistakes_are_caught() {
    // Unknown variable path, with the quick fix the guide gives.
    let wrong = graph(
        &[
            manual(),
            action("get_customer", "customer_get", json!({"customerId": "{{input.customerId}}"})),
            action("send", "email_send", json!({"to": "{{customer.email}}", "subject": "Hi"})),
            end(),
        ],
        "t.success>get_customer get_customer.success>send get_customer.error>end send.success>end send.error>end",
    );
    let problem = caught(&wrong, "unknown-name", "send");
    assert_eq!(problem.field.as_deref(), Some("/parameters/to"));
    assert_eq!(problem.fix.unwrap().label, "Read steps.get_customer.output.email");
    // A loop body that never returns.
    let stuck = graph(
        &[manual(), each("all", "{{input.list}}", "one"), set("body", json!({"x": 1})), end()],
        "t.success>all all.next>body all.done>end",
    );
    assert_eq!(caught(&stuck, "loop-never-returns", "all").severity, Severity::Error);
    let too_early = graph(
        &[manual(), each("all", "{{input.list}}", "one"), set("body", json!({"x": 1})), end()],
        "t.success>all all.next>body body.success>end all.done>end",
    );
    caught(&too_early, "loop-never-returns", "all");
    // Unconnected ports.
    let open = graph(&[manual(), condition("c", "input.x"), end()], "t.success>c c.true>end");
    assert_eq!(caught(&open, "unconnected-port", "c").port.as_deref(), Some("false"));
    // A prompt that speaks of tools, and has none.
    let talk = alone(llm("ai", "Use tools to find customer data.", json!([])));
    let problem = caught(&talk, "prompt-without-tools", "ai");
    assert!(problem.fix.unwrap().label.contains("customer.get_by_id"));
    // Hard-coded secrets.
    let leak = alone(action(
        "call",
        "http.request",
        json!({"url": "https://example.com", "headers": {"apiKey": "sk_live_abc123"}}),
    ));
    let problem = caught(&leak, "hard-coded-secret", "call");
    assert!(!problem.message.contains("abc123"));
    // Loops nested more than three deep.
    let names = ["a", "b", "c", "d"];
    let mut nodes = vec![manual()];
    nodes.extend(names.map(|id| each(id, "{{input.list}}", "")));
    nodes.extend([set("x", json!({"v": 1})), end()]);
    let nested = graph(
        &nodes,
        "t.success>a a.next>b b.next>c c.next>d d.next>x x.success>d d.done>c c.done>b b.done>a a.done>end",
    );
    caught(&nested, "loops-nested", "d");
    assert!(found(&nested).iter().filter(|problem| problem.code == "loops-nested").count() == 1);
    // Circular flow.
    let circle = graph(
        &[manual(), set("one", json!({"v": 1})), set("two", json!({"v": 2}))],
        "t.success>one one.success>two two.success>one",
    );
    assert_eq!(caught(&circle, "endless-loop", "one").severity, Severity::Error);
    // An unhandled error port: a warning.
    let unhandled = graph(
        &[manual(), action("get", "customer_get", json!({"customerId": "1"})), end()],
        "t.success>get get.success>end",
    );
    assert_eq!(caught(&unhandled, "unhandled-error", "get").severity, Severity::Warning);
}

#[test]
fn triggers() {
    let none = graph(&[set("a", json!({"x": 1})), end()], "a.success>end");
    caught(&none, "no-trigger", "");
    let two = graph(
        &[manual(), ("t2", json!({"type": "trigger"})), end()],
        "t.success>end t2.success>end",
    );
    caught(&two, "second-trigger", "t2");
    let entered = graph(&[manual(), set("a", json!({"x": 1}))], "t.success>a a.success>t");
    caught(&entered, "trigger-entered", "t");
    let with = |trigger: Value| {
        graph(&[("t", json!({"type": "trigger", "trigger": trigger})), end()], "t.success>end")
    };
    caught(&with(json!({"on": "schedule", "cron": "daily"})), "bad-schedule", "t");
    caught(
        &with(json!({"on": "schedule", "cron": "0 9 * * *", "timezone": "Mars/Base"})),
        "bad-timezone",
        "t",
    );
    caught(&with(json!({"on": "webhook", "path": "orders"})), "bad-path", "t");
    caught(&with(json!({"on": "event", "event_type": ""})), "missing-event", "t");
    assert_eq!(
        found(&with(json!({"on": "schedule", "cron": "*/15 * * * *", "timezone": "Asia/Tokyo"}))),
        []
    );
    let late = caught(&with(json!({"on": "schedule", "cron": "0 24 * * *"})), "bad-schedule", "t");
    assert_eq!(late.field.as_deref(), Some("/trigger/cron"));
    assert!(late.message.contains("The hour 24 is out of range"), "{}", late.message);
    let near = caught(
        &with(json!({"on": "event", "event_type": "customer.create"})),
        "unknown-event",
        "t",
    );
    assert!(near.message.contains("Did you mean customer.created?"), "{}", near.message);
    assert_eq!(near.severity, Severity::Warning);
    let filtered = |filter: &str| {
        let trigger = json!({"type": "trigger", "filter": filter,
            "trigger": {"on": "event", "event_type": "contact.created"}});
        graph(&[("t", trigger), end()], "t.success>end")
    };
    assert_eq!(found(&filtered("event.customer.status == 'VIP'")), []);
    caught(&filtered("event.customer ="), "bad-expression", "t");
    caught(&filtered("customer.status == 'VIP'"), "unknown-name", "t");
}

#[test]
fn names_that_are_nearly_those_of_our_own_events_are_told() {
    let waits = |wait: Value| {
        let mut kind = wait;
        kind["type"] = json!("wait");
        graph(&[manual(), ("w", kind), end()], "t.success>w w.success>end w.timeout>end")
    };
    let event = |name: &str| waits(json!({"for": "event", "event": name}));
    let near = caught(&event("message.received"), "unknown-event", "w");
    assert!(near.message.contains("Did you mean email.replied?"), "{}", near.message);
    assert!(near.message.contains("POST /api/events"), "{}", near.message);
    assert_eq!((near.severity, near.field.as_deref()), (Severity::Warning, Some("/event")));
    // Nobody can send this one.
    let ours = caught(&event("email.delivered"), "unknown-event", "w");
    assert!(!ours.message.contains("POST /api/events"), "{}", ours.message);
    assert!(!ours.message.contains("no event of Signalbox's own"), "{}", ours.message);
    let first = waits(json!({"for": "first", "of": [
        {"port": "success", "for": "event", "event": "email.replid"},
        {"port": "timeout", "for": "duration", "duration_ms": 1000},
    ]}));
    let near = caught(&first, "unknown-event", "w");
    assert_eq!(near.field.as_deref(), Some("/of/0/event"));
    let started = |name: &str| {
        let trigger = json!({"type": "trigger", "trigger": {"on": "event", "event_type": name}});
        graph(&[("t", trigger), end()], "t.success>end")
    };
    caught(&started("Customer.Created"), "unknown-event", "t");
    for fine in ["reply", "email.reply", "customer.created", "order.completed", "payment.received"]
    {
        assert_eq!(found(&started(fine)), [], "{fine}");
        assert_eq!(found(&event(fine)), [], "{fine}");
    }
}

#[test]
fn ids_and_connections() {
    let twice = graph(&[manual(), end(), end()], "t.success>end");
    caught(&twice, "duplicate-id", "end");
    let spaced = graph(&[manual(), set("my step", json!({"x": 1})), end()], "t.success>end");
    caught(&spaced, "invalid-id", "my step");
    let lost = graph(&[manual(), end()], "t.success>ende");
    assert_eq!(caught(&lost, "unknown-step", "t").fix.unwrap().label, "Connect to end");
    let port = graph(&[manual(), end()], "t.success>end t.failed>end");
    caught(&port, "unknown-port", "t");
    let mut double = graph(&[manual(), end()], "t.success>end");
    let mut copy = double.edges[0].clone();
    copy.id = "second".into();
    double.edges.push(copy);
    caught(&double, "repeated-connection", "t");
    let far = graph(
        &[manual(), end(), set("island", json!({"x": 1}))],
        "t.success>end island.success>end",
    );
    caught(&far, "unreachable-node", "island");
    let branch = graph(
        &[
            manual(),
            ("b", json!({"type": "branch", "cases": [{"port": "a", "when": "input.x"}]})),
            end(),
        ],
        "t.success>b b.a>end",
    );
    caught(&branch, "unconnected-default", "b");
}

#[test]
fn an_open_port_in_a_loop_is_led_back_to_it() {
    let graph = graph(
        &[
            manual(),
            each("all", "{{input.list}}", "one"),
            condition("c", "one.ok"),
            set("x", json!({"v": 1})),
            end(),
        ],
        "t.success>all all.next>c c.true>x x.success>all all.done>end",
    );
    assert_eq!(caught(&graph, "unconnected-port", "c").fix.unwrap().label, "Connect back to all");
}

#[test]
fn loops_with_two_entries_are_named() {
    let graph = graph(
        &[
            manual(),
            condition("c", "input.x"),
            condition("a", "input.y"),
            set("b", json!({"x": 1})),
            end(),
        ],
        "t.success>c c.true>a c.false>b a.true>b b.success>a a.false>end",
    );
    assert!(found(&graph).iter().any(|problem| problem.code == "two-entries"));
}

#[test]
fn tools_and_their_parameters() {
    let check = |step: (&'static str, Value), code: &str| caught(&alone(step), code, "a");
    let fix = check(action("a", "customer.get_by_idd", json!({"customerId": "1"})), "unknown-tool")
        .fix
        .unwrap();
    assert_eq!(fix.label, "Use customer.get_by_id");
    check(action("a", "", json!({})), "missing-tool");
    let missing = check(action("a", "customer.get_by_id", json!({})), "missing-parameter");
    assert_eq!(missing.field.as_deref(), Some("/parameters/customerId"));
    check(action("a", "email.send", json!({"subject": "Hi"})), "missing-recipient");
    check(
        action("a", "email.send", json!({"to": "a@example.com", "subject": ["Hi"]})),
        "wrong-type",
    );
    check(action("a", "customer.query", json!({"limit": "20"})), "wrong-type");
    check(action("a", "customer.query", json!({"limit": 2000})), "out-of-range");
    check(action("a", "customer.query", json!([1])), "wrong-type");
    check(llm("a", "Answer.", json!(["email.send"])), "tool-not-readable");
    check(llm("a", "Answer.", json!(["customer_gett"])), "unknown-tool");
    check(llm("a", "", json!([])), "missing-prompt");
    for good in [
        json!({"limit": "{{input.limit}}"}),
        json!({"limit": null, "own": [1]}),
        json!({"limit": 20}),
    ] {
        assert_eq!(found(&alone(action("a", "customer.query", good.clone()))), [], "{good}");
    }
}

#[test]
fn texts_that_cannot_be_read_have_their_place() {
    let field =
        |step: (&'static str, Value)| caught(&alone(step), "bad-expression", "a").field.unwrap();
    assert_eq!(field(set("a", json!({"x": "{{1 +}}"}))), "/parameters/x");
    assert_eq!(field(llm("a", "Hi {{", json!([]))), "/system_prompt");
    assert_eq!(
        field(action("a", "customer.filter", json!({"expression": "totalSpent >"}))),
        "/parameters/expression"
    );
    let broken = graph(
        &[manual(), condition("a", "input.x >"), end()],
        "t.success>a a.true>end a.false>end",
    );
    assert_eq!(caught(&broken, "bad-expression", "a").field.as_deref(), Some("/expression"));
}

#[test]
fn names() {
    let schema = json!({"properties": {"customerId": {"type": "string"}}});
    let typed = |step: (&'static str, Value)| {
        let mut graph = alone(step);
        graph.nodes[0].kind =
            serde_json::from_value(json!({"type": "trigger", "input_schema": schema})).unwrap();
        graph
    };
    let label = |problem: Problem| problem.fix.map(|fix| fix.label).unwrap_or_default();
    let problem =
        caught(&typed(set("a", json!({"x": "{{input.customerID}}"}))), "unknown-input", "a");
    assert_eq!(label(problem), "Read input.customerId");
    let problem = caught(&typed(set("a", json!({"x": "{{customerld}}"}))), "unknown-name", "a");
    assert_eq!(
        (problem.severity, label(problem.clone())),
        (Severity::Error, "Read customerId".into())
    );
    let problem = caught(
        &alone(set("a", json!({"x": "{{steps.unknown.output}}"}))),
        "unknown-step-name",
        "a",
    );
    assert_eq!(problem.field.as_deref(), Some("/parameters/x"));
    let two = |parameters: Value| {
        graph(
            &[manual(), set("one", json!({"v": 1})), set("two", parameters), end()],
            "t.success>one one.success>two two.success>end",
        )
    };
    let problem = caught(&two(json!({"x": "{{steps.one.v}}"})), "unknown-path", "two");
    assert_eq!(label(problem), "Read steps.one.output.v");
    let mut early = two(json!({"x": 1}));
    early.nodes[1] = Node::new(
        "one",
        serde_json::from_value(set("one", json!({"v": "{{steps.two.output.x}}"})).1).unwrap(),
    );
    caught(&early, "reads-later-step", "one");
    early.nodes[1] = Node::new(
        "one",
        serde_json::from_value(set("one", json!({"v": "{{two.output.x}}"})).1).unwrap(),
    );
    assert_eq!(caught(&early, "reads-later-step", "one").severity, Severity::Warning);
    caught(&alone(set("a", json!({"x": "{{loop.item}}"}))), "loop-outside", "a");
    // Everything that means something.
    let fine = [
        "{{input.anything}}",
        "{{v}}",
        "{{steps.one.output.data.v}}",
        "{{one.output}}",
        "{{organizationId}} {{$now}} {{now}}",
        "{{secrets.key}}",
        "{{config.v}}",
        "{{lastOutput}}",
        "{{contact.id}}",
        "{{steps.one.error.message}}",
    ];
    for text in fine {
        assert_eq!(found(&two(json!({"x": text}))), [], "{text}");
    }
    let secrets = vec!["apiKey".to_owned()];
    let context = CheckContext { secrets: Some(&secrets), ..CheckContext::default() };
    let problems = check(&two(json!({"x": "{{secrets.apikey}}"})), &context);
    assert_eq!(problems[0].code, "unknown-secret");
    assert_eq!(check(&two(json!({"x": "{{secrets.apiKey}}"})), &context), []);
}

#[test]
fn what_a_run_does_not_know_of_its_contact_is_named() {
    let problem = caught(&alone(set("a", json!({"x": "{{contact.email}}"}))), "unknown-path", "a");
    assert_eq!(problem.severity, Severity::Warning);
    assert!(problem.message.contains("customer.get_by_id"), "{}", problem.message);
    let branched = |lookup: &str| {
        graph(
            &[
                manual(),
                action("get", "customer.get_by_id", json!({"customerId": lookup})),
                condition("ada", "contact.email == \"ada@example.com\""),
                end(),
            ],
            "t.success>get get.success>ada get.error>end ada.true>end ada.false>end",
        )
    };
    let problem = caught(&branched("{{contact.id}}"), "unknown-path", "ada");
    assert_eq!(problem.fix.unwrap().label, "Read steps.get.output.email");
    assert_eq!(caught(&branched("{{input.id}}"), "unknown-path", "ada").fix, None);
    // The send gate knows more, where a template is sent; so does a workflow that calls something so.
    let email = |template: Value, subject: &str| {
        let parameters = json!({"to": "a@example.com", "templateId": template, "body": "Hello", "subject": subject});
        alone(action("a", "email.send", parameters))
    };
    let subject = "{{contact.name}}, {{sender.name}}, {{customer.name}}, {{previousStep.x}}";
    assert_eq!(found(&email(json!("tmpl"), subject)), []);
    let codes: Vec<String> =
        found(&email(Value::Null, subject)).into_iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["unknown-path", "unknown-name", "unknown-name", "unknown-name"]);
    let mut named = alone(set("a", json!({"x": "{{contact.email}}"})));
    named.settings.variables.insert("contact".into(), json!({"email": "ada@example.com"}));
    assert_eq!(found(&named), []);
}

#[test]
fn the_item_variable_is_known_in_its_loop_alone() {
    let graph = graph(
        &[
            manual(),
            each("all", "{{input.list}}", "customer"),
            set("body", json!({"x": "{{customer.name}} {{loop.index}}"})),
            set("after", json!({"y": "{{customer.name}}"})),
            end(),
        ],
        "t.success>all all.next>body body.success>all all.done>after after.success>end",
    );
    let problems = found(&graph);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    caught(&graph, "unknown-name", "after");
}

#[test]
fn settings_of_kinds() {
    let check = |step: (&'static str, Value), ports: &str, code: &str| {
        let edges: String = ports.split(' ').map(|port| format!(" a.{port}>end")).collect();
        caught(&graph(&[manual(), step, end()], &format!("t.success>a{edges}")), code, "a");
    };
    check(
        ("a", json!({"type": "branch", "cases": [{"port": "default", "when": "true"}]})),
        "default",
        "bad-case",
    );
    check(("a", json!({"type": "branch", "cases": []})), "default", "no-cases");
    check(
        ("a", json!({"type": "wait", "for": "event", "event": ""})),
        "success timeout",
        "missing-event",
    );
    check(
        ("a", json!({"type": "wait", "for": "duration", "duration_ms": 1u64 << 60})),
        "success",
        "out-of-range",
    );
    check(
        ("a", json!({"type": "human", "mode": "approve"})),
        "approved rejected",
        "missing-prompt",
    );
    check(
        ("a", json!({"type": "llm", "system_prompt": "x", "temperature": 3.0})),
        "success error",
        "out-of-range",
    );
}

#[test]
fn secrets_are_told_from_other_text() {
    let leaks = |parameters: Value| {
        let graph = alone(set("a", parameters));
        found(&graph).iter().any(|problem| problem.code == "hard-coded-secret")
    };
    for bad in [
        json!({"apiKey": "sk_live_abc123"}),
        json!({"x": "Bearer abcdefghijklmnop1234"}),
        json!({"headers": {"Authorization": "Bearer 0123456789abcdefXYZ"}}),
        json!({"password": "hunter22"}),
        json!({"variables": [{"name": "api_key", "value": "0123456789"}]}),
        json!({"x": "AKIAIOSFODNN7EXAMPLE"}),
    ] {
        assert!(leaks(bad.clone()), "{bad}");
    }
    for good in [
        json!({"apiKey": "{{secrets.apiKey}}"}),
        json!({"x": "Bearer {{secrets.token}}"}),
        json!({"subject": "Reset your password"}),
        json!({"password": ""}),
        json!({"x": "bearer of good news"}),
        json!({"x": "sk-ip"}),
        json!({"note": "our secret recipe"}),
    ] {
        assert!(!leaks(good.clone()), "{good}");
    }
}

#[test]
fn a_thousand_steps_are_checked() {
    let mut nodes = vec![manual()];
    let ids: Vec<String> = (0..1_000).map(|number| format!("n{number}")).collect();
    for (number, id) in ids.iter().enumerate() {
        let before = if number == 0 {
            "input.x".to_owned()
        } else {
            format!("steps.n{}.output.name", number - 1)
        };
        nodes.push(action(
            id,
            "customer.update",
            json!({"customerId": "{{input.id}}", "name": format!("{{{{{before}}}}}")}),
        ));
    }
    let mut edges = "t.success>n0".to_owned();
    for number in 1..1_000 {
        edges.push_str(&format!(" n{}.success>n{number}", number - 1));
    }
    let graph = graph(&nodes, &edges);
    let problems = found(&graph);
    // Each step's open error port is named once, and nothing is said of the names, which are all known.
    let unhandled = problems.iter().filter(|problem| problem.code == "unhandled-error").count();
    assert_eq!(unhandled, 1_000, "{:#?}", problems.first());
}
