//! What each node does, with its expressions and templates parsed.

use super::{CompileError, ToolNames};
use crate::expr::{Expression, ParseError, Template, ValueTemplate, ValueTemplateError};
use crate::graph::{
    ActionSettings, Edge, EndSettings, HumanMode, HumanSettings, LlmSettings, Node, NodeKind,
    OutputFormat, Settings, SubworkflowSettings, TaskSettings, WaitAlternative, WaitFor, WaitUntil,
};
use crate::id::NodeId;
use crate::tool;
use serde_json::{Map, Value};

/// What a node does.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Program {
    Trigger,
    /// `set_variables`: in order, later ones see earlier ones.
    SetVariables(Vec<Assignment>),
    Tool {
        tool: String,
        parameters: Parameters,
        gated: bool,
    },
    Model(Box<Model>),
    Condition(Expression),
    Branch(Vec<(String, Expression)>),
    Loop {
        items: Source,
        item_variable: Option<String>,
        concurrency: u32,
    },
    Wait(Until),
    Human(Box<Human>),
    Task(Box<Task>),
    Subworkflow(Box<Subworkflow>),
    End {
        outcome: Option<Template>,
        output: Option<ValueTemplate>,
        terminate: bool,
    },
}

/// One variable that is set.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: ValueTemplate,
    /// Its value must not be shown.
    pub secure: bool,
}

/// A tool's input.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// All but the expressions.
    pub values: ValueTemplate,
    /// Parameters that are expressions over a record, with their source.
    pub expressions: Vec<(String, Expression, String)>,
    /// A subject that the send gate words, as it travels there.
    pub subject: Option<Value>,
}

/// A model conversation.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) name: String,
    pub(crate) system_prompt: Template,
    pub(crate) user_prompt: Template,
    pub(crate) model: Option<String>,
    pub(crate) temperature: Option<f64>,
    pub(crate) max_tokens: Option<u32>,
    pub(crate) json: bool,
    pub(crate) output_schema: Value,
    pub(crate) tools: Vec<String>,
}

/// A person's part.
#[derive(Clone, Debug)]
pub struct Human {
    pub(crate) mode: HumanMode,
    pub(crate) prompt: Template,
    pub(crate) details: ValueTemplate,
    pub(crate) form: Value,
    pub(crate) expires_after_ms: Option<u64>,
}

/// Work for an outside worker.
#[derive(Clone, Debug)]
pub struct Task {
    pub(crate) settings: TaskSettings,
    pub(crate) instructions: Template,
    /// Absent: the last output.
    pub(crate) input: Option<ValueTemplate>,
}

/// A run of another workflow.
#[derive(Clone, Debug)]
pub struct Subworkflow {
    pub(crate) workflow: String,
    pub(crate) version: Option<u32>,
    /// Absent: the last output.
    pub(crate) input: Option<ValueTemplate>,
}

/// What a wait waits for.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Until {
    Duration(u64),
    Time(Template),
    Event {
        event: String,
        condition: Option<Expression>,
        limit_ms: Option<u64>,
    },
    /// Each with the port it takes; none of them is a `First`.
    First(Vec<(String, Until)>),
}

/// A list that a person wrote as a template or as an expression.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Source {
    Template(Template),
    Expression(Expression),
}

/// Parses a graph's texts and gathers what is wrong with them.
pub(super) struct Parser<'a> {
    tools: &'a dyn ToolNames,
    pub errors: Vec<CompileError>,
}

impl<'a> Parser<'a> {
    pub fn new(tools: &'a dyn ToolNames) -> Self {
        Self { tools, errors: vec![] }
    }

    /// The node's program. Where a text is wrong, an error is noted and something harmless stands for it.
    pub fn program(&mut self, node: &Node) -> Program {
        let id = &node.id;
        match &node.kind {
            NodeKind::Trigger(_) => Program::Trigger,
            NodeKind::Action(settings) => self.action(id, settings),
            NodeKind::Llm(settings) => Program::Model(Box::new(self.model(id, settings))),
            NodeKind::Condition(settings) => {
                Program::Condition(self.expression(id, "/expression", &settings.expression))
            }
            NodeKind::Branch(settings) => {
                let cases = settings.cases.iter().enumerate().map(|(at, case)| {
                    let field = format!("/cases/{at}/when");
                    (case.port.clone(), self.expression(id, &field, &case.when))
                });
                Program::Branch(cases.collect())
            }
            NodeKind::Loop(settings) => Program::Loop {
                items: self.source(id, "/items", &settings.items),
                item_variable: settings.item_variable.clone().filter(|name| !name.is_empty()),
                concurrency: settings.concurrency.clamp(1, 100),
            },
            NodeKind::Wait(settings) => Program::Wait(self.until(id, &settings.until)),
            NodeKind::Human(settings) => Program::Human(Box::new(self.human(id, settings))),
            NodeKind::Task(settings) => Program::Task(Box::new(self.task(id, settings))),
            NodeKind::Subworkflow(settings) => self.subworkflow(id, settings),
            NodeKind::End(settings) => self.end(id, settings),
        }
    }

