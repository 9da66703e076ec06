//! Work that others do: outside workers, runs of other workflows.

use super::support::*;
use crate::run::*;
use serde_json::{Value, json};

#[test]
fn a_task_and_a_run_of_another_workflow_are_asked_with_what_they_need() {
    let text = r#"t trigger
        k task {"worker": "cmo", "instructions": "Plan for {{input.product}}", "input": {"budget": "{{input.budget}}"},
                "lease_ms": 9000}
        s subworkflow {"workflow": "Onboarding", "version": 2}
        e end {"output": "{{steps.s.output.outcome}}"}
        t > k > s > e"#
        .replace(",\n                ", ", ");
    let asked = std::rc::Rc::new(std::cell::RefCell::new(vec![]));
    let heard = asked.clone();
    let mut world = TestWorld {
        answer: Box::new(move |asking, request| {
            heard.borrow_mut().push(request.clone());
            match asking.node.id.as_str() {
                "k" => Answer::output(json!({"plan": "posters"})),
                _ => Answer::output(json!({"run": null, "outcome": "won", "output": 1})),
            }
        }),
        ..TestWorld::default()
    };
    let outcome = run_in(&text, json!({"product": "tea", "budget": 7}), &mut world);
    assert_eq!(output(&outcome), json!("won"));
    let asked = asked.borrow();
    let [CallRequest::Task(task), CallRequest::Run(run)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((task.worker.as_str(), task.lease_ms), ("cmo", 9_000));
    assert_eq!((task.instructions.as_str(), &task.input), ("Plan for tea", &json!({"budget": 7})));
    assert_eq!((run.workflow.as_str(), run.version), ("Onboarding", Some(2)));
    assert_eq!(run.input, json!({"plan": "posters"}), "the last output, unless it says more");
}

const TASK: &str = "t trigger\nk task {\"instructions\": \"do\", \"claim_within_ms\": 500} \
    @{\"timeout_ms\": 9000, \"retry\": {\"retries_max\": 1}}\nx action\nt > k > x";

fn task() -> Told {
    Told::start(&TASK.replace("    ", ""), Value::Null)
}

#[test]
fn a_task_is_offered_claimed_once_and_reported_by_who_has_it() {
    let mut run = task();
    assert_eq!(run.activation("k").state, ActivationState::Ready);
    assert_eq!(run.state.status(), RunStatus::Executing);
    let (call, attempt) = run.call("k");
    let done = || Command::CallSucceeded { call, attempt, output: json!(1), usage: None };
    assert_eq!(run.try_tell(done()).unwrap_err(), Refusal::NotClaimed);
    let effects = run.claim("k", "ada").unwrap();
    let timers: Vec<&str> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::SetTimer { timer, .. } => Some(timer.0.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(timers, ["a2.lease", "a2.timeout"]);
    assert_eq!(run.claim("k", "bob").unwrap_err(), Refusal::Claimed);
    run.tell(done());
    assert_eq!(run.trace(), "t+ k<ada k+");
    assert_eq!(run.try_tell(done()).unwrap_err(), Refusal::Stale);
}

#[test]
fn timers_of_a_task_end_the_claim_the_attempt_or_the_offer() {
    // What happens, and what comes of it: `!k` fires the timer of the second activation.
    let cases: &[(&[&str], &str)] = &[
        (&["claim"], "t+ kx"),
        (&["<ada", "lease"], "t+ k<ada k<lost"),
        (&["<ada", "lease", "<bob", "done"], "t+ k<ada k<lost k<bob k+"),
        (&["<ada", "back", "<bob"], "t+ k<ada k<back k<bob"),
        (&["<ada", "timeout"], "t+ k<ada kx"),
        (&["<ada", "timeout", "retry", "<bob", "done"], "t+ k<ada kx k<bob k+"),
        (
            &["<ada", "timeout", "retry", "<bob", "timeout"],
            "t+ k<ada kx k<bob k! =failed(The worker took longer than the step may)",
        ),
        (
            &["<a", "lease", "<b", "lease", "<c", "lease", "<d", "lease", "<e", "lease"],
            "t+ k<a k<lost k<b k<lost k<c k<lost k<d k<lost k<e kx",
        ),
    ];
    for (steps, expected) in cases {
        let mut run = task();
        for step in *steps {
            let (call, attempt) = run.call("k");
            match *step {
                "done" => drop(run.succeed("k", json!(1))),
                "back" => {
                    let reason = "busy".to_owned();
                    run.tell(Command::ReleaseTask { call, attempt, reason });
                }
                worker if worker.starts_with('<') => drop(run.claim("k", &worker[1..]).unwrap()),
                timer => drop(run.fire(&format!("a2.{timer}")).unwrap()),
            }
        }
        assert_eq!(run.trace(), *expected, "{steps:?}");
    }
}

#[test]
fn what_a_worker_did_under_an_older_attempt_or_while_the_run_rests_does_not_count() {
    let mut run = task();
    run.claim("k", "ada").unwrap();
    let (call, attempt) = run.call("k");
    run.fire("a2.timeout").unwrap();
    let late = Command::CallSucceeded { call, attempt, output: json!(1), usage: None };
    assert_eq!(run.try_tell(late.clone()).unwrap_err(), Refusal::Stale);
    run.fire("a2.retry").unwrap();
    assert_eq!(run.try_tell(late).unwrap_err(), Refusal::Stale);
    run.tell(Command::Pause { by: "Ada".into() });
    assert_eq!(run.claim("k", "bob").unwrap_err(), Refusal::OnHold);
    run.tell(Command::Resume { by: "Ada".into() });
    run.claim("k", "bob").unwrap();
}

#[test]
fn a_run_of_another_workflow_is_waited_for_without_counting_as_work() {
    let text = "t trigger\ns subworkflow {\"workflow\": \"w\"} @{\"timeout_ms\": 5, \"on_failure\": \"skip\"}\nt > s";
    let mut run = Told::start(text, Value::Null);
    assert_eq!(run.state.status(), RunStatus::StandBy { next_execution_at: None });
    let [Effect::Call { timeout_ms: Some(5), call, .. }] = &run.effects[..] else {
        panic!("only the step's own limit: {:?}", run.effects)
    };
    let call = *call;
    run.now_ms = 900_000;
    let cancelled = run.fail("s", ErrorKind::ExecutorError);
    assert!(
        cancelled.contains(&Effect::CancelCall { call }),
        "a run that still goes on is stopped"
    );
    assert_eq!(run.state.working_ms, 0);
    assert_eq!(run.trace(), "t+ s- =completed");
}

#[test]
fn a_task_that_is_free_again_must_be_claimed_in_time_again() {
    for lost in [true, false] {
        let mut run = task();
        run.claim("k", "ada").unwrap();
        run.now_ms = 60_000;
        let effects = if lost {
            run.fire("a2.lease").unwrap()
        } else {
            let ((call, attempt), reason) = (run.call("k"), "busy".to_owned());
            run.tell(Command::ReleaseTask { call, attempt, reason })
        };
        let set = Effect::SetTimer { timer: TimerId("a2.claim".into()), due_at: at(60_500) };
        assert!(effects.contains(&set), "{effects:?}");
        assert!(recover(&run.state).contains(&set), "and again after a restart");
        run.now_ms = 60_500;
        run.fire("a2.claim").unwrap();
        assert_eq!(run.activation("k").state, ActivationState::Waiting, "{}", run.trace());
    }
}
