//! One node as a step, in the way its document spells things. `nextSteps` stands apart (see `write`).

use super::OWN_KEY;
use super::step::Dialect;
use super::tool_name;
use crate::graph::{
    EndSettings, LlmSettings, LoopSettings, Node, NodeKind, OutputFormat, Policy, RetryPolicy,
    ScheduleRule, TriggerKind, TriggerSettings, WebhookAnswer,
};
use serde_json::{Map, Value, json};

/// The step without `nextSteps`. `schedule_apart`: the schedule is written in the header.
pub fn step(node: &Node, dialect: Dialect, schedule_apart: bool) -> Map<String, Value> {
    let mut step = Map::from_iter([("stepSlug".to_owned(), json!(node.id))]);
    if !node.label.is_empty() {
        step.insert("name".into(), json!(node.label));
    }
    let (step_type, mut config) = kind(node, dialect, schedule_apart);
    step.insert("stepType".into(), step_type);
    if !node.description.is_empty() {
        let holder = if dialect.description_in_config { &mut config } else { &mut step };
        holder.insert("description".into(), json!(node.description));
    }
    if !dialect.type_is_tool {
        if let Some(retry) = &node.policy.retry {
            config.insert("retryPolicy".into(), self::retry(retry));
        }
        if let Some(timeout_ms) = node.policy.timeout_ms {
            config.insert("timeout".into(), json!(timeout_ms));
        }
    }
    step.insert("config".into(), Value::Object(config));
    let rest = Policy { retry: None, timeout_ms: None, ..node.policy.clone() };
    if rest != Policy::default() {
        step.insert(OWN_KEY.into(), json!({ "policy": rest }));
    }
    if let Some(contract) = &node.contract {
        let own = step.entry(OWN_KEY).or_insert_with(|| json!({}));
        own["contract"] = json!(contract);
    }
    if let Some(webhook) = own_webhook(node) {
        let own = step.entry(OWN_KEY).or_insert_with(|| json!({}));
        own["webhook"] = webhook;
    }
    step
}

/// What the format has no word for in a webhook.
fn own_webhook(node: &Node) -> Option<Value> {
    let NodeKind::Trigger(settings) = &node.kind else { return None };
    let TriggerKind::Webhook { respond, proof, .. } = &settings.trigger else { return None };
    let mut own = Map::new();
    if *respond != WebhookAnswer::default() {
        own.insert("respond".into(), json!(respond));
    }
    if let Some(proof) = proof {
        own.insert("proof".into(), json!(proof));
    }
    (!own.is_empty()).then_some(Value::Object(own))
}

/// `{maxRetries, backoffMs}`.
pub fn retry(retry: &RetryPolicy) -> Value {
    let mut value = json!({ "maxRetries": retry.retries_max, "backoffMs": retry.backoff_ms });
    if !retry.retry_on.is_empty() {
        value["retryOn"] = json!(retry.retry_on);
    }
    value
}

