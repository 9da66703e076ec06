//! Secrets that are written into the workflow, where everyone who sees it can read them. The message never
//! repeats them.

use super::draft::Draft;
use super::fixes;
use super::texts::escape;
use crate::graph::{GraphEdit, Node, NodeKind, Problem, Severity};
use serde_json::{Value, json};

/// How well-known keys begin, and how long they are at least.
const PREFIXES: [(&str, usize); 19] = [
    ("sk_live_", 12),
    ("sk_test_", 12),
    ("rk_live_", 12),
    ("pk_live_", 12),
    ("whsec_", 16),
    ("sk-ant-", 20),
    ("sk-proj-", 20),
    ("sk-", 24),
    ("ghp_", 20),
    ("gho_", 20),
    ("github_pat_", 24),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("AKIA", 20),
    ("AIza", 30),
    ("SG.", 24),
    ("shpat_", 20),
    ("-----BEGIN ", 40),
];
/// Fields whose value is a secret by their name.
const FIELDS: [&str; 10] = [
    "apikey",
    "apisecret",
    "secret",
    "password",
    "passwd",
    "accesstoken",
    "authtoken",
    "privatekey",
    "clientsecret",
    "authorization",
];
/// A shorter literal is a placeholder.
const LITERAL_MIN: usize = 6;

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    for (index, node) in draft.nodes() {
        let mut found = Vec::new();
        match &node.kind {
            // By far the most common, and checked on every edit: its other fields are names.
            NodeKind::Action(action) => walk(&action.parameters, "/parameters", "", &mut found),
            kind => walk(&serde_json::to_value(kind).unwrap_or_default(), "", "", &mut found),
        }
        for (field, name) in found {
            let message = format!(
                "{} has a key or password written into it. Store it as a secret and read it as {{{{secrets.{name}}}}}.",
                draft.title(index)
            );
            let problem = Problem::new("hard-coded-secret", Severity::Warning, message);
            let problem = problem.at(&node.id).field(&field);
            problems.push(match from_store(node, &field, &name) {
                Some(edit) => problem.fix(format!("Read it from the secret {name}"), vec![edit]),
                None => problem,
            });
        }
    }
    let mut found = Vec::new();
    for (name, value) in &draft.graph.settings.variables {
        walk(value, &format!("/settings/variables/{}", escape(name)), name, &mut found);
    }
    for (field, name) in found {
        let message = format!(
            "The workflow's variable {name} holds a key or password. Store it as a secret."
        );
        problems.push(Problem::new("hard-coded-secret", Severity::Warning, message).field(field));
    }
}

/// Finds secrets in a value: where they stand, and what to call them.
fn walk(value: &Value, pointer: &str, name: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) if is_secret(name, text) => {
            let name =
                if name.is_empty() || name.parse::<usize>().is_ok() { "apiKey" } else { name };
            found.push((
                pointer.to_owned(),
                name.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect(),
            ));
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(item, &format!("{pointer}/{at}"), name, found);
            }
        }
        Value::Object(fields) => {
            // `{name: "apiKey", value: "…"}` is how variables are listed.
            let listed = fields.get("name").and_then(Value::as_str);
            for (key, item) in fields {
                let name = if key == "value" { listed.unwrap_or(key) } else { key };
                walk(item, &format!("{pointer}/{}", escape(key)), name, found);
            }
        }
        _ => {}
    }
}

fn is_secret(name: &str, text: &str) -> bool {
    if text.len() < LITERAL_MIN {
        return false;
    }
    let words = text.split(|c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '=' | ',' | ':' | ';' | '(' | ')')
    });
    let known = |word: &str| {
        let fits =
            |(prefix, least): &(&str, usize)| word.len() >= *least && word.starts_with(prefix);
        PREFIXES.iter().any(fits) && !word.contains("{{")
    };
    words.into_iter().any(known)
        || has_bearer(text)
        || text.starts_with("-----BEGIN ")
        || is_field(name, text)
}

/// `Bearer abcdef…`.
fn has_bearer(text: &str) -> bool {
    let at = ["Bearer ", "bearer ", "Basic "]
        .iter()
        .find_map(|word| Some(text.find(word)? + word.len()));
    let token = at.and_then(|at| text[at..].split_whitespace().next());
    let letter = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    token.is_some_and(|token| token.len() >= 16 && token.chars().all(letter))
}

fn is_field(name: &str, text: &str) -> bool {
    let name: String =
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let literal = text.len() >= LITERAL_MIN && !text.contains("{{") && !text.trim().contains(' ');
    literal
        && FIELDS
            .iter()
            .any(|field| name == *field || (name.ends_with(field) && *field != "secret"))
}

fn from_store(node: &Node, field: &str, name: &str) -> Option<GraphEdit> {
    let settings = serde_json::to_value(&node.kind).ok()?;
    // Only a whole value can be replaced: in a sentence nobody knows where the key ends.
    let text = settings.pointer(field)?.as_str()?;
    let replacement = match text.split_once(' ') {
        Some((scheme @ ("Bearer" | "bearer" | "Basic"), rest)) if !rest.contains(' ') => {
            format!("{scheme} {{{{secrets.{name}}}}}")
        }
        Some(_) => return None,
        None => format!("{{{{secrets.{name}}}}}"),
    };
    fixes::replace(node, field, json!(replacement))
}
