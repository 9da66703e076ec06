//! Random graphs in random worlds, and random commands at any time.

use super::support::*;
use crate::run::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};

/// A number that is drawn from a stream of bytes: what proptest shrinks is the stream.
pub(super) struct Draw {
    bytes: Vec<u8>,
    at: usize,
}

impl Draw {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    fn below(&mut self, bound: usize) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(byte) % bound.max(1)
    }
}

/// A graph that nests sequences, branches, parallel parts, loops and while regions.
pub(super) fn random_graph(draw: &mut Draw) -> String {
    let mut text = vec!["t trigger".to_owned()];
    let mut count = 0;
    let last = part(draw, &mut text, &mut count, "t.success".to_owned(), 3);
    if draw.below(2) == 0 {
        text.push("e end".to_owned());
        for from in last.split('|').filter(|from| !from.is_empty()) {
            text.push(format!("{from} > e"));
        }
    }
    text.push("settings {\"variables\": {\"n\": 0}, \"turns_max\": 4}".to_owned());
    text.join("\n")
}

const POLICIES: [&str; 8] = [
    "",
    "",
    " @{\"retry\": {\"retries_max\": 1}}",
    " @{\"on_failure\": \"skip\"}",
    " @{\"on_failure\": \"block\"}",
    " @{\"on_failure\": \"continue-partial\"}",
    " @{\"approval\": \"after\"}",
    " @{\"condition\": \"n<9\"}",
];

/// Appends a part that hangs on `from` (ports joined by `|`), and gives the ports it leaves through.
fn part(
    draw: &mut Draw,
    text: &mut Vec<String>,
    count: &mut usize,
    from: String,
    depth: usize,
) -> String {
    let mut from = from;
    for _ in 0..=draw.below(3) {
        if from.split('|').all(str::is_empty) {
            break; // nothing leads on
        }
        *count += 1;
        let n = *count;
        let join = |text: &mut Vec<String>, to: &str| {
            for from in from.split('|').filter(|from| !from.is_empty()) {
                text.push(format!("{from} > {to}"));
            }
        };
        from = match draw.below(if depth == 0 { 4 } else { 9 }) {
            0 | 1 => {
                text.push(format!("a{n} action{}", POLICIES[draw.below(POLICIES.len())]));
                join(text, &format!("a{n}"));
                if draw.below(4) == 0 {
                    format!("a{n}.success|a{n}.error")
                } else {
                    format!("a{n}.success")
                }
            }
            2 => {
                text.push(format!("s{n} set {{\"n\": \"{{{{n + 1}}}}\"}}"));
                join(text, &format!("s{n}"));
                format!("s{n}.success")
            }
            3 => match draw.below(4) {
                0 => {
                    text.push(format!(
                        "w{n} wait {{\"for\": \"duration\", \"duration_ms\": {}}}",
                        draw.below(50)
                    ));
                    join(text, &format!("w{n}"));
                    format!("w{n}.success")
                }
                1 => {
                    let policy = POLICIES[draw.below(POLICIES.len())];
                    let task = r#"{"instructions": "do", "claim_within_ms": 50}"#;
                    text.push(format!("q{n} task {task}{policy}"));
                    join(text, &format!("q{n}"));
                    format!("q{n}.success")
                }
                2 => {
                    let before = r#"@{"approval": "before"}"#;
                    text.push(format!("y{n} action {before}"));
                    join(text, &format!("y{n}"));
                    format!("y{n}.success")
                }
                _ => {
                    text.push(format!("h{n} human"));
                    join(text, &format!("h{n}"));
                    format!("h{n}.approved|h{n}.rejected")
                }
            },
            4 | 5 => {
                text.push(format!("c{n} condition n<{}", draw.below(6)));
                join(text, &format!("c{n}"));
                let yes = part(draw, text, count, format!("c{n}.true"), depth - 1);
                let no = if draw.below(2) == 0 {
                    part(draw, text, count, format!("c{n}.false"), depth - 1)
                } else {
                    format!("c{n}.false")
                };
                format!("{yes}|{no}")
            }
            6 => {
                text.push(format!("p{n} set {{\"p{n}\": 1}}"));
                join(text, &format!("p{n}"));
                let one = part(draw, text, count, format!("p{n}.success"), depth - 1);
                let two = part(draw, text, count, format!("p{n}.success"), depth - 1);
                if draw.below(3) == 0 { one } else { format!("{one}|{two}") }
            }
            7 => {
                let concurrency = 1 + draw.below(3);
                text.push(format!("l{n} loop {{\"items\": \"{{{{input.items}}}}\", \"concurrency\": {concurrency}}}"));
                join(text, &format!("l{n}"));
                let body = part(draw, text, count, format!("l{n}.next"), depth - 1);
                if body.split('|').all(str::is_empty) {
                    text.push(format!("l{n}.next > b{n}"));
                }
                // A condition after the body gathers its ways, so that each leads either back or out.
                text.push(format!("b{n} condition n<{}", draw.below(20)));
                for from in body.split('|').filter(|from| !from.is_empty()) {
                    text.push(format!("{from} > b{n}"));
                }
                text.push(format!("b{n}.true > l{n}"));
                match draw.below(3) {
                    0 => format!("l{n}.done|b{n}.false"),
                    1 => format!("l{n}.done"),
                    _ => {
                        text.push(format!("b{n}.false > l{n}"));
                        format!("l{n}.done")
                    }
                }
            }
            _ => {
                text.push(format!("k{n} set {{\"n\": \"{{{{n + 1}}}}\"}}"));
                join(text, &format!("k{n}"));
                let body = part(draw, text, count, format!("k{n}.success"), depth - 1);
                text.push(format!("d{n} condition n<{}", draw.below(12)));
                if body.split('|').all(str::is_empty) {
                    text.push(format!("k{n} > d{n}"));
                }
                for from in body.split('|').filter(|from| !from.is_empty()) {
                    text.push(format!("{from} > d{n}"));
                }
                text.push(format!("d{n}.true > k{n}"));
                if draw.below(2) == 0 { format!("d{n}.false") } else { String::new() }
            }
        };
        if from.is_empty() {
            break;
        }
    }
    from
}

