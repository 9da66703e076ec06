//! Text templates: types, escapes, sections, messages.

use super::{check_templates, scope};
use crate::expr::Template;
use serde_json::json;

// WF-18
#[test]
fn values_in_text() {
    check_templates(
        json!({"n": 3, "f": 6.0, "none": null, "o": {"a": [1]}, "t": true, "s": "x"}),
        &[
            ("", json!("")),
            ("plain { } text }}", json!("plain { } text }}")),
            ("{{n}}", json!(3)),
            (" {{ n }}\n", json!(3)),
            ("{{n}}{{n}}", json!("33")),
            ("n={{n}}, f={{f}}, t={{t}}", json!("n=3, f=6, t=true")),
            ("[{{none}}]", json!("[]")),
            ("{{none}}", json!(null)),
            ("{{o}}", json!({"a": [1]})),
            ("o={{o}}", json!("o={\"a\":[1]}")),
            ("{\"n\":{{n}}}", json!("{\"n\":3}")),
            ("\\{{n}} {{n}}", json!("{{n}} 3")),
            ("\\\\{{n}}", json!("\\3")),
            ("{{'}}'}}", json!("}}")),
            ("{{ {a: {b: n}} }}", json!({"a": {"b": 3}})),
            ("<{{{s}}}>", json!("<x>")),
            ("a{{!-- {{not}} read --}}b", json!("ab")),
        ],
    );
}

// WF-18
#[test]
fn sections() {
    let root = json!({
        "list": [{"name": "Ada", "tags": ["x", "y"]}, {"name": "Bob", "tags": []}, {"tags": null}],
        "empty": [], "none": null, "yes": true, "o": {"k": "v"}, "name": "outer", "words": ["a", "b"],
        "json": "[{\"name\": \"Jo\"}]",
    });
    check_templates(
        root,
        &[
            ("{{#list}}({{name}}){{/list}}", json!("(Ada)(Bob)(outer)")),
            (
                "{{#list}}{{name}}:{{#tags}}{{.}}{{/tags}}{{^tags}}-{{/tags}};{{/list}}",
                json!("Ada:xy;Bob:-;outer:-;"),
            ),
            ("{{^empty}}nothing{{/empty}}{{#empty}}x{{/empty}}", json!("nothing")),
            ("{{^none}}none{{/none}}", json!("none")),
            ("{{#yes}}yes {{name}}{{/yes}}", json!("yes outer")),
            ("{{#o}}{{k}} {{name}}{{/o}}", json!("v outer")),
            ("{{#words}}{{@index}}{{this}}{{^@last}}, {{/@last}}{{/words}}", json!("0a, 1b")),
            ("{{#each words}}{{this}}{{/each}}", json!("ab")),
            ("{{#if empty}}a{{else}}b{{/if}}", json!("b")),
            ("{{#if yes}}a{{else}}b{{/if}}", json!("a")),
            ("{{#unless yes}}a{{else}}b{{/unless}}", json!("b")),
            ("{{#list|filter('tags')}}{{name}}{{/}}", json!("AdaBob")),
            ("{{#json}}{{name}}{{/json}}", json!("Jo")),
            ("a\n{{#words}}\n- {{.}}\n{{/words}}\nb", json!("a\n- a\n- b\nb")),
            ("a {{#words}}{{.}}\n{{/words}} b", json!("a a\nb\n b")),
            ("{{#list}}{{absent}}{{/list}}", json!("")),
        ],
    );
    let undeclared = Template::parse("{{#words}}{{absent}}{{/words}}").unwrap();
    let error = undeclared.render(&scope(json!({"words": ["a"]}))).unwrap_err();
    assert_eq!(error.code, "undeclared_name");
}

#[test]
fn kinds_and_names() {
    let single = |source: &str| Template::parse(source).unwrap().is_single();
    assert!(
        single("{{a}}")
            && single(" {{ a }} ")
            && !single("{{a}}b")
            && !single("{{#a}}{{/a}}")
            && !single("a")
    );
    assert!(Template::parse("a").unwrap().is_literal());
    let template =
        Template::parse("{{a.b}} {{#c}}{{d}} {{e|map('f')}}{{/c}}{{#if g}}{{h}}{{/if}}").unwrap();
    let names: Vec<_> = template.names().into_iter().map(|path| path.join(".")).collect();
    assert_eq!(names, ["a.b", "c", "g", "h"]);
    assert_eq!(
        template.to_string(),
        "{{a.b}} {{#c}}{{d}} {{e|map('f')}}{{/c}}{{#if g}}{{h}}{{/if}}"
    );
    let text = Template::parse("{{n}}").unwrap().render_text(&scope(json!({"n": 3})));
    assert_eq!(text.as_deref(), Ok("3"));
}

#[test]
fn messages_point_into_the_template() {
    let table = [
        (
            "Hi {{name",
            3,
            "the braces that open here are not closed by \"}}\"; for the braces themselves write \"\\{{\"",
        ),
        ("Hi {{}}", 5, "expected an expression, such as input.name"),
        ("Hi {{ a + }}", 9, "expected a value or a name, found the end"),
        ("{{#a}}x", 0, "the section \"a\" is never closed"),
        ("{{#a}}{{/b}}", 6, "\"/b\" closes \"a\""),
        ("x{{/b}}", 1, "\"/b\" closes no section"),
        ("{{else}}", 0, "\"else\" stands in no section"),
    ];
    for (source, offset, message) in table {
        let error = Template::parse(source).expect_err(source);
        assert_eq!((error.offset, error.message.as_str()), (offset, message), "{source}");
    }
    let error = Template::parse("one\ntwo {{a ==}}").unwrap_err();
    assert_eq!((error.line, error.column), (2, 11));
}
