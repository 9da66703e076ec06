//! Properties that hold for any input.

use super::{NOW_MS, scope};
use crate::expr::{Expression, Template, ValueScope, ValueTemplate};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Text made of the language's own pieces, so that much of it parses.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "a",
            "steps",
            "loop.item",
            "'x'",
            "\"y\\n\"",
            "1",
            "2.5",
            "null",
            "true",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "{{",
            "}}",
            ".",
            "?.",
            ",",
            ":",
            "?",
            "|",
            "||",
            "&&",
            "??",
            "!",
            "==",
            "===",
            "<",
            "+",
            "-",
            "*",
            "/",
            "//",
            "%",
            "^",
            " in ",
            " contains ",
            " matches ",
            "=>",
            "|length",
            "|map('x')",
            "|filter('x > 1')",
            ".includes('a')",
            "|formatList('{a} {{b}}')",
            "'{{a.b}}'",
            "\\",
            "'",
            "\"",
            "#",
            "é",
            "🚂",
            "$now",
            "now()",
            "|sort('a','desc')",
            "|slice(-1)",
            "[.a > 1]",
            "x => x.a",
            "f(",
            "|round",
            "|daysAgo",
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,3}",
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// Source that parses, by construction.
fn source() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "a",
            "steps.x.output.data",
            "1",
            "2.50",
            "1e30",
            "'q\\'uote'",
            "\"{{a.b[0]}} t\"",
            "\"\\{{a}}\"",
            "null",
            "true",
            "{{a.b}}",
            "now()",
            "[]",
            "{}",
            "events.hasReply('x')",
        ])
        .prop_map(str::to_owned),
        any::<i32>().prop_map(|n| format!("({n})")),
        "[ -~]{0,8}"
            .prop_map(|text| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        let operator = prop::sample::select(vec![
            "+",
            "-",
            "*",
            "/",
            "//",
            "%",
            "^",
            "==",
            "!=",
            "===",
            "!==",
            "<",
            "<=",
            ">",
            ">=",
            "&&",
            "||",
            "??",
            "contains",
            "includes",
            "in",
            "startsWith",
            "endsWith",
        ]);
        let call = prop::sample::select(vec![
            "|length",
            "|first",
            "|map('a.b')",
            "|map(x => x.a)",
            ".filter('a > {{b}}')",
            "|join(', ')",
            "[0]",
            ".a",
            "?.b",
            "[.p > 1]",
            "|formatList('{a}: {b|upper}')",
            "|sort('a', 'desc')",
            ".includes('x')",
            "|default(1)",
        ]);
        prop_oneof![
            (inner.clone(), operator.clone(), inner.clone())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a}) ? {b} : {c}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            (inner.clone(), call).prop_map(|(a, call)| format!("({a}){call}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{{k: {a}, 'l l': {b}}}")),
        ]
    })
}

fn world() -> ValueScope {
    scope(json!({
        "a": [{"a": 1, "b": {"c": "x"}}, {"a": "2"}, null, "t"], "b": "{\"k\": [1]}", "x": {"a": 5},
        "steps": {"x": {"output": {"f": 1}}}, "loop": {"item": {"price": 3}, "index": 0},
    }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_text_panics_as_an_expression(text in prop_oneof![soup(), any::<String>()]) {
        if let Ok(expression) = Expression::parse(&text) {
            let _ = expression.evaluate(&world());
            let _ = expression.evaluate_with_record(&world(), &json!({"a": 1}));
            let printed = expression.to_string();
            prop_assert_eq!(Expression::parse(&printed).ok(), Some(expression), "{}", printed);
        }
    }

    #[test]
    fn what_parses_prints_to_source_that_parses_to_the_same(text in source()) {
        let Ok(expression) = Expression::parse(&text) else {
            return Err(TestCaseError::fail(format!("does not parse: {text}")));
        };
        let printed = expression.to_string();
        let again = Expression::parse(&printed).map_err(|e| TestCaseError::fail(format!("{printed}: {e}")))?;
        prop_assert_eq!(&again, &expression, "{}", printed);
        prop_assert_eq!(again.to_string(), printed);
        prop_assert_eq!(again.evaluate(&world()), expression.evaluate(&world()));
    }

    #[test]
    fn no_text_panics_as_a_template(text in prop_oneof![soup(), any::<String>(), "(\\{\\{[#^/]?a\\}\\}|[ a\\n\\\\{}]){0,20}"]) {
        if let Ok(template) = Template::parse(&text) {
            let _ = template.render(&world());
            let _ = template.names();
            prop_assert_eq!(template.to_string(), text.as_str());
        }
        let _ = ValueTemplate::compile(&json!({"k": [text]})).map(|t| t.render(&world()));
    }

    #[test]
    fn text_without_braces_is_itself(text in "[^{]*") {
        let template = Template::parse(&text).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(template.render(&world()), Ok(Value::String(text)));
    }

    #[test]
    fn a_bound_value_arrives_unchanged(text in any::<String>(), n in any::<i64>()) {
        let scope = ValueScope::new(json!({"v": {"t": text, "n": n}}), NOW_MS);
        let single = Template::parse("{{v}}").map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(single.render(&scope), Ok(json!({"t": text, "n": n})));
        let mixed = Template::parse("<{{v.t}}|{{v.n}}>").map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(mixed.render(&scope), Ok(json!(format!("<{text}|{n}>"))));
    }
}
