//! Pause, resume, stop, block at any moment; stale results; continuing.

use super::support::*;
use crate::run::*;
use serde_json::{Value, json};

struct Stepper {
    graph: crate::graph::CompiledGraph,
    state: RunState,
    events: Vec<Event>,
    now: i64,
}

impl Stepper {
    fn new(text: &str) -> Self {
        let mut stepper =
            Self { graph: compile(text), state: RunState::new(RUN), events: vec![], now: 0 };
        let start = Command::Start {
            input: json!({}),
            contacts: vec![],
            thread_id: None,
            started_by: "test".into(),
            options: Default::default(),
        };
        stepper.tell(&start).unwrap();
        stepper
    }

    fn tell(&mut self, command: &Command) -> Result<Vec<Effect>, Refusal> {
        let before = self.state.clone();
        let pure = decide(&self.graph, &context(), &before, command, at(self.now));
        let advanced = advance(&self.graph, &context(), &mut self.state, command, at(self.now));
        assert_eq!(pure, advanced.as_ref().map(|a| a.events.clone()).map_err(Clone::clone));
        let advance = advanced
            .inspect_err(|_| assert_eq!(before, self.state, "a refusal changes nothing"))?;
        self.events.extend(advance.events);
        Ok(advance.effects)
    }

    fn call(&self, node: &str) -> (crate::id::CallId, u32) {
        let of = |a: &&Activation| a.node.as_str() == node;
        let activation = self.state.activations.values().rfind(of).unwrap();
        (activation.call.unwrap(), activation.attempt)
    }

    fn succeed(&mut self, node: &str) -> Result<Vec<Effect>, Refusal> {
        let (call, attempt) = self.call(node);
        self.tell(&Command::CallSucceeded { call, attempt, output: json!(node), usage: None })
    }

    fn fail(&mut self, node: &str, kind: ErrorKind) -> Result<Vec<Effect>, Refusal> {
        let (call, attempt) = self.call(node);
        let error = StepError::new(kind, "it broke");
        self.tell(&Command::CallFailed { call, attempt, error, retry_after_ms: None })
    }

    fn pause(&mut self) -> Result<Vec<Effect>, Refusal> {
        self.tell(&Command::Pause { by: "Ada".into() })
    }

    fn resume(&mut self) -> Result<Vec<Effect>, Refusal> {
        self.tell(&Command::Resume { by: "Ada".into() })
    }

    #[track_caller]
    fn trace(&self, expected: &str) {
        let outcome = Outcome {
            state: self.state.clone(),
            events: self.events.clone(),
            now: at(self.now),
            stop: Stop::Waiting,
        };
        assert_eq!(trace(&outcome), expected);
        sound(&self.graph, &outcome);
    }
}

#[test]
fn a_paused_run_takes_results_and_starts_nothing() {
    let mut run = Stepper::new("t trigger\na action\nb action\nt > a > b");
    run.pause().unwrap();
    assert_eq!(run.pause(), Err(Refusal::AlreadyPaused));
    assert_eq!(run.state.status(), RunStatus::Paused);
    assert!(run.succeed("a").unwrap().is_empty());
    run.trace("t+ a+");
    run.resume().unwrap();
    assert_eq!(run.resume(), Err(Refusal::NotPaused));
    run.succeed("b").unwrap();
    run.trace("t+ a+ b+ =completed");
}

#[test]
fn a_run_that_is_done_while_paused_ends_on_resume() {
    let mut run = Stepper::new("t trigger\na action\nt > a");
    run.pause().unwrap();
    run.succeed("a").unwrap();
    run.trace("t+ a+");
    run.resume().unwrap();
    run.trace("t+ a+ =completed");
}

#[test]
fn timers_run_on_while_paused_and_what_they_set_off_waits() {
    let text = "t trigger\na action @{\"retry\": {\"retries_max\": 1}}\nw wait {\"for\": \"duration\", \"duration_ms\": 5}\nz action\nt > a\nt > w > z";
    let mut run = Stepper::new(text);
    run.fail("a", ErrorKind::Timeout).unwrap();
    run.pause().unwrap();
    run.now = 100_000;
    for timer in ["a2.retry", "a3.wait"] {
        run.tell(&Command::TimerFired { timer: TimerId(timer.into()) }).unwrap();
    }
    run.trace("t+ w… ax w+");
    run.resume().unwrap();
    run.succeed("a").unwrap();
    run.succeed("z").unwrap();
    run.trace("t+ w… ax w+ a+ z+ =completed");
}

