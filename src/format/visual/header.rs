//! What holds for the whole workflow: name, description, variables, secrets, timeout, retries, schedule.

use super::config::Config;
use crate::graph::{Problem, Settings, TriggerKind};
use serde_json::{Map, Value, json};

/// A workflow's header.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    pub name: String,
    pub description: String,
    pub settings: Settings,
    /// `config.schedule`, which makes the trigger one of schedule.
    pub schedule: Option<TriggerKind>,
}

/// Reads the object that holds `name`, `description` and `config`.
pub fn read(holder: &Value) -> (Header, Vec<Problem>) {
    let mut config = Config::new(holder.get("config"));
    let settings = Settings {
        variables: config.object("variables"),
        secrets: config.object("secrets"),
        retry: config.retry(),
        timeout_ms: config.whole("timeout", 1 << 45).filter(|timeout| *timeout > 0),
        turns_max: config.whole("maxTurns", 1_000_000).map(|turns| turns as u32),
        ..Settings::default()
    };
    let schedule = config.get("schedule").and_then(read_schedule);
    if config.get("schedule").is_some() && schedule.is_none() {
        config.ignore("schedule", "a schedule with a `cron`");
    }
    let text = |key: &str| holder.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let header =
        Header { name: text("name"), description: text("description"), settings, schedule };
    (header, config.problems("The workflow"))
}

/// `{cron, timezone}`, or the cron expression alone.
pub fn read_schedule(value: &Value) -> Option<TriggerKind> {
    let cron = value.as_str().or_else(|| value.get("cron")?.as_str())?;
    let timezone = value.get("timezone").and_then(Value::as_str).map(str::to_owned);
    Some(TriggerKind::Schedule { cron: cron.to_owned(), timezone })
}

/// The header's object without the steps. Absent parts are left out.
pub fn write(header: &Header) -> Map<String, Value> {
    let mut config = Map::new();
    let settings = &header.settings;
    if let Some(timeout_ms) = settings.timeout_ms {
        config.insert("timeout".into(), timeout_ms.into());
    }
    if let Some(retry) = &settings.retry {
        config.insert("retryPolicy".into(), super::encode::retry(retry));
    }
    if let Some(turns) = settings.turns_max {
        config.insert("maxTurns".into(), turns.into());
    }
    for (key, fields) in [("variables", &settings.variables), ("secrets", &settings.secrets)] {
        if !fields.is_empty() {
            config.insert(key.into(), Value::Object(fields.clone()));
        }
    }
    if let Some(TriggerKind::Schedule { cron, timezone }) = &header.schedule {
        let mut schedule = json!({ "cron": cron });
        if let Some(timezone) = timezone {
            schedule["timezone"] = json!(timezone);
        }
        config.insert("schedule".into(), schedule);
    }
    let mut fields = Map::from_iter([("name".to_owned(), json!(header.name))]);
    if !header.description.is_empty() {
        fields.insert("description".into(), json!(header.description));
    }
    if !config.is_empty() {
        fields.insert("config".into(), Value::Object(config));
    }
    fields
}
