//! Random graphs in random worlds, and random commands at any time.

use super::support::*;
use crate::run::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A number that is drawn from a stream of bytes: what proptest shrinks is the stream.
struct Draw {
    bytes: Vec<u8>,
    at: usize,
}

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(byte) % bound.max(1)
    }
}

/// A graph that nests sequences, branches, parallel parts, loops and while regions.
fn random_graph(draw: &mut Draw) -> String {
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
            3 => match draw.below(2) {
                0 => {
                    text.push(format!(
                        "w{n} wait {{\"for\": \"duration\", \"duration_ms\": {}}}",
                        draw.below(50)
                    ));
                    join(text, &format!("w{n}"));
                    format!("w{n}.success")
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

fn random_world(seed: u64) -> TestWorld {
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

fn cases(default: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: cases.unwrap_or(default), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(300))]

    /// A run ends or waits for something nameable; `run_in` checks that numbers have no gap, that replaying and
    /// checkpoints give the same state, that nothing runs twice in a frame and that every edge is decided.
    #[test]
    fn every_run_ends_or_waits(bytes in proptest::collection::vec(any::<u8>(), 0..80), seed: u64) {
        let text = random_graph(&mut Draw { bytes, at: 0 });
        let outcome = run_in(&text, json!({"items": [1, 2, 3]}), &mut random_world(seed));
        let phase = outcome.state.status().phase();
        prop_assert!(outcome.stop == Stop::Ended || phase == RunPhase::Blocked, "{phase:?}\n{text}\n{}", trace(&outcome));
    }

    /// Commands at any time: never a panic, refusals change nothing, results of the past are refused, and once the
    /// run is let go on it comes to an end.
    #[test]
    fn commands_at_any_time_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..60), moves in proptest::collection::vec(any::<u16>(), 0..60)) {
        let text = random_graph(&mut Draw { bytes, at: 0 });
        let graph = compile(&text);
        let mut state = RunState::new(RUN);
        let mut events: Vec<Event> = vec![];
        let mut pending: Vec<Command> = vec![Command::Start { input: json!({"items": [1, 2]}), contacts: vec![], thread_id: None, started_by: String::new(), options: Default::default() }];
        let mut done: Vec<Command> = vec![];
        let mut now = 0;
        for number in moves {
            now += i64::from(number % 7);
            let draw = usize::from(number);
            let command = match draw % 8 {
                0 => Command::Pause { by: "Ada".into() },
                1 => Command::Resume { by: "Ada".into() },
                2 => Command::Continue,
                3 if !done.is_empty() => done[draw / 8 % done.len()].clone(),
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
            let is_result = matches!(command, Command::CallSucceeded { .. } | Command::DecideApproval { .. } | Command::TimerFired { .. });
            prop_assert!(!(is_result && done.contains(&command)) || caused.is_empty(), "a result counted twice");
            events.extend(caused);
            done.push(command);
            pending.extend(effects.into_iter().filter_map(answer));
        }
        let outcome = Outcome { state, events, now: at(now), stop: Stop::Waiting };
        sound(&graph, &outcome);
        let recovered: Vec<Command> = recover(&outcome.state).into_iter().filter_map(answer).collect();
        finishes(&graph, outcome, recovered, &text)?;
    }
}

fn answer(effect: Effect) -> Option<Command> {
    Some(match effect {
        Effect::Call { call, attempt, .. } => {
            Command::CallSucceeded { call, attempt, output: json!({"n": 1}), usage: None }
        }
        Effect::SetTimer { timer, .. } => Command::TimerFired { timer },
        Effect::OpenApproval { approval, .. } => Command::DecideApproval {
            approval,
            decision: Decision::Approve { answer: Value::Null },
            by: "Ada".into(),
        },
        Effect::Continue => Command::Continue,
        _ => return None,
    })
}

/// After a crash: from the state alone, with what recovery asks for and the approvals that are in the inbox, a run
/// comes to its end.
fn finishes(
    graph: &crate::graph::CompiledGraph,
    mut outcome: Outcome,
    mut pending: Vec<Command>,
    text: &str,
) -> Result<(), TestCaseError> {
    if outcome.state.started_at.is_none() {
        return Ok(());
    }
    let approvals = outcome.state.living().filter_map(|(_, a)| a.approval);
    pending.extend(approvals.map(|approval| Command::DecideApproval {
        approval,
        decision: Decision::Approve { answer: Value::Null },
        by: "Ada".into(),
    }));
    pending.push(Command::Resume { by: "Ada".into() });
    pending.reverse();
    let mut resumes = 0;
    for _ in 0..3_000 {
        if outcome.state.end.is_some() {
            return Ok(());
        }
        let is_stuck = outcome.state.paused || outcome.state.blocked.is_some();
        let command = match pending.pop() {
            Some(command) => command,
            None if is_stuck && resumes < 100 => {
                resumes += 1;
                Command::Resume { by: "Ada".into() }
            }
            None => break,
        };
        let now = at(1_000_000_000);
        if let Ok(advance) = advance(graph, &context(), &mut outcome.state, &command, now) {
            outcome.events.extend(advance.events);
            pending.extend(advance.effects.into_iter().filter_map(answer));
        }
    }
    prop_assert!(
        outcome.state.end.is_some(),
        "stuck: {:?}\n{text}\n{}",
        outcome.state.status(),
        trace(&outcome)
    );
    sound(graph, &outcome);
    Ok(())
}

proptest! {
    #![proptest_config(cases(200))]

    /// Events of one run applied to the state of another, in any order: whatever comes of it, no panic.
    #[test]
    fn foreign_events_do_not_panic(one in proptest::collection::vec(any::<u8>(), 0..40), two in proptest::collection::vec(any::<u8>(), 0..40), order in proptest::collection::vec(any::<u16>(), 0..200)) {
        let events = |bytes| {
            let text = random_graph(&mut Draw { bytes, at: 0 });
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