#[test]
fn an_approved_call_waits_for_the_resume() {
    let text = r#"t trigger
        a action {"parameters": {"name": "Original", "to": "ada"}} @{"approval": "before"}
        t > a"#;
    // What was changed, and what the call is made with.
    let cases = [
        (Value::Null, json!({"name": "Original", "to": "ada"})),
        (json!({"name": "Changed"}), json!({"name": "Changed", "to": "ada"})),
    ];
    for (answer, expected) in cases {
        let mut run = Stepper::new(text);
        run.pause().unwrap();
        let approval = run.state.activations[&ActivationId(2)].approval.unwrap();
        let decision = Decision::Approve { answer };
        let decide = Command::DecideApproval { approval, decision, by: "Ada".into() };
        let calls = |effect: &Effect| match effect {
            Effect::Call { request: CallRequest::Tool { parameters, .. }, .. } => {
                Some(parameters.clone())
            }
            _ => None,
        };
        assert_eq!(run.tell(&decide).unwrap().iter().find_map(calls), None);
        assert_eq!(
            run.tell(&decide),
            Err(Refusal::Unknown { what: format!("the approval {approval}") })
        );
        let effects = run.resume().unwrap();
        assert_eq!(effects.iter().find_map(calls), Some(expected), "{effects:?}");
        run.succeed("a").unwrap();
        run.trace("t+ a? a+ =completed");
    }
}

#[test]
fn stopping_ends_at_once_and_nothing_is_accepted_after() {
    let mut run = Stepper::new("t trigger\na action\nt > a");
    let stop = Command::Stop { reason: "enough".into(), by: "Ada".into(), replaced_by: None };
    assert_eq!(run.tell(&stop).unwrap(), [Effect::Ended]);
    assert_eq!(run.succeed("a"), Err(Refusal::Ended));
    for command in [stop, Command::Continue, Command::Pause { by: String::new() }] {
        assert_eq!(run.tell(&command), Err(Refusal::Ended));
    }
    run.trace("t+ =stopped(enough)");
    assert!(recover(&run.state).is_empty());
    let (call, _) = run.call("a");
    let moved = Command::MessageMoved {
        call,
        message: crate::id::MessageId(uuid::Uuid::from_u128(9)),
        state: "sent".into(),
        detail: String::new(),
        until: None,
    };
    run.tell(&moved).unwrap();
    assert_eq!(run.state.activations[&ActivationId(2)].message.as_ref().unwrap().1, "sent");
    assert_eq!(run.state.status().phase(), RunPhase::Stopped);
}

#[test]
fn results_of_older_attempts_and_ended_calls_are_stale() {
    let mut run =
        Stepper::new("t trigger\na action @{\"retry\": {\"retries_max\": 1}}\nb action\nt > a > b");
    let (call, first) = run.call("a");
    run.fail("a", ErrorKind::Timeout).unwrap();
    let late = Command::CallSucceeded { call, attempt: first, output: json!("late"), usage: None };
    assert_eq!(run.tell(&late), Err(Refusal::Stale), "the attempt has failed already");
    run.now = 10_000;
    run.tell(&Command::TimerFired { timer: TimerId("a2.retry".into()) }).unwrap();
    assert_eq!(run.tell(&late), Err(Refusal::Stale), "a newer attempt runs");
    run.succeed("a").unwrap();
    assert_eq!(run.succeed("a"), Err(Refusal::Stale), "the call has ended");
    run.trace("t+ ax a+");
    let timer = Command::TimerFired { timer: TimerId("a2.retry".into()) };
    assert!(matches!(run.tell(&timer), Err(Refusal::Unknown { .. })));
}

#[test]
fn a_blocked_step_is_done_again_as_a_new_call() {
    let mut run =
        Stepper::new("t trigger\na action @{\"on_failure\": \"block\"}\nb action\nt > a > b");
    let (first, _) = run.call("a");
    run.fail("a", ErrorKind::InvalidInput).unwrap();
    assert_eq!(
        run.state.status(),
        RunStatus::Blocked { reason: "\u{201c}a\u{201d}: it broke".into() }
    );
    assert!(run.succeed("a").is_err());
    run.resume().unwrap();
    assert_ne!(run.call("a").0, first);
    run.succeed("a").unwrap();
    run.succeed("b").unwrap();
    run.trace("t+ blocked unblocked a+ b+ =completed");
}

#[test]
fn pausing_hides_a_block_and_resuming_shows_it_again() {
    let mut run = Stepper::new("t trigger\na action @{\"on_failure\": \"block\"}\nt > a");
    run.pause().unwrap();
    run.fail("a", ErrorKind::InvalidInput).unwrap();
    assert_eq!(run.state.status(), RunStatus::Paused);
    run.resume().unwrap();
    assert_eq!(run.state.status().phase(), RunPhase::Blocked);
    run.resume().unwrap();
    run.succeed("a").unwrap();
    run.trace("t+ blocked unblocked a+ =completed");
}

