//! Calls of functions that a run answers, and what exit conditions read.

use super::{action, alone, caught, condition, end, found, graph, manual, set};
use crate::graph::{ExitCondition, Graph, Severity};
use serde_json::json;

/// A condition behind a step that sends something.
fn asking(expression: &str) -> Graph {
    graph(
        &[manual(), set("intro-email", json!({"x": 1})), condition("c", expression), end()],
        "t.success>intro-email intro-email.success>c c.true>end c.false>end",
    )
}

fn ending(when: &str) -> Graph {
    let mut graph = asking("input.x");
    graph.settings.exits = vec![ExitCondition { when: when.into(), outcome: "left".into() }];
    graph
}

#[test]
fn functions_and_the_steps_that_they_ask_about_must_be_there() {
    for good in [
        "events.hasReply('intro-email')",
        "contact.emailOpened(\"intro-email\") || !contact.unsubscribed('intro-email')",
        "events.hasClick(input.step)",
        "upper(input.x) == 'A'",
    ] {
        assert_eq!(found(&asking(good)), [], "{good}");
        assert_eq!(found(&ending(good)), [], "{good}");
    }
    for (bad, code, said) in [
        (
            "events.hasReply(\"intro-emial\")",
            "unknown-step-name",
            "Did you mean events.hasReply(\"intro-email\")?",
        ),
        ("events.hasFoo(\"a\")", "unknown-function", "there is no such function"),
        ("events.hasReplied('c')", "unknown-function", "Did you mean events.hasReply?"),
        ("tags.joinn(',')", "unknown-function", "Did you mean join?"),
        ("events.hasReply()", "missing-step", "without the step"),
        ("input.x || events.hasReply(7)", "missing-step", "without the step"),
    ] {
        for (graph, node, field) in
            [(asking(bad), "c", "/expression"), (ending(bad), "", "/settings/exits/0/when")]
        {
            let problem = caught(&graph, code, node);
            assert_eq!(problem.severity, Severity::Error);
            assert_eq!(problem.field.as_deref(), Some(field));
            assert!(problem.message.contains(said), "{}", problem.message);
        }
    }
    let inside = alone(set("a", json!({"list": ["{{events.hasOpen('b')}}"]})));
    let problem = caught(&inside, "unknown-step-name", "a");
    assert_eq!(problem.field.as_deref(), Some("/parameters/list/0"));
}

#[test]
fn what_is_computed_apart_from_the_run_knows_no_messages() {
    let trigger = json!({"type": "trigger", "filter": "events.hasReply('t')",
        "trigger": {"on": "event", "event_type": "contact.created"}});
    caught(&graph(&[("t", trigger), end()], "t.success>end"), "function-not-here", "t");
    let filter = json!({"expression": "totalSpent > 1 && events.hasReply('a')"});
    let problem = caught(&alone(action("a", "customer.filter", filter)), "function-not-here", "a");
    assert_eq!(problem.field.as_deref(), Some("/parameters/expression"));
    let mut mapped = asking("input.x");
    mapped.edges[1].map.insert("x".into(), "events.hasReply('intro-email')".into());
    let problem = caught(&mapped, "function-not-here", "intro-email");
    assert_eq!(problem.port.as_deref(), Some("success"));
}

#[test]
fn exit_conditions_are_checked_like_other_expressions() {
    assert_eq!(found(&ending("lastOutput.done || input.stop || $now > input.until")), []);
    let problem = caught(&ending("steps.endd.output.x"), "unknown-step-name", "");
    assert_eq!(problem.field.as_deref(), Some("/settings/exits/0/when"));
    assert_eq!(problem.fix.unwrap().label, "Read steps.end.output.x");
    assert!(problem.message.starts_with("An exit condition of the workflow reads steps.endd"));
    caught(&ending("custmer.done"), "unknown-name", "");
    caught(&ending("event.done"), "unknown-name", "");
    caught(&ending("loop.item"), "loop-outside", "");
    let problem = caught(&ending("1 +"), "bad-expression", "");
    assert!(problem.message.starts_with("An exit condition of the workflow cannot be read"));
}
