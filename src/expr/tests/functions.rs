//! Every built-in function, in each family.

use super::{NOW_MS, check};
use crate::expr::functions as all_functions;
use serde_json::json;

#[test]
fn texts() {
    check(
        json!({"s": " Tea pot ", "none": null, "n": 12}),
        &[
            ("s|upper", json!(" TEA POT ")),
            ("s.toLowerCase().trim()", json!("tea pot")),
            ("none|upper", json!(null)),
            ("n|upper", json!("12")),
            ("'a, b'|split(', ')", json!(["a", "b"])),
            ("'ab'.split('')", json!(["a", "b"])),
            ("none|split", json!([])),
            ("'a-b-c'|replace('-', '+')", json!("a+b+c")),
            ("s.includes('Tea') && s.startsWith(' ') && !s.endsWith('x')", json!(true)),
            ("none.includes('a')", json!(false)),
            ("'tea'.indexOf('a')", json!(2)),
            ("[1, 2]|indexOf(3)", json!(-1)),
            ("'A1'|matches('(?i)^a\\d$')", json!(true)),
            ("'héllo'|slice(1, 3)", json!("él")),
            ("'abc'.slice(-2)", json!("bc")),
            ("'héllo'|length", json!(5)),
            ("'é!'|first", json!("é")),
            ("'é!'|last", json!("!")),
            ("'a'.concat('b', 1)", json!("ab1")),
        ],
    );
}

#[test]
fn lists() {
    let root = json!({
        "l": [3, 1, 2, 1],
        "o": [{"n": "b", "p": 2, "t": {"x": 1}}, {"n": "a", "p": 10}, {"n": "c", "first name": "C", "x-y": 1}],
        "none": null, "text": "[1, 2]",
    });
    check(
        root,
        &[
            ("l|length", json!(4)),
            ("l|first", json!(3)),
            ("l|last", json!(1)),
            ("[]|first", json!(null)),
            ("l.at(-2)", json!(2)),
            ("l|join('+')", json!("3+1+2+1")),
            ("l|join", json!("3,1,2,1")),
            ("o|map('n')", json!(["b", "a", "c"])),
            ("o|map('t.x')", json!([1])),
            ("o|map('first name')", json!(["C"])),
            ("o|map('x-y')", json!([1])),
            ("o|map('p * 2')", json!([4, 20, 0])),
            ("o.map(x => x.n + '!')", json!(["b!", "a!", "c!"])),
            ("o|filter('p > 5')|length", json!(1)),
            ("o|filter('p <= 2')|map('n')", json!(["b"])),
            ("o.filter((x) => x.p).length", json!(2)),
            ("l.filter(x => x > 1 && x < 3)", json!([2])),
            ("l|filter('this > 1')", json!([3, 2])),
            ("o.map(x => l.filter(y => y == x.p).length)", json!([1, 0, 0])),
            ("o|filterBy('n', 'a')|map('p')", json!([10])),
            ("o|find('n', 'c').n", json!("c")),
            ("o|find('p', '10').n", json!("a")),
            ("o.find(x => x.p == 10).n", json!("a")),
            ("o|find('n', 'z')", json!(null)),
            ("l.some(x => x == 3) && !l.every(x => x == 3)", json!(true)),
            ("[[1], 2, [3, [4]]]|flatten", json!([1, 2, 3, [4]])),
            ("l|unique", json!([3, 1, 2])),
            ("[1, '1', 2]|unique", json!([1, 2])),
            ("l|concat([9])|last", json!(9)),
            ("none|concat([9], 4, null)", json!([9, 4])),
            ("l|hasOverlap(['2'])", json!(true)),
            ("l|hasOverlap([7, null])", json!(false)),
            ("[null]|hasOverlap([null])", json!(false)),
            ("l|sort", json!([1, 1, 2, 3])),
            ("o|sort('n')|map('n')|join('')", json!("abc")),
            ("o|sort('p', 'desc')|map('n')|join('')", json!("abc")),
            ("o|sort('p')|map('n')|join('')", json!("bac")),
            ("['b', 'a']|reverse", json!(["a", "b"])),
            ("l|slice(1, 3)", json!([1, 2])),
            ("l|slice(-1)", json!([1])),
            ("l|chunk(3)", json!([[3, 1, 2], [1]])),
            ("text|map('this')", json!([1, 2])),
            ("text|first", json!(1)),
            ("none|map('x')", json!([])),
            ("o|formatList('{n}={p}', '; ')", json!("b=2; a=10; c=")),
            ("l|formatList('x')", json!("3\n1\n2\n1")),
            (
                "o|formatList('{ not an expression } {n}')",
                json!("{ not an expression } b\n{ not an expression } a\n{ not an expression } c"),
            ),
            ("l|sum", json!(7)),
            ("o|sum('p')", json!(12)),
            ("o|max('p') - (o|min('p'))", json!(8)),
            ("[]|max", json!(null)),
            ("length(l) + length(none)", json!(4)),
        ],
    );
}

