//! What names mean: the order of look-up, steps, turns, secrets, built-ins.

use super::support::*;
use crate::run::*;
use serde_json::{Value, json};

/// The value of an expression at the end of `before`.
#[track_caller]
fn value_in(before: &str, input: Value, expression: &str) -> Value {
    let node = format!("\nprobe set {}\n", json!({"probe": format!("{{{{{expression}}}}}")}));
    let outcome = run_in(&format!("{before}{node}"), input, &mut TestWorld::default());
    match outcome.state.status() {
        RunStatus::Completed { .. } => outcome.state.variables["probe"].clone(),
        status => panic!("{expression}: {status:?}"),
    }
}

#[test]
fn names_are_found_in_their_order() {
    let graph = r#"t trigger
        a action
        gone action @{"condition": "false"}
        t > a > probe
        t > gone
        later action
        probe > later
        settings {"variables": {"v": "variable", "both": "variable", "a": "hidden"}, "secrets": {"key": "x"}}"#;
    let input =
        json!({"i": "input", "both": "input", "contact": "mine", "organizationId": "forged"});
    let cases = [
        ("v", json!("variable")),
        ("i", json!("input")),
        ("both", json!("variable")),
        ("input.both", json!("input")),
        ("config.v", json!("variable")),
        ("config.variables.v", json!("variable")),
        ("steps.a.output.from", json!("a")),
        ("steps.a.output.data.from", json!("a")),
        ("steps[\"a\"].output.from", json!("a")),
        ("a.output.from", json!("a")),
        ("a", json!("hidden")),
        ("steps.gone.output", Value::Null),
        ("steps.gone", Value::Null),
        ("steps.later.output.x", Value::Null),
        ("steps.t.output.i", json!("input")),
        ("steps.a.error", Value::Null),
        ("lastOutput.from", json!("a")),
        ("contact", json!("mine")),
        ("contacts", json!([])),
        ("organizationId", json!(context().organization_id)),
        ("wfDefinitionId", json!(context().workflow_id)),
        ("rootWfDefinitionId", json!(context().workflow_id)),
        ("nowMs", json!(at(0).timestamp_millis())),
        ("$now", json!("2023-11-14T22:13:20.000Z")),
        ("now", json!("2023-11-14T22:13:20.000Z")),
        ("secrets.key", json!(secret_marker(RUN, "key"))),
        ("secrets.other", json!(secret_marker(RUN, "other"))),
        ("run.startedBy", json!("test")),
    ];
    for (expression, expected) in cases {
        assert_eq!(value_in(graph, input.clone(), expression), expected, "{expression}");
    }
}

#[test]
fn undeclared_names_are_errors() {
    for expression in ["nonsense", "steps.nonsense.output", "loop.item"] {
        let text =
            format!("t trigger\na set {}\nt > a", json!({"x": format!("{{{{{expression}}}}}")}));
        let outcome = run(&text);
        let RunStatus::Failed { error_message } = outcome.state.status() else {
            panic!("{expression}")
        };
        assert!(
            error_message.contains("nonsense") || error_message.contains("loop"),
            "{error_message}"
        );
    }
}

#[test]
fn a_declared_input_that_is_absent_is_null() {
    let graph = r#"t trigger {"input_schema": {"properties": {"note": {"type": "string"}}}}
        t > probe"#;
    assert_eq!(value_in(graph, json!({}), "note"), Value::Null);
}

#[test]
fn a_loop_shows_its_turn_and_its_item_under_its_name() {
    let text = r#"t trigger
        l loop {"items": "{{input}}", "item_variable": "fruit"}
        v set {"seen": "{{seen}}{{fruit}}/{{loop.item}}/{{loop.index}}/{{loop.totalItems}}/{{loop.state.isComplete}};"}
        after set {"after": "{{loop.index}} {{steps.v.output.seen}}", "count": "{{steps.l.output.count}}"}
        t > l.next > v > l
        l.done > after
        settings {"variables": {"seen": ""}}"#;
    let outcome = run_in(text, json!(["fig", "nut"]), &mut TestWorld::default());
    let seen = "fig/fig/0/2/false;nut/nut/1/2/true;";
    assert_eq!(outcome.state.variables["seen"], json!(seen));
    assert_eq!(outcome.state.variables["after"], json!(format!("-1 {seen}")));
    assert_eq!(outcome.state.variables["count"], json!(2));
}

#[test]
fn a_while_turn_sees_the_last_turn_until_its_own_step_ran() {
    let text = r#"t trigger
        write llm {"user_prompt": "last: {{steps.write.output}} {{steps.judge.output.from}}"}
        judge action
        c condition steps.judge.output.n<2
        t > write > judge > c.true > write"#;
    let mut world = TestWorld {
        answer: Box::new(|asking, request| match request {
            CallRequest::Model(model) => Answer::output(json!(format!("<{}>", model.user_prompt))),
            _ => Answer::output(plain_output(asking)),
        }),
        ..TestWorld::default()
    };
    let outcome = run_in(text, json!({}), &mut world);
    let write = outcome.state.activations.values().find(|a| a.node.as_str() == "write").unwrap();
    assert_eq!(write.output, json!("<last: <last: <last:  > judge> judge>"));
}

