//! Deciding approvals: by the world file, by nobody, or at the terminal.

use super::player::Scene;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use signalbox::{
    graph::Node,
    id::ApprovalId,
    run::{ApprovalKind, ApprovalRequest, Decision, world::of_form},
};
use std::io::Write;
use tokio::sync::oneshot;

/// Who decides approvals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Approve {
    /// The world file; what it leaves open is approved
    All,
    /// Nobody
    None,
    /// You, at this terminal
    Ask,
}

/// An approval that waits.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Which.
    pub id: ApprovalId,
    /// At which revision.
    pub revision: u32,
    /// What is asked.
    pub request: ApprovalRequest,
}

/// How it is decided, and after how many milliseconds. `None`: nobody does.
pub async fn decide(
    approve: Approve,
    scene: &Scene,
    node: Option<&Node>,
    pending: &Pending,
    now: DateTime<Utc>,
) -> Option<(u64, Decision)> {
    match approve {
        Approve::None => None,
        Approve::Ask => ask(pending.request.clone()).await.map(|decision| (0, decision)),
        Approve::All => {
            let granted = Decision::Approve { answer: of_form(&pending.request.form) };
            let Some(node) = node else { return Some((0, granted)) };
            let mut props = scene.props();
            let asking = props.asking(node, 0, now);
            props.stage.ruled_decision(&asking, &pending.request).unwrap_or(Some((0, granted)))
        }
    }
}

/// Asks at the terminal. On a thread of its own: reading it cannot be broken off.
async fn ask(request: ApprovalRequest) -> Option<Decision> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = tell.send(ask_now(&request));
    });
    told.await.ok().flatten()
}

fn ask_now(request: &ApprovalRequest) -> Option<Decision> {
    show(request);
    loop {
        let word = read("  a = approve, r = reject, l = leave it: ")?;
        match word.to_lowercase().as_str() {
            "a" | "approve" => match answer(&request.form)? {
                Ok(answer) => return Some(Decision::Approve { answer }),
                Err(message) => eprintln!("  {message}"),
            },
            "r" | "reject" => {
                let reason = read("  Reason: ")?;
                return Some(Decision::Reject { reason, retry: false });
            }
            "l" | "leave" => return None,
            _ => {}
        }
    }
}

/// The finished message, or whatever is decided about.
fn show(request: &ApprovalRequest) {
    let word = match request.kind {
        ApprovalKind::Message => "A message waits for approval",
        ApprovalKind::Answer => "An answer is needed",
        ApprovalKind::Review => "An output waits for review",
        _ => "A decision is needed",
    };
    eprintln!("\n  {word}: {}", plain(&request.title));
    if !request.prompt.is_empty() {
        eprintln!("  {}", plain(&request.prompt));
    }
    let text = |key: &str| request.subject.get(key).and_then(Value::as_str);
    if let (Some(to), Some(subject)) = (text("recipient"), text("subject")) {
        eprintln!("\n  To: {}\n  Subject: {}\n", plain(to), plain(subject));
        text("body").unwrap_or_default().lines().for_each(|line| eprintln!("  {}", plain(line)));
    } else if !request.subject.is_null() {
        let pretty = serde_json::to_string_pretty(&request.subject).unwrap_or_default();
        pretty.lines().for_each(|line| eprintln!("  {}", plain(line)));
    }
    eprintln!();
}

/// Asks for each field of a form. The outer `None`: the terminal is closed.
fn answer(form: &Value) -> Option<Result<Value, String>> {
    let Some(fields) = form.get("properties").and_then(Value::as_object) else {
        return Some(Ok(Value::Null));
    };
    let required = form.get("required").and_then(Value::as_array);
    let mut answer = Map::new();
    for (name, schema) in fields {
        let is_required = required.is_some_and(|names| names.iter().any(|one| one == name));
        let kind = schema.get("type").and_then(Value::as_str).unwrap_or("any");
        let title = schema.get("title").and_then(Value::as_str).unwrap_or(name);
        let hint = if is_required { "" } else { ", empty = none" };
        let word = read(&format!("  {} ({kind}{hint}): ", plain(title)))?;
        if word.is_empty() && !is_required {
            continue;
        }
        match value_of(kind, &word) {
            Some(value) => answer.insert(name.clone(), value),
            None => return Some(Err(format!("{name} must be of type {kind}."))),
        };
    }
    Some(Ok(Value::Object(answer)))
}

fn value_of(kind: &str, word: &str) -> Option<Value> {
    let json = || serde_json::from_str::<Value>(word).ok();
    match kind {
        "string" => Some(Value::String(word.to_owned())),
        "boolean" => match word.to_lowercase().as_str() {
            "true" | "yes" | "y" => Some(Value::Bool(true)),
            "false" | "no" | "n" => Some(Value::Bool(false)),
            _ => None,
        },
        "integer" => json().filter(|value| value.is_i64() || value.is_u64()),
        "number" => json().filter(Value::is_number),
        "array" => json().filter(Value::is_array),
        "object" => json().filter(Value::is_object),
        _ => Some(json().unwrap_or_else(|| Value::String(word.to_owned()))),
    }
}

/// A line from the terminal; `None` when it is closed.
fn read(prompt: &str) -> Option<String> {
    eprint!("{prompt}");
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(read) if read > 0 => Some(line.trim().to_owned()),
        _ => None,
    }
}

/// Without what a terminal would take for a command.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_are_read_as_the_form_wants_them() {
        let check = |kind: &str, word: &str, expected: Option<Value>| {
            assert_eq!(value_of(kind, word), expected, "{kind} {word}");
        };
        check("string", "12", Some(json!("12")));
        check("integer", "12", Some(json!(12)));
        check("integer", "1.5", None);
        check("number", "1.5", Some(json!(1.5)));
        check("boolean", "Yes", Some(json!(true)));
        check("boolean", "perhaps", None);
        check("array", "[1]", Some(json!([1])));
        check("any", "{\"a\": 1}", Some(json!({"a": 1})));
        check("any", "plain", Some(json!("plain")));
        assert_eq!(plain("a\u{1b}[2Jb\n"), "a [2Jb ");
    }
}