pub(super) fn random_world(seed: u64) -> TestWorld {
    let mut draws = seed;
    let mut draw = move || {
        draws =
            draws.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (draws >> 33) as usize
    };
    let mut other = draw() as u64;
    TestWorld {
        answer: Box::new(move |asking, _| {
            let kinds = [
                ErrorKind::Timeout,
                ErrorKind::Refused,
                ErrorKind::InvalidInput,
                ErrorKind::NotFound,
            ];
            let reply = match draw() % 10 {
                0 => Reply::Failure {
                    error: StepError::new(kinds[draw() % 4], "no"),
                    retry_after_ms: None,
                },
                1 => Reply::Bypass { reason: "no consent".into() },
                _ => Reply::Output { output: plain_output(asking), usage: None },
            };
            Answer { after_ms: (draw() % 40) as u64, reply }
        }),
        decide: Box::new(move |_, _| {
            other = other.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            match (other >> 33) % 5 {
                0 => Some((3, Decision::Reject { reason: String::new(), retry: false })),
                1 => Some((3, Decision::Reject { reason: "again".into(), retry: true })),
                _ => Some((3, Decision::Approve { answer: Value::Null })),
            }
        }),
        facts: vec![],
    }
}

pub(super) fn cases(default: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: cases.unwrap_or(default), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(300))]

    /// A run ends or waits for something nameable; `run_in` checks that numbers have no gap, that replaying and
    /// checkpoints give the same state, that nothing runs twice in a frame and that every edge is decided.
    #[test]
    fn every_run_ends_or_waits(bytes in proptest::collection::vec(any::<u8>(), 0..80), seed: u64) {
        let text = random_graph(&mut Draw::new(bytes));
        let outcome = run_in(&text, json!({"items": [1, 2, 3]}), &mut random_world(seed));
        let phase = outcome.state.status().phase();
        prop_assert!(outcome.stop == Stop::Ended || phase == RunPhase::Blocked, "{phase:?}\n{text}\n{}", trace(&outcome));
    }

    /// Commands at any time, those of workers among them: never a panic, refusals change nothing, results of the past
    /// are refused, what a person changed is what is done, and once the run is let go on it comes to an end.
    #[test]
    fn commands_at_any_time_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..60), moves in proptest::collection::vec(any::<u16>(), 0..60)) {
        let text = random_graph(&mut Draw::new(bytes));
        let graph = compile(&text);
        let mut state = RunState::new(RUN);
        let mut events: Vec<Event> = vec![];
        let mut pending: Vec<Command> = vec![Command::Start { input: json!({"items": [1, 2]}), contacts: vec![], thread_id: None, started_by: String::new(), options: Default::default() }];
        let mut done: Vec<Command> = vec![];
        let mut counted: Vec<Command> = vec![];
        let mut now = 0;
        for number in moves {
            now += i64::from(number % 7);
            let draw = usize::from(number);
            let command = match draw % 8 {
                0 => Command::Pause { by: "Ada".into() },
                1 => Command::Resume { by: "Ada".into() },
                2 => Command::Continue,
                3 if !done.is_empty() => again(&done[draw / 8 % done.len()], number % 3 == 0),
                _ if !pending.is_empty() => pending.swap_remove(draw / 8 % pending.len()),
                _ => Command::OutsideEvent { name: "reply".into(), payload: Value::Null, id: None },
            };
            let before = state.clone();
            let result = advance(&graph, &context(), &mut state, &command, at(now));
            let (caused, effects) = match result {
                Ok(advance) => (advance.events, advance.effects),
                Err(_) => {
                    prop_assert_eq!(&before, &state);
                    continue;
                }
            };
            if !caused.is_empty() && counts_once(&command) {
                prop_assert!(!counted.contains(&command), "a result counted twice");
                counted.push(command.clone());
            }
            events.extend(caused);
            done.push(command);
            pending.extend(effects.into_iter().flat_map(answers));
        }
        let outcome = Outcome { state, events, now: at(now), stop: Stop::Waiting };
        sound(&graph, &outcome);
        finishes(&graph, outcome, &text)?;
    }
}

