//! What a workflow's document can say, through `run`: what comes out shows that the engine understood it.

use super::{Said, TempFile, signalbox};
use serde_json::{Value, json};

/// Runs a document of these steps (slug, type, config, ways out) in virtual time.
fn run(variables: Value, steps: &[(&str, &str, Value, Value)], input: &Value) -> Said {
    let steps = steps.iter().map(|(slug, kind, config, next)| {
        json!({"stepSlug": slug, "stepType": kind, "config": config, "nextSteps": next})
    });
    let steps: Vec<Value> = steps.collect();
    let document = json!({"name": "Test", "config": {"variables": variables}, "steps": steps});
    let file = TempFile::new(&document.to_string());
    let input = input.to_string();
    signalbox(&["run", &file.path(), "--virtual-time", "--json", "--input", &input], "")
}

fn outcome(said: &Said) -> (i32, Value, Value) {
    let last = said.lines().pop().unwrap_or_else(|| panic!("{said:?}"));
    (said.code, last["outcome"].clone(), last["output"].clone())
}

// WF-03
#[test]
fn targets_that_no_step_bears_mean_the_end() {
    for target in ["end", "finish", "noop"] {
        let set = json!({"type": "set_variables", "parameters": {"a": 1}});
        let said =
            run(json!({}), &[("set", "action", set, json!({"success": target}))], &json!({}));
        assert_eq!(outcome(&said).1, "completed", "{target}: {said:?}");
    }
}

// WF-07
#[test]
fn conditions_take_the_port_of_their_expression() {
    let input = json!({"n": 3, "s": "abc", "list": ["a", "b"], "deep": {"flag": false}});
    let both = [
        ("{{input.n}} == 3", true),
        ("{{input.n}} === '3'", false),
        ("{{input.n}} != 3", false),
        ("{{input.n}} !== '3'", true),
        ("{{input.n}} > 2", true),
        ("{{input.n}} >= 4", false),
        ("{{input.n}} < 3", false),
        ("{{input.n}} <= 3", true),
        ("{{input.n}} > 2 && {{input.deep.flag}}", false),
        ("{{input.n}} > 9 || !{{input.deep.flag}}", true),
        ("{{input.s}} contains 'b'", true),
        ("{{input.list}}.includes('c')", false),
        ("{{input.list.length}} == 2", true),
        ("{{input.list[1]}} == 'b'", true),
        ("{{input.n}} * 2 + 1 == 7", true),
    ];
    let slugs: Vec<String> = (0..=both.len()).map(|at| format!("c{at}")).collect();
    let mut steps = Vec::new();
    for (at, (expression, holds)) in both.iter().enumerate() {
        let next = json!({(holds.to_string()): slugs[at + 1], ((!holds).to_string()): "wrong"});
        steps.push((
            slugs[at].as_str(),
            "condition",
            json!({"expression": expression, "description": "A test."}),
            next,
        ));
    }
    steps.push((slugs[both.len()].as_str(), "end", json!({"outcome": "right"}), json!({})));
    steps.push(("wrong", "end", json!({"outcome": "wrong"}), json!({})));
    let said = run(json!({}), &steps, &input);
    assert_eq!(outcome(&said).1, "right", "{}", said.out);
}

fn rows() -> [(&'static str, &'static str, Value, Value); 5] {
    let seen = "{{seen}}{{loop.parent.item.id}}{{loop.index}}={{name}}/{{loop.item}};";
    [
        (
            "rows",
            "loop",
            json!({"items": "{{input.rows}}", "itemVariable": "row"}),
            json!({"next": "names", "done": "done", "error": "no_list"}),
        ),
        (
            "names",
            "loop",
            json!({"items": "{{row.names}}", "itemVariable": "name"}),
            json!({"next": "note", "done": "rows"}),
        ),
        (
            "note",
            "action",
            json!({"type": "set_variables", "parameters": {"seen": seen}}),
            json!({"success": "names"}),
        ),
        ("done", "end", json!({"output": {"seen": "{{seen}}"}}), json!({})),
        (
            "no_list",
            "end",
            json!({"outcome": "no list", "output": {"why": "{{steps.rows.error.message}}"}}),
            json!({}),
        ),
    ]
}

