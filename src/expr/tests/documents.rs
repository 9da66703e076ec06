//! The examples of the five documents evaluate as a reader of them expects.

use super::{Events, check, check_templates, parse, scope};
use crate::expr::{Expression, Template, ValueTemplate};
use serde_json::json;

// WF-07
#[test]
fn conditions_of_the_visual_workflow_guide() {
    let root = json!({
        "customer": {
            "age": 18, "status": "active", "email": "ada@gmail.com", "tags": ["new", "vip"],
            "totalSpent": 1000.5,
        },
        "order": {"total": 250, "items": [1, 2, 3, 4, 5, 6]},
        "steps": {
            "get_customer": {"output": {"totalSpent": 1001}},
            "check_needs_reply": {"output": "{\"needsReply\": true}"},
        },
    });
    check(
        root,
        &[
            ("{{steps.get_customer.output.totalSpent}} > 1000", json!(true)),
            ("{{customer.age}} >= 18", json!(true)),
            ("{{order.total}} > 100 && {{order.total}} < 500", json!(true)),
            ("{{customer.status}} == 'active'", json!(true)),
            ("{{customer.email}} contains '@gmail.com'", json!(true)),
            ("{{customer.tags}} includes 'vip'", json!(true)),
            ("{{order.items.length}} > 5", json!(true)),
            ("{{customer.status}} == 'active' && {{customer.totalSpent}} > 1000", json!(true)),
            ("{{steps.check_needs_reply.output.needsReply}} == true", json!(true)),
        ],
    );
    let other = json!({
        "customer": {"age": 17, "status": "churned", "email": "ada@example.com", "tags": [], "totalSpent": null},
        "order": {"total": 500, "items": []},
        "steps": {"get_customer": {"output": {}}, "check_needs_reply": {"output": "no idea"}},
    });
    check(
        other,
        &[
            ("{{steps.get_customer.output.totalSpent}} > 1000", json!(false)),
            ("{{customer.age}} >= 18", json!(false)),
            ("{{order.total}} > 100 && {{order.total}} < 500", json!(false)),
            ("{{customer.status}} == 'active'", json!(false)),
            ("{{customer.email}} contains '@gmail.com'", json!(false)),
            ("{{customer.tags}} includes 'vip'", json!(false)),
            ("{{order.items.length}} > 5", json!(false)),
            ("{{steps.check_needs_reply.output.needsReply}} == true", json!(false)),
        ],
    );
}

// WF-18 WF-17
#[test]
fn templates_of_the_visual_workflow_guide() {
    let root = json!({
        "input": {"customerId": "cust_456", "productName": "Tea"},
        "steps": {
            "get_customer": {"output": {"name": "Ada", "email": "ada@example.com"}},
            "analyze": {"output": {"score": 0.7}},
            "get_orders": {"output": [{"id": 1}]},
            "recommend_products": {"output": "```json\n{\"products\": [\"a\", \"b\"]}\n```"},
            "send_email": {"error": "the mailbox is full"},
        },
        "loop": {"item": {"name": "Grace", "email": "g@x.org", "_id": "c1"}, "index": 0, "parent": {"item": 7}},
        "customer": {"profile": {"address": {"city": "Wien"}}},
        "products": [{"name": "Pot"}],
        "customers": [{"name": "Ada", "email": "a@x.org"}, {"name": "Grace", "email": "g@x.org"}],
        "organizationId": "org_1", "wfDefinitionId": "wf_1", "secrets": {"apiKey": "k"},
    });
    check_templates(
        root,
        &[
            ("{{input.customerId}}", json!("cust_456")),
            ("{{input.productName}}", json!("Tea")),
            (
                "Recommend products for customer: {{steps.get_customer.output.name}}",
                json!("Recommend products for customer: Ada"),
            ),
            ("{{steps.analyze.output.score}}", json!(0.7)),
            ("{{loop.index}}", json!(0)),
            ("You are customer #{{loop.index}}", json!("You are customer #0")),
            ("Hello {{loop.item.name}}!", json!("Hello Grace!")),
            ("{{loop.parent.item}}", json!(7)),
            ("{{organizationId}}/{{wfDefinitionId}}", json!("org_1/wf_1")),
            ("{{$now}}", json!("2026-11-20T12:00:00.000Z")),
            ("{{secrets.apiKey}}", json!("k")),
            ("{{customer.profile.address.city}}", json!("Wien")),
            ("{{products[0].name}}", json!("Pot")),
            (
                "{{#customers}}\n  {{name}}: {{email}}\n{{/customers}}",
                json!("  Ada: a@x.org\n  Grace: g@x.org\n"),
            ),
            ("{{steps.recommend_products.output.products}}", json!(["a", "b"])),
            (
                "Purchase history: {{steps.get_orders.output}}",
                json!("Purchase history: [{\"id\":1}]"),
            ),
            ("{{steps.send_email.error}}", json!("the mailbox is full")),
        ],
    );
}

