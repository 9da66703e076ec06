//! Nothing loops, grows or nests without bound, and nothing panics on the way to saying so.

use super::{eval, parse, scope};
use crate::expr::limits::MAX_EXPRESSION_BYTES;
use crate::expr::{Expression, Template, ValueTemplate};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[test]
fn deep_nesting_is_refused_without_overflow() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{a:", "}"),
        ("!", ""),
        ("-", ""),
        ("a[", "]"),
        ("{{", "}}"),
        ("a?b:", ""),
        ("2^", ""),
    ] {
        for count in [70, 1000, 100_000] {
            let source = format!("{}a{}", open.repeat(count), close.repeat(count));
            assert!(Expression::parse(&source).is_err(), "{open} × {count}");
            assert!(Template::parse(&format!("{{{{ {source} }}}}")).is_err(), "{open} × {count}");
        }
    }
    assert!(Expression::parse(&format!("{}a{}", "(".repeat(50), ")".repeat(50))).is_ok());
    assert!(Template::parse(&"{{#a}}".repeat(40_000)).is_err());
    assert!(Template::parse(&format!("{}{}", "{{#a}}".repeat(40), "{{/a}}".repeat(40))).is_err());
    let mut value = json!("{{a}}");
    for _ in 0..120 {
        value = json!([value]);
    }
    let error = ValueTemplate::compile(&value).unwrap_err();
    assert!(error.error.message.contains("nested"), "{error}");
}

#[test]
fn long_chains_are_refused_before_they_become_high_trees() {
    for link in ["+a", ".a", "[0]", "|first", "&&a", ".trim()"] {
        let source = format!("a{}", link.repeat(1000));
        assert!(Expression::parse(&source).is_err(), "{link}");
        let source = format!("a{}", link.repeat(150));
        let expression = parse(&source);
        assert_eq!(parse(&expression.to_string()), expression, "{link}");
        assert!(expression.evaluate(&scope(json!({"a": null}))).is_ok(), "{link}");
    }
}

#[test]
fn long_sources_are_refused() {
    let source = format!("'{}'", "a".repeat(MAX_EXPRESSION_BYTES));
    assert!(Expression::parse(&source).unwrap_err().message.contains("8 KiB"));
    assert!(Template::parse(&"a".repeat(256 * 1024 + 1)).unwrap_err().message.contains("256 KiB"));
    assert!(Template::parse(&"a".repeat(256 * 1024)).is_ok());
}

#[test]
fn work_is_bounded() {
    let many: Vec<u32> = (0..40_000).collect();
    let root = json!({"many": many, "big": "x".repeat(600 * 1024)});
    let code =
        |source: &str| eval(source, &root).map(|_| "fine").unwrap_or_else(|error| error.code);
    let table = [
        ("many|length", "fine"),
        ("many|filter('this > 1 && this < 3')", "too_many_steps"),
        ("many.filter(a => many.some(b => b == a + 100000))", "too_many_steps"),
        ("big", "fine"),
        ("big + big", "too_large"),
        ("big|replace('x', 'xxx')", "too_large"),
        ("[big, big]", "too_large"),
        ("big|split('')", "too_many_steps"),
        ("[big,big,big,big,big,big,big,big,big,big,big,big,big,big,big,big]|length", "too_large"),
        ("big|matches('x')", "too_large"),
        ("'a'|matches('(a{200}){200}')", "bad_pattern"),
        ("'a'|matches('(')", "bad_pattern"),
        ("[1]|chunk(0)", "bad_argument"),
    ];
    for (source, expected) in table {
        assert_eq!(code(source), expected, "{source}");
    }
    let template = Template::parse("{{#many}}{{#many}}x{{/many}}{{/many}}").unwrap();
    let error = template.render(&scope(root.clone())).unwrap_err();
    assert!(["too_many_steps", "too_large"].contains(&error.code));
    let template = Template::parse("{{big}}{{big}}").unwrap();
    assert_eq!(template.render(&scope(root)).unwrap_err().code, "too_large");
}

#[test]
fn patterns_cannot_stall() {
    let root = json!({"s": "a".repeat(100 * 1024)});
    let started = Instant::now();
    for pattern in ["(a+)+$b", "(a|a)*b", "(a|aa)+$b", "(.*)*x", "([a-z]+)*[0-9]"] {
        let _ = eval(&format!("s|matches('{pattern}')"), &root);
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn hostile_templates_are_read_in_linear_time() {
    let started = Instant::now();
    let sources: Vec<String> = vec![
        "{{a}}".repeat(50_000),
        "{{#a}}{{/a}}".repeat(20_000),
        "\\".repeat(200_000),
        "{".repeat(200_000),
        "{{\"".repeat(80_000),
        " {{!----}} ".repeat(20_000),
    ];
    for source in &sources {
        let _ = Template::parse(source);
    }
    let line = "{".repeat(4000);
    let _ = Expression::parse(&format!("a|formatList('{line}')"));
    let nested = "{a|formatList(\"".repeat(200);
    let _ = Expression::parse(&format!("a|formatList('{nested}')"));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn numbers_at_the_edges_do_not_panic() {
    let edges = [
        "9223372036854775807",
        "-9223372036854775808",
        "1e308",
        "-1e308",
        "0",
        "0.1",
        "99999999999999999999",
        "''",
        "null",
        "'x'",
        "[1]",
        "true",
    ];
    let operators = ["+", "-", "*", "/", "//", "%", "^", "<", "==", "===", "in", "contains"];
    for a in edges {
        for b in edges {
            for operator in operators {
                let source = format!("({a}) {operator} ({b})");
                assert!(eval(&source, &Value::Null).is_ok(), "{source}");
            }
        }
        for call in [
            "round(400)",
            "toFixed(400)",
            "slice(-9223372036854775807, 9223372036854775807)",
            "at(-9223372036854775807)",
            "daysAgo",
            "isoDate",
            "epochSeconds",
            "abs",
            "chunk(9e18)",
        ] {
            let _ = eval(&format!("({a})|{call}"), &Value::Null);
        }
    }
}
