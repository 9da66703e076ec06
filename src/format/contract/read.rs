//! A whole draft's words.

use super::{ACTIONS, schemas};
use crate::format::fields::Fields;
use crate::format::plan::free_port;
use crate::format::plan::{Entry, Parts};
use crate::format::{FormatError, limits, own};
use crate::graph::{
    BranchCase, BranchSettings, CompletionCheck, ContextPolicy, Contract, ContractFailure,
    Deliverable, Edge, EndSettings, FailurePolicy, FailureRule, HumanMode, HumanSettings, Node,
    NodeKind, Policy, RetryPolicy, TaskExecutor, TaskSettings, ToolPolicy,
};
use crate::id::NodeId;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

/// Longest time that can be said, in milliseconds.
const TIME_MAX_MS: u64 = 1 << 45;

pub fn parts(document: &Value) -> Result<Parts, FormatError> {
    let fields = Fields::of(document, "", "a contract draft")?;
    let schemas = read_schemas(&fields)?;
    if fields.get("nodes").is_none() {
        return Err(FormatError::invalid("", "a contract draft needs a list of `nodes`"));
    }
    let written = fields.objects("nodes", "a node")?;
    limits::check_nodes(written.len())?;
    let mut nodes = Vec::with_capacity(written.len());
    let mut index: HashMap<NodeId, usize> = HashMap::new();
    for (at, fields) in written.iter().enumerate() {
        let node = node(fields, &schemas)?;
        if let Some(first) = index.insert(node.id.clone(), at) {
            let message = format!("nodes[{first}] and nodes[{at}] are both called {}", node.id);
            return Err(fields.wrong("id", message));
        }
        nodes.push(node);
    }
    let edges = edges(&fields, &mut nodes, &index)?;
    let mut entries = Vec::new();
    for (name, pointer) in fields.texts("entryNodeIds")? {
        let id = NodeId::from(name);
        if !index.contains_key(&id) {
            return Err(FormatError::invalid(pointer, format!("there is no node {id}")));
        }
        if !entries.contains(&id) {
            entries.push(id);
        }
    }
    let entry = match fields.get("entryNodeIds") {
        Some(_) => Entry::Named(entries),
        None => Entry::Roots,
    };
    Ok(Parts {
        name: fields.words("title")?,
        description: fields.words("objective")?,
        schemas,
        nodes,
        edges,
        entry,
        ..Parts::default()
    })
}

fn read_schemas(fields: &Fields) -> Result<Map<String, Value>, FormatError> {
    let Some(given) = fields.object("schemas")? else { return Ok(Map::new()) };
    let mut read = Map::new();
    for name in given.map.keys() {
        let schema = given.object(name)?;
        let schema = schema.map_or(Value::Null, |schema| Value::Object(schema.map.clone()));
        read.insert(name.clone(), schemas::read(&schema));
    }
    Ok(read)
}

fn node(fields: &Fields, schemas: &Map<String, Value>) -> Result<Node, FormatError> {
    let id = NodeId::from(fields.needed("id", "every node needs one")?);
    if !id.is_valid() {
        let message = "an id has 1 to 120 letters, digits, `_`, `-`, `.` or `:`";
        return Err(fields.wrong("id", message));
    }
    let node_type = fields.words("type")?;
    let mut contract = contract(fields, schemas)?;
    let kind = if own::says_kind(fields.map) {
        NodeKind::End(EndSettings::default())
    } else if matches!(node_type.as_str(), "switch" | "join") {
        NodeKind::Branch(BranchSettings::default())
    } else {
        kind(fields, &node_type, &mut contract, schemas)?
    };
    contract.node_type = node_type;
    let mut node = Node::new(id, kind);
    node.label = fields.words("label")?;
    node.policy = policy(fields, &contract)?;
    if let NodeKind::Human(human) = &mut node.kind {
        human.expires_after_ms = node.policy.timeout_ms.take();
    }
    node.contract = Some(contract).filter(|contract| *contract != Contract::default());
    Ok(node)
}