    /// The node's skip condition.
    pub fn condition(&mut self, node: &Node) -> Option<Expression> {
        let source = node.policy.condition.as_ref().filter(|source| !source.trim().is_empty())?;
        Some(self.expression(&node.id, "/policy/condition", source))
    }

    /// A text of an edge.
    pub fn edge(&mut self, edge: &Edge, field: &str, source: &str) -> Option<Expression> {
        if source.trim().is_empty() {
            return None;
        }
        let parsed = Expression::parse(source);
        parsed
            .map_err(|error| {
                let message = format!("The {field} of the connection cannot be read: {error}");
                self.errors.push(CompileError {
                    edge: Some(edge.id.clone()),
                    ..error_at(&edge.from, field, message)
                });
            })
            .ok()
    }

    /// The variables that every run starts with.
    pub fn variables(&mut self, variables: &Map<String, Value>) -> Vec<(String, ValueTemplate)> {
        let mut parsed = vec![];
        for (name, value) in variables {
            match ValueTemplate::compile(value) {
                Ok(template) => parsed.push((name.clone(), template)),
                Err(error) => {
                    let field = format!("/settings/variables/{name}");
                    let message =
                        format!("The variable \u{201c}{name}\u{201d} cannot be read: {error}");
                    self.errors.push(of_workflow("bad-template", field, message));
                }
            }
        }
        parsed
    }

    /// What ends a run early.
    pub fn exits(&mut self, settings: &Settings) -> Vec<(Expression, String)> {
        let mut parsed = vec![];
        for (at, exit) in settings.exits.iter().enumerate() {
            match Expression::parse(&exit.when) {
                Ok(when) => parsed.push((when, exit.outcome.clone())),
                Err(error) => {
                    let field = format!("/settings/exits/{at}/when");
                    let message = format!("Exit condition {} cannot be read: {error}", at + 1);
                    self.errors.push(of_workflow("bad-expression", field, message));
                }
            }
        }
        parsed
    }

    /// The key under which runs wait for one another, and how many may go at once.
    pub fn concurrency(&mut self, settings: &Settings) -> Option<(Template, u32)> {
        let concurrency = settings.concurrency.as_ref()?;
        match Template::parse(&concurrency.key) {
            Ok(key) => Some((key, concurrency.limit.max(1))),
            Err(error) => {
                let message = format!("The key of the workflow's runs cannot be read: {error}");
                let field = "/settings/concurrency/key".to_owned();
                self.errors.push(of_workflow("bad-template", field, message));
                None
            }
        }
    }

    fn action(&mut self, id: &NodeId, settings: &ActionSettings) -> Program {
        let Some(tool) = self.tools.canonical(&settings.tool) else {
            let message = format!(
                "There is no tool called \u{201c}{}\u{201d}. Choose one from the list.",
                settings.tool
            );
            self.errors
                .push(CompileError { code: "unknown-tool", ..error_at(id, "/tool", message) });
            return Program::Trigger;
        };
        if tool == "set_variables" {
            return Program::SetVariables(self.assignments(id, &settings.parameters));
        }
        let parameters = self.parameters(id, &tool, &settings.parameters);
        let gated = self.tools.is_gated(&tool);
        Program::Tool { tool, parameters, gated }
    }

