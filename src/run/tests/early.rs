//! What happens to messages, what ends a run early, and runs that wait their turn.

use super::support::*;
use crate::run::*;
use serde_json::{Value, json};

#[test]
fn events_of_a_message_are_asked_for_by_the_step_that_sent_it() {
    let names = [
        ("reply", "events.hasReply", "contact.emailReplied"),
        ("open", "events.hasOpen", "contact.emailOpened"),
        ("click", "events.hasClick", "contact.emailClicked"),
        ("bounce", "events.hasBounce", "contact.emailBounced"),
        ("answered", "events.hasAnswered", "contact.callAnswered"),
        ("voicemail", "events.hasVoicemail", "events.hasVoicemail"),
        ("delivered", "events.hasDelivered", "contact.emailDelivered"),
        ("failed", "events.hasFailed", "events.hasFailed"),
        ("unsubscribed", "events.hasUnsubscribed", "contact.unsubscribed"),
    ];
    assert_eq!(SIGNALS.to_vec(), names.map(|(signal, ..)| signal));
    for (signal, function, alias) in names {
        let text = format!(
            "t trigger\na action\nb action\nw wait {{\"for\": \"duration\", \"duration_ms\": 9}}\n\
             e end {{\"output\": [\"{{{{{function}('a')}}}}\", \"{{{{{alias}('a')}}}}\", \"{{{{{function}('b')}}}}\"]}}\n\
             t > a > b > w > e"
        );
        let mut run = Told::start(&text, Value::Null);
        let message = run.message("a", 7, "sending");
        run.succeed("a", Value::Null);
        run.message("b", 8, "sending");
        run.succeed("b", Value::Null);
        let happened =
            |message| Command::Signal { message, signal: signal.into(), payload: Value::Null };
        run.tell(happened(message));
        let events = run.events.len();
        run.tell(happened(message));
        assert_eq!(run.events.len(), events, "the second {signal} says nothing new");
        let unknown = happened(crate::id::MessageId(uuid::Uuid::nil()));
        assert!(matches!(run.try_tell(unknown).unwrap_err(), Refusal::Unknown { .. }));
        run.fire("a4.wait").unwrap();
        let Some(RunEnd::Completed { output, .. }) = &run.state.end else {
            panic!("{}", run.trace())
        };
        assert_eq!(*output, json!([true, true, false]), "{signal}");
    }
}

#[test]
fn a_step_that_is_not_there_is_an_error_where_it_is_asked_for() {
    let outcome = run("t trigger\nc condition events.hasReply('nobody')\nt > c");
    assert_eq!(
        trace(&outcome),
        "t+ c! =failed(The condition could not be computed: events.hasReply: there is no step \"nobody\")"
    );
}

const EXITS: &str = r#"t trigger
    a action
    w wait {"for": "duration", "duration_ms": 1000}
    h human {"prompt": "Go on?"}
    t > a > w > h
    settings {"exits": [{"when": "events.hasUnsubscribed('a')", "outcome": "left"}, {"when": "nothing.there"}, {"when": "steps.w.output.done"}, {"when": "steps.a.output.stop"}]}"#;

#[test]
fn exits_are_looked_at_after_every_event() {
    let mut run = Told::start(EXITS, Value::Null);
    run.succeed("a", json!({"stop": true}));
    assert_eq!(run.trace(), "t+ a+ =completed");

    let mut run = Told::start(EXITS, Value::Null);
    let message = run.message("a", 7, "sending");
    run.succeed("a", json!({"stop": false}));
    let (signal, payload) = ("unsubscribed".to_owned(), Value::Null);
    run.tell(Command::Pause { by: "Ada".into() });
    run.tell(Command::Signal { message, signal, payload });
    assert_eq!(run.trace(), "t+ a+ w…", "a paused run does not end by itself");
    let effects = run.tell(Command::Resume { by: "Ada".into() });
    assert_eq!(run.trace(), "t+ a+ w… =left");
    assert_eq!(effects, [Effect::Ended]);
}

#[test]
fn a_run_of_a_key_begins_when_it_is_its_turn() {
    let text = "t trigger\na action\nt > a\nsettings {\"concurrency\": {\"key\": \"c-{{input.id}}\", \"limit\": 2}}";
    let mut run = Told::start(text, json!({"id": 5}));
    assert_eq!(run.effects, [Effect::AwaitSlot { key: "c-5".into(), limit: 2 }]);
    assert_eq!(run.state.status(), RunStatus::StandBy { next_execution_at: None });
    run.tell(Command::Continue);
    assert_eq!(run.trace(), "", "nothing starts before");
    run.tell(Command::GrantSlot);
    assert_eq!(run.activation("a").state, ActivationState::Running);
    assert_eq!(run.try_tell(Command::GrantSlot).unwrap_err(), Refusal::Stale);
    assert_eq!(recover(&run.state).len(), 2, "the call and what can go on; no slot");
}

#[test]
fn a_run_that_ends_takes_its_approvals_out_of_the_inbox() {
    let text = r#"t trigger
        h human {"prompt": "?"}
        r action @{"approval": "after"}
        b action @{"approval": "before"}
        g action
        t > h
        t > r
        t > b
        t > g"#;
    let mut run = Told::start(text, Value::Null);
    run.succeed("r", json!(1));
    let (call, approval) = (run.call("g").0, crate::id::ApprovalId(uuid::Uuid::from_u128(4)));
    let summary = String::new();
    run.tell(Command::CallParked { call, approval, message: None, summary });
    let (reason, by) = (String::new(), "Ada".to_owned());
    let effects = run.tell(Command::Stop {
        reason,
        by,
        replaced_by: Some(crate::id::RunId(uuid::Uuid::nil())),
    });
    let withdrawn: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::WithdrawApproval { approval } => Some(*approval),
            _ => None,
        })
        .collect();
    let own = ["h", "r", "b"].map(|node| run.activation(node).approval.unwrap());
    assert_eq!(withdrawn.len(), 3, "the send gate sees to its own");
    assert!(own.iter().all(|approval| withdrawn.contains(approval)));
    assert_eq!(
        run.state.status(),
        RunStatus::Stopped {
            reason: String::new(),
            replaced_by: Some(crate::id::RunId(uuid::Uuid::nil()))
        }
    );
    assert_eq!(
        run.try_tell(Command::Reopen { by: "Ada".into(), from: None }).unwrap_err(),
        Refusal::NotFailed
    );
}
