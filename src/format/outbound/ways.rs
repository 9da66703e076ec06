//! How steps lead to one another: by the order of the list, or as transitions say.

use super::step::{Goto, Step};
use crate::format::FormatError;
use crate::format::fields::Fields;
use crate::graph::{Edge, Node, NodeKind, Problem, Severity};
use crate::id::NodeId;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// The port by which a step goes on to the next one; none for a branch and an end.
pub fn onward(kind: &NodeKind) -> Option<&'static str> {
    kind.ports().contains(&"success").then_some("success")
}

/// The edges of a list in which each step leads to the next one.
pub fn in_order<'a>(nodes: impl Iterator<Item = &'a Node>) -> Vec<Edge> {
    let nodes: Vec<&Node> = nodes.collect();
    let edge = |pair: &[&Node]| {
        let port = onward(&pair[0].kind)?;
        Some(Edge::new(pair[0].id.clone(), port, pair[1].id.clone()))
    };
    nodes.windows(2).filter_map(edge).collect()
}

/// All edges between steps. Transitions out of branches give the cases their names.
pub fn read(
    document: &Fields,
    steps: &mut [Step],
    problems: &mut Vec<Problem>,
) -> Result<Vec<Edge>, FormatError> {
    let index: HashMap<NodeId, usize> =
        steps.iter().enumerate().map(|(at, step)| (step.node.id.clone(), at)).collect();
    let mut edges = match document.get("transitions") {
        None => in_order(steps.iter().map(|step| &step.node)),
        Some(Value::String(word)) if word == "linear" => {
            in_order(steps.iter().map(|step| &step.node))
        }
        Some(Value::Array(_)) => explicit(document, steps, &index, problems)?,
        Some(_) => {
            let message = "`transitions` must be \"linear\" or a list of {from, to, condition?}";
            return Err(document.wrong("transitions", message));
        }
    };
    for step in steps.iter() {
        edges.extend(gotos(step, &index)?);
    }
    Ok(edges)
}

fn explicit(
    document: &Fields,
    steps: &mut [Step],
    index: &HashMap<NodeId, usize>,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Edge>, FormatError> {
    let (mut edges, mut seen) = (Vec::new(), HashSet::new());
    // The cases of each branch that a transition has named.
    let mut named: HashMap<usize, HashSet<usize>> = HashMap::new();
    for transition in document.objects("transitions", "a transition")? {
        let end = |key: &str| {
            let id =
                NodeId::from(transition.needed(key, "a transition leads from a step to a step")?);
            let at = index.get(&id).copied();
            at.ok_or_else(|| transition.wrong(key, format!("there is no step {id}")))
        };
        let (from, to) = (end("from")?, end("to")?);
        let condition = transition.text("condition")?;
        let target = steps[to].node.id.clone();
        let step = &mut steps[from];
        match (&step.node.kind, condition) {
            (NodeKind::Branch(_), label) => {
                let named = named.entry(from).or_default();
                problems.extend(name_case(step, &target, label, named));
            }
            (NodeKind::End(_), _) => {
                let message = format!("{} ends the run, so it leads nowhere.", step.node.id);
                let problem = Problem::new("transition-from-end", Severity::Warning, message);
                problems.push(problem.at(&step.node.id));
            }
            (_, Some(_)) => {
                let message = format!(
                    "{} is not a branch, so the way out of it can have no condition; put a branch between",
                    step.node.id
                );
                return Err(transition.wrong("condition", message));
            }
            (_, None) => {
                if seen.insert((from, to)) {
                    edges.push(Edge::new(step.node.id.clone(), "success", target));
                }
            }
        }
    }
    Ok(edges)
}

/// Gives the first case that leads to `target`, and that none has named yet, the transition's condition as its name.
fn name_case(
    step: &mut Step,
    target: &NodeId,
    label: Option<&str>,
    named: &mut HashSet<usize>,
) -> Option<Problem> {
    let leads = |goto: &Option<Goto>| goto.as_ref().is_some_and(|goto| goto.to == *target);
    let id = step.node.id.clone();
    let NodeKind::Branch(settings) = &mut step.node.kind else { return None };
    let cases: Vec<usize> = (0..step.gotos.len()).filter(|at| leads(&step.gotos[*at])).collect();
    if leads(&step.default) && matches!(label, None | Some("default")) {
        return None;
    }
    let aside = |why: &str| {
        let message = format!(
            "A transition leads from the branch {id} to {target}, but {why}. Only the conditions count."
        );
        Some(Problem::new("transition-without-case", Severity::Warning, message).at(&id))
    };
    if cases.is_empty() {
        return aside("none of its conditions goes there");
    }
    let label = label.filter(|label| !matches!(*label, "" | "default" | "error"))?;
    let has_it = |at: usize| settings.cases[at].port == label;
    match cases.iter().copied().find(|at| !named.contains(at)) {
        Some(case) if (0..settings.cases.len()).all(|at| at == case || !has_it(at)) => {
            label.clone_into(&mut settings.cases[case].port);
            named.insert(case);
            None
        }
        None if !cases.iter().any(|at| has_it(*at)) => {
            aside("each condition that goes there has another name already")
        }
        _ => None,
    }
}

fn gotos(step: &Step, index: &HashMap<NodeId, usize>) -> Result<Vec<Edge>, FormatError> {
    let NodeKind::Branch(settings) = &step.node.kind else { return Ok(Vec::new()) };
    let ports = settings.cases.iter().map(|case| case.port.as_str());
    let targets = ports.zip(&step.gotos).chain([("default", &step.default)]);
    let edge = |(port, goto): (&str, &Option<Goto>)| {
        let goto = goto.as_ref()?;
        if !index.contains_key(&goto.to) {
            let message = format!(
                "the branch {} goes to {}, but there is no such step",
                step.node.id, goto.to
            );
            return Some(Err(FormatError::invalid(goto.pointer.clone(), message)));
        }
        Some(Ok(Edge::new(step.node.id.clone(), port, goto.to.clone())))
    };
    targets.filter_map(edge).collect()
}
