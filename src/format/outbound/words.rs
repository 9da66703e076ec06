//! A graph in the words of an outbound plan.

use super::{duration, ways};
use crate::format::plan::{Names, Way, free_port, is_plain};
use crate::format::{OWN_KEY, own};
use crate::graph::{BranchSettings, Edge, Graph, Node, NodeKind, WaitUntil};
use crate::id::NodeId;
use crate::tool;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};

pub fn words(graph: &Graph, names: Names, original: Option<&Value>) -> Value {
    let steps: Vec<&Node> =
        graph.nodes.iter().filter(|node| !matches!(node.kind, NodeKind::Trigger(_))).collect();
    let mut outs: HashMap<&NodeId, Vec<&Edge>> = HashMap::new();
    for edge in &graph.edges {
        outs.entry(&edge.from).or_default().push(edge);
    }
    let mut plan = Map::new();
    let id = original.and_then(|original| original.get("id")).cloned();
    plan.insert("id".into(), id.unwrap_or_else(|| json!(slug(names.name))));
    let version = original.and_then(|original| original.get("version")).cloned();
    plan.insert("version".into(), version.unwrap_or(json!(1)));
    plan.insert("name".into(), json!(names.name));
    let written = steps.iter().map(|node| {
        let outs = outs.get(&node.id).map(Vec::as_slice).unwrap_or_default();
        Value::Object(step_words(node, outs))
    });
    plan.insert("steps".into(), written.collect());
    plan.insert("transitions".into(), transitions(graph, &steps, original));
    let exits = &graph.settings.exits;
    if !exits.is_empty() && exits.iter().all(|exit| !exit.when.trim().is_empty()) {
        plan.insert("exitConditions".into(), json!(exits));
    }
    if !names.description.is_empty() {
        plan.insert("metadata".into(), json!({ "description": names.description }));
    }
    Value::Object(plan)
}

fn slug(name: &str) -> String {
    let dashed = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let text: String = name.chars().map(dashed).collect();
    let parts: Vec<&str> = text.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "plan".to_owned() } else { parts.join("-") }
}

fn step_words(node: &Node, outs: &[&Edge]) -> Map<String, Value> {
    let mut step = Map::new();
    let mut begin = |step_type: &str| {
        step.insert("type".to_owned(), json!(step_type));
        step.insert("id".to_owned(), json!(node.id));
    };
    match &node.kind {
        NodeKind::Action(action) if is_tool(&action.tool, "email.send") => {
            begin("sendEmail");
            copy(
                &mut step,
                &action.parameters,
                &["templateId", "subject", "replyTo"],
                Value::is_string,
            );
            let tracking = part(&action.parameters, "tracking", &["opens", "clicks"]);
            step.extend(tracking.map(|tracking| ("tracking".to_owned(), tracking)));
        }
        NodeKind::Action(action) if is_tool(&action.tool, "voice.call") => {
            begin("sendVoice");
            let given = &action.parameters;
            copy(&mut step, given, &["scriptId", "callerId"], Value::is_string);
            if let Some(duration_ms) = given.get("maxDurationMs").and_then(Value::as_u64) {
                step.insert("maxDuration".into(), duration::write(duration_ms));
            }
            let voicemail = part(given, "voicemail", &["detect", "messageId", "fallbackTTS"]);
            step.extend(voicemail.map(|voicemail| ("voicemail".to_owned(), voicemail)));
        }
        NodeKind::Wait(wait) if matches!(wait.until, WaitUntil::Duration { .. }) => {
            begin("wait");
            if let WaitUntil::Duration { duration_ms } = wait.until {
                step.insert("duration".into(), duration::write(duration_ms));
            }
        }
        NodeKind::Branch(branch) => {
            begin("branch");
            step.insert("conditions".into(), conditions(branch, outs));
        }
        NodeKind::End(end) => {
            begin("end");
            if !end.outcome.is_empty() {
                step.insert("outcome".into(), json!(end.outcome));
            }
        }
        other => {
            begin(other.tag().as_str());
            step.insert(OWN_KEY.to_owned(), own::of_kind(other));
        }
    }
    step
}

fn is_tool(name: &str, canonical: &str) -> bool {
    name == canonical || tool::find(name).is_some_and(|spec| spec.name == canonical)
}