fn kind(node: &Node, dialect: Dialect, schedule_apart: bool) -> (Value, Map<String, Value>) {
    let config = match &node.kind {
        NodeKind::Trigger(settings) => trigger(settings, dialect, schedule_apart),
        NodeKind::Action(action) if dialect.type_is_tool => {
            let config = action.parameters.as_object().cloned().unwrap_or_default();
            return (json!(action.tool), config);
        }
        NodeKind::Action(action) => {
            let (kind, parameters) = tool_name::write(action, dialect.spelling);
            let mut config = fields(json!({ "type": kind }));
            if !parameters.is_null() {
                config.insert("parameters".into(), parameters);
            }
            config
        }
        NodeKind::Llm(settings) if dialect.llm_nested => {
            fields(json!({ "llmNode": llm(settings) }))
        }
        NodeKind::Llm(settings) => llm(settings),
        NodeKind::Condition(settings) => fields(json!({ "expression": settings.expression })),
        NodeKind::Loop(settings) => each(settings),
        NodeKind::End(settings) if dialect.output_step && is_output(settings) => {
            return (json!("output"), fields(json!({ "outputMapping": settings.output })));
        }
        own => own_settings(own),
    };
    (json!(node.kind.tag().as_str()), config)
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// An end that only says what the output is.
fn is_output(settings: &EndSettings) -> bool {
    *settings == EndSettings { output: settings.output.clone(), ..EndSettings::default() }
}

/// Kinds that the format has no step for are written with our own settings.
fn own_settings(kind: &NodeKind) -> Map<String, Value> {
    let mut config = fields(serde_json::to_value(kind).unwrap_or_default());
    config.shift_remove("type");
    config
}

fn trigger(
    settings: &TriggerSettings,
    dialect: Dialect,
    schedule_apart: bool,
) -> Map<String, Value> {
    let mut config = Map::new();
    match &settings.trigger {
        TriggerKind::Schedule { .. } if schedule_apart => {
            config.insert("type".into(), json!("manual"));
        }
        TriggerKind::Manual => {
            config.insert("type".into(), json!("manual"));
        }
        TriggerKind::Webhook { path, .. } => {
            config.insert("type".into(), json!("webhook"));
            if !path.is_empty() {
                config.insert("path".into(), json!(path));
            }
        }
        TriggerKind::Schedule { cron, timezone } => {
            config.insert("type".into(), json!("schedule"));
            let key = if dialect.cron_in_schedule { "schedule" } else { "cron" };
            config.insert(key.into(), json!(cron));
            if let Some(timezone) = timezone {
                config.insert("timezone".into(), json!(timezone));
            }
        }
        TriggerKind::Event { event_type } => {
            config.insert("type".into(), json!("event"));
            config.insert("eventType".into(), json!(event_type));
        }
    }
    if !settings.input_schema.is_null() {
        config.insert("inputSchema".into(), settings.input_schema.clone());
    }
    let mut own = Map::new();
    if settings.schedule != ScheduleRule::default() {
        own.insert("schedule".into(), json!(settings.schedule));
    }
    if let Some(filter) = &settings.filter {
        own.insert("filter".into(), json!(filter));
    }
    if !own.is_empty() {
        config.insert(OWN_KEY.into(), Value::Object(own));
    }
    config
}

fn each(settings: &LoopSettings) -> Map<String, Value> {
    let mut config = fields(json!({ "items": settings.items }));
    if let Some(name) = &settings.item_variable {
        config.insert("itemVariable".into(), json!(name));
    }
    if settings.concurrency != 1 {
        config.insert("concurrency".into(), json!(settings.concurrency));
    }
    config
}

fn llm(settings: &LlmSettings) -> Map<String, Value> {
    let mut config = Map::new();
    if !settings.name.is_empty() {
        config.insert("name".into(), json!(settings.name));
    }
    config.insert("systemPrompt".into(), json!(settings.system_prompt));
    if !settings.user_prompt.is_empty() {
        config.insert("userPrompt".into(), json!(settings.user_prompt));
    }
    if let Some(model) = &settings.model {
        config.insert("model".into(), json!(model));
    }
    if let Some(temperature) = settings.temperature {
        config.insert("temperature".into(), json!(temperature));
    }
    if let Some(max_tokens) = settings.max_tokens {
        config.insert("maxTokens".into(), json!(max_tokens));
    }
    let format = match settings.output_format {
        OutputFormat::Text => "text",
        OutputFormat::Json => "json",
    };
    config.insert("outputFormat".into(), json!(format));
    if !settings.output_schema.is_null() {
        config.insert("outputSchema".into(), settings.output_schema.clone());
    }
    if !settings.tools.is_empty() {
        config.insert("tools".into(), json!(settings.tools));
    }
    config
}

#[cfg(test)]
mod tests {
    use crate::format::{Format, export, import};
    use crate::graph::{NodeKind, TriggerKind, WebhookAnswer, WebhookProof};
    use serde_json::json;

    #[test]
    fn what_the_format_has_no_word_for_in_a_webhook_comes_back() {
        let document = json!({ "name": "Shop", "steps": [
            { "stepSlug": "start", "stepType": "trigger", "config": { "type": "webhook", "path": "/orders" },
              "nextSteps": { "success": "finish" } },
        ] });
        let mut graph = import(&document).unwrap().graph;
        let plain = export(&graph, "Shop", "", Format::VisualWorkflow).unwrap();
        assert_eq!(plain, document, "nothing of ours where nothing was set");
        let NodeKind::Trigger(settings) = &mut graph.nodes[0].kind else { panic!() };
        settings.trigger = TriggerKind::Webhook {
            path: "/orders".into(),
            respond: WebhookAnswer::Finished,
            proof: Some(WebhookProof::Header { header: "X-Key".into(), secret: "shop_key".into() }),
        };
        let written = export(&graph, "Shop", "", Format::VisualWorkflow).unwrap();
        assert_eq!(written["steps"][0]["config"], document["steps"][0]["config"]);
        assert_eq!(import(&written).unwrap().graph.nodes[0].kind, graph.nodes[0].kind);
    }
}
