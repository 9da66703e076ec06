//! The node kinds with their settings and ports.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a node does. In JSON: `{"type": "action", …settings}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum NodeKind {
    /// Starts the run; takes no incoming edges.
    Trigger(TriggerSettings),
    /// Calls one tool.
    Action(ActionSettings),
    /// One model conversation, with read tools where granted.
    Llm(LlmSettings),
    /// Two ways out by an expression.
    Condition(ConditionSettings),
    /// The first case that holds, else `default`.
    Branch(BranchSettings),
    /// For each item.
    Loop(LoopSettings),
    /// A duration, a time, an event with a limit, or the first of several.
    Wait(WaitSettings),
    /// A person's decision, answer or review.
    Human(HumanSettings),
    /// Work that an outside agent or system claims, does and reports.
    Task(TaskSettings),
    /// A run of another workflow, waited for.
    Subworkflow(SubworkflowSettings),
    /// The run's outcome.
    End(EndSettings),
}

/// The kinds without their settings; also the palette's categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum KindTag {
    Trigger,
    Action,
    Llm,
    Condition,
    Branch,
    Loop,
    Wait,
    Human,
    Task,
    Subworkflow,
    End,
}

impl KindTag {
    /// The word in JSON and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Action => "action",
            Self::Llm => "llm",
            Self::Condition => "condition",
            Self::Branch => "branch",
            Self::Loop => "loop",
            Self::Wait => "wait",
            Self::Human => "human",
            Self::Task => "task",
            Self::Subworkflow => "subworkflow",
            Self::End => "end",
        }
    }
}

/// How a run starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TriggerSettings {
    /// By whom or what.
    pub trigger: TriggerKind,
    /// JSON Schema of the input that the start form shows and that names resolve against. Null: anything.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub input_schema: Value,
    /// What a schedule does about times that were missed, and about runs that are still going on.
    #[serde(skip_serializing_if = "ScheduleRule::is_default")]
    pub schedule: ScheduleRule,
    /// A condition over `event`: only events for which it holds start a run. Absent: every one of the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

impl TriggerSettings {
    /// The filter, if it says anything.
    pub fn filter_text(&self) -> Option<&str> {
        self.filter.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }
}

/// What a schedule does when it could not fire in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ScheduleRule {
    /// What becomes of missed times.
    pub misfire: Misfire,
    /// A time is left out while a run that an earlier one started is going on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_overlap: bool,
    /// A time that is later than so many milliseconds is left out. Absent: one period; for `all` no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_lateness_ms: Option<u64>,
}

impl ScheduleRule {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of times that were missed, because the server was down or busy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Misfire {
    /// One run for all of them.
    #[default]
    Coalesce,
    /// None, except within a minute.
    Skip,
    /// One run each, the newest 100 at most.
    All,
}

/// By whom or what a run is started. In JSON: `{"on": "webhook", "path": "/orders"}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "on", rename_all = "kebab-case")]
pub enum TriggerKind {
    /// A person or the API.
    #[default]
    Manual,
    /// `POST /hooks/{token}{path}`.
    Webhook {
        /// Starts with `/`; empty means any path.
        #[serde(default)]
        path: String,
        /// When the sender is answered.
        #[serde(default, skip_serializing_if = "WebhookAnswer::is_default")]
        respond: WebhookAnswer,
        /// How the sender proves who it is; absent: by knowing the address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<WebhookProof>,
    },
    /// A cron expression in a zone.
    Schedule {
        /// Five fields.
        cron: String,
        /// IANA name; the organisation's zone when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timezone: Option<String>,
    },
    /// An event such as `customer.created`, or one that others send.
    Event {
        /// The event's name.
        event_type: String,
    },
}

/// When the sender of a webhook is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WebhookAnswer {
    /// As soon as the run is on disk.
    #[default]
    Accepted,
    /// When the run has ended, or after a while.
    Finished,
}