// WF-17
#[test]
fn loops_nest_and_give_items_indexes_and_parents() {
    let variables = json!({"seen": ""});
    let input = json!({"rows": [{"id": "A", "names": ["x", "y"]}, {"id": "B", "names": []}, {"id": "C", "names": ["z"]}]});
    let said = run(variables.clone(), &rows(), &input);
    let expected = json!({"seen": "A0=x/x;A1=y/y;C0=z/z;"});
    assert_eq!(outcome(&said), (0, json!("completed"), expected), "{}", said.out);

    let said = run(variables, &rows(), &json!({"rows": {"id": "A"}}));
    let (code, outcome, output) = outcome(&said);
    assert_eq!((code, outcome), (0, json!("no list")), "{}", said.out);
    assert!(output["why"].as_str().unwrap().contains("must be a list"), "{output}");
}

// WF-18
#[test]
fn templates_read_the_run_and_keep_types() {
    let output = json!({
        "typed": "{{input.count}}",
        "text": "n={{input.count}}",
        "step": "{{steps.set.output.greeting}}",
        "variable": "{{greeting}}",
        "nested": "{{input.list[0].name}}",
        "list": "{{input.list}}",
        "section": "{{#input.list}}{{name}},{{/input.list}}{{^input.none}}nobody{{/input.none}}",
        "organization": "{{organizationId}}",
        "workflow": "{{wfDefinitionId}}",
        "now": "{{$now}}",
    });
    let set =
        json!({"type": "set_variables", "parameters": {"greeting": "Hi {{input.list[1].name}}"}});
    let list = json!([{"name": "Ada"}, {"name": "Bob"}]);
    let said = run(
        json!({}),
        &[
            ("set", "action", set, json!({"success": "done"})),
            ("done", "end", json!({"output": output}), json!({})),
        ],
        &json!({"count": 3, "list": list}),
    );
    let (code, _, mut output) = outcome(&said);
    assert_eq!(code, 0, "{said:?}");
    let mut text = |key: &str| {
        let taken = output.as_object_mut().unwrap().shift_remove(key);
        taken.as_ref().and_then(Value::as_str).unwrap_or_else(|| panic!("{key}")).to_owned()
    };
    for id in [text("organization"), text("workflow")] {
        assert!(id.parse::<uuid::Uuid>().is_ok(), "{id}");
    }
    let began: chrono::DateTime<chrono::Utc> =
        said.lines()[0]["at"].as_str().unwrap().parse().unwrap();
    assert_eq!(text("now").parse::<chrono::DateTime<chrono::Utc>>().unwrap(), began);
    let expected = json!({
        "typed": 3, "text": "n=3", "step": "Hi Bob", "variable": "Hi Bob", "nested": "Ada", "list": list,
        "section": "Ada,Bob,nobody",
    });
    assert_eq!(output, expected);
}

// WF-20
#[test]
fn an_error_port_can_read_the_error() {
    let get = json!({"type": "crm.fetch", "parameters": {}});
    let output = json!({"kind": "{{steps.get.error.kind}}", "why": "{{steps.get.error.message}}"});
    let said = run(
        json!({}),
        &[
            ("get", "action", get, json!({"success": "end", "error": "failed"})),
            ("failed", "end", json!({"outcome": "no data", "output": output}), json!({})),
        ],
        &json!({}),
    );
    let (code, outcome, output) = outcome(&said);
    assert_eq!((code, outcome), (0, json!("no data")), "{said:?}");
    assert_eq!(output["kind"], "not_found");
    assert!(output["why"].as_str().unwrap().contains("crm.fetch"), "{output}");
}