/// Who does it, and what they are told.
fn kind(
    fields: &Fields,
    node_type: &str,
    contract: &mut Contract,
    schemas: &Map<String, Value>,
) -> Result<NodeKind, FormatError> {
    let Some(owner) = fields.object("owner")? else {
        let message = "`owner` is missing: every node has one, such as {\"executorType\": \"agent\", \"ref\": \"cmo\"}";
        return Err(FormatError::invalid(fields.pointer.clone(), message));
    };
    let executor = owner.needed("executorType", "it is agent, plugin, user or system")?;
    let name = owner.words("ref")?;
    let instructions = fields.words("instructions")?;
    let output_schema = contract.output_schema.as_ref().and_then(|name| schemas.get(name));
    let output_schema = output_schema.cloned().unwrap_or_default();
    let task = |executor| {
        let instructions = instructions.clone();
        NodeKind::Task(TaskSettings {
            executor,
            worker: name.clone(),
            instructions,
            output_schema: output_schema.clone(),
            ..TaskSettings::default()
        })
    };
    Ok(match executor {
        "agent" => task(TaskExecutor::Agent),
        "plugin" => task(TaskExecutor::Plugin),
        "system" => task(TaskExecutor::System),
        "user" => {
            contract.owner = name;
            let mode = mode_of(node_type);
            let form = if mode == HumanMode::Answer { output_schema } else { Value::Null };
            NodeKind::Human(HumanSettings {
                mode,
                prompt: instructions,
                form,
                ..HumanSettings::default()
            })
        }
        other => {
            let message =
                format!("{other:?} executes nothing; it is agent, plugin, user or system");
            return Err(owner.wrong("executorType", message));
        }
    })
}

/// What a person does at a node of a type.
pub fn mode_of(node_type: &str) -> HumanMode {
    match node_type {
        "human-review" => HumanMode::Review,
        "human-input" | "action" => HumanMode::Answer,
        _ => HumanMode::Approve,
    }
}

fn contract(fields: &Fields, schemas: &Map<String, Value>) -> Result<Contract, FormatError> {
    let reference = |fields: &Fields, key: &str| match fields.text(key)? {
        Some(name) if !schemas.contains_key(name) => {
            Err(fields.wrong(key, format!("there is no schema {name}")))
        }
        name => Ok(name.map(str::to_owned)),
    };
    let checks = fields.objects("completionChecks", "a check")?;
    for check in &checks {
        check.needed("type", "a check has a type, such as schema")?;
        if let Some(config) = check.object("config")? {
            reference(&config, "schemaRef")?;
        }
    }
    for deliverable in fields.objects("deliverables", "a deliverable")? {
        deliverable.needed("name", "every deliverable has one")?;
    }
    for rule in fields.objects("failurePolicy", "a failure rule")? {
        rule.needed("on", "it says which failure")?;
        let action = rule.needed("action", "it says what follows")?;
        if !ACTIONS.contains(&action) {
            let message = format!("{action:?} is none of {}", ACTIONS.join(", "));
            return Err(rule.wrong("action", message));
        }
    }
    Ok(Contract {
        objective: fields.words("objective")?,
        input_schema: reference(fields, "inputSchemaRef")?,
        output_schema: reference(fields, "outputSchemaRef")?,
        deliverables: all::<Deliverable>(fields, "deliverables")?,
        success_criteria: fields
            .texts("successCriteria")?
            .into_iter()
            .map(|(text, _)| text.to_owned())
            .collect(),
        completion_checks: all::<CompletionCheck>(fields, "completionChecks")?,
        failure: all::<ContractFailure>(fields, "failurePolicy")?,
        tools: one::<ToolPolicy>(fields, "toolPolicy")?,
        context: one::<ContextPolicy>(fields, "contextPolicy")?,
        ..Contract::default()
    })
}

fn all<T: for<'a> Deserialize<'a>>(fields: &Fields, key: &str) -> Result<Vec<T>, FormatError> {
    fields.list(key)?.into_iter().map(|(value, pointer)| part(value, pointer)).collect()
}

fn one<T: for<'a> Deserialize<'a>>(fields: &Fields, key: &str) -> Result<Option<T>, FormatError> {
    let found = fields.object(key)?;
    found.map(|found| part(&Value::Object(found.map.clone()), found.pointer)).transpose()
}

fn part<T: for<'a> Deserialize<'a>>(value: &Value, pointer: String) -> Result<T, FormatError> {
    T::deserialize(value).map_err(|error| FormatError::invalid(pointer, error.to_string()))
}

