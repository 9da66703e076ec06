//! A whole plan's words.

use super::names;
use crate::format::fields::Fields;
use crate::format::plan::{Entry, Parts};
use crate::format::{FormatError, OWN_KEY, limits, own};
use crate::graph::{
    ApprovalTiming, Edge, LlmSettings, Node, NodeKind, Policy, Problem, RetryPolicy, ReviewPolicy,
};
use crate::id::NodeId;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// The keys of a plan.
const PLAN_KEYS: [&str; 6] = ["name", "description", "steps", "tags", "saveAsTemplate", OWN_KEY];
/// The keys of a step.
const STEP_KEYS: [&str; 12] = [
    "id",
    "prompt",
    "model",
    "queue",
    "dependsOn",
    "timeoutMs",
    "retry",
    "requiresApproval",
    "condition",
    "maxTokens",
    "temperature",
    OWN_KEY,
];
/// Tries when `retry` says nothing of them.
const ATTEMPTS_DEFAULT: u64 = 3;
/// Longest time that can be said, in milliseconds.
const TIME_MAX_MS: u64 = 1 << 45;

pub fn parts(document: &Value) -> Result<Parts, FormatError> {
    let fields = Fields::of(document, "", "a plan")?;
    fields.texts("tags")?;
    fields.flag("saveAsTemplate")?;
    if fields.get("steps").is_none() {
        return Err(FormatError::invalid("", "a plan needs a list of `steps`"));
    }
    let steps = fields.objects("steps", "a step")?;
    limits::check_nodes(steps.len())?;
    let ids = ids(&steps)?;
    let names = names::Ids::new(ids.iter(), |word, member| declares(document, word, member));
    let mut parts = Parts {
        name: fields.words("name")?,
        description: fields.words("description")?,
        entry: Entry::Roots,
        problems: slips(&fields, &steps, &ids),
        ..Parts::default()
    };
    let known: HashMap<&str, usize> =
        ids.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    let mut needs = Vec::with_capacity(steps.len());
    for (step, id) in steps.iter().zip(&ids) {
        parts.nodes.push(node(step, id, &names)?);
        needs.push(dependencies(step, id, &known)?);
        let own = needs.last().into_iter().flatten();
        parts.edges.extend(own.map(|from| Edge::new(ids[*from].clone(), "success", id.clone())));
        limits::check_edges(parts.edges.len())?;
    }
    acyclic(&steps, &ids, &needs)?;
    Ok(parts)
}

/// Whether our own part gives a word of the language a member of this name.
fn declares(document: &Value, word: &str, member: &str) -> bool {
    let own = match word {
        "input" => "/trigger/kind/input_schema/properties",
        "config" => "/settings/variables",
        "secrets" => "/settings/secrets",
        _ => return false,
    };
    let declared = document.pointer(&format!("/{OWN_KEY}{own}"));
    declared.is_some_and(|declared| declared.get(member).is_some())
}

/// Keys that are probably slips: nothing would be heard of what stands under them.
fn slips(plan: &Fields, steps: &[Fields], ids: &[NodeId]) -> Vec<Problem> {
    let mut problems = plan.slips(&PLAN_KEYS, "The plan");
    for (step, id) in steps.iter().zip(ids) {
        let found = step.slips(&STEP_KEYS, &format!("The step {id}"));
        problems.extend(found.into_iter().map(|problem| problem.at(id)));
    }
    problems
}

fn ids(steps: &[Fields]) -> Result<Vec<NodeId>, FormatError> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut ids = Vec::with_capacity(steps.len());
    for (at, step) in steps.iter().enumerate() {
        let text = step.needed("id", "every step needs one")?;
        let id = NodeId::from(text);
        if !id.is_valid() {
            let message = "an id has 1 to 120 letters, digits, `_`, `-`, `.` or `:`";
            return Err(step.wrong("id", message));
        }
        if let Some(first) = seen.insert(text, at) {
            let message = format!("steps[{first}] and steps[{at}] are both called {id}");
            return Err(step.wrong("id", message));
        }
        ids.push(id);
    }
    Ok(ids)
}

