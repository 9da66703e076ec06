//! Operators, paths, precedence, and what messages say.

use super::{check, eval, parse};
use crate::expr::Expression;
use serde_json::json;

// WF-07
#[test]
fn operators() {
    let root = json!({"n": 7, "s": "tea", "t": "7", "yes": true, "none": null, "list": [1, "2", null], "o": {"a": 1}});
    check(
        root,
        &[
            ("1 + 2 * 3", json!(7)),
            ("(1 + 2) * 3", json!(9)),
            ("7 / 2", json!(3.5)),
            ("6 / 3", json!(2)),
            ("7 // 2", json!(3)),
            ("-7 // 2", json!(-4)),
            ("7 % 4", json!(3)),
            ("2 ^ 3 ^ 2", json!(512)),
            ("2 * 3 ^ 2", json!(18)),
            ("1 / 0", json!(null)),
            ("0 % 0", json!(null)),
            ("9223372036854775807 + 1", json!(9.223_372_036_854_776e18)),
            ("10 - 2 - 3", json!(5)),
            ("10 - (2 - 3)", json!(11)),
            ("(2 ^ 3) ^ 2", json!(64)),
            ("!(none || s) == false", json!(true)),
            ("(none ? 1 : s) + 'x'", json!("teax")),
            ("-n", json!(-7)),
            ("--n", json!(7)),
            ("+t", json!(7)),
            ("0.1 + 0.2", json!(0.1 + 0.2)),
            ("1e3", json!(1000)),
            (".5 + 1", json!(1.5)),
            ("s + n", json!("tea7")),
            ("s + none", json!("tea")),
            ("none + 1", json!(1)),
            ("t + 1", json!("71")),
            ("t * 2", json!(14)),
            ("s * 2", json!(null)),
            ("[1] + [2]", json!([1, 2])),
            ("n == '7'", json!(true)),
            ("n === '7'", json!(false)),
            ("n != '8'", json!(true)),
            ("n !== 7", json!(false)),
            ("1 == 1.0 && 1 === 1.0", json!(true)),
            ("yes == 'true'", json!(true)),
            ("yes == 1", json!(true)),
            ("none == undefined", json!(true)),
            ("none == ''", json!(false)),
            ("none == 0", json!(false)),
            ("none == false", json!(false)),
            ("list == [1, '2', null]", json!(true)),
            ("o === {a: 1}", json!(true)),
            ("'b' > 'a'", json!(true)),
            ("'10' > 9", json!(true)),
            ("s > 3", json!(false)),
            ("none < 5 || none >= 0", json!(false)),
            ("'2026-01-01T10:00:00+02:00' < '2026-01-01T09:00:00Z'", json!(true)),
            ("!none", json!(true)),
            ("!!s", json!(true)),
            ("none || s", json!("tea")),
            ("0 ?? 5", json!(0)),
            ("none ?? 5", json!(5)),
            ("s && n", json!(7)),
            ("none && undeclared.name", json!(null)),
            ("yes ? 1 : 2", json!(1)),
            ("none ? 1 : yes ? 2 : 3", json!(2)),
            ("none ?: 'other'", json!("other")),
            ("yes ?.5 : 1", json!(0.5)),
            ("s contains 'ea'", json!(true)),
            ("'ea' in s", json!(true)),
            ("2 in list", json!(true)),
            ("list includes '2'", json!(true)),
            ("'a' in o", json!(true)),
            ("none contains 'x'", json!(false)),
            ("s startsWith 'te' && s endsWith 'a'", json!(true)),
            ("s matches '^t\\w+$'", json!(true)),
            ("s matches '\\d'", json!(false)),
            ("n > 5 == true", json!(true)),
            ("1 + 1 == 2 && 3 > 2 || none", json!(true)),
            ("{a: n, 'b c': [s], n}", json!({"a": 7, "b c": ["tea"], "n": 7})),
            ("[1, 2,]", json!([1, 2])),
            ("'it\\'s' + \"\\n\\u00e9\\ud83d\\ude00\"", json!("it's\né😀")),
        ],
    );
}

