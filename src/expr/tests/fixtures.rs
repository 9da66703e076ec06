//! Every expression and template of the real workflow definitions is read, and printed without loss.

use super::{check, check_templates, parse};
use crate::expr::{Expression, ValueTemplate};
use serde_json::{Value, json};
use std::path::Path;

fn definitions() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/visual-workflows");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((name, serde_json::from_str(&text).unwrap()));
        }
    }
    found
}

fn expressions(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(text) if key == "expression" || key == "filterExpression" => {
                        out.push(text.clone())
                    }
                    field => expressions(field, out),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, out)),
        _ => {}
    }
}

// WF-07 WF-18
#[test]
fn all_expressions_and_templates_of_real_definitions_are_read() {
    let definitions = definitions();
    assert!(definitions.len() >= 17, "only {} definitions found", definitions.len());
    let mut conditions = 0;
    let mut templates = 0;
    for (name, definition) in definitions {
        let mut sources = Vec::new();
        expressions(&definition, &mut sources);
        for source in &sources {
            let expression = Expression::parse(source)
                .unwrap_or_else(|error| panic!("{name}: {source}: {error}"));
            assert_eq!(parse(&expression.to_string()), expression, "{name}: {source}");
            conditions += 1;
        }
        let template =
            ValueTemplate::compile(&definition).unwrap_or_else(|error| panic!("{name}: {error}"));
        templates += template.names_with_pointers().len();
    }
    assert!(conditions >= 40, "only {conditions} expressions");
    assert!(templates >= 300, "only {templates} names in templates");
}

// WF-07 WF-18
#[test]
fn what_real_definitions_write_has_the_value_their_authors_expect() {
    let root = json!({
        "steps": {
            "fetch_circuly_customers": {"output": {"items": [1, 2, 3], "isDone": false}},
            "fetch_new_emails": {"output": {"result": {"data": []}}},
            "fetch_latest_email": {"output": {"result": {"data": [{"threadId": "t2"}]}}},
            "find_stale_conversation": {"output": null},
            "query_existing_product": {"output": {"page": [{"_id": "p1"}]}},
            "analyze_differences": {"output": "text"},
            "filter_customers_by_subscriptions": {"output": [
                {"metadata": {"subscriptions": {"data": [{"product_id": 1}, {"product_id": 2}]}}},
                {"metadata": {"subscriptions": {"data": [{"product_id": 2}]}}},
                {"metadata": {}},
            ]},
            "query_latest_inbound_message": {"output": {"message": {"deliveredAt": 1_795_176_000_500_i64}}},
            "filter_related_products": {"output": [{"_id": "p2"}]},
        },
        "loop": {"item": {"externalId": "7", "active": true, "fileName": "b.docx", "target_product_id": "p2"}, "index": 0},
        "files": [{"fileName": "a.docx"}, {"fileName": "b.docx"}],
        "totalProcessed": 4, "currentPage": 1, "maxPages": 3, "language": null,
        "comparisonResults": ["first"],
        "allProducts": [
            {"_id": "p1", "name": "Tea", "category": "drink", "price": 4, "metadata": {"circuly": {"variants": [{"shop_variant_id": 1}, {"shop_variant_id": 2}]}}},
            {"_id": "p2", "name": "Pot", "price": 20.5},
        ],
        "recommendedProducts": [{"confidence": 0.1}, {"confidence": 0.9}, {"confidence": 0.5}, {"confidence": 0.2}],
        "sourceProduct": {"_id": "p1"},
    });
    check(
        root.clone(),
        &[
            ("steps.fetch_circuly_customers.output.data.items|length > 0", json!(true)),
            ("steps.fetch_circuly_customers.output.data.isDone == false", json!(true)),
            (
                "(steps.fetch_new_emails.output.data.result.data|length > 0) || (steps.fetch_latest_email.output.data.result.data|length > 0)",
                json!(true),
            ),
            ("steps.find_stale_conversation.output.data != null", json!(false)),
            ("loop.item.externalId != null && loop.item.externalId != \"\"", json!(true)),
            ("currentPage < maxPages", json!(true)),
            ("steps.query_existing_product.output.data.page[0]._id", json!("p1")),
        ],
    );
    check_templates(
        root,
        &[
            (
                "{{totalProcessed + steps.fetch_circuly_customers.output.data.items|length}}",
                json!(7),
            ),
            (
                "{{(steps.fetch_new_emails.output.data.result.data|first || steps.fetch_latest_email.output.data.result.data|first).threadId}}",
                json!("t2"),
            ),
            ("{{loop.item.active ? \"active\" : \"inactive\"}}", json!("active")),
            ("{{language || 'auto-detect from documents'}}", json!("auto-detect from documents")),
            ("{{files | map('fileName')}}", json!(["a.docx", "b.docx"])),
            ("{{files | slice(1)}}", json!([{"fileName": "b.docx"}])),
            ("Transition {{loop.index + 1}} of {{files | length}}", json!("Transition 1 of 2")),
            (
                "{{comparisonResults|concat(['## ' + files[loop.index].fileName + ' → ' + loop.item.fileName + '\\n\\n---\\n\\n' + steps.analyze_differences.output.data])}}",
                json!(["first", "## a.docx → b.docx\n\n---\n\ntext"]),
            ),
            (
                "{{steps.filter_customers_by_subscriptions.output.data|map('metadata.subscriptions.data')|flatten|map('product_id')|unique}}",
                json!([1, 2]),
            ),
            (
                "{{recommendedProducts|sort(\"confidence\", \"desc\")|slice(0, 3)|map('confidence')}}",
                json!([0.9, 0.5, 0.2]),
            ),
            ("{{allProducts|find(\"_id\", loop.item.target_product_id).name}}", json!("Pot")),
            (
                "{{[sourceProduct]|concat(steps.filter_related_products.output.data)}}",
                json!([{"_id": "p1"}, {"_id": "p2"}]),
            ),
            (
                "after:{{steps.query_latest_inbound_message.output.data.message.deliveredAt|epochSeconds}}",
                json!("after:1795176000"),
            ),
            (
                "receivedDateTime gt {{steps.query_latest_inbound_message.output.data.message.deliveredAt|isoDate}}",
                json!("receivedDateTime gt 2026-11-20T12:00:00.500Z"),
            ),
            (
                "{{allProducts|formatList(\"Name: {name}\\nPrice: \\u20ac{price}/month\\nShop Variant IDs: {metadata.circuly.variants|map('shop_variant_id')|join(', ')}\", \"\\n---\\n\")}}",
                json!(
                    "Name: Tea\nPrice: €4/month\nShop Variant IDs: 1, 2\n---\nName: Pot\nPrice: €20.5/month\nShop Variant IDs: "
                ),
            ),
        ],
    );
}