// WF-18
#[test]
fn both_ways_to_read_a_steps_output_read_the_same_field() {
    let root = json!({
        "steps": {
            "a": {"output": {"f": 1}},
            "with_data": {"output": {"data": {"f": 2}}},
            "list": {"output": [1, 2]},
            "text": {"output": "plain"},
            "json": {"output": "{\"f\": 3}"},
            "none": {"output": null},
        },
        "x": {"output": {"f": 1}},
    });
    check(
        root,
        &[
            ("steps.a.output.f", json!(1)),
            ("steps.a.output.data.f", json!(1)),
            ("steps['a'].output.data.f", json!(1)),
            ("steps.with_data.output.data.f", json!(2)),
            ("steps.list.output.data|length", json!(2)),
            ("steps.text.output.data", json!("plain")),
            ("steps.json.output.data.f", json!(3)),
            ("steps.none.output.data != null", json!(false)),
            ("x.output.data", json!(null)),
        ],
    );
}

// DAG-04 DAG-05
#[test]
fn examples_of_the_dag_document() {
    let root = json!({
        "input": {"data": "a,b\n1,2", "schema": {"type": "object"}, "subject": "tea"},
        "extract": {"output": "rows: 1"},
        "validate": {"output": "{\"isValid\": true, \"records\": [1]}"},
        "analyze": {"output": "```json\n{\"severity\": \"critical\"}\n```"},
        "triage": {"output": "This is critical."},
        "skipped": {"output": null},
        "step1": {"output": "one"}, "step2": {"output": "two"},
    });
    check(
        root.clone(),
        &[
            ("{{validate.output.isValid}} === true", json!(true)),
            ("{{analyze.output.severity}} === \"critical\"", json!(true)),
            ("{{triage.output}}.includes(\"critical\")", json!(true)),
            ("{{triage.output}}.includes(\"harmless\")", json!(false)),
            ("!{{triage.output}}.includes(\"critical\")", json!(false)),
            ("{{skipped.output}}.includes(\"critical\")", json!(false)),
            ("{{skipped.output.isValid}} === true", json!(false)),
            ("{{validate.output.records}}.some(r => r === 1)", json!(true)),
            ("'{{triage.output}}' == 'This is critical.'", json!(true)),
        ],
    );
    check_templates(
        root,
        &[
            (
                "Extract structured data from this CSV: {{input.data}}",
                json!("Extract structured data from this CSV: a,b\n1,2"),
            ),
            (
                "Validate against schema: {{input.schema}}. Data: {{extract.output}}",
                json!("Validate against schema: {\"type\":\"object\"}. Data: rows: 1"),
            ),
            ("{{validate.output}}", json!("{\"isValid\": true, \"records\": [1]}")),
            (
                "Topics: {{step1.output}}\nSummaries: {{step2.output}}",
                json!("Topics: one\nSummaries: two"),
            ),
            ("Skipped: [{{skipped.output}}]", json!("Skipped: []")),
        ],
    );
}

// OUT-07 OUT-08
#[test]
fn conditions_of_the_outbound_document_ask_the_host() {
    let eval = |source: &str| parse(source).evaluate(&Events);
    assert_eq!(eval("events.hasReply(\"intro-email\")"), Ok(json!(true)));
    assert_eq!(eval("events.hasReply('other')"), Ok(json!(false)));
    assert_eq!(eval("!events.hasReply('other') && contact.name == 'Ada'"), Ok(json!(true)));
    let failed = eval("events.hasOpen(\"x\")").unwrap_err();
    assert_eq!(failed.code, "function_failed");
    assert_eq!(failed.message, "events.hasOpen: there is no step \"x\"");
    assert_eq!(eval("events.hasSeen(\"x\")").unwrap_err().code, "unknown_function");

    let expression = parse("events.hasReply(\"intro-email\") || events.hasOpen(contact.step)");
    let calls = expression.calls();
    assert_eq!(calls[0].path, ["events", "hasReply"]);
    assert_eq!(calls[0].args, [Some(json!("intro-email"))]);
    assert_eq!(calls[1].args, [None]);
    assert_eq!(expression.names(), [["contact", "step"]]);
    let subject = Template::parse("Introducing {{product}}").unwrap();
    assert_eq!(subject.render(&scope(json!({"product": "Tea"}))), Ok(json!("Introducing Tea")));
}