fn node(step: &Fields, id: &NodeId, names: &names::Ids) -> Result<Node, FormatError> {
    let prompt = match step.text("prompt")? {
        Some(prompt) => prompt,
        // The own part says what it is.
        None if own::says_kind(step.map) => "",
        None => step.needed("prompt", "every step asks a model something")?,
    };
    let kind = NodeKind::Llm(LlmSettings {
        user_prompt: names.bound(prompt),
        model: step.text("model")?.filter(|model| !model.is_empty()).map(str::to_owned),
        temperature: temperature(step)?,
        max_tokens: step.whole("maxTokens", u64::from(u32::MAX))?.map(|count| count as u32),
        ..LlmSettings::default()
    });
    let retry = match step.object("retry")? {
        None => None,
        Some(retry) => {
            let attempts = retry.whole("maxAttempts", 21)?.unwrap_or(ATTEMPTS_DEFAULT);
            if attempts == 0 {
                return Err(
                    retry.wrong("maxAttempts", "`maxAttempts` counts tries: 1 is the least")
                );
            }
            let backoff_ms = retry.whole("backoffMs", TIME_MAX_MS)?;
            Some(RetryPolicy {
                retries_max: attempts as u32 - 1,
                backoff_ms: backoff_ms.unwrap_or_else(RetryPolicy::backoff_default_ms),
                retry_on: Vec::new(),
            })
        }
    };
    let is_reviewed = step.flag("requiresApproval")?.unwrap_or(false);
    let review = ReviewPolicy {
        threshold: Some(ReviewPolicy::THRESHOLD_DEFAULT),
        ..ReviewPolicy::default()
    };
    let mut node = Node::new(id.clone(), kind);
    node.policy = Policy {
        condition: step.text("condition")?.map(|condition| names.bound_condition(condition)),
        retry,
        timeout_ms: step.whole("timeoutMs", TIME_MAX_MS)?.filter(|timeout| *timeout > 0),
        approval: is_reviewed.then_some(ApprovalTiming::After),
        review: is_reviewed.then_some(review),
        queue: step.text("queue")?.filter(|queue| !queue.is_empty()).map(str::to_owned),
        ..Policy::default()
    };
    Ok(node)
}

fn temperature(step: &Fields) -> Result<Option<f64>, FormatError> {
    match step.number("temperature")? {
        Some(number) if number > 2.0 => {
            Err(step.wrong("temperature", "`temperature` must be from 0 to 2"))
        }
        number => Ok(number),
    }
}

/// The steps that must have ended before, by place. One that is named twice counts once.
fn dependencies(
    step: &Fields,
    id: &NodeId,
    known: &HashMap<&str, usize>,
) -> Result<Vec<usize>, FormatError> {
    let mut found = Vec::new();
    for (name, pointer) in step.texts("dependsOn")? {
        let Some(at) = known.get(name) else {
            let message = format!("{id} depends on {name}, but there is no such step");
            return Err(FormatError::invalid(pointer, message));
        };
        if !found.contains(at) {
            found.push(*at);
        }
    }
    Ok(found)
}

/// A plan has no circles: steps are taken away while one is left that depends on none of the rest.
fn acyclic(steps: &[Fields], ids: &[NodeId], needs: &[Vec<usize>]) -> Result<(), FormatError> {
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (step, needs) in needs.iter().enumerate() {
        needs.iter().for_each(|needed| dependents[*needed].push(step));
    }
    let mut ready: Vec<usize> = (0..needs.len()).filter(|step| open[*step] == 0).collect();
    while let Some(step) = ready.pop() {
        for dependent in &dependents[step] {
            open[*dependent] -= 1;
            if open[*dependent] == 0 {
                ready.push(*dependent);
            }
        }
    }
    let Some(start) = (0..needs.len()).find(|step| open[*step] > 0) else { return Ok(()) };
    // Every step that is left needs another one that is left: going back leads around a circle.
    let (mut seen, mut way, mut at) = (HashSet::new(), Vec::new(), start);
    while seen.insert(at) {
        way.push(at);
        at = needs[at].iter().copied().find(|needed| open[*needed] > 0).unwrap_or(at);
    }
    let first = way.iter().position(|step| *step == at).unwrap_or(0);
    let names: Vec<&str> = way[first..].iter().map(|step| ids[*step].as_str()).collect();
    let message = format!(
        "these steps wait for one another, so none of them can begin: {}",
        names.join(", which depends on ")
    );
    Err(steps[at].wrong("dependsOn", message))
}