    fn parameters(&mut self, id: &NodeId, tool: &str, parameters: &Value) -> Parameters {
        let mut values = parameters.clone();
        let mut expressions = vec![];
        for name in self.tools.expression_parameters(tool) {
            let Some(fields) = values.as_object_mut() else { break };
            let Some(Value::String(source)) = fields.get(&name).cloned() else { continue };
            fields.remove(&name);
            let expression = self.expression(id, &format!("/parameters/{name}"), &source);
            expressions.push((name, expression, source));
        }
        // A tool acts for the organisation that runs it, whatever a workflow names.
        if let Some(fields) = values.as_object_mut() {
            fields.remove("organizationId");
        }
        let subject = self.late_subject(id, tool, &mut values);
        Parameters { values: self.values(id, "/parameters", &values), expressions, subject }
    }

    /// Takes out a subject that is worded where it is sent. It is read here too, so that a mistake in it is found.
    fn late_subject(&mut self, id: &NodeId, tool: &str, values: &mut Value) -> Option<Value> {
        let source = tool::late_subject(tool, values)?.to_owned();
        self.template(id, "/parameters/subject", &source);
        values.as_object_mut()?.shift_remove(tool::SUBJECT);
        Some(tool::late_text(&source))
    }

    /// A map, or an ordered list of `{name, value, secure?}`, either also under `variables`.
    fn assignments(&mut self, id: &NodeId, parameters: &Value) -> Vec<Assignment> {
        let (given, field) = match parameters.get("variables") {
            Some(inner @ (Value::Object(_) | Value::Array(_))) => (inner, "/parameters/variables"),
            _ => (parameters, "/parameters"),
        };
        match given {
            Value::Object(fields) => {
                let assign = |(name, value): (&String, &Value)| Assignment {
                    name: name.clone(),
                    value: self.values(id, &format!("{field}/{name}"), value),
                    secure: false,
                };
                fields.iter().map(assign).collect()
            }
            Value::Array(items) => {
                let named = |(at, item): (usize, &Value)| {
                    let name = item.get("name").and_then(Value::as_str)?;
                    let value = item.get("value").cloned().unwrap_or(Value::Null);
                    Some(Assignment {
                        name: name.to_owned(),
                        value: self.values(id, &format!("{field}/{at}/value"), &value),
                        secure: item.get("secure").and_then(Value::as_bool).unwrap_or(false),
                    })
                };
                items.iter().enumerate().filter_map(named).collect()
            }
            _ => vec![],
        }
    }

    fn model(&mut self, id: &NodeId, settings: &LlmSettings) -> Model {
        let canonical = |name: &String| self.tools.canonical(name).unwrap_or_else(|| name.clone());
        let tools = settings.tools.iter().map(canonical).collect();
        Model {
            name: settings.name.clone(),
            system_prompt: self.template(id, "/system_prompt", &settings.system_prompt),
            user_prompt: self.template(id, "/user_prompt", &settings.user_prompt),
            model: settings.model.clone(),
            temperature: settings.temperature,
            max_tokens: settings.max_tokens,
            json: settings.output_format == OutputFormat::Json,
            output_schema: settings.output_schema.clone(),
            tools,
        }
    }

    fn human(&mut self, id: &NodeId, settings: &HumanSettings) -> Human {
        Human {
            mode: settings.mode,
            prompt: self.template(id, "/prompt", &settings.prompt),
            details: self.values(id, "/details", &settings.details),
            form: settings.form.clone(),
            expires_after_ms: settings.expires_after_ms,
        }
    }

    fn task(&mut self, id: &NodeId, settings: &TaskSettings) -> Task {
        Task {
            settings: settings.clone(),
            instructions: self.template(id, "/instructions", &settings.instructions),
            input: self.given(id, "/input", &settings.input),
        }
    }

    fn subworkflow(&mut self, id: &NodeId, settings: &SubworkflowSettings) -> Program {
        let SubworkflowSettings { workflow, version, input } = settings;
        if workflow.trim().is_empty() {
            let message = format!("\u{201c}{id}\u{201d} does not say which workflow it runs.");
            let error = error_at(id, "/workflow", message);
            self.errors.push(CompileError { code: "missing-workflow", ..error });
        }
        Program::Subworkflow(Box::new(Subworkflow {
            workflow: workflow.trim().to_owned(),
            version: *version,
            input: self.given(id, "/input", input),
        }))
    }

    /// Values that may be left out.
    fn given(&mut self, id: &NodeId, field: &str, value: &Value) -> Option<ValueTemplate> {
        (!value.is_null()).then(|| self.values(id, field, value))
    }

