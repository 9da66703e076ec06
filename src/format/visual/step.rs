//! One step: its `stepType` and `config` as a node's kind and policy.

use super::config::Config;
use super::tool_name::{self, Spelling};
use super::{OWN_KEY, header};
use crate::graph::{
    ActionSettings, ConditionSettings, EndSettings, LlmSettings, LoopSettings, Node, NodeKind,
    OutputFormat, Policy, Problem, Severity, TriggerKind, TriggerSettings,
};
use serde_json::{Map, Value};

/// How a step was written, where there are several ways. What is written back follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// How an action names its tool.
    pub spelling: Spelling,
    /// The settings of an LLM step stand in `config.llmNode`.
    pub llm_nested: bool,
    /// The description stands in `config.description`.
    pub description_in_config: bool,
    /// The cron expression stands in `config.schedule`.
    pub cron_in_schedule: bool,
    /// The step's type is the tool, its config the input.
    pub type_is_tool: bool,
    /// An end that maps the run's output: `stepType` is `output`.
    pub output_step: bool,
}

impl Dialect {
    /// How a step is written that no document has spelt yet.
    pub fn fresh(config_form: bool) -> Self {
        Self {
            spelling: if config_form { Spelling::Split } else { Spelling::Joined },
            llm_nested: false,
            description_in_config: false,
            cron_in_schedule: false,
            type_is_tool: false,
            output_step: false,
        }
    }
}

