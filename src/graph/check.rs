//! Checking: what is wrong with a draft, or worth a look, as data.
//!
//! A draft is allowed to be wrong, so this returns problems and never an error. The same check runs on each
//! edit in the browser, on import and on publish; problems of severity *error* keep a draft from being
//! published. One file a rule, over the facts that [`draft`] gathers once. Deliberately absent: finding the
//! loops ([`super::compile`]) and the meaning of names when running ([`crate::run`]).

mod calls;
mod codes;
mod connections;
mod draft;
mod events;
mod fixes;
mod ids;
mod loops;
mod maps;
mod names;
pub(crate) mod nearest;
mod parameters;
mod plans;
mod policies;
mod prompts;
mod reach;
mod schemas;
mod secrets;
mod settings;
#[cfg(test)]
mod tests;
mod texts;
mod tools;
mod triggers;

use super::{Graph, PLAN_STEPS_MAX, Problem, Severity};
use crate::tool::{self, ToolSpec};
use draft::Draft;

/// What checking must know besides the graph.
#[derive(Clone, Copy, Debug)]
pub struct CheckContext<'a> {
    /// The tools that there are.
    pub tools: &'a [ToolSpec],
    /// Names of the organisation's secrets. `None`: not known here, so none is missed.
    pub secrets: Option<&'a [String]>,
    /// Ids of its message templates. `None`: not known here, so none is missed.
    pub templates: Option<&'a [String]>,
    /// Ids of its voice scripts. `None`: not known here, so none is missed.
    pub scripts: Option<&'a [String]>,
    /// Steps that an outbound plan may have.
    pub plan_steps_max: u32,
}

impl Default for CheckContext<'_> {
    fn default() -> Self {
        Self {
            tools: tool::catalogue(),
            secrets: None,
            templates: None,
            scripts: None,
            plan_steps_max: PLAN_STEPS_MAX,
        }
    }
}

/// All problems of a graph: the worst first, then in the order of its nodes.
pub fn check(graph: &Graph, context: &CheckContext) -> Vec<Problem> {
    let draft = Draft::new(graph, context);
    let mut problems = Vec::new();
    for rule in RULES {
        rule(&draft, &mut problems);
    }
    problems.sort_by_key(|problem| {
        let place = problem.node.as_ref().and_then(|node| draft.index.get(node)).copied();
        (std::cmp::Reverse(problem.severity), place)
    });
    problems
}

/// Whether a draft can be published.
pub fn is_publishable(problems: &[Problem]) -> bool {
    problems.iter().all(|problem| problem.severity < Severity::Error)
}

const RULES: &[fn(&Draft, &mut Vec<Problem>)] = &[
    ids::check,
    triggers::check,
    connections::check,
    reach::check,
    loops::check,
    settings::check,
    events::check,
    tools::check,
    parameters::check,
    texts::check,
    names::check,
    calls::check,
    prompts::check,
    plans::check,
    codes::check,
    policies::check,
    schemas::check,
    maps::check,
    secrets::check,
];
