//! A graph in the words of a DAG plan.

use super::names;
use crate::format::plan::{Names, is_plain};
use crate::format::{OWN_KEY, own};
use crate::graph::{ApprovalTiming, Edge, Graph, LlmSettings, Node, NodeKind, Policy};
use crate::id::NodeId;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

pub fn words(graph: &Graph, names: Names, _: Option<&Value>) -> Value {
    let steps: Vec<&Node> =
        graph.nodes.iter().filter(|node| !matches!(node.kind, NodeKind::Trigger(_))).collect();
    let ids = names::Ids::new(steps.iter().map(|node| &node.id), |word, member| {
        declares(graph, word, member)
    });
    let needs = dependencies(graph, &steps);
    let mut plan = Map::from_iter([("name".to_owned(), json!(names.name))]);
    if !names.description.is_empty() {
        plan.insert("description".into(), json!(names.description));
    }
    let written = steps.iter().enumerate().map(|(at, node)| {
        let mut step = Map::from_iter([("id".to_owned(), json!(node.id))]);
        match &node.kind {
            NodeKind::Llm(settings) => model(&mut step, settings, &ids),
            other => drop(step.insert(OWN_KEY.to_owned(), own::of_kind(other))),
        }
        if !needs[at].is_empty() {
            step.insert("dependsOn".into(), json!(needs[at]));
        }
        policy(&mut step, &node.policy, &ids);
        Value::Object(step)
    });
    plan.insert("steps".into(), written.collect());
    Value::Object(plan)
}

/// Whether a word of the language has a member of this name: as reading finds it under our own key.
fn declares(graph: &Graph, word: &str, member: &str) -> bool {
    match word {
        "input" => graph.trigger().is_some_and(|node| match &node.kind {
            NodeKind::Trigger(trigger) => {
                let fields = trigger.input_schema.get("properties");
                fields.is_some_and(|fields| fields.get(member).is_some())
            }
            _ => false,
        }),
        "config" => graph.settings.variables.contains_key(member),
        "secrets" => graph.settings.secrets.contains_key(member),
        _ => false,
    }
}

fn model(step: &mut Map<String, Value>, settings: &LlmSettings, ids: &names::Ids) {
    step.insert("prompt".into(), json!(ids.plain(&settings.user_prompt)));
    if let Some(model) = settings.model.as_ref().filter(|model| !model.is_empty()) {
        step.insert("model".into(), json!(model));
    }
    if let Some(max_tokens) = settings.max_tokens {
        step.insert("maxTokens".into(), json!(max_tokens));
    }
    if let Some(temperature) = settings.temperature.filter(|t| (0.0..=2.0).contains(t)) {
        step.insert("temperature".into(), json!(temperature));
    }
}

fn policy(step: &mut Map<String, Value>, policy: &Policy, ids: &names::Ids) {
    if let Some(condition) = &policy.condition {
        step.insert("condition".into(), json!(ids.plain_condition(condition)));
    }
    if policy.approval == Some(ApprovalTiming::After) {
        step.insert("requiresApproval".into(), json!(true));
    }
    if let Some(retry) = policy.retry.as_ref().filter(|retry| retry.retries_max <= 20) {
        let tries = retry.retries_max + 1;
        step.insert("retry".into(), json!({ "maxAttempts": tries, "backoffMs": retry.backoff_ms }));
    }
    if let Some(timeout_ms) = policy.timeout_ms {
        step.insert("timeoutMs".into(), json!(timeout_ms));
    }
    if let Some(queue) = &policy.queue {
        step.insert("queue".into(), json!(queue));
    }
}

/// What each step depends on. Ways that go round have no word here.
fn dependencies<'a>(graph: &'a Graph, steps: &[&Node]) -> Vec<Vec<&'a NodeId>> {
    let index: HashMap<&NodeId, usize> =
        steps.iter().enumerate().map(|(at, node)| (&node.id, at)).collect();
    let inner = graph
        .edges
        .iter()
        .filter(|edge| is_plain(edge))
        .filter_map(|edge| Some((edge, *index.get(&edge.from)?, *index.get(&edge.to)?)));
    let inner: Vec<(&Edge, usize, usize)> = inner.collect();
    let ways = |(_, from, to): &(&Edge, usize, usize)| (*from, *to);
    let forward = left_over(steps.len(), inner.iter().map(ways));
    let backward = left_over(steps.len(), inner.iter().map(ways).map(|(from, to)| (to, from)));
    let goes_round = |step: usize| forward[step] && backward[step];
    let mut needs = vec![Vec::new(); steps.len()];
    for (edge, from, to) in inner {
        let is_round = goes_round(from) && goes_round(to);
        if !is_round && !needs[to].contains(&&edge.from) {
            needs[to].push(&edge.from);
        }
    }
    needs
}

/// The steps that are left when those that nothing leads to are taken away again and again.
fn left_over(steps: usize, ways: impl Iterator<Item = (usize, usize)>) -> Vec<bool> {
    let (mut open, mut outs) = (vec![0_usize; steps], vec![Vec::new(); steps]);
    for (from, to) in ways {
        open[to] += 1;
        outs[from].push(to);
    }
    let mut ready: Vec<usize> = (0..steps).filter(|step| open[*step] == 0).collect();
    while let Some(step) = ready.pop() {
        for to in &outs[step] {
            open[*to] -= 1;
            if open[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    open.into_iter().map(|open| open > 0).collect()
}
