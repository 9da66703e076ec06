//! The tables at the top of `run.rs` are what the code does, and every line of them is walked by some run.

use super::support::*;
use crate::run::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn the_page_shows_the_tables_of_the_code() {
    let page: String = include_str!("../../run.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(page.contains(&activation_table()), "{}", activation_table());
    assert!(page.contains(&run_table()), "{}", run_table());
}

/// Commands of a story; `{}` stands for what the state offers.
fn stories() -> Vec<Vec<Event>> {
    let mut stories = vec![];
    let message = crate::id::MessageId(uuid::Uuid::from_u128(9));
    let approval = crate::id::ApprovalId(uuid::Uuid::from_u128(8));
    // Every pair of things that can happen to an open activation, from a fresh run each.
    for first in 0..8 {
        for second in 0..12 {
            for third in [0, 12] {
                stories.push(story(&[first, second, third], message, approval));
            }
        }
    }
    for order in [
        [20, 21, 20],
        [22, 20, 21],
        [22, 21, 21],
        [20, 22, 21],
        [22, 22, 23],
        [20, 23, 0],
        [20, 22, 23],
        [23, 0, 0],
    ] {
        stories.push(story(&order, message, approval));
    }
    stories.push(run("t trigger\na action @{\"condition\": \"false\"}\nt > a").events);
    stories
        .push(run("t trigger\nw wait {\"for\": \"duration\", \"duration_ms\": 5}\nt > w").events);
    stories.extend(blocked_twice());
    stories.extend(others());
    stories
}

fn story(
    moves: &[u32],
    message: crate::id::MessageId,
    approval: crate::id::ApprovalId,
) -> Vec<Event> {
    let policy = r#"{"retry": {"retries_max": 9}, "on_failure": "skip"}"#;
    let graph = compile(&format!("t trigger\na action @{policy}\nt > a"));
    let mut state = RunState::new(RUN);
    let mut events = vec![];
    let mut now = 0;
    let mut tell = |state: &mut RunState, command: Command| {
        now += 1_000_000;
        if let Ok(advance) = advance(&graph, &context(), state, &command, at(now)) {
            events.extend(advance.events);
        }
    };
    tell(
        &mut state,
        Command::Start {
            input: Value::Null,
            contacts: vec![],
            thread_id: None,
            started_by: String::new(),
            options: Default::default(),
        },
    );
    for number in moves {
        let activation = state.activations[&ActivationId(2)].clone();
        let (call, attempt) = (activation.call.unwrap(), activation.attempt);
        let failed = |kind| Command::CallFailed {
            call,
            attempt,
            error: StepError::new(kind, "no"),
            retry_after_ms: None,
        };
        let moved = |to: &str| Command::MessageMoved {
            call,
            message,
            state: to.into(),
            detail: String::new(),
            until: None,
        };
        let decide = |decision| Command::DecideApproval {
            approval: activation.approval.unwrap_or(approval),
            decision,
            by: "Ada".into(),
        };
        let parked = Command::CallParked {
            call,
            approval: crate::id::ApprovalId(uuid::Uuid::from_u128(u128::from(*number))),
            message: Some(message),
            summary: String::new(),
        };
        let command = match number {
            0 => parked,
            1 => moved("held"),
            2 => moved("sending"),
            3 => moved("uncertain"),
            4 => failed(ErrorKind::Timeout),
            5 => decide(Decision::Approve { answer: Value::Null }),
            6 => Command::Block { reason: "look".into(), activation: Some(ActivationId(2)) },
            7 => Command::CallBypassed { call, reason: String::new() },
            8 => failed(ErrorKind::Refused),
            9 => Command::CallSucceeded { call, attempt, output: json!(1), usage: None },
            10 => Command::TimerFired { timer: TimerId("a2.retry".into()) },
            11 => Command::Resume { by: "Ada".into() },
            20 => Command::Pause { by: "Ada".into() },
            21 => Command::Resume { by: "Ada".into() },
            22 => Command::Block { reason: "look".into(), activation: None },
            23 => Command::Stop { reason: String::new(), by: "Ada".into(), replaced_by: None },
            _ => continue,
        };
        tell(&mut state, command);
    }
    events
}

/// A block of the run over a block of a step; failures instead of skips; retries of parked and held calls.
fn blocked_twice() -> Vec<Vec<Event>> {
    let mut stories = vec![];
    for state in ["", "held", "uncertain", "park"] {
        for end in ["fail", "retry", "review", "before"] {
            let policy = match end {
                "fail" => r#"{"on_failure": "fail"}"#,
                "retry" => r#"{"retry": {"retries_max": 1}}"#,
                "review" => r#"{"approval": "after"}"#,
                _ => r#"{"approval": "before"}"#,
            };
            let graph = compile(&format!("t trigger\na action @{policy}\nt > a"));
            let mut run = RunState::new(RUN);
            let mut events = vec![];
            let mut tell = |run: &mut RunState, command: Command| {
                if let Ok(advance) = advance(&graph, &context(), run, &command, at(0)) {
                    events.extend(advance.events);
                }
            };
            tell(
                &mut run,
                Command::Start {
                    input: Value::Null,
                    contacts: vec![],
                    thread_id: None,
                    started_by: String::new(),
                    options: Default::default(),
                },
            );
            let a = run.activations[&ActivationId(2)].clone();
            if let Some(approval) = a.approval {
                let decision = Decision::Approve { answer: Value::Null };
                tell(&mut run, Command::DecideApproval { approval, decision, by: "Ada".into() });
            }
            let Some(call) = run.activations[&ActivationId(2)].call else { continue };
            let message = crate::id::MessageId(uuid::Uuid::from_u128(9));
            match state {
                "" => {}
                "park" => tell(
                    &mut run,
                    Command::CallParked {
                        call,
                        approval: crate::id::ApprovalId(uuid::Uuid::nil()),
                        message: None,
                        summary: String::new(),
                    },
                ),
                to => tell(
                    &mut run,
                    Command::MessageMoved {
                        call,
                        message,
                        state: to.into(),
                        detail: String::new(),
                        until: None,
                    },
                ),
            }
            let error = StepError::new(ErrorKind::Timeout, "no");
            match end {
                "review" => tell(
                    &mut run,
                    Command::CallSucceeded { call, attempt: 1, output: json!(1), usage: None },
                ),
                _ => tell(
                    &mut run,
                    Command::CallFailed { call, attempt: 1, error, retry_after_ms: None },
                ),
            }
            tell(
                &mut run,
                Command::Block { reason: "one".into(), activation: Some(ActivationId(2)) },
            );
            tell(&mut run, Command::Block { reason: "two".into(), activation: None });
            tell(&mut run, Command::Pause { by: "Ada".into() });
            tell(&mut run, Command::Resume { by: "Ada".into() });
            tell(&mut run, Command::Resume { by: "Ada".into() });
            stories.push(events);
        }
    }
    stories
}

/// Tasks and runs of other workflows, whatever happens to them; a run that goes on after its end.
fn others() -> Vec<Vec<Event>> {
    let mut stories = vec![];
    for policy in ["fail", "skip", "block"] {
        for first in ["offered", "claimed", "released", "retried", "run", "run again"] {
            for second in ["claim", "timeout", "block", "bypass", "expire"] {
                stories.push(other(policy, first, second));
            }
        }
    }
    let mut run = Told::start("t trigger\na action\nt > a", Value::Null);
    run.fail("a", ErrorKind::InvalidInput);
    run.tell(Command::Reopen { by: "Ada".into(), from: None });
    stories.push(run.events);
    stories
}

fn other(policy: &str, first: &str, second: &str) -> Vec<Event> {
    let kind = match first {
        "run" | "run again" => r#"subworkflow {"workflow": "w"}"#,
        _ => r#"task {"instructions": "do", "claim_within_ms": 9}"#,
    };
    let retries = u32::from(first == "retried" || first == "run again");
    let retry = format!(r#"{{"retries_max": {retries}, "backoff_ms": 0}}"#);
    let policy = format!(r#"{{"retry": {retry}, "on_failure": "{policy}", "timeout_ms": 5}}"#);
    let mut run = Told::start(&format!("t trigger\na {kind} @{policy}\nt > a"), Value::Null);
    match first {
        "claimed" => drop(run.claim("a", "ada")),
        "released" => {
            run.claim("a", "ada").unwrap();
            run.fire("a2.lease").unwrap();
        }
        "retried" => {
            run.fire("a2.claim").unwrap();
            run.fire("a2.retry").unwrap();
        }
        "run again" => {
            run.fail("a", ErrorKind::Timeout);
            run.fire("a2.retry").unwrap();
        }
        _ => {}
    }
    let call = run.call("a").0;
    let _ = match second {
        "claim" => run.claim("a", "bob"),
        "block" => {
            let (reason, activation) = ("look".to_owned(), Some(ActivationId(2)));
            run.try_tell(Command::Block { reason, activation })
        }
        "bypass" => run.try_tell(Command::CallBypassed { call, reason: String::new() }),
        "expire" => run.fire("a2.claim"),
        timer => run.fire(&format!("a2.{timer}")),
    };
    run.events
}

#[test]
fn every_line_of_the_tables_is_walked() {
    let mut walked = BTreeSet::new();
    for events in stories() {
        let mut state = RunState::new(RUN);
        for event in &events {
            let activation = activation_of(&event.body).zip(Step::of(&event.body));
            let from =
                activation.map(|(id, step)| (state.activations.get(&id).map(|a| a.state), step));
            let stage = Stage::of(&state);
            apply(&mut state, event);
            if let Some((from, step)) = from
                && let Ok(to) = activation_next(from, step)
            {
                let name = from.map_or("(none)".to_owned(), |from| format!("{from:?}"));
                walked.insert(format!("{name} --{step:?}--> {to:?}"));
            }
            if let Some(step) = RunStep::of(&event.body) {
                walked.insert(format!("{stage:?} --{step:?}--> {:?}", Stage::of(&state)));
            }
        }
    }
    let mut missing = vec![];
    for line in activation_table().lines().chain(run_table().lines()) {
        let (from, to) = line.rsplit_once("--> ").unwrap();
        for to in to.split(" | ") {
            let line = format!("{from}--> {to}");
            if !walked.contains(&line) {
                missing.push(line);
            }
        }
    }
    assert!(missing.is_empty(), "no run walks {missing:#?}");
}
