//! A graph in the words of a contract draft.

use super::{read, schemas};
use crate::format::plan::{Names, free_port, is_plain};
use crate::format::{OWN_KEY, own};
use crate::graph::{Contract, Edge, Graph, HumanMode, Node, NodeKind, Policy};
use crate::id::NodeId;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};

pub fn words(graph: &Graph, names: Names, _: Option<&Value>) -> Value {
    let is_step = |node: &&Node| !matches!(node.kind, NodeKind::Trigger(_));
    let nodes: Vec<&Node> = graph.nodes.iter().filter(is_step).collect();
    let index: HashMap<&NodeId, &Node> = nodes.iter().map(|node| (&node.id, *node)).collect();
    let edges = graph.edges.iter().filter(|edge| index.contains_key(&edge.to));
    let switches: HashSet<&NodeId> =
        nodes.iter().filter(|node| is_switch(graph, node)).map(|node| &node.id).collect();
    let said = |edge: &Edge| {
        let node = index.get(&edge.from)?;
        edge_words(node, edge, switches.contains(&node.id))
    };
    let edges: Vec<Value> = edges.filter_map(said).collect();
    let mut draft = Map::from_iter([
        ("title".to_owned(), json!(names.name)),
        ("objective".to_owned(), json!(names.description)),
    ]);
    let schemas: Map<String, Value> =
        graph.schemas.iter().map(|(name, schema)| (name.clone(), schemas::write(schema))).collect();
    draft.insert("schemas".into(), Value::Object(schemas));
    let written =
        nodes.iter().map(|node| Value::Object(node_words(node, switches.contains(&node.id))));
    draft.insert("nodes".into(), written.collect());
    draft.insert("edges".into(), Value::Array(edges));
    draft.insert("entryNodeIds".into(), json!(entries(graph)));
    Value::Object(draft)
}

/// What the trigger leads to, in the order of the nodes.
fn entries(graph: &Graph) -> Vec<&NodeId> {
    let Some(trigger) = graph.trigger() else { return Vec::new() };
    let edges = graph.edges.iter().filter(|edge| edge.from == trigger.id && is_plain(edge));
    let led: HashSet<&NodeId> = edges.map(|edge| &edge.to).collect();
    graph.nodes.iter().map(|node| &node.id).filter(|id| led.contains(id)).collect()
}

/// Whether a branch's cases are what its edges say: their names, and their order.
fn is_switch(graph: &Graph, node: &Node) -> bool {
    let NodeKind::Branch(branch) = &node.kind else { return false };
    let mut cases = Vec::new();
    for edge in graph.edges_from(&node.id).filter(|edge| edge.port != "default") {
        let Some(case) = branch.cases.get(cases.len()) else { return false };
        if case.port != edge.port || free_port(&cases, edge.to.as_str()) != case.port {
            return false;
        }
        cases.push(case.clone());
    }
    cases.len() == branch.cases.len()
}

fn node_words(node: &Node, is_switch: bool) -> Map<String, Value> {
    let plain = Contract::default();
    let contract = node.contract.as_ref().unwrap_or(&plain);
    let mut words = Map::from_iter([("id".to_owned(), json!(node.id))]);
    let (node_type, owner, instructions) = match &node.kind {
        NodeKind::Task(task) => (
            "action",
            Some((task.executor.as_str(), task.worker.as_str())),
            Some(&task.instructions),
        ),
        NodeKind::Human(human) => {
            (type_of(human.mode), Some(("user", contract.owner.as_str())), Some(&human.prompt))
        }
        NodeKind::Branch(branch) if is_switch => {
            (if branch.cases.is_empty() { "join" } else { "switch" }, None, None)
        }
        other => {
            words.insert(OWN_KEY.to_owned(), own::of_kind(other));
            (other.tag().as_str(), None, None)
        }
    };
    let fits = match &node.kind {
        NodeKind::Human(human) => read::mode_of(&contract.node_type) == human.mode,
        NodeKind::Branch(_) => contract.node_type == node_type,
        _ => true,
    };
    let said = Some(contract.node_type.as_str()).filter(|said| !said.is_empty() && fits);
    words.insert("type".into(), json!(said.unwrap_or(node_type)));
    if !node.label.is_empty() {
        words.insert("label".into(), json!(node.label));
    }
    if let Some((executor, name)) = owner {
        words.insert("owner".into(), json!({ "executorType": executor, "ref": name }));
    }
    if !contract.objective.is_empty() {
        words.insert("objective".into(), json!(contract.objective));
    }
    if let Some(instructions) = instructions.filter(|text| !text.is_empty()) {
        words.insert("instructions".into(), json!(instructions));
    }
    contract_words(&mut words, contract);
    policy_words(&mut words, node);
    words
}

fn type_of(mode: HumanMode) -> &'static str {
    match mode {
        HumanMode::Approve => "human-approval",
        HumanMode::Answer => "human-input",
        HumanMode::Review => "human-review",
    }
}

fn contract_words(words: &mut Map<String, Value>, contract: &Contract) {
    let references =
        [("inputSchemaRef", &contract.input_schema), ("outputSchemaRef", &contract.output_schema)];
    for (key, reference) in references {
        if let Some(name) = reference {
            words.insert(key.to_owned(), json!(name));
        }
    }
    for (key, list) in [
        ("deliverables", json!(contract.deliverables)),
        ("successCriteria", json!(contract.success_criteria)),
        ("completionChecks", json!(contract.completion_checks)),
        ("failurePolicy", json!(contract.failure)),
    ] {
        if list.as_array().is_some_and(|list| !list.is_empty()) {
            words.insert(key.to_owned(), list);
        }
    }
    if let Some(tools) = &contract.tools {
        words.insert("toolPolicy".into(), json!(tools));
    }
    if let Some(context) = &contract.context {
        words.insert("contextPolicy".into(), json!(context));
    }
}

fn policy_words(words: &mut Map<String, Value>, node: &Node) {
    let Policy { retry, timeout_ms, .. } = &node.policy;
    if let Some(retry) = retry.as_ref().filter(|retry| retry.retries_max <= 20) {
        let value = json!({ "maxAttempts": retry.retries_max, "retryOn": retry.retry_on });
        words.insert("retryPolicy".into(), value);
    }
    let timeout_ms = match &node.kind {
        NodeKind::Human(human) => &human.expires_after_ms,
        _ => timeout_ms,
    };
    if let Some(timeout_ms) = timeout_ms.filter(|timeout| *timeout > 0) {
        words.insert("timeoutMs".into(), json!(timeout_ms));
    }
}

/// An edge out of the port that drafts mean.
fn edge_words(node: &Node, edge: &Edge, is_switch: bool) -> Option<Value> {
    let case = match &node.kind {
        NodeKind::Branch(branch) if is_switch => {
            branch.cases.iter().find(|case| case.port == edge.port)
        }
        _ => None,
    };
    let is_foreign = matches!(node.kind, NodeKind::Branch(_)) && !is_switch;
    let onward = if is_foreign { "success" } else { read::onward(&node.kind) };
    let has_both = case.is_some() && edge.condition.is_some();
    if has_both || (case.is_none() && edge.port != onward) {
        return None;
    }
    // In a switch a condition makes a case.
    let is_default = case.is_none() && is_switch && edge.condition.is_some();
    if is_default {
        return None;
    }
    let mut words =
        json!({ "id": edge.id, "source": edge.from, "target": edge.to, "map": edge.map });
    if let Some(condition) = case.map(|case| &case.when).or(edge.condition.as_ref()) {
        words["condition"] = json!(condition);
    }
    Some(words)
}