/// A command once more. A worker may also give back what it took.
fn again(command: &Command, gives_back: bool) -> Command {
    match command {
        Command::ClaimTask { call, attempt, .. } if gives_back => {
            Command::ReleaseTask { call: *call, attempt: *attempt, reason: "busy".into() }
        }
        command => command.clone(),
    }
}

/// Results do; a task may be lost more than once, and wait for a claim again.
fn counts_once(command: &Command) -> bool {
    match command {
        Command::CallSucceeded { .. } | Command::DecideApproval { .. } => true,
        Command::TimerFired { timer } => {
            !matches!(timer.parts(), Some((_, TimerPurpose::Claim | TimerPurpose::Lease)))
        }
        _ => false,
    }
}

/// What the world says to an effect, in order.
fn answers(effect: Effect) -> Vec<Command> {
    match effect {
        Effect::Call { call, attempt, request, .. } => {
            let output = json!({"n": 1});
            let done = Command::CallSucceeded { call, attempt, output, usage: None };
            let (worker, lease_until) = ("ada".to_owned(), at(2_000_000_000));
            let claim = Command::ClaimTask { call, attempt, worker, lease_until };
            let is_task = matches!(request, CallRequest::Task(_));
            is_task.then_some(claim).into_iter().chain([done]).collect()
        }
        Effect::SetTimer { timer, .. } => vec![Command::TimerFired { timer }],
        Effect::OpenApproval { approval, .. } => vec![agreed(approval)],
        Effect::Continue => vec![Command::Continue],
        _ => vec![],
    }
}