/// A step as a node, without its edges.
pub fn read(slug: &str, step: &Value, fresh: Dialect) -> (Node, Dialect, Vec<Problem>) {
    let mut config = Config::new(step.get("config"));
    let mut dialect = fresh;
    let step_type = step.get("stepType").and_then(Value::as_str).unwrap_or_default();
    let mut problems = Vec::new();
    let kind = match step_type {
        "trigger" | "start" => {
            let own = step.get(OWN_KEY).and_then(|own| own.get("webhook"));
            NodeKind::Trigger(trigger(&mut config, &mut dialect, own))
        }
        "llm" => NodeKind::Llm(llm(&mut config, &mut dialect, &mut problems)),
        "condition" => NodeKind::Condition(ConditionSettings {
            expression: config.text("expression").unwrap_or_default(),
        }),
        "loop" => NodeKind::Loop(each(&mut config)),
        "action" => NodeKind::Action(action(&mut config, &mut dialect)),
        "output" => {
            dialect.output_step = true;
            let output = config.get("outputMapping").cloned().unwrap_or_default();
            NodeKind::End(EndSettings { output, ..EndSettings::default() })
        }
        other => match own_kind(other, step.get("config")) {
            Some(kind) => kind,
            None => {
                dialect.type_is_tool = true;
                problems.push(unknown_type(slug, other));
                NodeKind::Action(ActionSettings {
                    tool: tool_name::canonical(other).to_owned(),
                    parameters: step.get("config").cloned().unwrap_or_default(),
                })
            }
        },
    };
    let mut node = Node::new(slug, kind);
    node.label = text(step, "name");
    let contract = step.get(OWN_KEY).and_then(|own| own.get("contract")).cloned();
    node.contract = contract.and_then(|contract| serde_json::from_value(contract).ok());
    node.description = text(step, "description");
    if node.description.is_empty() && !dialect.type_is_tool {
        node.description =
            config.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        dialect.description_in_config = !node.description.is_empty();
    }
    if !dialect.type_is_tool {
        node.policy = policy(&mut config, step);
        problems.extend(config.problems(&format!("Step {slug}")));
    }
    (node, dialect, problems)
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Kinds that the format has no step for: `config` holds our own settings.
fn own_kind(step_type: &str, config: Option<&Value>) -> Option<NodeKind> {
    if !["branch", "wait", "human", "task", "subworkflow", "end"].contains(&step_type) {
        return None;
    }
    let mut fields = match config {
        Some(Value::Object(fields)) => fields.clone(),
        _ => Map::new(),
    };
    fields.insert("type".into(), step_type.into());
    serde_json::from_value(Value::Object(fields)).ok()
}

fn unknown_type(slug: &str, step_type: &str) -> Problem {
    let message = format!(
        "Step {slug} has the type {step_type:?}, which is none of trigger, action, llm, condition, loop; it was read as a \
         call of a tool of that name"
    );
    Problem::new("unknown-step-type", Severity::Warning, message)
}

fn trigger(config: &mut Config, dialect: &mut Dialect, own: Option<&Value>) -> TriggerSettings {
    let input_schema = config.get("inputSchema").cloned().unwrap_or_default();
    let kind = config.text("type");
    let trigger = match kind.as_deref() {
        Some("schedule" | "scheduled") => {
            dialect.cron_in_schedule =
                config.get("cron").is_none() && config.get("schedule").is_some();
            schedule(config)
        }
        Some("webhook") => webhook(config.text("path").unwrap_or_default(), own),
        Some("event") => {
            TriggerKind::Event { event_type: config.text("eventType").unwrap_or_default() }
        }
        None | Some("manual" | "api") => TriggerKind::Manual,
        Some(_) => {
            config.ignore("type", "one of manual, schedule, webhook, event");
            TriggerKind::Manual
        }
    };
    // What the format has no word for is ours; when it cannot be read it is as if it were not there.
    let own = config.get(OWN_KEY);
    let schedule = own.and_then(|own| serde_json::from_value(own.get("schedule")?.clone()).ok());
    let filter = own.and_then(|own| own.get("filter")?.as_str().map(str::to_owned));
    TriggerSettings { trigger, input_schema, schedule: schedule.unwrap_or_default(), filter }
}

/// What the format has no word for is ours; when it cannot be read it is as if it were not there.
fn webhook(path: String, own: Option<&Value>) -> TriggerKind {
    let own = |key: &str| own.and_then(|own| own.get(key)).cloned();
    TriggerKind::Webhook {
        path,
        respond: own("respond").and_then(|v| serde_json::from_value(v).ok()).unwrap_or_default(),
        proof: own("proof").and_then(|value| serde_json::from_value(value).ok()),
    }
}

fn schedule(config: &mut Config) -> TriggerKind {
    let nested = config.get("schedule").and_then(header::read_schedule);
    let (nested_cron, nested_zone) = match nested {
        Some(TriggerKind::Schedule { cron, timezone }) => (Some(cron), timezone),
        _ => (None, None),
    };
    let cron = config.text("cron").or(nested_cron).unwrap_or_default();
    TriggerKind::Schedule { cron, timezone: config.text("timezone").or(nested_zone) }
}

fn action(config: &mut Config, dialect: &mut Dialect) -> ActionSettings {
    let kind = config.text("type").unwrap_or_default();
    let parameters = config.get("parameters").cloned().unwrap_or_default();
    let (action, spelling) = tool_name::read(&kind, parameters);
    dialect.spelling = spelling;
    action
}

fn each(config: &mut Config) -> LoopSettings {
    let items = match config.get("items") {
        // A list that is written out is an expression as it stands.
        Some(list @ Value::Array(_)) => list.to_string(),
        _ => config.text("items").unwrap_or_default(),
    };
    LoopSettings {
        items,
        item_variable: config.text("itemVariable").filter(|name| !name.is_empty()),
        concurrency: config.whole("concurrency", 100).map_or(1, |count| count.max(1) as u32),
    }
}

fn llm(config: &mut Config, dialect: &mut Dialect, problems: &mut Vec<Problem>) -> LlmSettings {
    let nested = config.get("llmNode").filter(|nested| nested.is_object());
    dialect.llm_nested = nested.is_some();
    match nested {
        Some(nested) => {
            let mut inner = Config::new(Some(nested));
            let settings = llm_fields(&mut inner);
            problems.extend(inner.problems("The LLM step's llmNode"));
            settings
        }
        None => llm_fields(config),
    }
}

fn llm_fields(config: &mut Config) -> LlmSettings {
    let output_format = match config.text("outputFormat").as_deref() {
        None | Some("text") => OutputFormat::Text,
        Some("json") => OutputFormat::Json,
        Some(_) => {
            config.ignore("outputFormat", "`text` or `json`");
            OutputFormat::Text
        }
    };
    LlmSettings {
        name: config.text("name").unwrap_or_default(),
        system_prompt: config.text("systemPrompt").unwrap_or_default(),
        user_prompt: config.text("userPrompt").unwrap_or_default(),
        model: config.text("model").filter(|model| !model.is_empty()),
        temperature: config.number("temperature"),
        max_tokens: config.whole("maxTokens", u64::from(u32::MAX)).map(|count| count as u32),
        output_format,
        output_schema: config.get("outputSchema").cloned().unwrap_or_default(),
        tools: config.words("tools"),
    }
}

fn policy(config: &mut Config, step: &Value) -> Policy {
    // What the format has no word for is ours; when it cannot be read it is as if it were not there.
    let own = step.get(OWN_KEY).and_then(|own| own.get("policy")).cloned();
    let mut policy: Policy =
        own.and_then(|own| serde_json::from_value(own).ok()).unwrap_or_default();
    policy.retry = config.retry();
    policy.timeout_ms = config.whole("timeout", 1 << 45).filter(|timeout| *timeout > 0);
    policy
}