#[test]
fn variables_set_in_order_see_earlier_ones_and_secure_ones_are_marked() {
    let text = r#"t trigger
        a set {"variables": [{"name": "x", "value": "{{1 + 1}}"}, {"name": "y", "value": "{{x * 2}}", "secure": true}]}
        t > a"#;
    let outcome = run(text);
    assert_eq!(outcome.state.variables, *json!({"x": 2, "y": 4}).as_object().unwrap());
    assert_eq!(output(&outcome), json!({"x": 2}));
    let marked = outcome.events.iter().any(
        |event| matches!(&event.body, EventBody::VariablesSet { secure, .. } if secure == &["y"]),
    );
    assert!(marked);
}

#[test]
fn the_workflows_variables_are_rendered_over_the_input() {
    let text = r#"t trigger
        a set {"z": "{{hello}}"}
        t > a
        settings {"variables": {"name": "{{input.name}}", "hello": "Hi {{name}}"}}"#;
    let outcome = run_in(text, json!({"name": "Ada"}), &mut TestWorld::default());
    assert_eq!(outcome.state.variables["z"], json!("Hi Ada"));
}

#[test]
fn an_expression_parameter_travels_with_what_it_binds() {
    struct Tools;
    impl crate::graph::ToolNames for Tools {
        fn canonical(&self, name: &str) -> Option<String> {
            (name == "customer_filter").then(|| "customer.filter".to_owned())
        }
        fn expression_parameters(&self, _: &str) -> Vec<String> {
            vec!["expression".to_owned()]
        }
    }
    let text = r#"t trigger
        a action {"tool": "customer_filter", "parameters": {"expression": "spent>{{input.min}}", "organizationId": "x"}}
        t > a"#;
    let graph = crate::graph::CompiledGraph::compile(graph(text), &Tools).unwrap();
    let outcome =
        drive(&graph, &context(), start(json!({"min": 5})), &mut TestWorld::default(), at(0));
    let asked = outcome.events.iter().find_map(|event| match &event.body {
        EventBody::CallRequested { request: CallRequest::Tool { tool, parameters }, .. } => {
            Some((tool, parameters))
        }
        _ => None,
    });
    let bound = json!({"expression": {"$expression": "spent>{{input.min}}", "$scope": {"input": {"min": 5}}}});
    assert_eq!(asked, Some((&"customer.filter".to_owned(), &bound)));
    let unknown = super::support::graph("t trigger\na action\nt > a");
    let errors = crate::graph::CompiledGraph::compile(unknown, &Tools).unwrap_err();
    assert_eq!(errors[0].code, "unknown-tool");
}

#[test]
fn a_subject_that_speaks_of_the_message_is_left_to_the_send_gate() {
    let email = |id: &str, subject: &str| {
        let parameters = json!({"to": "a@example.com", "templateId": "tmpl", "subject": subject});
        format!("{id} action {}\n", json!({"tool": "email.send", "parameters": parameters}))
    };
    let late = "Hi {{contact.name}}: {{input.product}}";
    let text = format!(
        "t trigger\n{}{}t > a > b",
        email("a", late),
        email("b", "About {{input.product}}")
    );
    let outcome = run_in(&text, json!({"product": "lamps"}), &mut TestWorld::default());
    let subjects: Vec<&Value> = outcome
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::CallRequested { request: CallRequest::Tool { parameters, .. }, .. } => {
                Some(&parameters["subject"])
            }
            _ => None,
        })
        .collect();
    assert_eq!(subjects, [&json!({"$template": late}), &json!("About lamps")]);
    let broken = email("a", "Hi {{contact.name").replace('\n', "");
    let broken = graph(&format!("t trigger\n{broken}\nt > a"));
    let errors = crate::graph::CompiledGraph::compile(broken, &crate::graph::AnyTool).unwrap_err();
    assert_eq!(errors[0].field.as_deref(), Some("/parameters/subject"));
}

#[test]
fn a_steps_own_text_keeps_the_workflows_names_before_those_of_the_message() {
    let text = r#"t trigger
        a action
        t > a
        settings {"variables": {"customer": {"name": "Grace"}}}"#;
    let graph = compile(text);
    let started = start(json!({"product": "lamps"}));
    let outcome = drive(&graph, &context(), started, &mut TestWorld::default(), at(0));
    let activation = *outcome.state.activations.keys().next().unwrap();
    let ada = json!({"name": "Ada"});
    let about = json!({"contact": ada, "customer": ada});
    let about = about.as_object().unwrap().clone();
    let context = context();
    let scope =
        TemplateScope::new(&graph, &context, &outcome.state, activation, at(0), about).unwrap();
    let template = "{{contact.name}} {{customer.name}} {{input.product}}";
    let template = crate::expr::Template::parse(template).unwrap();
    assert_eq!(template.render_text(&scope.of_step()).unwrap(), "Ada Grace lamps");
    assert_eq!(template.render_text(&scope).unwrap(), "Ada Ada lamps");
    let secret = crate::expr::Template::parse("{{secrets.key}}").unwrap();
    assert!(secret.render_text(&scope.of_step()).is_err(), "a subject leaves");
}

#[test]
fn a_value_that_looks_like_a_template_is_not_worded() {
    let parameters =
        json!({"to": "a@example.com", "templateId": "tmpl", "subject": "{{input.subject}}"});
    let email = json!({"tool": "email.send", "parameters": parameters});
    let text = format!("t trigger\na action {email}\nt > a");
    let input = json!({"subject": {"$template": "{{input.pin}}"}, "pin": "4711"});
    let outcome = run_in(&text, input, &mut TestWorld::default());
    let is_asked = |event: &crate::run::Event| {
        matches!(&event.body, EventBody::CallRequested { request: CallRequest::Tool { .. }, .. })
    };
    assert!(!outcome.events.iter().any(is_asked));
}
