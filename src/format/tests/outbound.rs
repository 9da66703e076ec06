//! Outbound plans: what their words mean, what is refused, and how they run.

use super::support::{Room, asked, compiled, done, outcome_of, plan, refused, run, text};
use crate::format::{import, import_text};
use crate::graph::{
    ActionSettings, BranchSettings, CheckContext, NodeKind, Severity, WaitSettings, WaitUntil,
    check,
};
use crate::run::OutsideFact;
use serde_json::{Value, json};

fn plan_of(steps: Value, transitions: Value) -> Value {
    json!({"id": "p", "version": 1, "name": "P", "steps": steps, "transitions": transitions, "metadata": {}})
}

fn end(id: &str) -> Value {
    json!({"type": "end", "id": id, "outcome": id})
}

fn email(id: &str) -> Value {
    json!({"type": "sendEmail", "id": id, "templateId": "t", "subject": "S"})
}

fn ways(imported: &crate::format::Imported) -> Vec<String> {
    imported
        .graph
        .edges
        .iter()
        .map(|edge| format!("{}.{}>{}", edge.from, edge.port, edge.to))
        .collect()
}

#[test]
fn the_documents_plan_reads_as_it_says() {
    let imported = plan("outbound-intro.json");
    let kind = |id: &str| imported.graph.node(&id.into()).unwrap().kind.clone();
    assert_eq!(imported.description, "First contact, a reminder, a call");
    assert_eq!(
        kind("intro-email"),
        NodeKind::Action(ActionSettings {
            tool: "email.send".into(),
            parameters: json!({"customerId": "{{contact.id}}", "templateId": "tmpl_intro", "subject": "Introducing {{product}}",
                "replyTo": "sales@example.com", "tracking": {"opens": true, "clicks": true}}),
        })
    );
    assert_eq!(
        kind("follow-up-call"),
        NodeKind::Action(ActionSettings {
            tool: "voice.call".into(),
            parameters: json!({"customerId": "{{contact.id}}", "scriptId": "script_follow_up", "callerId": "+15551234567",
                "maxDurationMs": 300_000, "voicemail": {"detect": true, "messageId": "vm_follow_up"}}),
        })
    );
    assert_eq!(
        kind("wait-for-reply"),
        NodeKind::Wait(WaitSettings { until: WaitUntil::Duration { duration_ms: 302_400_000 } })
    );
    let NodeKind::Branch(BranchSettings { cases }) = kind("check-response") else { panic!() };
    let cases: Vec<(&str, &str)> =
        cases.iter().map(|case| (case.port.as_str(), case.when.as_str())).collect();
    assert_eq!(
        cases,
        [
            ("end-sequence", "events.hasReply(\"intro-email\")"),
            ("opened", "events.hasOpen(\"intro-email\")")
        ]
    );
    assert_eq!(
        ways(&imported),
        [
            "trigger.success>intro-email",
            "intro-email.success>wait-for-reply",
            "wait-for-reply.success>check-response",
            "warm-follow-up.success>end-sequence",
            "cold-follow-up.success>follow-up-call",
            "follow-up-call.success>end-sequence",
            "check-response.end-sequence>end-sequence",
            "check-response.opened>warm-follow-up",
            "check-response.default>cold-follow-up",
        ]
    );
}

// OUT-10
#[test]
fn linear_leads_on_in_order_and_branches_by_their_gotos() {
    let branch = json!({"type": "branch", "id": "b", "conditions": [
        {"when": "input.x", "goto": "d"}, {"when": "default", "goto": "c"}]});
    let document = plan_of(
        json!([email("a"), branch, email("c"), email("d"), end("e"), email("f")]),
        json!("linear"),
    );
    let imported = import(&document).unwrap();
    let expected =
        ["trigger.success>a", "a.success>b", "c.success>d", "d.success>e", "b.d>d", "b.default>c"];
    assert_eq!(ways(&imported), expected);
    let mut without = document.clone();
    without.as_object_mut().unwrap().shift_remove("transitions");
    without["steps"].as_array_mut().unwrap().truncate(5);
    assert_eq!(ways(&import(&without).unwrap()), expected);
    let graph = compiled(import(&without).unwrap().graph);
    for (input, expected) in
        [(true, vec!["a", "b", "d", "e"]), (false, vec!["a", "b", "c", "d", "e"])]
    {
        let outcome = run(&graph, json!({"x": input}), &mut Room::new(|_, _| json!({})));
        assert_eq!(done(&outcome), expected);
        assert_eq!(outcome_of(&outcome), "e");
    }
}