#[test]
fn the_engine_may_block_a_run_and_a_person_lets_it_go_on() {
    let mut run = Stepper::new("t trigger\na action\nb action\nt > a > b");
    run.tell(&Command::Block { reason: "poison".into(), activation: None }).unwrap();
    run.succeed("a").unwrap();
    run.trace("t+ blocked a+");
    run.resume().unwrap();
    run.succeed("b").unwrap();
    run.trace("t+ blocked a+ unblocked b+ =completed");
    let mut run = Stepper::new("t trigger\na action\nt > a");
    run.tell(&Command::Block { reason: "poison".into(), activation: Some(ActivationId(2)) })
        .unwrap();
    run.resume().unwrap();
    run.succeed("a").unwrap();
    run.trace("t+ blocked unblocked a+ =completed");
}

#[test]
fn commands_out_of_order_are_refused() {
    let graph = compile("t trigger\na action\nt > a");
    let mut state = RunState::new(RUN);
    for command in [Command::Continue, Command::Pause { by: String::new() }] {
        let refused = advance(&graph, &context(), &mut state, &command, at(0)).unwrap_err();
        assert_eq!(refused, Refusal::NotStarted);
    }
    let mut run = Stepper::new("t trigger\na action\nt > a");
    let start = Command::Start {
        input: json!({}),
        contacts: vec![],
        thread_id: None,
        started_by: String::new(),
        options: Default::default(),
    };
    assert_eq!(run.tell(&start), Err(Refusal::AlreadyStarted));
    assert_eq!(run.tell(&Command::Continue), Ok(vec![]));
}

#[test]
fn recovery_asks_again_for_what_has_no_result() {
    let run = Stepper::new(
        "t trigger\na action\nh human {\"expires_after_ms\": 50}\nw wait {\"for\": \"event\", \"event\": \"reply\"}\nt > a\nt > h\nt > w",
    );
    let effects = recover(&run.state);
    let (call, attempt) = run.call("a");
    assert!(
        matches!(&effects[0], Effect::Call { call: c, attempt: n, .. } if *c == call && *n == attempt)
    );
    assert!(
        matches!(&effects[1], Effect::SetTimer { timer, .. } if timer.0 == "a3.expiry"),
        "{effects:?}"
    );
    assert!(matches!(&effects[2], Effect::AwaitEvent { event, .. } if event == "reply"));
    assert_eq!(effects[3], Effect::Continue);
    assert_eq!(effects.len(), 4);
}

#[test]
fn a_held_message_waits_and_a_failing_run_does_not_wait_for_it() {
    let mut run = Stepper::new("t trigger\na action\nb action\nt > a\nt > b");
    let (call, _) = run.call("a");
    let message = crate::id::MessageId(uuid::Uuid::from_u128(9));
    let moved = |state: &str, until| Command::MessageMoved {
        call,
        message,
        state: state.into(),
        detail: String::new(),
        until,
    };
    run.tell(&moved("held", Some(at(10_000)))).unwrap();
    assert_eq!(run.state.status(), RunStatus::Executing);
    run.fail("b", ErrorKind::InvalidInput).unwrap();
    run.trace("t+ b! =failed(it broke)");
    let mut run = Stepper::new("t trigger\na action\nb action\nt > a\nt > b");
    run.tell(&moved("held", Some(at(10_000)))).unwrap();
    run.tell(&moved("sending", None)).unwrap();
    run.fail("b", ErrorKind::InvalidInput).unwrap();
    run.trace("t+ b!");
    run.tell(&moved("uncertain", None)).unwrap();
    run.trace("t+ b! =failed(it broke)");
}

#[test]
fn a_run_fails_when_it_worked_longer_than_it_may_and_waiting_does_not_count() {
    let text = "t trigger\na action\nw wait {\"for\": \"duration\", \"duration_ms\": 60000}\nb action\nt > a > w > b\nsettings {\"timeout_ms\": 1000}";
    let mut run = Stepper::new(text);
    run.now = 600;
    run.succeed("a").unwrap();
    run.now = 60_600;
    let effects = run.tell(&Command::TimerFired { timer: TimerId("a3.wait".into()) }).unwrap();
    let [Effect::Call { timeout_ms, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*timeout_ms, Some(400));
    run.now = 61_000;
    run.fail("b", ErrorKind::Timeout).unwrap();
    assert_eq!(run.state.status().phase(), RunPhase::Failed);
}
