//! Golden journals: events of every schema version fold to the same state for ever.

use super::support::*;
use crate::run::*;
use serde_json::{Value, json};

#[derive(serde::Serialize, serde::Deserialize)]
struct Journal {
    version: u16,
    events: Vec<Event>,
    state: Value,
}

fn fold(events: &[Event]) -> RunState {
    let mut state = RunState::new(RUN);
    events.iter().for_each(|event| apply(&mut state, event));
    state
}

const JOURNALS: [(&str, &str); 6] = [
    ("plans_v1", include_str!("../journals/plans_v1.json")),
    ("again_v1", include_str!("../journals/again_v1.json")),
    ("others_v1", include_str!("../journals/others_v1.json")),
    ("loop_v1", include_str!("../journals/loop_v1.json")),
    ("people_v1", include_str!("../journals/people_v1.json")),
    // Of its state only what is particular.
    ("children_v1", include_str!("../journals/children_v1.json")),
];

#[test]
fn golden_journals_fold_to_the_same_state() {
    for (name, text) in JOURNALS {
        let journal: Journal = serde_json::from_str(text).unwrap();
        let state = serde_json::to_value(fold(&journal.events)).unwrap();
        // What a later version adds to the state may be there beside what was.
        still_there(&journal.state, &state, name);
    }
}

/// Everything that was there is there, as it was.
fn still_there(was: &Value, is: &Value, path: &str) {
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => {
            for (field, value) in was {
                let path = format!("{path}.{field}");
                still_there(
                    value,
                    is.get(field).unwrap_or_else(|| panic!("{path} is gone")),
                    &path,
                );
            }
        }
        (was, is) => assert_eq!(was, is, "{path}"),
    }
}

/// Writes the journals anew: `SIGNALBOX_WRITE_JOURNALS=1 cargo test journals_are_written`. Only for a new version.
#[test]
fn journals_are_written_on_demand() {
    if std::env::var_os("SIGNALBOX_WRITE_JOURNALS").is_none() {
        return;
    }
    let stories = [
        ("loop_v1", loop_story()),
        ("people_v1", people_story()),
        ("others_v1", others_story()),
        ("again_v1", again_story()),
        ("plans_v1", plans_story()),
    ];
    for (name, events) in stories {
        let state = serde_json::to_value(fold(&events)).unwrap();
        let journal = Journal { version: EVENT_VERSION, events, state };
        let path = format!("{}/src/run/journals/{name}.json", env!("CARGO_MANIFEST_DIR"));
        if std::path::Path::new(&path).metadata().is_ok_and(|known| known.len() > 2) {
            continue; // a golden journal is never written again
        }
        std::fs::write(path, serde_json::to_string_pretty(&journal).unwrap() + "\n").unwrap();
    }
}

/// A run that was told of people: a review that is escalated, those who were to be told, a changed output.
fn plans_story() -> Vec<Event> {
    let text = r#"t trigger
        m llm {"system_prompt": "", "user_prompt": "Write"}
        e end {"output": "{{steps.m.output}}"}
        t > m > e"#;
    let hitl = json!({"requiredFor": ["m"], "confidenceThreshold": 0.9, "timeoutMs": 60_000,
        "notifyChannels": ["dashboard", "email"], "escalation": {"afterMs": 1_000, "to": "lead@example.com"}});
    let options = json!({"hitl": hitl, "options": {"timeoutMs": 300_000,
        "onStepComplete": "https://example.com/steps", "webhookSecret": "steps_key"}});
    let mut run = Told::start_with(text, json!({"x": 1}), serde_json::from_value(options).unwrap());
    run.succeed("m", json!("Dear Ada"));
    let scores = json!({
        "factualConsistency": 0.5, "promptAdherence": 0.5, "completeness": 0.5, "formatting": 0.5,
    });
    run.succeed("m", scores);
    run.now_ms = 1_000;
    run.fire("a2.escalate").unwrap();
    run.now_ms = 2_000;
    let approval = run.activation("m").approval.unwrap();
    let decision = Decision::Approve { answer: json!("Hi Ada") };
    run.tell(Command::DecideApproval { approval, decision, by: "Bo".into() });
    run.events
}

/// Loops in loops with a retry, a skip, a branch and an end.
fn loop_story() -> Vec<Event> {
    let text = r#"t trigger
        fetch action @{"retry": {"retries_max": 2}}
        each loop {"items": "{{steps.fetch.output.items}}", "concurrency": 2}
        b branch {"cases": [{"port": "big", "when": "loop.item>1"}]}
        small set {"smalls": "{{smalls + 1}}"}
        big action
        more condition steps.fetch.output.n<1
        e end {"outcome": "paged", "output": {"smalls": "{{smalls}}"}}
        t > fetch > each.next > b.big > big > each
        b.default > small > each
        each.done > more.true > fetch
        more.false > e
        settings {"variables": {"smalls": 0}}"#;
    let mut world = TestWorld {
        answer: Box::new(|asking, _| match (asking.node.id.as_str(), asking.occurrence) {
            ("fetch", 0) => {
                Answer::failure(StepError::new(ErrorKind::Timeout, "No answer in 30 s"))
            }
            ("fetch", n) => Answer::output(json!({"items": [1, 2, 3], "n": n - 1})),
            ("big", 1) => Answer::failure(StepError::new(ErrorKind::Refused, "Ada has opted out")),
            _ => Answer {
                after_ms: 20,
                reply: Reply::Output {
                    output: plain_output(asking),
                    usage: Some(Usage {
                        model: "sandbox".into(),
                        input_tokens: 10,
                        output_tokens: 5,
                        cost_micros: 3,
                        unpriced: false,
                        sandbox: true,
                    }),
                },
            },
        }),
        ..TestWorld::default()
    };
    run_in(text, json!({"who": "Ada"}), &mut world).events
}

