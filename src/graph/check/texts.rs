//! Every text of a node: where it stands, what it reads, and whether it can be read.

use super::draft::Draft;
use crate::expr::{Expression, ParseError, Template, ValueTemplate, ValueTemplateError};
use crate::graph::{Edge, Node, NodeKind, Problem, Severity, WaitFor, WaitUntil};
use serde_json::{Map, Value};

/// A name with the static path that follows it: `["steps", "a", "output"]`.
pub type Path = Vec<String>;

/// One text of a node or of an edge out of it.
pub struct Text<'a> {
    /// The node's index.
    pub node: usize,
    /// JSON pointer into the node's settings; `/policy/condition`; for an edge `/condition` or `/map/field`.
    pub field: String,
    /// The edge, if it is a text of one.
    pub edge: Option<&'a Edge>,
    /// What it reads, or why it cannot be read.
    pub names: Result<Vec<Path>, ParseError>,
}

/// Reports the texts that cannot be read.
pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    for text in &draft.texts {
        let Err(error) = &text.names else { continue };
        let id = &draft.graph.nodes[text.node].id;
        let what = text.field.rsplit('/').next().unwrap_or_default().replace('_', " ");
        let message =
            format!("{}: the text under {what} cannot be read: {error}.", draft.title(text.node));
        problems.push(
            Problem::new("bad-expression", Severity::Error, message).at(id).field(&text.field),
        );
    }
    for (at, exit) in draft.graph.settings.exits.iter().enumerate() {
        if let Err(error) = Expression::parse(&exit.when) {
            let message = format!("An exit condition of the workflow cannot be read: {error}.");
            let field = format!("/settings/exits/{at}/when");
            problems.push(Problem::new("bad-expression", Severity::Error, message).field(field));
        }
    }
    if let Some(concurrency) = &draft.graph.settings.concurrency
        && let Err(error) = Template::parse(&concurrency.key)
    {
        let message = format!("The key of the workflow's runs cannot be read: {error}.");
        let field = "/settings/concurrency/key";
        problems.push(Problem::new("bad-expression", Severity::Error, message).field(field));
    }
    for (name, value) in &draft.graph.settings.variables {
        if let Err(error) = ValueTemplate::compile(value) {
            let message = format!("The workflow's variable {name} cannot be read: {error}.");
            let field = format!("/settings/variables/{name}");
            problems.push(Problem::new("bad-expression", Severity::Error, message).field(field));
        }
    }
}

/// All texts, in the order of the nodes.
pub fn collect<'a>(draft: &Draft<'a>) -> Vec<Text<'a>> {
    let mut texts = Vec::new();
    for (index, node) in draft.nodes() {
        let mut collector = Collector { node: index, edge: None, texts: &mut texts };
        if let Some(condition) =
            node.policy.condition.as_deref().filter(|text| !text.trim().is_empty())
        {
            collector.expression("/policy/condition", condition);
        }
        collector.kind(draft, node);
        for edge in &draft.outs[index] {
            let mut collector = Collector { node: index, edge: Some(*edge), texts: &mut texts };
            if let Some(condition) =
                edge.condition.as_deref().filter(|text| !text.trim().is_empty())
            {
                collector.expression("/condition", condition);
            }
            for (field, path) in &edge.map {
                collector.source_path(&format!("/map/{}", escape(field)), path);
            }
        }
    }
    texts
}

struct Collector<'a, 't> {
    node: usize,
    edge: Option<&'a Edge>,
    texts: &'t mut Vec<Text<'a>>,
}