#[test]
fn conversions_and_numbers() {
    check(
        json!({"o": {"a": 1, "b": null}, "none": null}),
        &[
            ("o|json", json!("{\"a\":1,\"b\":null}")),
            ("'a\"'|json", json!("\"a\\\"\"")),
            ("o|string", json!("{\"a\":1,\"b\":null}")),
            ("1.50|string", json!("1.5")),
            ("none|string", json!("")),
            ("'12.5'|number", json!(12.5)),
            ("'x'|number", json!(null)),
            ("''|number", json!(null)),
            ("'a'|boolean", json!(true)),
            ("''|boolean", json!(false)),
            ("'{\"a\": [1]}'|parseJSON.a[0]", json!(1)),
            ("'nope'|parseJSON", json!(null)),
            ("none|default('x')", json!("x")),
            ("''|default('x')", json!("x")),
            ("0|default('x')", json!(0)),
            ("o|keys", json!(["a", "b"])),
            ("o|values", json!([1, null])),
            ("2.345|round(2)", json!(2.35)),
            ("2.5|round", json!(3)),
            ("0.125|toFixed(2)", json!("0.13")),
            ("-2.5|abs + 0", json!(-2.5)),
            ("(-2.5)|abs", json!(2.5)),
            ("1.2|ceil + 1.8|floor", json!(3)),
            ("none|round", json!(null)),
        ],
    );
}

#[test]
fn dates() {
    check(
        json!({"ms": NOW_MS - 3 * 86_400_000, "s": (NOW_MS - 7_200_000) / 1000, "iso": "2026-11-19T11:00:00Z"}),
        &[
            ("ms|daysAgo", json!(3)),
            ("s|hoursAgo", json!(2)),
            ("s|minutesAgo", json!(120)),
            ("iso|daysAgo", json!(1)),
            ("daysAgo('2026-11-21')", json!(-1)),
            ("'not a date'|daysAgo", json!(null)),
            ("null|daysAgo > 3", json!(false)),
            ("'2026-11-20'|parseDate", json!(NOW_MS - 43_200_000)),
            ("'2026-11-20 12:00'|parseDate", json!(NOW_MS)),
            ("'2026-11-20T14:00:00+0200'|parseDate", json!(NOW_MS)),
            ("'Fri, 20 Nov 2026 12:00:00 GMT'|parseDate", json!(NOW_MS)),
            ("s|isoDate", json!("2026-11-20T10:00:00.000Z")),
            ("iso|epochSeconds", json!(1_795_086_000)),
            ("iso|isBefore($now) && now()|isAfter(iso)", json!(true)),
            ("iso|isBefore('x')", json!(false)),
            ("iso|isBefore(iso) || iso|isAfter(iso)", json!(false)),
            ("iso < now()", json!(true)),
            ("nowMs", json!(NOW_MS)),
            ("1e300|isoDate", json!(null)),
        ],
    );
}

#[test]
fn every_function_of_the_formats_is_there_and_explained() {
    let documented = "upper lower trim length first last join string number boolean map filter flatten unique \
        concat parseJSON formatList find hasOverlap sort reverse slice filterBy chunk daysAgo hoursAgo minutesAgo \
        parseDate isoDate epochSeconds isBefore isAfter default json keys values round split replace";
    let known: Vec<_> = all_functions().collect();
    for name in documented.split_whitespace() {
        assert!(known.iter().any(|function| function.name == name), "{name}");
    }
    let mut names: Vec<_> =
        known.iter().flat_map(|f| [f.name].into_iter().chain(f.also.iter().copied())).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name twice");
    assert!(known.iter().all(|function| function.help.ends_with('.')));
}