// OUT-07
#[test]
fn the_first_condition_that_holds_wins() {
    let branch = json!({"type": "branch", "id": "b", "conditions": [
        {"when": "input.n > 5", "goto": "big"},
        {"when": "default", "goto": "small"},
        {"when": "input.n > 2", "goto": "middle"}]});
    let document = plan_of(json!([branch, end("big"), end("middle"), end("small")]), json!([]));
    let graph = compiled(import(&document).unwrap().graph);
    for (n, expected) in [(9, "big"), (4, "middle"), (1, "small")] {
        assert_eq!(
            outcome_of(&run(&graph, json!({"n": n}), &mut Room::new(|_, _| json!({})))),
            expected
        );
    }
}

// OUT-09
#[test]
fn an_end_gives_its_outcome_and_a_plan_without_one_completes() {
    let ends = |document: Value| {
        let graph = compiled(import(&document).unwrap().graph);
        outcome_of(&run(&graph, json!({}), &mut Room::new(|_, request| asked(request))))
    };
    assert_eq!(ends(plan_of(json!([email("a"), end("stop")]), json!("linear"))), "stop");
    assert_eq!(ends(plan_of(json!([email("a"), email("b")]), json!("linear"))), "completed");
}

#[test]
fn what_contradicts_itself_is_refused_with_its_place() {
    let check = |steps: Value, transitions: Value, expected: &str| {
        let text = serde_json::to_string_pretty(&plan_of(steps, transitions)).unwrap();
        let error = import_text(&text).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.place().is_some_and(|place| place.line > 1));
    };
    let list = |from: &str, to: &str| json!([{"from": from, "to": to}]);
    check(
        json!([email("a"), email("a")]),
        json!("linear"),
        "steps[0] and steps[1] are both called a (at steps[1].id, line",
    );
    check(json!([email("a")]), list("a", "b"), "there is no step b (at transitions[0].to");
    check(json!([email("a")]), list("x", "a"), "there is no step x (at transitions[0].from");
    check(json!([email("a")]), json!("circular"), "\"linear\" or a list");
    check(
        json!([email("a"), end("b")]),
        json!([{"from": "a", "to": "b", "condition": "opened"}]),
        "a is not a branch",
    );
    check(json!([{"type": "fax", "id": "a"}]), json!("linear"), "no step of the type \"fax\"");
    check(json!([{"type": "wait", "id": "a"}]), json!("linear"), "`duration` is missing");
    check(
        json!([{"type": "wait", "id": "a", "duration": {"days": "3"}}]),
        json!("linear"),
        "steps[0].duration.days",
    );
    let branch = |goto: &str| json!([{"type": "branch", "id": "b", "conditions": [{"when": "default", "goto": goto}]}]);
    check(branch("x"), json!("linear"), "the branch b goes to x, but there is no such step");
    check(json!([{"type": "end", "id": "a b"}]), json!("linear"), "an id has 1 to 120");
}