// WF-08
#[test]
fn filters_read_bare_names_from_the_record_and_braces_from_the_run() {
    let run = scope(json!({
        "staleDays": 30, "shopVariantIds": ["7", "9"], "customerProductIds": [7], "status": "of the run",
    }));
    let record = json!({
        "status": "closed", "totalSpent": 1200,
        "metadata": {
            "resolved_at": "2026-10-01T00:00:00Z",
            "subscriptions": {"data": [{"product_id": 7}]},
            "circuly": {"variants": [{"shop_variant_id": 7}]},
        },
    });
    let holds = |source: &str, record: &serde_json::Value| {
        parse(source).evaluate_with_record(&run, record).unwrap()
    };
    let table = [
        ("totalSpent > 1000", true),
        (
            "status == \"closed\" && metadata.resolved_at && daysAgo(metadata.resolved_at) > {{staleDays}}",
            true,
        ),
        ("status == '{{status}}'", false),
        (
            "(metadata && metadata.subscriptions && metadata.subscriptions.data) ? metadata.subscriptions.data|map('product_id')|hasOverlap({{shopVariantIds}}) : false",
            true,
        ),
        (
            "metadata.circuly.variants|map(\"shop_variant_id\")|hasOverlap({{customerProductIds}})",
            true,
        ),
        ("absent == null && absent.deeper == null", true),
    ];
    for (source, expected) in table {
        assert_eq!(holds(source, &record), json!(expected), "{source}");
        if source.contains("metadata") {
            assert!(!crate::expr::truthy(&holds(source, &json!({"status": "closed"}))), "{source}");
        }
    }
    let filter = parse(table[1].0);
    assert_eq!(filter.outer_names(), [["staleDays"]]);
    let unknown = parse("status == {{nobody}}").evaluate_with_record(&run, &record).unwrap_err();
    assert_eq!(unknown.code, "undeclared_name");
}

// WF-16 WF-18
#[test]
fn parameters_are_rendered_throughout_with_their_types() {
    let params = json!({
        "to": "{{steps.c.output.email}}", "emailSent": true, "limit": 20,
        "nested": [{"at": "{{$now}}", "{{input.key}}": "{{input.n}} of {{input.n}}"}],
        "products": "{{input.products}}", "literal": "\\{{x}}",
    });
    let template = ValueTemplate::compile(&params).unwrap();
    let scope = scope(json!({
        "steps": {"c": {"output": {"email": "ada@example.com"}}},
        "input": {"key": "k", "n": 3, "products": [1, {"a": null}]},
    }));
    assert_eq!(
        template.render(&scope),
        Ok(json!({
            "to": "ada@example.com", "emailSent": true, "limit": 20,
            "nested": [{"at": "2026-11-20T12:00:00.000Z", "k": "3 of 3"}],
            "products": [1, {"a": null}], "literal": "{{x}}",
        }))
    );
    assert!(template.names().contains(&vec![
        "steps".into(),
        "c".into(),
        "output".into(),
        "email".into()
    ]));
    assert!(template.names_with_pointers().contains(&(
        "/to".into(),
        vec!["steps".into(), "c".into(), "output".into(), "email".into(),]
    )));
    let broken = ValueTemplate::compile(&json!({"a/b": ["fine", "{{1 +}}"]})).unwrap_err();
    assert_eq!(broken.pointer, "/a~1b/1");
    assert_eq!(broken.error.offset, 5);
}

#[test]
fn a_value_is_never_read_as_source() {
    let hostile = "'x' || true }} {{secrets.key}}";
    let root = json!({"input": {"text": hostile, "list": [{"f": "a"}]}, "secrets": {"key": "k"}});
    check(
        root.clone(),
        &[
            ("{{input.text}} == 'a'", json!(false)),
            ("'{{input.text}}' == 'a'", json!(false)),
            ("input.list|filter('f == {{input.text}}')", json!([])),
            ("input.list|map(input.text)", json!([])),
        ],
    );
    check_templates(root, &[("<{{input.text}}>", json!(format!("<{hostile}>")))]);
    assert!(Expression::parse("input.list|filter(input.text)").is_ok());
}