fn copy(step: &mut Map<String, Value>, from: &Value, keys: &[&str], fits: fn(&Value) -> bool) {
    for key in keys {
        if let Some(value) = from.get(key).filter(|value| fits(value)) {
            step.insert((*key).to_owned(), value.clone());
        }
    }
}

/// The fields of an object parameter that the format knows, where they have the right type.
fn part(from: &Value, name: &str, keys: &[&str]) -> Option<Value> {
    let given = from.get(name)?.as_object()?;
    let fits = |key: &str, value: &Value| match key {
        "opens" | "clicks" | "detect" => value.is_boolean(),
        _ => value.is_string(),
    };
    let known =
        given.iter().filter(|(key, value)| keys.contains(&key.as_str()) && fits(key, value));
    Some(Value::Object(known.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

fn conditions(branch: &BranchSettings, outs: &[&Edge]) -> Value {
    let goto = |port: &str| {
        let edge = outs.iter().find(|edge| edge.port == port && is_bare(edge))?;
        Some(json!(edge.to))
    };
    let condition = |when: &str, goto: Option<Value>| {
        let mut condition = Map::from_iter([("when".to_owned(), json!(when))]);
        condition.extend(goto.map(|goto| ("goto".to_owned(), goto)));
        Value::Object(condition)
    };
    let cases = branch.cases.iter().map(|case| condition(&case.when, goto(&case.port)));
    let default = goto("default").map(|to| condition("default", Some(to)));
    cases.chain(default).collect()
}

/// Whether an edge carries nothing but the way.
fn is_bare(edge: &Edge) -> bool {
    edge.map.is_empty() && edge.condition.is_none()
}

/// What a branch's conditions say: the first way out of each port.
type Said<'a> = HashMap<(&'a NodeId, &'a str), &'a Edge>;

/// `"linear"` where the list's order says all; else every way between steps.
fn transitions(graph: &Graph, steps: &[&Node], original: Option<&Value>) -> Value {
    let was_list = original.is_some_and(|original| original["transitions"].is_array());
    let index: HashMap<&NodeId, usize> =
        steps.iter().enumerate().map(|(at, node)| (&node.id, at)).collect();
    let mut plain: Vec<&Edge> = Vec::new();
    let mut said: Said = HashMap::new();
    for edge in graph.edges.iter().filter(|edge| index.contains_key(&edge.to)) {
        let Some(node) = index.get(&edge.from).map(|at| steps[*at]) else { continue };
        match &node.kind {
            NodeKind::Branch(branch) => {
                let names = |port: &str| branch.cases.iter().any(|case| case.port == port);
                if is_bare(edge) && (edge.port == "default" || names(&edge.port)) {
                    said.entry((&edge.from, &edge.port)).or_insert(edge);
                }
            }
            NodeKind::End(_) => {}
            _ if is_plain(edge) => plain.push(edge),
            _ => {}
        }
    }
    let linear = ways::in_order(steps.iter().copied());
    let says: HashSet<Way> = linear.iter().map(Way::of).collect();
    let has: HashSet<Way> = plain.iter().map(|edge| Way::of(edge)).collect();
    if !was_list && says == has && steps.iter().all(|node| has_plain_names(node, &said)) {
        return json!("linear");
    }
    let mut list: Vec<&Edge> = plain;
    list.extend(said.values());
    // The ways out of a branch in the order of its ports.
    let port = |edge: &Edge| {
        let ports = steps[index[&edge.from]].kind.ports();
        ports.iter().position(|port| *port == edge.port)
    };
    list.sort_by_cached_key(|edge| (index[&edge.from], port(edge), index[&edge.to]));
    let transition = |edge: &Edge| {
        let mut transition = json!({ "from": edge.from, "to": edge.to });
        if said.contains_key(&(&edge.from, edge.port.as_str())) {
            transition["condition"] = json!(edge.port);
        }
        transition
    };
    list.into_iter().map(transition).collect()
}

/// Whether a branch's cases have the names that they would be given anyway.
fn has_plain_names(node: &Node, said: &Said) -> bool {
    let NodeKind::Branch(branch) = &node.kind else { return true };
    let mut cases = Vec::new();
    branch.cases.iter().all(|case| {
        let edge = said.get(&(&node.id, case.port.as_str()));
        let wanted = edge.map_or("case", |edge| edge.to.as_str());
        let is_plain = free_port(&cases, wanted) == case.port;
        cases.push(case.clone());
        is_plain
    })
}