// OUT-12
#[test]
fn a_circle_with_one_entry_and_a_way_out_runs() {
    let branch = |goto: &str| {
        json!({"type": "branch", "id": "again", "conditions": [
        {"when": "loop.index < 2", "goto": goto}, {"when": "default", "goto": "done"}]})
    };
    let wait = json!({"type": "wait", "id": "w", "duration": {"days": 1}});
    let circle = |goto: &str, more: Value| {
        let mut transitions = json!([{"from": "first", "to": "mail"}, {"from": "mail", "to": "w"}, {"from": "w", "to": "again"}]);
        transitions.as_array_mut().unwrap().extend(more.as_array().unwrap().iter().cloned());
        plan_of(
            json!([email("first"), email("mail"), wait, branch(goto), end("done")]),
            transitions,
        )
    };
    let graph = compiled(import(&circle("mail", json!([]))).unwrap().graph);
    let outcome = run(&graph, json!({}), &mut Room::new(|_, _| json!({})));
    let mails = done(&outcome).iter().filter(|step| *step == "mail").count();
    assert_eq!((mails, outcome_of(&outcome)), (3, json!("done")));
    assert_eq!((outcome.now - super::support::at(0)).num_days(), 3);

    let side = json!({"type": "branch", "id": "first", "conditions": [
        {"when": "input.x", "goto": "mail"}, {"when": "default", "goto": "w"}]});
    let mut two = circle("mail", json!([]));
    two["steps"][0] = side;
    let said = refused(import(&two).unwrap().graph);
    assert!(said.contains("first") && said.contains("mail") && said.contains("“w”"), "{said}");

    let endless = plan_of(
        json!([email("a"), email("b")]),
        json!([{"from": "a", "to": "b"}, {"from": "b", "to": "a"}]),
    );
    let said = refused(import(&endless).unwrap().graph);
    assert!(said.contains("never ends"), "{said}");
}

#[test]
fn a_transition_that_no_condition_means_is_told() {
    let document = text("outbound-intro.json")
        .replace("\"goto\": \"warm-follow-up\"", "\"goto\": \"end-sequence\"");
    let imported = import_text(&document).unwrap();
    assert_eq!(imported.problems.len(), 1);
    assert_eq!(imported.problems[0].code, "transition-without-case");
    assert!(imported.problems[0].message.contains("check-response to warm-follow-up"));
}

#[test]
fn cases_with_one_target_are_named_in_their_order() {
    let branch = json!({"type": "branch", "id": "b", "conditions": [
        {"when": "input.opened", "goto": "z"}, {"when": "input.clicked", "goto": "z"},
        {"when": "default", "goto": "y"}]});
    let way = |label: &str| json!({"from": "b", "to": "z", "condition": label});
    let read = |ways: Value| {
        let document = plan_of(json!([branch, end("z"), end("y")]), ways);
        let imported = import(&document).unwrap();
        let written = crate::format::export(&imported.graph, "P", "", imported.format);
        assert_eq!(written.unwrap(), document);
        let NodeKind::Branch(settings) = &imported.graph.node(&"b".into()).unwrap().kind else {
            panic!()
        };
        let ports: Vec<String> = settings.cases.iter().map(|case| case.port.clone()).collect();
        let said: Vec<String> = imported.problems.into_iter().map(|p| p.message).collect();
        (ports, said)
    };
    for ways in [
        json!([way("opened"), way("clicked")]),
        json!([way("opened"), way("opened"), way("clicked")]),
    ] {
        let (ports, said) = read(ways);
        assert_eq!(ports, ["opened", "clicked"]);
        assert_eq!(said, Vec::<String>::new());
    }
    let (ports, said) = read(json!([way("opened"), way("clicked"), way("bounced")]));
    assert_eq!(ports, ["opened", "clicked"]);
    assert!(said.len() == 1 && said[0].contains("has another name already"), "{said:?}");
}

/// The codes and messages of the errors that keep a plan from being published.
fn rejected(document: &Value, templates: Option<&[String]>) -> Vec<(String, String)> {
    let graph = import(document).unwrap().graph;
    let context = CheckContext { templates, scripts: templates, ..CheckContext::default() };
    let problems = check(&graph, &context).into_iter();
    let errors = problems.filter(|problem| problem.severity == Severity::Error);
    errors.map(|problem| (problem.code, problem.message)).collect()
}