    fn until(&mut self, id: &NodeId, until: &WaitUntil) -> Until {
        match until {
            WaitUntil::Duration { duration_ms } => Until::Duration(*duration_ms),
            WaitUntil::Time { at } => Until::Time(self.template(id, "/at", at)),
            WaitUntil::Event { event, condition, limit_ms } => {
                let condition = self.event_condition(id, "/condition", condition.as_ref());
                Until::Event { event: event.clone(), condition, limit_ms: *limit_ms }
            }
            WaitUntil::First { of } => {
                let each = of.iter().enumerate();
                Until::First(each.map(|(at, one)| self.alternative(id, at, one)).collect())
            }
        }
    }

    fn alternative(&mut self, id: &NodeId, at: usize, one: &WaitAlternative) -> (String, Until) {
        let until = match &one.what {
            WaitFor::Duration { duration_ms } => Until::Duration(*duration_ms),
            WaitFor::Time { at: time } => {
                Until::Time(self.template(id, &format!("/of/{at}/at"), time))
            }
            WaitFor::Event { event, condition } => {
                let field = format!("/of/{at}/condition");
                let condition = self.event_condition(id, &field, condition.as_ref());
                Until::Event { event: event.clone(), condition, limit_ms: None }
            }
        };
        (one.port.clone(), until)
    }

    fn event_condition(
        &mut self,
        id: &NodeId,
        field: &str,
        condition: Option<&String>,
    ) -> Option<Expression> {
        let given = condition.filter(|source| !source.trim().is_empty());
        given.map(|source| self.expression(id, field, source))
    }

    fn end(&mut self, id: &NodeId, settings: &EndSettings) -> Program {
        let outcome = &settings.outcome;
        Program::End {
            outcome: (!outcome.is_empty()).then(|| self.template(id, "/outcome", outcome)),
            output: self.given(id, "/output", &settings.output),
            terminate: settings.terminate,
        }
    }

    /// One `{{…}}` and nothing else is a template; anything else is an expression.
    fn source(&mut self, id: &NodeId, field: &str, source: &str) -> Source {
        match Template::parse(source) {
            Ok(template) if template.is_single() => Source::Template(template),
            _ => Source::Expression(self.expression(id, field, source)),
        }
    }

    fn expression(&mut self, id: &NodeId, field: &str, source: &str) -> Expression {
        match Expression::parse(source) {
            Ok(expression) => expression,
            Err(error) => {
                self.errors.push(bad_text("bad-expression", id, field, &error));
                harmless()
            }
        }
    }

    fn template(&mut self, id: &NodeId, field: &str, source: &str) -> Template {
        match Template::parse(source) {
            Ok(template) => template,
            Err(error) => {
                self.errors.push(bad_text("bad-template", id, field, &error));
                empty_template()
            }
        }
    }

    fn values(&mut self, id: &NodeId, field: &str, value: &Value) -> ValueTemplate {
        match ValueTemplate::compile(value) {
            Ok(template) => template,
            Err(ValueTemplateError { pointer, error }) => {
                let field = format!("{field}{pointer}");
                self.errors.push(bad_text("bad-template", id, &field, &error));
                null_values()
            }
        }
    }
}

fn of_workflow(code: &'static str, field: String, message: String) -> CompileError {
    CompileError { code, node: None, edge: None, field: Some(field), message }
}

fn bad_text(code: &'static str, id: &NodeId, field: &str, error: &ParseError) -> CompileError {
    let message = format!("{} of \u{201c}{id}\u{201d} cannot be read: {error}", words(field));
    CompileError { code, ..error_at(id, field, message) }
}

/// The last part of a pointer as words: `/parameters/reply_to` reads "The reply to".
fn words(field: &str) -> String {
    let last = field.rsplit('/').next().unwrap_or(field);
    format!("The {}", last.replace('_', " "))
}

fn error_at(id: &NodeId, field: &str, message: String) -> CompileError {
    CompileError {
        code: "bad-expression",
        node: Some(id.clone()),
        edge: None,
        field: Some(field.to_owned()),
        message,
    }
}

// What stands for a text that could not be read; the graph is refused anyway.
fn harmless() -> Expression {
    Expression::parse("null").unwrap_or_else(|_| unreachable!("null is an expression"))
}
fn empty_template() -> Template {
    Template::parse("").unwrap_or_else(|_| unreachable!("the empty text is a template"))
}
fn null_values() -> ValueTemplate {
    ValueTemplate::compile(&Value::Null).unwrap_or_else(|_| unreachable!("null is a value"))
}