impl Collector<'_, '_> {
    fn kind(&mut self, draft: &Draft, node: &Node) {
        match &node.kind {
            NodeKind::Trigger(trigger) => {
                if let Some(filter) = trigger.filter_text() {
                    self.expression("/filter", filter);
                }
            }
            NodeKind::Action(action) => {
                let spec = draft.tool(&action.tool);
                let filters = spec.map(expression_parameters).unwrap_or_default();
                match action.parameters.as_object() {
                    Some(fields) => self.parameters(fields, &filters),
                    None => self.values("/parameters", &action.parameters),
                }
            }
            NodeKind::Llm(llm) => {
                self.template("/system_prompt", &llm.system_prompt);
                self.template("/user_prompt", &llm.user_prompt);
            }
            NodeKind::Condition(condition) => self.expression("/expression", &condition.expression),
            NodeKind::Branch(branch) => {
                for (at, case) in branch.cases.iter().enumerate() {
                    self.expression(&format!("/cases/{at}/when"), &case.when);
                }
            }
            NodeKind::Loop(each) => self.source("/items", &each.items),
            NodeKind::Wait(wait) => match &wait.until {
                WaitUntil::Duration { .. } => {}
                WaitUntil::Time { at } => self.template("/at", at),
                WaitUntil::Event { condition, .. } => {
                    self.condition("/condition", condition.as_deref());
                }
                WaitUntil::First { of } => {
                    for (at, one) in of.iter().enumerate() {
                        match &one.what {
                            WaitFor::Duration { .. } => {}
                            WaitFor::Time { at: time } => {
                                self.template(&format!("/of/{at}/at"), time);
                            }
                            WaitFor::Event { condition, .. } => {
                                let field = format!("/of/{at}/condition");
                                self.condition(&field, condition.as_deref());
                            }
                        }
                    }
                }
            },
            NodeKind::Human(human) => {
                self.template("/prompt", &human.prompt);
                self.values("/details", &human.details);
            }
            NodeKind::Task(task) => {
                self.template("/instructions", &task.instructions);
                self.values("/input", &task.input);
            }
            NodeKind::Subworkflow(sub) => self.values("/input", &sub.input),
            NodeKind::End(end) => {
                self.template("/outcome", &end.outcome);
                self.values("/output", &end.output);
            }
        }
    }

    fn parameters(&mut self, fields: &Map<String, Value>, filters: &[&str]) {
        for (name, value) in fields {
            let field = format!("/parameters/{}", escape(name));
            match value {
                // A filter's bare names are fields of the record; only what is in braces comes from the run.
                Value::String(source) if filters.contains(&name.as_str()) => {
                    let names =
                        Expression::parse(source).map(|expression| expression.outer_names());
                    self.push(&field, names);
                }
                value => self.values(&field, value),
            }
        }
    }

    fn condition(&mut self, field: &str, source: Option<&str>) {
        if let Some(source) = source.filter(|text| !text.trim().is_empty()) {
            self.expression(field, source);
        }
    }

    fn expression(&mut self, field: &str, source: &str) {
        self.push(field, Expression::parse(source).map(|expression| expression.names()));
    }

    /// A path into the source's output: its names are that output's fields, which nobody knows yet.
    fn source_path(&mut self, field: &str, path: &str) {
        if !path.trim().is_empty() {
            self.push(field, Expression::parse(path).map(|_| Vec::new()));
        }
    }

    fn template(&mut self, field: &str, source: &str) {
        // Most texts have nothing to compute; they need no parser.
        if source.contains("{{") {
            self.push(field, Template::parse(source).map(|template| template.names()));
        }
    }

    /// One `{{…}}` and nothing else is a template; anything else is an expression.
    fn source(&mut self, field: &str, source: &str) {
        match Template::parse(source) {
            Ok(template) if template.is_single() => self.push(field, Ok(template.names())),
            _ => self.expression(field, source),
        }
    }

    fn values(&mut self, field: &str, value: &Value) {
        match ValueTemplate::compile(value) {
            Ok(template) => {
                for (pointer, name) in template.names_with_pointers() {
                    let field = format!("{field}{pointer}");
                    match self.texts.last_mut() {
                        Some(Text { node, field: last, names: Ok(names), .. })
                            if *node == self.node && *last == field =>
                        {
                            names.push(name);
                        }
                        _ => self.push(&field, Ok(vec![name])),
                    }
                }
            }
            Err(ValueTemplateError { pointer, error }) => {
                self.push(&format!("{field}{pointer}"), Err(error));
            }
        }
    }

    fn push(&mut self, field: &str, names: Result<Vec<Path>, ParseError>) {
        self.texts.push(Text { node: self.node, field: field.to_owned(), edge: self.edge, names });
    }
}

/// Parameters that are expressions over a record.
fn expression_parameters(spec: &crate::tool::ToolSpec) -> Vec<&str> {
    let properties = spec.input.get("properties").and_then(Value::as_object);
    let filters =
        properties.into_iter().flatten().filter(|(_, schema)| schema["format"] == "expression");
    filters.map(|(name, _)| name.as_str()).collect()
}

/// A key as a part of a JSON pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