// OUT-11
#[test]
fn a_plan_that_cannot_be_meant_is_rejected_and_names_the_step() {
    let check = |document: &Value, code: &str, step: &str| {
        let errors = rejected(document, None);
        assert!(
            matches!(errors.as_slice(), [(found, message)] if found == code && message.contains(step)),
            "{errors:#?}"
        );
    };
    let branch =
        |conditions: Value| json!({"type": "branch", "id": "choose", "conditions": conditions});
    let case = json!({"when": "input.x", "goto": "stop"});
    let default = json!({"when": "default", "goto": "stop"});
    let good =
        plan_of(json!([email("a"), branch(json!([case, default])), end("stop")]), json!("linear"));
    assert_eq!(rejected(&good, None), []);
    check(
        &plan_of(json!([email("a"), branch(json!([case])), end("stop")]), json!("linear")),
        "unconnected-default",
        "choose",
    );
    let lost = json!({"when": "input.y"});
    check(
        &plan_of(json!([email("a"), branch(json!([lost, default])), end("stop")]), json!("linear")),
        "unconnected-port",
        "\u{201c}choose\u{201d} leads nowhere when input.y holds",
    );
    check(&plan_of(json!([]), json!("linear")), "unconnected-port", "The plan has no steps");
    check(
        &plan_of(json!([email("a"), end("stop"), email("forgotten")]), json!("linear")),
        "unreachable-node",
        "forgotten",
    );
    check(
        &plan_of(
            json!([email("a"), email("b"), email("c")]),
            json!([{"from": "a", "to": "b"}, {"from": "b", "to": "a"}, {"from": "b", "to": "c"}]),
        ),
        "endless-loop",
        "a",
    );
    check(
        &plan_of(
            json!([email("a"), email("b")]),
            json!([{"from": "a", "to": "b"}, {"from": "b", "to": "a"}]),
        ),
        "endless-loop",
        "a",
    );
    let many: Vec<Value> = (0..501).map(|at| email(&format!("mail{at}"))).collect();
    check(&plan_of(json!(many), json!("linear")), "too-many-steps", "mail500");
    assert_eq!(rejected(&plan_of(json!(many[..500]), json!("linear")), None), []);
}

// OUT-11
#[test]
fn templates_and_scripts_that_are_missing_are_named() {
    let document: Value = serde_json::from_str(&text("outbound-intro.json")).unwrap();
    let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let all = known(&["tmpl_intro", "tmpl_warm", "tmpl_cold", "script_follow_up", "vm_follow_up"]);
    assert_eq!(rejected(&document, Some(&all)), []);
    let errors = rejected(&document, Some(&known(&["tmpl_intro", "tmpl_warm"])));
    let said: Vec<&str> = errors.iter().map(|(_, message)| message.as_str()).collect();
    assert_eq!(
        errors.iter().filter(|(code, _)| code == "missing-template").count(),
        3,
        "{said:#?}"
    );
    assert!(
        said[0].contains("cold-follow-up") && said[0].contains("message template tmpl_cold"),
        "{said:#?}"
    );
    assert!(
        said[1].contains("follow-up-call") && said[1].contains("voice script script_follow_up"),
        "{said:#?}"
    );
    assert!(said[2].contains("vm_follow_up"), "{said:#?}");
}

#[test]
fn branch_targets_that_run_into_one_another_are_worth_a_look() {
    let branch = json!({"type": "branch", "id": "choose", "conditions": [
        {"when": "input.x", "goto": "engaged"}, {"when": "default", "goto": "cold"}]});
    let codes = |steps: Value, transitions: Value| -> Vec<String> {
        let graph = import(&plan_of(steps, transitions)).unwrap().graph;
        let problems = check(&graph, &CheckContext::default()).into_iter();
        problems
            .filter(|problem| problem.code == "runs-into-case")
            .map(|problem| problem.message)
            .collect()
    };
    let said = codes(json!([branch, email("engaged"), email("cold")]), json!("linear"));
    assert!(said.len() == 1 && said[0].contains("engaged runs on into cold"), "{said:?}");
    let apart = json!([branch, email("engaged"), end("stop"), email("cold")]);
    assert_eq!(codes(apart, json!("linear")), Vec::<String>::new());
    let meant = json!([{"from": "engaged", "to": "cold"}]);
    assert_eq!(
        codes(json!([branch, email("engaged"), email("cold")]), meant),
        Vec::<String>::new()
    );
}

