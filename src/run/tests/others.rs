//! Work that others do: outside workers, runs of other workflows.

use super::support::*;
use crate::run::*;
use serde_json::json;

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
