//! YAML beside JSON: the same documents, with places, within bounds.

use super::support::text;
use crate::format::{
    Format, FormatError, Notation, export, import, import_text, parse, to_text, yaml,
};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn our_own_format_is_the_same_in_yaml() {
    for (_, document) in super::fixtures() {
        let imported = import(&document).unwrap();
        let own = export(&imported.graph, "x", "y", Format::SignalboxV1).unwrap();
        let text = to_text(&imported.graph, &own, Notation::Yaml).unwrap();
        let back = import_text(&text).unwrap();
        let mut graph = back.graph.clone();
        // The text is kept with the document that it holds, unless that came from another one.
        assert_eq!(graph.origin.as_ref().map(|origin| origin.text.is_some()), Some(false));
        if let Some(origin) = &mut graph.origin {
            origin.text = None;
        }
        assert_eq!(graph, imported.graph);
        assert_eq!(export(&back.graph, "x", "y", Format::SignalboxV1).unwrap(), own);
    }
}

#[test]
fn comments_stay_until_something_changes() {
    let text = "# ours\nformat: signalbox/v1\nname: A\ndescription: ''\ngraph:\n  nodes:\n  - id: t # first\n    kind: {type: trigger}\n    position: {x: 1.0, y: 2.0}\n  edges: []\n";
    let mut imported = import_text(text).unwrap();
    let written = |graph: &crate::graph::Graph| {
        let document = export(graph, "A", "", Format::SignalboxV1).unwrap();
        to_text(graph, &document, Notation::Yaml).unwrap()
    };
    assert_eq!(written(&imported.graph), text);
    imported.graph.nodes[0].position.x = 3.0;
    let changed = written(&imported.graph);
    assert!(!changed.contains('#') && changed.contains("x: 3"), "{changed}");
    assert_eq!(import_text(&changed).unwrap().graph.nodes, imported.graph.nodes);
}

#[test]
fn words_that_look_like_other_things_stay_what_they_are() {
    let text = "a: yes\nb: 'true'\nc: true\nd: [012, -012, +012, 012.5, '012', 00]\ne: 1e3\nf: ~\ng: 2026-03-01\nh: \"1\"\ni: |\n  x\n  y\n";
    let (document, _) = parse(text).unwrap();
    let expected = json!({"a": "yes", "b": "true", "c": true, "d": [12, -12, 12, 12.5, "012", 0], "e": 1000.0, "f": null, "g": "2026-03-01", "h": "1", "i": "x\ny\n"});
    assert_eq!(document, expected);
}

#[test]
fn bombs_are_refused() {
    let check = |text: &str| match import_text(text) {
        Err(FormatError::Syntax { notation, line, .. }) => assert!(notation == "YAML" && line > 0),
        Err(FormatError::TooMany { .. } | FormatError::TooDeep { .. }) => {}
        other => panic!("{other:?}: {}", &text[..text.len().min(60)]),
    };
    let mut laughs = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, of) in [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e")] {
        laughs.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{of}"); 10].join(", ")));
    }
    check(&laughs);
    check(&"- ".repeat(200));
    check(&format!("a: {}1{}", "[".repeat(150), "]".repeat(150)));
    check(&format!("a: {}", "x".repeat(9 * 1024 * 1024)));
    check("name: a\n---\nname: b\n");
    check("a: 1\na: 2\n");
    check("a: *nobody\n");
    check("a: .nan\n");
    check("? [a, b]\n: c\n");
    check("a: \"open\n");
    check("a: !!binary x y z\n");
}

/// What the parser says is meant for who calls it.
#[test]
fn errors_are_in_the_words_of_who_writes_the_text() {
    let check = |text: &str, expected: &str| {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        for word in ["Option", "Policy", "policy", "budget", "breach"] {
            assert!(!error.contains(word), "{error}");
        }
    };
    check("a: 1\na: 2\n", "the key \"a\" is written twice (line 2, column 1)");
    check("~: x\n", "a key must be text");
    check("a: .inf\n", "is not a finite number");
    check("a: 1\n---\nb: 2\n", "a second document begins here");
    check(&format!("{}x", "- ".repeat(60)), "nested deeper than 40 levels");
    check(&format!("a: &a x\nb: [{}]\n", "*a, ".repeat(2_000)), "its aliases repeat too much");
}

#[test]
fn what_could_not_be_read_again_is_not_written() {
    let nested = |levels: usize| {
        (1..levels).fold(json!(["x"]), |inner, at| {
            if at % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) }
        })
    };
    let deep = nested(40);
    assert_eq!(yaml::parse(&yaml::write(&deep).unwrap()).unwrap(), deep);
    let error = yaml::write(&nested(41)).unwrap_err().to_string();
    assert!(error.contains("40 levels") && error.contains("write it as JSON"), "{error}");
}

#[test]
fn a_mapping_in_braces_is_yaml_where_its_first_key_has_no_quotes() {
    let text = "{name: x, steps: [{id: a, prompt: 'Read {{input.x}}'}]}";
    let imported = import_text(text).unwrap();
    assert_eq!((imported.format, imported.name.as_str()), (Format::Dag, "x"));
    assert_eq!(to_text(&imported.graph, &parse(text).unwrap().0, Notation::Yaml).unwrap(), text);
    let check = |text: &str, expected: &str| {
        let error = import_text(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    };
    check("{name: x, steps: [}", "the text is not YAML");
    check("{ na_me-2 : x, steps: [}", "the text is not YAML");
    check("{name: x, steps: [{id: a, dependsOn: []}]}", "`prompt` is missing");
    for json in
        ["{\"name\": x}", "{'name': 'x'}", "{", "{}}", "{ // x\n\"name\": 1}", "{1: 2}", "{name}"]
    {
        check(json, "the text is not JSON");
    }
}

// DAG-11
#[test]
fn errors_have_their_place_in_yaml_too() {
    let check = |text: &str, expected: &str| {
        let error = import_text(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let plan = text("dag-contract-review.yaml");
    check(
        &plan.replace("[extract]", "[exract]"),
        "there is no such step (at steps[1].dependsOn[0], line 10, column 17)",
    );
    check(
        &plan.replace("prompt: \"Generate", "promt: \"Generate"),
        "`prompt` is missing: every step asks a model something (at steps[2], line 12, column 5)",
    );
    check(
        &plan.replace("true #", "maybe #"),
        "`requiresApproval` must be true or false, not \"maybe\" (at steps[1].requiresApproval, line 11, column 23)",
    );
    check("name: x\nsteps:\n - a: b: c\n", "line 3");
    check("just words", "none of the formats");
}

fn value() -> impl Strategy<Value = Value> {
    let word = "[ -~äß\u{2028}\n\t]{0,12}|yes|no|null|~|true|1|0x1f|1_000|-|: |#|1e5|\\.inf|<<|=|2026-01-01|!x|&a|\\*a";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| json!(n)),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((word, inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_written_reads_the_same(value in value()) {
        let text = yaml::write(&value).unwrap();
        let back = yaml::parse(&text);
        prop_assert!(back.is_ok(), "{:?}\n{}", back, text);
        prop_assert_eq!(back.unwrap().to_string(), value.to_string(), "{}", text);
    }

    #[test]
    fn hostile_text_is_an_error_or_a_document(text in "[-a-c:#&*!|>'\"{}\\[\\],\n \t?<~0-9]{0,60}") {
        if let Err(error) = import_text(&text) {
            prop_assert!(error.place().is_some());
        }
    }
}