/// The document's plan along one way: what happens to its messages, when, and the steps that follow.
#[track_caller]
fn walked(plan: Value, facts: &[(u64, &str, &str)]) -> (Vec<String>, Value, i64) {
    let graph = compiled(import(&plan).unwrap().graph);
    let mut room = Room::new(|_, request| asked(request));
    room.facts = facts
        .iter()
        .map(|(hours, name, step)| OutsideFact {
            after_ms: hours * 3_600_000,
            name: (*name).to_owned(),
            payload: json!({ "step": step }),
        })
        .collect();
    let outcome = run(&graph, json!({"product": "Signalbox"}), &mut room);
    (done(&outcome), outcome_of(&outcome), (outcome.now - super::support::at(0)).num_hours())
}

// OUT-06 OUT-08 OUT-09 OUT-10
#[test]
fn the_documents_plan_runs_along_each_of_its_branches() {
    let plan = || serde_json::from_str::<Value>(&text("outbound-intro.json")).unwrap();
    let begin = ["intro-email", "wait-for-reply", "check-response"];
    let check = |facts: &[(u64, &str, &str)], rest: &[&str]| {
        let (steps, outcome, hours) = walked(plan(), facts);
        assert_eq!(steps, [&begin, rest].concat(), "{facts:?}");
        assert_eq!((outcome, hours), (json!("replied"), 84), "{facts:?}");
    };
    let cold = ["cold-follow-up", "follow-up-call", "end-sequence"];
    check(&[(30, "email.replied", "intro-email")], &["end-sequence"]);
    check(&[(1, "email.opened", "intro-email")], &["warm-follow-up", "end-sequence"]);
    check(
        &[(1, "email.opened", "intro-email"), (2, "email.replied", "intro-email")],
        &["end-sequence"],
    );
    check(&[], &cold);
    // Another step's message, another event, and what comes after the branch do not count.
    check(&[(1, "email.opened", "warm-follow-up"), (1, "email.clicked", "intro-email")], &cold);
    check(&[(90, "email.replied", "intro-email")], &cold);
}

// OUT-08
#[test]
fn conditions_can_ask_for_all_that_becomes_of_a_message() {
    for (event, function) in [
        ("email.replied", "hasReply"),
        ("email.opened", "hasOpen"),
        ("email.clicked", "hasClick"),
        ("email.bounced", "hasBounce"),
        ("email.delivered", "hasDelivered"),
        ("email.failed", "hasFailed"),
        ("email.unsubscribed", "hasUnsubscribed"),
        ("voice.answered", "hasAnswered"),
        ("voice.voicemail", "hasVoicemail"),
    ] {
        let branch = json!({"type": "branch", "id": "b", "conditions": [
            {"when": format!("events.{function}(\"a\")"), "goto": "yes"}, {"when": "default", "goto": "no"}]});
        let wait = json!({"type": "wait", "id": "w", "duration": {"hours": 2}});
        let steps = json!([email("a"), wait, branch, end("no"), end("yes")]);
        let ended =
            |facts: &[(u64, &str, &str)]| walked(plan_of(steps.clone(), json!("linear")), facts).1;
        assert_eq!(ended(&[(1, event, "a")]), "yes", "{function}");
        assert_eq!(ended(&[]), "no", "{function}");
    }
}

#[test]
fn an_exit_condition_ends_the_run_at_once() {
    let mut plan: Value = serde_json::from_str(&text("outbound-intro.json")).unwrap();
    plan["exitConditions"] = json!([
        {"when": "events.hasUnsubscribed(\"intro-email\")", "outcome": "unsubscribed"},
        {"when": "events.hasReply(\"intro-email\")", "outcome": "replied early"}]);
    let imported = import(&plan).unwrap();
    assert_eq!(imported.graph.settings.exits.len(), 2);
    let written = crate::format::export(
        &imported.graph,
        &imported.name,
        &imported.description,
        imported.format,
    );
    assert_eq!(written.unwrap().to_string(), plan.to_string());
    let (steps, outcome, hours) = walked(plan.clone(), &[(5, "email.replied", "intro-email")]);
    assert_eq!(
        (steps, outcome, hours),
        (vec!["intro-email".to_owned()], json!("replied early"), 5)
    );
    assert_eq!(walked(plan.clone(), &[]).1, "replied");
    plan["exitConditions"][0]["when"] = json!("1 +");
    assert!(refused(import(&plan).unwrap().graph).contains("Exit condition 1"));
}