#[test]
fn paths() {
    let root = json!({
        "a": {"b": [{"c": 1}, {"c": 2}], "x-y": 3, "length": 9, "1": "one"},
        "text": "héllo", "json": "[{\"k\": [5]}]", "none": null, "key": "b", "items": [{"price": 5}, {"price": 15, "tags": ["x"]}],
        "contains": 1, "min": 10,
    });
    check(
        root,
        &[
            ("a.b[1].c", json!(2)),
            ("a['b'][0]['c']", json!(1)),
            ("a[key].length", json!(2)),
            ("a['x-y']", json!(3)),
            ("a.length", json!(9)),
            ("a[1]", json!("one")),
            ("a.b[9].c.d", json!(null)),
            ("none.deep[0].deeper", json!(null)),
            ("a?.b?.[0]?.c", json!(1)),
            ("text.length", json!(5)),
            ("text[1]", json!("é")),
            ("text.anything", json!(null)),
            ("json[0].k[0]", json!(5)),
            ("none|length", json!(0)),
            ("a.b[-1]", json!(null)),
            ("a.b['0'].c", json!(1)),
            ("{{a.b}}[0].c", json!(1)),
            ("{{a}}.b.length", json!(2)),
            ("contains + 1", json!(2)),
            ("items[.price > 10][0].price", json!(15)),
            ("items[.price > min]", json!([{"price": 15, "tags": ["x"]}])),
            ("items[.tags includes 'x'].length", json!(1)),
            ("none[.price > 1]", json!([])),
            ("a[.length == 9][0].length", json!(9)),
            ("[1, 2, 3][1]", json!(2)),
            ("{a: {b: 1}}.a.b", json!(1)),
        ],
    );
}

// WF-25
#[test]
fn undeclared_names_are_errors_and_declared_ones_are_listed() {
    let error = eval("customer.email", &json!({"steps": {}})).unwrap_err();
    assert_eq!(error.code, "undeclared_name");
    assert!(error.message.contains("steps.customer.output"), "{}", error.message);

    let names = |source: &str| {
        parse(source).names().into_iter().map(|path| path.join(".")).collect::<Vec<_>>()
    };
    let table: &[(&str, &[&str])] = &[
        ("steps.get_customer.output.email", &["steps.get_customer.output.email"]),
        ("{{a.b}} > c[0].d && a.b", &["a.b", "c.0.d"]),
        ("files[loop.index].name", &["files", "loop.index"]),
        ("items|filter('price > {{min}}')|map('name')", &["items", "min"]),
        ("items.filter(x => x.price > limit)", &["items", "limit"]),
        ("items[.price > limit]", &["items", "limit"]),
        ("'{{a.b}} text' + c", &["a.b", "c"]),
        ("events.hasReply(step)", &["step"]),
        ("customer.email.includes('x')", &["customer.email"]),
        ("$now > now() && nowMs", &[]),
        ("list|formatList('{name}: {{currency}}')", &["currency", "list"]),
        ("{a: b, c}", &["b", "c"]),
    ];
    for (source, expected) in table {
        assert_eq!(names(source), *expected, "{source}");
    }
}

#[test]
fn messages_say_what_was_expected_and_where() {
    let table = [
        ("", 0, "expected an expression, such as input.name"),
        ("a =  1", 2, "\"=\" does not compare; write \"==\""),
        ("a & b", 2, "a single \"&\" means nothing here; write \"&&\" for \"and\""),
        ("a and b", 2, "write \"&&\" for \"and\""),
        ("a == ", 5, "expected a value or a name, found the end"),
        ("(a", 2, "expected \")\" to close the bracket, found the end"),
        ("a b", 2, "expected an operator such as == or &&, found \"b\""),
        ("a)", 1, "\")\" closes nothing"),
        ("'open", 0, "the text is not closed; a ' is missing"),
        ("x|uper", 2, "there is no function \"uper\"; did you mean \"upper\"?"),
        ("x[0].fitler('a')", 5, "there is no function \"fitler\"; did you mean \"filter\"?"),
        ("x|replace('a')", 10, "\"replace\" is written replace(what, by)"),
        ("x|default", 2, "\"default\" is written default(value)"),
        (
            "x|filter('a >')",
            9,
            "in the quoted condition: expected a value or a name, found the end",
        ),
        (".price", 0, "expected a name before the \".\""),
        ("{{a", 3, "expected \"}\" and another to close the \"{{\", found the end"),
        ("a ? b", 5, "expected \":\" between the two sides of the condition, found the end"),
        ("12ab", 2, "a number cannot be followed by a letter"),
        ("daysAgo()", 8, "\"daysAgo\" needs the value it works on, as in daysAgo(input.value)"),
        ("a\n == §", 6, "the character '§' means nothing here"),
    ];
    for (source, offset, message) in table {
        let error = Expression::parse(source).expect_err(source);
        assert_eq!((error.offset, error.message.as_str()), (offset, message), "{source}");
    }
    let error = Expression::parse("äöü ==\n  ; b").unwrap_err();
    assert_eq!((error.line, error.column), (2, 3));
    assert!(error.to_string().ends_with("(line 2, column 3)"));
}
