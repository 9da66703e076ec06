//! Every text of a node, and the conditions that end a run early: where it stands, what it reads and calls, and
//! whether it can be read.

use super::draft::Draft;
pub(super) use crate::expr::pointer_part as escape;
use crate::expr::{Call, Expression, ParseError, Template, ValueTemplate, ValueTemplateError};
use crate::graph::{Edge, Node, NodeKind, Problem, Severity, WaitFor, WaitUntil};
use serde_json::{Map, Value};

/// A name with the static path that follows it: `["steps", "a", "output"]`.
pub type Path = Vec<String>;

/// What a text reads and calls.
type Read = Result<(Vec<Path>, Vec<Call>), ParseError>;

/// One text of a node, of an edge out of it, or of the whole workflow.
pub struct Text<'a> {
    /// The node's index. `None`: it is an exit condition of the workflow.
    pub node: Option<usize>,
    /// JSON pointer into the node's settings; `/policy/condition`; for an edge `/condition` or `/map/field`; for
    /// the workflow `/settings/exits/0/when`.
    pub field: String,
    /// The edge, if it is a text of one.
    pub edge: Option<&'a Edge>,
    /// What it reads, or why it cannot be read.
    pub names: Result<Vec<Path>, ParseError>,
    /// The functions of the run that it calls.
    pub calls: Vec<Call>,
}

impl Text<'_> {
    /// Whose text it is, to begin a sentence with.
    pub fn owner(&self, draft: &Draft) -> String {
        match self.node {
            Some(node) => draft.title(node),
            None => "An exit condition of the workflow".to_owned(),
        }
    }

    /// What is wrong with it, at its node and there at its port or its field.
    pub fn problem(
        &self,
        draft: &Draft,
        code: &str,
        severity: Severity,
        message: String,
    ) -> Problem {
        let mut problem = Problem::new(code, severity, message);
        problem.node = self.node.map(|node| draft.graph.nodes[node].id.clone());
        match self.edge {
            Some(edge) => problem.port(&edge.port).edge(&edge.id).field(&self.field),
            None => problem.field(&self.field),
        }
    }
}

/// Reports the texts that cannot be read.
pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    for text in &draft.texts {
        let Err(error) = &text.names else { continue };
        let owner = text.owner(draft);
        let message = match text.node {
            Some(_) => {
                let what = text.field.rsplit('/').next().unwrap_or_default().replace('_', " ");
                format!("{owner}: the text under {what} cannot be read: {error}.")
            }
            None => format!("{owner} cannot be read: {error}."),
        };
        let mut problem = Problem::new("bad-expression", Severity::Error, message);
        problem.node = text.node.map(|node| draft.graph.nodes[node].id.clone());
        problem.edge = text.edge.map(|edge| edge.id.clone());
        problems.push(problem.field(&text.field));
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

/// All texts, in the order of the nodes; then those of the workflow.
pub fn collect<'a>(draft: &Draft<'a>) -> Vec<Text<'a>> {
    let mut texts = Vec::new();
    for (index, node) in draft.nodes() {
        let mut collector = Collector { node: Some(index), edge: None, texts: &mut texts };
        if let Some(condition) =
            node.policy.condition.as_deref().filter(|text| !text.trim().is_empty())
        {
            collector.expression("/policy/condition", condition);
        }
        collector.kind(draft, node);
        for edge in &draft.outs[index] {
            let mut collector =
                Collector { node: Some(index), edge: Some(*edge), texts: &mut texts };
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
    for (at, exit) in draft.graph.settings.exits.iter().enumerate() {
        let mut collector = Collector { node: None, edge: None, texts: &mut texts };
        collector.expression(&format!("/settings/exits/{at}/when"), &exit.when);
    }
    texts
}

struct Collector<'a, 't> {
    node: Option<usize>,
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
                    let filter = Expression::parse(source);
                    self.push(&field, filter.map(|filter| (filter.outer_names(), filter.calls())));
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
        let expression = Expression::parse(source);
        self.push(field, expression.map(|expression| (expression.names(), expression.calls())));
    }

    /// A path into the source's output: its names are that output's fields, which nobody knows yet.
    fn source_path(&mut self, field: &str, path: &str) {
        if !path.trim().is_empty() {
            self.push(field, Expression::parse(path).map(|path| (Vec::new(), path.calls())));
        }
    }

    fn template(&mut self, field: &str, source: &str) {
        // Most texts have nothing to compute; they need no parser.
        if source.contains("{{") {
            let template = Template::parse(source);
            self.push(field, template.map(|template| (template.names(), template.calls())));
        }
    }

    /// One `{{…}}` and nothing else is a template; anything else is an expression.
    fn source(&mut self, field: &str, source: &str) {
        match Template::parse(source) {
            Ok(template) if template.is_single() => {
                self.push(field, Ok((template.names(), template.calls())));
            }
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
                        _ => self.push(&field, Ok((vec![name], Vec::new()))),
                    }
                }
                for (pointer, call) in template.calls_with_pointers() {
                    self.push(&format!("{field}{pointer}"), Ok((Vec::new(), vec![call])));
                }
            }
            Err(ValueTemplateError { pointer, error }) => {
                self.push(&format!("{field}{pointer}"), Err(error));
            }
        }
    }

    fn push(&mut self, field: &str, read: Read) {
        let (names, calls) = match read {
            Ok((names, calls)) => (Ok(names), calls),
            Err(error) => (Err(error), Vec::new()),
        };
        let field = field.to_owned();
        self.texts.push(Text { node: self.node, field, edge: self.edge, names, calls });
    }
}

/// Parameters that are expressions over a record.
pub fn expression_parameters(spec: &crate::tool::ToolSpec) -> Vec<&str> {
    let properties = spec.input.get("properties").and_then(Value::as_object);
    let filters =
        properties.into_iter().flatten().filter(|(_, schema)| schema["format"] == "expression");
    filters.map(|(name, _)| name.as_str()).collect()
}