impl WebhookAnswer {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How the sender of a webhook proves who it is. In JSON: `{"by": "signature", "secret": "shop_key"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum WebhookProof {
    /// It signs each request: HMAC-SHA256 in the headers `webhook-id`, `webhook-timestamp` and
    /// `webhook-signature`, as Standard Webhooks say.
    Signature {
        /// The name of the secret that both sides know.
        secret: String,
    },
    /// It sends the secret itself in a header.
    Header {
        /// The header's name.
        header: String,
        /// The name of the secret.
        secret: String,
    },
}

impl WebhookProof {
    /// The name of the secret.
    pub fn secret(&self) -> &str {
        match self {
            Self::Signature { secret } | Self::Header { secret, .. } => secret,
        }
    }
}

/// One tool call with templated input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ActionSettings {
    /// The tool's name or an alias (`customer.get_by_id`, `customer_get`).
    pub tool: String,
    /// Its input; strings are templates.
    #[serde(default)]
    pub parameters: Value,
}

/// One model conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct LlmSettings {
    /// A name for the timeline.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Role and behaviour; a template.
    pub system_prompt: String,
    /// The task; a template.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user_prompt: String,
    /// The model; the organisation's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// 0 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Longest answer, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Text, or JSON that is parsed before it flows on.
    pub output_format: OutputFormat,
    /// JSON Schema that a JSON output must satisfy. Null: any JSON.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub output_schema: Value,
    /// Names of read tools that the model may call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
}

/// The form of a model's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum OutputFormat {
    #[default]
    Text,
    Json,
}

/// Two ways out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConditionSettings {
    /// Truthy takes `true`, else `false`.
    pub expression: String,
}

/// Ordered cases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BranchSettings {
    /// The first that holds is taken; none: `default`.
    pub cases: Vec<BranchCase>,
}

/// One case of a branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BranchCase {
    /// The port's name, unique within the branch, not `default` or `error`.
    pub port: String,
    /// The condition.
    pub when: String,
}

/// For each item of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LoopSettings {
    /// A template or expression that gives a list.
    pub items: String,
    /// A name under which the item is also known in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_variable: Option<String>,
    /// Turns that may run at once; 1 to 100.
    #[serde(default = "LoopSettings::concurrency_default")]
    pub concurrency: u32,
}

impl LoopSettings {
    fn concurrency_default() -> u32 {
        1
    }
}

/// What a wait waits for. In JSON: `{"for": "duration", "duration_ms": 1000}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WaitSettings {
    /// What is waited for.
    #[serde(flatten)]
    pub until: WaitUntil,
}

/// What a wait can wait for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "for", rename_all = "kebab-case")]
pub enum WaitUntil {
    /// A duration.
    Duration {
        /// Milliseconds; 0 to 10 years.
        duration_ms: u64,
    },
    /// A time.
    Time {
        /// A template that gives an RFC 3339 time, or a local time in the organisation's zone.
        at: String,
    },
    /// An outside event, at most so long.
    Event {
        /// The event's name.
        event: String,
        /// A condition over `event`; absent: any event of the name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        condition: Option<String>,
        /// After it the `timeout` port is taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_ms: Option<u64>,
    },
    /// Whichever comes first; it is one wait, and the others are forgotten.
    First {
        /// What is waited for, each with the port it takes.
        of: Vec<WaitAlternative>,
    },
}

/// One of several things a wait waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WaitAlternative {
    /// The port that is taken when this comes first; unique within the wait, not `error`.
    pub port: String,
    /// What is waited for.
    #[serde(flatten)]
    pub what: WaitFor,
}

/// What one alternative waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "for", rename_all = "kebab-case")]
pub enum WaitFor {
    /// A duration.
    Duration {
        /// Milliseconds; 0 to 10 years.
        duration_ms: u64,
    },
    /// A time.
    Time {
        /// A template, as of a wait for one time.
        at: String,
    },
    /// An outside event.
    Event {
        /// The event's name.
        event: String,
        /// A condition over `event`; absent: any event of the name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        condition: Option<String>,
    },
}

/// A person's part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct HumanSettings {
    /// What the person does.
    pub mode: HumanMode,
    /// The question or instruction; a template.
    pub prompt: String,
    /// What the person sees beside it; a template.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub details: Value,
    /// JSON Schema of the answer's form.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub form: Value,
    /// After it the approval expires, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_after_ms: Option<u64>,
}

/// What a person does at a human node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HumanMode {
    /// Approve or reject; ports `approved`, `rejected`.
    #[default]
    Approve,
    /// Fill a form; port `success`, the answer is the output.
    Answer,
    /// Look at `details`, change them or not; ports `approved`, `rejected`.
    Review,
}

