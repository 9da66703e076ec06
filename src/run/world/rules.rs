//! Finding the rule that fits, and its next answer.

use super::{Answering, ApprovalRule, Deciding, ModelRule, ToolRule};
use crate::expr::{Expression, ValueScope, ValueTemplate};
use crate::run::Asking;
use crate::tool;
use serde_json::{Value, json};

/// A rule with how often it was used.
pub struct Rule<A> {
    tool: Option<String>,
    node: Option<String>,
    when: Option<Expression>,
    answers: Vec<A>,
    used: usize,
}

impl<A> Rule<A> {
    fn new(tool: Option<&str>, node: Option<&str>, when: Option<&str>, answers: &[A]) -> Self
    where
        A: Clone,
    {
        Self {
            tool: tool.map(canonical),
            node: node.map(str::to_owned),
            // Looked at when the file was read.
            when: when.and_then(|when| Expression::parse(when).ok()),
            answers: answers.to_vec(),
            used: 0,
        }
    }
}

impl From<&ToolRule> for Rule<Answering> {
    fn from(rule: &ToolRule) -> Self {
        Self::new(Some(&rule.tool), rule.node.as_deref(), rule.when.as_deref(), &rule.answers)
    }
}
impl From<&ModelRule> for Rule<Answering> {
    fn from(rule: &ModelRule) -> Self {
        Self::new(None, rule.node.as_deref(), rule.when.as_deref(), &rule.answers)
    }
}
impl From<&ApprovalRule> for Rule<Deciding> {
    fn from(rule: &ApprovalRule) -> Self {
        Self::new(None, rule.node.as_deref(), rule.when.as_deref(), &rule.answers)
    }
}

/// A tool's name as the catalogue has it.
pub fn canonical(name: &str) -> String {
    tool::find(name).map_or_else(|| name.to_owned(), |spec| spec.name.clone())
}

/// What the texts of a rule read.
pub fn scope(asking: &Asking, input: &Value) -> ValueScope {
    let root = json!({
        "input": input,
        "node": asking.node.id,
        "attempt": asking.attempt,
        "occurrence": asking.occurrence,
    });
    ValueScope::new(root, asking.now.timestamp_millis())
}

/// The next answer of the first rule that fits. Rules without answers never fit.
pub fn next<A: Clone>(
    rules: &mut [Rule<A>],
    asking: &Asking,
    tool: Option<&str>,
    scope: &ValueScope,
) -> Option<A> {
    let fits = |rule: &&mut Rule<A>| {
        rule.tool.as_deref() == tool
            && rule.node.as_deref().is_none_or(|node| node == asking.node.id.as_str())
            && rule.when.as_ref().is_none_or(|when| when.test(scope).unwrap_or(false))
    };
    let rule = rules.iter_mut().find(fits)?;
    let answer = rule.answers.get(rule.used).or(rule.answers.last()).cloned();
    rule.used += 1;
    answer
}

/// An output with its texts rendered, or why that is not possible.
pub fn render(output: &Value, scope: &ValueScope) -> Result<Value, String> {
    let template = ValueTemplate::compile(output).map_err(|error| error.to_string())?;
    template.render(scope).map_err(|error| error.to_string())
}
