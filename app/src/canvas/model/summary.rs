//! The one line under a node's title: what it does, in words.

use serde_json::Value;
use signalbox::graph::{
    HumanMode, Node, NodeKind, TriggerKind, WaitAlternative, WaitFor, WaitUntil,
};
use signalbox::tool::ToolSpec;

/// The word for the kind: `Trigger`, `Model step`.
pub fn kind_word(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Trigger(_) => "Trigger",
        NodeKind::Action(_) => "Action",
        NodeKind::Llm(_) => "Model step",
        NodeKind::Condition(_) => "Condition",
        NodeKind::Branch(_) => "Branch",
        NodeKind::Loop(_) => "Loop",
        NodeKind::Wait(_) => "Wait",
        NodeKind::Human(_) => "Person",
        NodeKind::Task(_) => "Task",
        NodeKind::Subworkflow(_) => "Workflow",
        NodeKind::End(_) => "End",
    }
}

/// What a node does: `Email to {{input.email}}`. One line; the view cuts it.
pub fn summary(node: &Node, tool: Option<&ToolSpec>) -> String {
    match &node.kind {
        NodeKind::Trigger(settings) => trigger(&settings.trigger),
        NodeKind::Action(settings) => {
            let label = tool.map_or(settings.tool.as_str(), |tool| tool.label.as_str());
            if label.is_empty() {
                return "No tool chosen".to_owned();
            }
            match telling(&settings.parameters) {
                Some(value) => format!("{label}: {value}"),
                None => label.to_owned(),
            }
        }
        NodeKind::Llm(settings) => {
            let prompt = [&settings.user_prompt, &settings.system_prompt];
            let said = prompt.into_iter().find(|text| !text.trim().is_empty());
            said.map_or("No prompt yet".to_owned(), |text| first_line(text))
        }
        NodeKind::Condition(settings) => or(&settings.expression, "No condition yet"),
        NodeKind::Branch(settings) => match settings.cases.len() {
            1 => "1 case, else default".to_owned(),
            count => format!("{count} cases, else default"),
        },
        NodeKind::Loop(settings) => match settings.items.trim() {
            "" => "No list yet".to_owned(),
            items => format!("For each of {}", first_line(items)),
        },
        NodeKind::Wait(settings) => wait(&settings.until),
        NodeKind::Human(settings) => {
            let verb = match settings.mode {
                HumanMode::Approve => "Approve",
                HumanMode::Answer => "Answer",
                HumanMode::Review => "Review",
            };
            match settings.prompt.trim() {
                "" => verb.to_owned(),
                prompt => format!("{verb}: {}", first_line(prompt)),
            }
        }
        NodeKind::Task(settings) => {
            let whom = match settings.worker.trim() {
                "" => format!("Any {}", settings.executor.as_str()),
                worker => worker.to_owned(),
            };
            match settings.instructions.trim() {
                "" => whom,
                words => format!("{whom}: {}", first_line(words)),
            }
        }
        NodeKind::Subworkflow(settings) => match settings.version {
            Some(version) => {
                format!("{}, version {version}", or(&settings.workflow, "No workflow"))
            }
            None => or(&settings.workflow, "No workflow chosen"),
        },
        NodeKind::End(settings) => {
            let outcome = if settings.outcome.is_empty() { "completed" } else { &settings.outcome };
            format!("Outcome: {}", first_line(outcome))
        }
    }
}

fn trigger(kind: &TriggerKind) -> String {
    match kind {
        TriggerKind::Manual => "Started by a person or the API".to_owned(),
        TriggerKind::Webhook { path, .. } if path.is_empty() => "Webhook, any path".to_owned(),
        TriggerKind::Webhook { path, .. } => format!("Webhook {path}"),
        TriggerKind::Schedule { cron, timezone } => match timezone {
            Some(zone) => format!("Schedule {cron} ({zone})"),
            None => format!("Schedule {cron}"),
        },
        TriggerKind::Event { event_type } => format!("On {}", or(event_type, "an event")),
    }
}

fn wait(until: &WaitUntil) -> String {
    match until {
        WaitUntil::Duration { duration_ms } => format!("For {}", duration(*duration_ms)),
        WaitUntil::Time { at } => format!("Until {}", or(at, "a time")),
        WaitUntil::Event { event, limit_ms, .. } => {
            let event = or(event, "an event");
            match limit_ms {
                Some(limit) => format!("For {event}, at most {}", duration(*limit)),
                None => format!("For {event}"),
            }
        }
        WaitUntil::First { of } => {
            let one = |one: &WaitAlternative| match &one.what {
                WaitFor::Duration { duration_ms } => duration(*duration_ms),
                WaitFor::Time { at } => format!("until {}", or(at, "a time")),
                WaitFor::Event { event, .. } => or(event, "an event"),
            };
            let words: Vec<String> = of.iter().map(one).collect();
            format!("For the first of {}", or(&words.join(", "), "nothing yet"))
        }
    }
}

/// A duration in its largest whole unit: `3 days`, `90 minutes`.
pub fn duration(ms: u64) -> String {
    let units = [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second")];
    for (size, unit) in units {
        if ms >= size && ms.is_multiple_of(size) {
            let count = ms / size;
            return format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
        }
    }
    format!("{ms} ms")
}

/// The parameter that says most about a call.
fn telling(parameters: &Value) -> Option<String> {
    const NAMES: [&str; 10] = [
        "to",
        "url",
        "title",
        "subject",
        "customerId",
        "customer_id",
        "expression",
        "query",
        "name",
        "id",
    ];
    let named = NAMES.iter().filter_map(|name| parameters.get(name)).find_map(Value::as_str);
    named.filter(|text| !text.trim().is_empty()).map(first_line)
}

fn or(text: &str, otherwise: &str) -> String {
    if text.trim().is_empty() { otherwise.to_owned() } else { first_line(text) }
}

/// The first line that says something, at most 120 characters.
fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use signalbox::graph::{ActionSettings, LlmSettings, WaitSettings};

    #[test]
    fn nodes_say_what_they_do() {
        let action = |tool: &str, parameters: Value| {
            NodeKind::Action(ActionSettings { tool: tool.into(), parameters })
        };
        let wait = |duration_ms| {
            NodeKind::Wait(WaitSettings { until: WaitUntil::Duration { duration_ms } })
        };
        let llm = LlmSettings {
            user_prompt: "\n  Write a mail\nto her".into(),
            ..LlmSettings::default()
        };
        let cases = [
            (action("email.send", json!({"to": "{{input.email}}"})), "email.send: {{input.email}}"),
            (action("", json!(null)), "No tool chosen"),
            (action("set_variables", json!({"variables": {}})), "set_variables"),
            (wait(172_800_000), "For 2 days"),
            (wait(5_400_000), "For 90 minutes"),
            (wait(1_500), "For 1500 ms"),
            (NodeKind::Llm(llm), "Write a mail"),
            (NodeKind::End(Default::default()), "Outcome: completed"),
        ];
        for (kind, words) in cases {
            assert_eq!(summary(&Node::new("a", kind), None), words);
        }
    }
}
