//! The catalogue is sound: names, aliases, schemas.

use super::{Effect, catalogue, find, find_operation};
use serde_json::Value;
use std::collections::HashSet;

#[test]
fn names_and_aliases_are_unique() {
    let mut seen = HashSet::new();
    for spec in catalogue() {
        for name in std::iter::once(&spec.name).chain(&spec.aliases) {
            assert!(seen.insert(name.clone()), "{name} stands twice");
            assert_eq!(find(name).map(|found| &found.name), Some(&spec.name), "{name}");
        }
        assert!(!spec.label.is_empty() && spec.description.ends_with('.'), "{}", spec.name);
    }
}

#[test]
fn schemas_are_objects_whose_properties_have_titles() {
    for spec in catalogue() {
        for schema in [&spec.input, &spec.output] {
            assert_eq!(schema["type"], "object", "{}", spec.name);
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            for (name, property) in &properties {
                let title = property["title"].as_str().unwrap_or_default();
                assert!(!title.is_empty(), "{}.{name} has no title", spec.name);
            }
            for name in schema["required"].as_array().into_iter().flatten() {
                let name = name.as_str().unwrap_or_default();
                assert!(
                    properties.contains_key(name),
                    "{}.{name} is required but not there",
                    spec.name
                );
            }
        }
    }
}

#[test]
fn the_words_of_documents_name_tools() {
    let check = |word: &str, name: &str| {
        assert_eq!(find(word).map(|spec| spec.name.as_str()), Some(name), "{word}");
    };
    check("customer_get", "customer.get_by_id");
    check("customer_read", "customer.get_by_id");
    check("customer_search", "customer.query");
    check("list_customers", "customer.query");
    check("update_customer", "customer.update");
    check("email_send", "email.send");
    check("send_email", "email.send");
    check("create_approval", "approval.create");
    check("get_approval_history", "approval.history");
    let operation = |kind: &str, operation: &str| {
        find_operation(kind, operation).map(|spec| spec.name.clone()).unwrap_or_default()
    };
    assert_eq!(operation("customer", "get_by_id"), "customer.get_by_id");
    assert_eq!(operation("approval", "create_approval"), "approval.create");
    assert_eq!(operation("approval", "list_pending_approvals"), "approval.list_pending");
    assert_eq!(operation("customer", "email_send"), "", "an operation of another kind");
    assert!(find("nonsense").is_none());
}

#[test]
fn only_messages_leave_and_only_reads_may_be_granted_by_name() {
    let of = |effect: Effect| -> Vec<&str> {
        catalogue().iter().filter(|s| s.effect == effect).map(|s| s.name.as_str()).collect()
    };
    assert_eq!(of(Effect::Outbound), ["email.send", "voice.call"]);
    assert_eq!(of(Effect::Pure), ["set_variables"]);
    assert_eq!(
        of(Effect::Read),
        [
            "customer.get_by_id",
            "customer.query",
            "customer.filter",
            "approval.get",
            "approval.list_pending",
            "approval.history"
        ]
    );
}

#[test]
fn expressions_are_marked_where_filters_stand() {
    let expression = &find("customer.filter").map(|spec| spec.input.clone()).unwrap_or(Value::Null);
    assert_eq!(expression["properties"]["expression"]["format"], "expression");
}