/// A person agrees and changes something.
fn agreed(approval: crate::id::ApprovalId) -> Command {
    let decision = Decision::Approve { answer: json!({"extra": 1}) };
    Command::DecideApproval { approval, decision, by: "Ada".into() }
}

/// Whether each prepared call was made with what the person changed.
fn changes_are_made(events: &[Event]) -> bool {
    let mut prepared = BTreeSet::new();
    events.iter().all(|event| match &event.body {
        EventBody::NodeStarted { activation, node, .. } if node.as_str().starts_with('y') => {
            prepared.insert(*activation)
        }
        EventBody::CallRequested {
            activation,
            request: CallRequest::Tool { parameters, .. },
            ..
        } if prepared.contains(activation) => parameters["extra"] == 1,
        _ => true,
    })
}

/// After a crash: from the state alone, with what recovery asks for and the approvals that are in the inbox, a run
/// comes to its end.
fn finishes(
    graph: &crate::graph::CompiledGraph,
    mut outcome: Outcome,
    text: &str,
) -> Result<(), TestCaseError> {
    if outcome.state.started_at.is_none() {
        return Ok(());
    }
    let resume = || Command::Resume { by: "Ada".into() };
    let mut open: VecDeque<Command> =
        recover(&outcome.state).into_iter().flat_map(answers).collect();
    let approvals = outcome.state.living().filter_map(|(_, a)| a.approval);
    open.extend(approvals.map(agreed));
    open.push_back(resume());
    let mut resumes = 0;
    for _ in 0..3_000 {
        if outcome.state.end.is_some() {
            break;
        }
        let is_stuck = outcome.state.paused || outcome.state.blocked.is_some();
        let command = match open.pop_front() {
            Some(command) => command,
            None if is_stuck && resumes < 100 => {
                resumes += 1;
                resume()
            }
            None => break,
        };
        let now = at(1_000_000_000);
        match advance(graph, &context(), &mut outcome.state, &command, now) {
            Ok(advance) => {
                outcome.events.extend(advance.events);
                open.extend(advance.effects.into_iter().flat_map(answers));
                if matches!(command, Command::Resume { .. }) {
                    // Timers that fired into the pause count again.
                    open.extend(recover(&outcome.state).into_iter().flat_map(answers));
                }
            }
            // The worker comes again, once the run goes on.
            Err(Refusal::OnHold | Refusal::NotClaimed) => {
                if is_stuck && resumes < 100 {
                    resumes += 1;
                    open.push_back(resume());
                }
                open.push_back(command);
            }
            Err(_) => {}
        }
    }
    prop_assert!(
        outcome.state.end.is_some(),
        "stuck: {:?}\n{text}\n{}",
        outcome.state.status(),
        trace(&outcome)
    );
    prop_assert!(changes_are_made(&outcome.events), "{text}\n{}", trace(&outcome));
    sound(graph, &outcome);
    Ok(())
}

proptest! {
    #![proptest_config(cases(200))]

    /// Events of one run applied to the state of another, in any order: whatever comes of it, no panic.
    #[test]
    fn foreign_events_do_not_panic(one in proptest::collection::vec(any::<u8>(), 0..40), two in proptest::collection::vec(any::<u8>(), 0..40), order in proptest::collection::vec(any::<u16>(), 0..200)) {
        let events = |bytes| {
            let text = random_graph(&mut Draw::new(bytes));
            run_in(&text, json!({"items": [1, 2]}), &mut random_world(7)).events
        };
        let mut all = events(one);
        all.extend(events(two));
        let mut state = RunState::new(RUN);
        for (seq, number) in order.iter().enumerate() {
            let mut event = all[usize::from(*number) % all.len()].clone();
            event.seq = seq as u64 + 1;
            apply(&mut state, &event);
            let _ = (state.status(), recover(&state), effects(&event));
        }
        let graph = graph("t trigger\na action\nt > a");
        prop_assert_eq!(node_states(&graph, &state).len(), 2);
    }
}