/// A wait for a reply, a person, a review with another try, a failure with its path, a pause and a stop.
fn people_story() -> Vec<Event> {
    let text = r#"t trigger
        w wait {"for": "event", "event": "reply", "limit_ms": 60000}
        m llm {"system_prompt": "Be brief", "user_prompt": "Answer {{steps.w.output.text}}"} @{"approval": "after"}
        h human {"prompt": "Send it?", "expires_after_ms": 5000}
        x action @{"on_failure": "block"}
        t > w > m > h.approved > x"#;
    let graph = compile(text);
    let mut world = TestWorld {
        answer: Box::new(|asking, _| match asking.node.id.as_str() {
            "x" => Answer::failure(StepError::new(ErrorKind::InvalidInput, "No such address")),
            _ => Answer::output(json!("Dear Ada")),
        }),
        decide: Box::new(|asking, _| {
            Some((
                1000,
                match (asking.node.id.as_str(), asking.occurrence) {
                    ("m", 1) => Decision::Reject { reason: "Shorter".into(), retry: true },
                    ("m", _) => Decision::Approve { answer: json!("Hi Ada") },
                    _ => Decision::Approve { answer: Value::Null },
                },
            ))
        }),
        facts: vec![OutsideFact {
            after_ms: 10,
            name: "reply".into(),
            payload: json!({"text": "Hello?"}),
        }],
    };
    let mut outcome = run_in(text, json!({}), &mut world);
    for command in [
        Command::Pause { by: "Ada".into() },
        Command::Resume { by: "Ada".into() },
        Command::Resume { by: "Ada".into() },
        Command::Stop { reason: "Enough".into(), by: "Ada".into(), replaced_by: None },
    ] {
        let advance =
            advance(&graph, &context(), &mut outcome.state, &command, at(99_000)).unwrap();
        outcome.events.extend(advance.events);
    }
    outcome.events
}

/// A run that waits its turn; a task that is lost and done; a score; a message that is opened; the first of several.
fn others_story() -> Vec<Event> {
    let text = r#"t trigger
        k task {"worker": "cmo", "instructions": "Plan", "claim_within_ms": 500} @{"timeout_ms": 90000, "queue": "slow", "priority": 8}
        m llm {"system_prompt": "Be brief"} @{"approval": "after", "review": {"threshold": 0.85}}
        a action
        w wait {"for": "first", "of": [{"port": "yes", "for": "event", "event": "reply"}, {"port": "gone", "for": "event", "event": "left"}, {"port": "late", "for": "duration", "duration_ms": 5000}]}
        s subworkflow {"workflow": "other"}
        t > k > m > a > w.late > s
        settings {"concurrency": {"key": "c-{{input.id}}"}, "exits": [{"when": "events.hasReply('a')", "outcome": "answered"}]}"#;
    let mut run = Told::start(text, json!({"id": 5}));
    run.tell(Command::GrantSlot);
    run.claim("k", "ada").unwrap();
    run.now_ms = 60_000;
    run.fire("a2.lease").unwrap();
    run.claim("k", "bob").unwrap();
    run.now_ms = 70_000;
    run.succeed("k", json!({"plan": "posters"}));
    run.succeed("m", json!("Dear Ada"));
    run.succeed("m", json!({"factualConsistency": 1, "promptAdherence": 0.9, "completeness": 0.9, "formatting": 0.8}));
    let message = run.message("a", 7, "sending");
    run.succeed("a", Value::Null);
    run.tell(Command::Signal { message, signal: "open".into(), payload: json!({"times": 1}) });
    run.now_ms = 75_000;
    run.fire("a5.wait").unwrap();
    run.tell(Command::Signal { message, signal: "reply".into(), payload: Value::Null });
    run.events
}

/// A failure that is retried by hand, a move to another version, and a fork of it all.
fn again_story() -> Vec<Event> {
    let text = "t trigger\na action\nb action\nt > a > b";
    let mut run = Told::start(text, json!({"to": "ada"}));
    run.message("a", 7, "sending");
    run.succeed("a", json!(1));
    run.message("b", 8, "uncertain");
    run.fail("b", ErrorKind::InvalidInput);
    run.tell(Command::Reopen { by: "Ada".into(), from: None });
    let new = compile("t trigger\na action\nb action\nc action\nt > a > b\na > c");
    let moved =
        migrate(&run.graph, &new, &context(), &mut run.state, (1, 2), "Ada", at(9)).unwrap();
    run.events.extend(moved.events);
    let edits = ForkEdits { input: Some(json!({"to": "bo"})), ..ForkEdits::default() };
    let other = crate::id::RunId(uuid::Uuid::from_u128(33));
    let up_to = run.events.len() as u64;
    let past = ForkPast { run: other, events: &run.events, up_to, versions: (2, 2) };
    fork((&new, &new), &context(), past, RUN, &edits, "Bo", at(99)).unwrap().journal
}