fn policy(fields: &Fields, contract: &Contract) -> Result<Policy, FormatError> {
    let retry = match fields.object("retryPolicy")? {
        None => None,
        Some(retry) => Some(RetryPolicy {
            retries_max: retry.whole("maxAttempts", 20)?.unwrap_or(0) as u32,
            backoff_ms: RetryPolicy::backoff_default_ms(),
            retry_on: retry
                .texts("retryOn")?
                .into_iter()
                .map(|(code, _)| code.to_owned())
                .collect(),
        }),
    };
    let timeout_ms = fields.whole("timeoutMs", TIME_MAX_MS)?.filter(|timeout| *timeout > 0);
    let failures = contract.failure.iter().filter_map(failure_rule).collect();
    Ok(Policy { retry, timeout_ms, failures, ..Policy::default() })
}

/// A rule of a draft, for the one failure that it names; `retry` is the retry policy's business.
fn failure_rule(rule: &ContractFailure) -> Option<FailureRule> {
    let action = match rule.action.as_str() {
        "replan" => FailurePolicy::Replan,
        "block" => FailurePolicy::Block,
        "skip" => FailurePolicy::Skip,
        "fail" => FailurePolicy::Fail,
        "abort" => FailurePolicy::Abort,
        "continue-partial" => FailurePolicy::ContinuePartial,
        _ => return None,
    };
    Some(FailureRule { on: vec![rule.on.clone()], action, note: rule.note.clone() })
}

/// The edges. A switch gets a case for each way out with a condition.
fn edges(
    document: &Fields,
    nodes: &mut [Node],
    index: &HashMap<NodeId, usize>,
) -> Result<Vec<Edge>, FormatError> {
    let mut edges: Vec<Edge> = Vec::new();
    let mut ids: HashMap<String, usize> = HashMap::new();
    for (at, fields) in document.objects("edges", "an edge")?.iter().enumerate() {
        let end = |key: &str| {
            let id = NodeId::from(fields.needed(key, "an edge leads from a node to a node")?);
            let at = index.get(&id).copied();
            at.ok_or_else(|| fields.wrong(key, format!("there is no node {id}")))
        };
        let (from, to) = (end("source")?, end("target")?);
        let target = nodes[to].id.clone();
        let condition = fields.text("condition")?.map(str::to_owned);
        let (port, condition) = port(&mut nodes[from], &target, condition);
        let mut edge = Edge::new(nodes[from].id.clone(), port, target);
        if let Some(id) = fields.text("id")?.filter(|id| !id.is_empty()) {
            id.clone_into(&mut edge.id);
        }
        if let Some(first) = ids.insert(edge.id.clone(), at) {
            let message = format!("edges[{first}] and edges[{at}] are both called {}", edge.id);
            return Err(FormatError::invalid(fields.pointer.clone(), message));
        }
        edge.condition = condition;
        edge.map = map(fields)?;
        edges.push(edge);
        limits::check_edges(edges.len())?;
    }
    Ok(edges)
}

fn port(node: &mut Node, target: &NodeId, condition: Option<String>) -> (String, Option<String>) {
    let is_switch = node.contract.as_ref().is_some_and(|contract| contract.node_type == "switch");
    match (&mut node.kind, condition) {
        (NodeKind::Branch(branch), Some(when)) if is_switch => {
            let port = free_port(&branch.cases, target.as_str());
            branch.cases.push(BranchCase { port: port.clone(), when });
            (port, None)
        }
        (kind, condition) => (onward(kind).to_owned(), condition),
    }
}

/// The port of a draft's edge: the draft has no word for others.
pub fn onward(kind: &NodeKind) -> &str {
    match kind {
        NodeKind::Branch(_) => "default",
        NodeKind::Human(_) => kind.ports().first().copied().unwrap_or("success"),
        _ => "success",
    }
}

fn map(fields: &Fields) -> Result<BTreeMap<String, String>, FormatError> {
    let Some(map) = fields.object("map")? else { return Ok(BTreeMap::new()) };
    let mut read = BTreeMap::new();
    for field in map.map.keys() {
        let path = map.needed(field, "it is a path in the source's output")?;
        read.insert(field.clone(), path.to_owned());
    }
    Ok(read)
}
