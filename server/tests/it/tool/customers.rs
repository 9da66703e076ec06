//! `customer.*`.

use crate::support::town::{Town, action};
use serde_json::json;
use signalbox::run::ErrorKind;

// WF-08
#[tokio::test]
async fn customers_are_made_read_changed_and_found() {
    let town = Town::new().await;
    let nodes = json!([
        action(
            "make",
            "customer.create",
            json!({
                "name": "{{input.name}}", "email": "ada@example.com", "externalId": 17,
                "address": { "city": "London" }, "metadata": { "plan": "gold" },
            })
        ),
        action("read", "customer_get", json!({ "customerId": "{{steps.make.output.id}}" })),
        action(
            "change",
            "customer.update",
            json!({
                "operation": "update", "customerId": "17",
                "updates": { "status": "VIP", "totalSpent": 1200.5, "city": "Paris", "metadata": { "plan": null } },
            })
        ),
        action(
            "query",
            "customer_search",
            json!({ "externalId": "17", "paginationOpts": { "numItems": 1, "cursor": null } })
        ),
        action(
            "rich",
            "customer.filter",
            json!({ "expression": "totalSpent > 1000 && status == 'VIP' && city == {{input.city}}" })
        ),
        action("poor", "customer.filter", json!({ "expression": "totalSpent < 1000" })),
    ]);
    let played = town.play(nodes, json!({ "name": "Ada Lovelace", "city": "Paris" })).await;
    let outputs = &played.outputs;
    assert_eq!(outputs["make"]["externalId"], "17", "{played:#?}");
    assert_eq!(outputs["read"]["name"], "Ada Lovelace");
    assert_eq!(outputs["read"]["_id"], outputs["make"]["id"]);
    assert_eq!(outputs["read"]["address"]["city"], "London");
    assert_eq!(outputs["read"]["plan"], "gold");
    assert_eq!(outputs["change"]["status"], "VIP");
    assert_eq!(
        outputs["change"]["metadata"],
        json!({ "address": { "city": "London" }, "city": "Paris" })
    );
    let query = &outputs["query"];
    assert_eq!((&query["count"], &query["isDone"]), (&json!(1), &json!(true)));
    for name in ["items", "page", "customers"] {
        assert_eq!(query[name][0]["name"], "Ada Lovelace", "{name}");
    }
    assert_eq!(outputs["rich"]["count"], 1);
    assert_eq!(outputs["rich"]["data"], outputs["rich"]["items"]);
    assert_eq!(outputs["poor"]["count"], 0);
}

#[tokio::test]
async fn pages_and_filters_go_through_all_customers() {
    let town = Town::new().await;
    for number in 0..620 {
        let input = signalbox::wire::ContactInput {
            name: Some(format!("Customer {number}")),
            total_spent: Some(f64::from(number)),
            ..Default::default()
        };
        town.gate.contact_create(town.organization, &input).await.unwrap();
    }
    let nodes = json!([
        action("first", "customer.query", json!({ "limit": 200 })),
        action(
            "second",
            "customer.query",
            json!({ "limit": "200", "cursor": "{{steps.first.output.continueCursor}}" })
        ),
        action(
            "even",
            "customer.filter",
            json!({ "expression": "totalSpent % 2 == 0 && totalSpent >= 600" })
        ),
    ]);
    let played = town.play(nodes, json!({})).await;
    let outputs = &played.outputs;
    assert_eq!(outputs["first"]["isDone"], false, "{:?}", played.errors);
    assert_eq!(outputs["second"]["items"][0]["name"], "Customer 200");
    assert_eq!(outputs["even"]["count"], 10);
}

#[tokio::test]
async fn wrong_input_says_what_is_wrong() {
    let town = Town::new().await;
    let check = async |tool: &str, parameters: serde_json::Value, kind: ErrorKind| {
        let played = town.play(json!([action("a", tool, parameters.clone())]), json!({})).await;
        let error =
            played.errors.first().unwrap_or_else(|| panic!("{tool} {parameters}: {played:#?}"));
        assert_eq!(error.kind, kind, "{tool} {parameters}: {error}");
    };
    check("customer.get_by_id", json!({ "customerId": "nobody" }), ErrorKind::NotFound).await;
    check("customer.get_by_id", json!({}), ErrorKind::InvalidInput).await;
    check("customer.create", json!({ "name": "A", "email": "nobody" }), ErrorKind::InvalidInput)
        .await;
    check("customer.query", json!({ "limit": 100_000 }), ErrorKind::InvalidInput).await;
    check("customer.query", json!({ "cursor": "x" }), ErrorKind::InvalidInput).await;
}