/// Work for an outside worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TaskSettings {
    /// What kind of worker does it.
    pub executor: TaskExecutor,
    /// The name that workers claim it by (`cmo`, `crm-sync`). Empty: any worker of the kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub worker: String,
    /// What is to be done; a template.
    pub instructions: String,
    /// What the worker is given; strings are templates. Null: the last output.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub input: Value,
    /// JSON Schema that the reported output must satisfy. Null: anything.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub output_schema: Value,
    /// How long a claim holds without a heartbeat, in milliseconds; one minute unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
    /// How long it waits for a worker before it fails as expired, in milliseconds. Absent: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_within_ms: Option<u64>,
}

/// Kinds of outside worker.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum TaskExecutor {
    #[default]
    Agent,
    Plugin,
    System,
}

impl TaskExecutor {
    /// All kinds of workers.
    pub const ALL: [Self; 3] = [Self::Agent, Self::Plugin, Self::System];

    /// The word in JSON and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Plugin => "plugin",
            Self::System => "system",
        }
    }
}

/// A run of another workflow. The output is `{run, outcome, output}` of that run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SubworkflowSettings {
    /// The workflow's id, or its key.
    pub workflow: String,
    /// Which version; the published one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Its input; strings are templates. Null: the last output.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub input: Value,
}

/// The run's outcome.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct EndSettings {
    /// A template; empty means `completed`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub outcome: String,
    /// The run's output; a template. Null: the last output.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub output: Value,
    /// Do not wait for parallel work.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub terminate: bool,
}

impl NodeKind {
    /// The kind without its settings.
    pub fn tag(&self) -> KindTag {
        match self {
            Self::Trigger(_) => KindTag::Trigger,
            Self::Action(_) => KindTag::Action,
            Self::Llm(_) => KindTag::Llm,
            Self::Condition(_) => KindTag::Condition,
            Self::Branch(_) => KindTag::Branch,
            Self::Loop(_) => KindTag::Loop,
            Self::Wait(_) => KindTag::Wait,
            Self::Human(_) => KindTag::Human,
            Self::Task(_) => KindTag::Task,
            Self::Subworkflow(_) => KindTag::Subworkflow,
            Self::End(_) => KindTag::End,
        }
    }

    /// Whether it asks a tool, a model, a worker or another run for its work. Only such a call can be approved, tried
    /// again, limited in time or put in a queue; every other kind is done at once, or waits.
    pub fn makes_call(&self) -> bool {
        match self {
            Self::Action(action) => {
                let spec = crate::tool::find(&action.tool);
                spec.map_or(action.tool.as_str(), |spec| spec.name.as_str()) != "set_variables"
            }
            Self::Llm(_) | Self::Task(_) | Self::Subworkflow(_) => true,
            _ => false,
        }
    }

    /// Whether its attempts take working time, which a limit of all of them counts. A run of another workflow is waited
    /// for: how long that works is its own matter, and only how long an attempt waits for it is limited here.
    pub fn works(&self) -> bool {
        self.makes_call() && !matches!(self, Self::Subworkflow(_))
    }

    /// The ways out, ordinary ports first, `error` last.
    pub fn ports(&self) -> Vec<&str> {
        match self {
            Self::Trigger(_) => vec!["success"],
            Self::Action(_) | Self::Llm(_) | Self::Task(_) | Self::Subworkflow(_) => {
                vec!["success", "error"]
            }
            Self::Condition(_) => vec!["true", "false", "error"],
            Self::Branch(settings) => {
                let cases = settings.cases.iter().map(|case| case.port.as_str());
                cases.chain(["default", "error"]).collect()
            }
            Self::Loop(_) => vec!["next", "done", "error"],
            Self::Wait(settings) => match &settings.until {
                WaitUntil::Event { .. } => vec!["success", "timeout", "error"],
                WaitUntil::First { of } => {
                    of.iter().map(|one| one.port.as_str()).chain(["error"]).collect()
                }
                _ => vec!["success", "error"],
            },
            Self::Human(settings) => match settings.mode {
                HumanMode::Answer => vec!["success", "error"],
                _ => vec!["approved", "rejected", "error"],
            },
            Self::End(_) => vec![],
        }
    }
}
