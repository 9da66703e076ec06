//! References to a step (`steps.<id>`) inside templates and expressions: finding and renaming them.
//!
//! Works on the text inside `{{…}}`, and on whole texts of fields that are expressions. Quoted text
//! is left alone. Deliberately absent: parsing; a text that does not parse is renamed all the same.

use serde_json::Value;
use signalbox::graph::{Graph, GraphEdit, Node, NodeKind, Policy};
use signalbox::id::NodeId;

/// Fields whose whole text is an expression, wherever they are in a node's JSON.
const EXPRESSION_FIELDS: [&str; 5] = ["expression", "when", "condition", "items", "filter"];

/// The nodes that refer to a step, in the graph's order.
pub fn users(graph: &Graph, of: &NodeId) -> Vec<NodeId> {
    let uses = |node: &&Node| renamed(node, of, &NodeId::from("\u{0}")).is_some();
    graph.nodes.iter().filter(uses).map(|node| node.id.clone()).collect()
}

/// The edits that rename a step and everything that refers to it.
pub fn rename(graph: &Graph, id: &NodeId, to: &NodeId) -> Vec<GraphEdit> {
    let mut edits = vec![GraphEdit::RenameNode { id: id.clone(), to: to.clone() }];
    for node in &graph.nodes {
        let Some((kind, policy)) = renamed(node, id, to) else { continue };
        let own = if node.id == *id { to.clone() } else { node.id.clone() };
        if kind != node.kind {
            edits.push(GraphEdit::ConfigureNode { id: own.clone(), kind: Box::new(kind) });
        }
        if policy != node.policy {
            edits.push(GraphEdit::SetPolicy { id: own, policy: Box::new(policy) });
        }
    }
    edits
}

/// The settings and policy of a node with references renamed; none when it has none.
pub fn renamed(node: &Node, id: &NodeId, to: &NodeId) -> Option<(NodeKind, Policy)> {
    let mut kind = serde_json::to_value(&node.kind).ok()?;
    let mut policy = serde_json::to_value(&node.policy).ok()?;
    let mut changed = in_value(&mut kind, false, id.as_str(), to.as_str(), 0);
    changed |= in_value(&mut policy, false, id.as_str(), to.as_str(), 0);
    if !changed {
        return None;
    }
    Some((serde_json::from_value(kind).ok()?, serde_json::from_value(policy).ok()?))
}

fn in_value(value: &mut Value, expression: bool, id: &str, to: &str, depth: usize) -> bool {
    if depth > signalbox::expr::limits::MAX_DEPTH {
        return false;
    }
    match value {
        Value::String(text) => match in_text(text, expression, id, to) {
            Some(new) => {
                *text = new;
                true
            }
            None => false,
        },
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |any, item| in_value(item, expression, id, to, depth + 1) | any),
        Value::Object(fields) => fields.iter_mut().fold(false, |any, (name, field)| {
            let expression = EXPRESSION_FIELDS.contains(&name.as_str());
            in_value(field, expression, id, to, depth + 1) | any
        }),
        _ => false,
    }
}

/// The text with its references renamed; none when there are none.
fn in_text(text: &str, expression: bool, id: &str, to: &str) -> Option<String> {
    if !text.contains("steps") {
        return None;
    }
    if expression {
        return in_code(text, id, to);
    }
    let mut out = String::with_capacity(text.len());
    let mut changed = false;
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let (before, from) = rest.split_at(start + 2);
        out.push_str(before);
        let end = from.find("}}").unwrap_or(from.len());
        let (code, after) = from.split_at(end);
        match in_code(code, id, to) {
            Some(new) => {
                changed = true;
                out.push_str(&new);
            }
            None => out.push_str(code),
        }
        rest = after;
    }
    out.push_str(rest);
    changed.then_some(out)
}

/// Source with `steps.<id>` and `steps["<id>"]` renamed; none when there are none.
fn in_code(code: &str, id: &str, to: &str) -> Option<String> {
    let mut out = String::with_capacity(code.len());
    let mut changed = false;
    let mut quote: Option<char> = None;
    let mut at = 0;
    while let Some(c) = code[at..].chars().next() {
        if let Some(open) = quote {
            if c == open {
                quote = None;
            }
        } else if c == '"' || c == '\'' {
            quote = Some(c);
        } else if let Some((length, new)) = reference(&code[at..], id, to)
            && !code[..at].ends_with(|c: char| is_name(c) || c == '.')
        {
            out.push_str(&new);
            at += length;
            changed = true;
            continue;
        }
        out.push(c);
        at += c.len_utf8();
    }
    changed.then_some(out)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// A reference to the step at the start of the source: its length, and the new one.
fn reference(code: &str, id: &str, to: &str) -> Option<(usize, String)> {
    let rest = code.strip_prefix("steps")?;
    if let Some(rest) = rest.strip_prefix('.') {
        let after = rest.strip_prefix(id)?;
        // `steps.get` is not `steps.get_customer`.
        let ends = !after.starts_with(|c: char| is_name(c) || c == '-' && is_slug_char(after));
        let dotted = to.chars().all(is_name) && !to.starts_with(|c: char| c.is_ascii_digit());
        let new = if dotted { format!("steps.{to}") } else { format!("steps[\"{to}\"]") };
        return ends.then(|| (code.len() - after.len(), new));
    }
    for quote in ['"', '\''] {
        let inner = format!("[{quote}{id}{quote}]");
        if let Some(after) = rest.strip_prefix(inner.as_str()) {
            return Some((code.len() - after.len(), format!("steps[{quote}{to}{quote}]")));
        }
    }
    None
}

/// Whether a dash goes on with a letter, as in a slug, rather than being a minus.
fn is_slug_char(after: &str) -> bool {
    after.chars().nth(1).is_some_and(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::model::document::Document;
    use signalbox::graph::{ActionSettings, ConditionSettings};

    #[test]
    fn references_are_renamed_where_they_are_meant() {
        let cases = [
            (
                "Hi {{steps.a.output.name}}, steps.a",
                false,
                Some("Hi {{steps.b.output.name}}, steps.a"),
            ),
            ("{{ steps.a.output || 'steps.a' }}", false, Some("{{ steps.b.output || 'steps.a' }}")),
            ("{{steps.ab.output}}", false, None),
            ("{{mysteps.a.output}} {{x.steps.a}}", false, None),
            (
                "steps.a.output > 1 && steps[\"a\"].x",
                true,
                Some("steps.b.output > 1 && steps[\"b\"].x"),
            ),
            ("plain", true, None),
            ("{{steps.a", false, Some("{{steps.b")),
        ];
        for (text, expression, expected) in cases {
            assert_eq!(in_text(text, expression, "a", "b").as_deref(), expected, "{text}");
        }
        assert_eq!(
            in_text("{{steps.a.x}}", false, "a", "b-c").as_deref(),
            Some("{{steps[\"b-c\"].x}}")
        );
    }

    #[test]
    fn renaming_a_step_renames_its_users_and_is_one_entry() {
        let kind = NodeKind::Action(ActionSettings {
            tool: "email.send".into(),
            parameters: serde_json::json!({"to": "{{steps.first.output.email}}", "n": [{"x": "{{steps.first.error}}"}]}),
        });
        let condition =
            NodeKind::Condition(ConditionSettings { expression: "steps.other.output".into() });
        let graph = Graph {
            nodes: vec![
                Node::new("first", NodeKind::End(Default::default())),
                Node::new("mail", kind),
                Node::new("check", condition),
            ],
            ..Graph::default()
        };
        assert_eq!(users(&graph, &"first".into()), vec!["mail".into()]);
        let edits = rename(&graph, &"first".into(), &"one".into());
        let mut document = Document::new(graph.clone());
        document.commit("Rename", edits, None).expect("renamed");
        let text = serde_json::to_string(document.graph()).expect("json");
        assert!(text.contains("steps.one.output.email") && text.contains("steps.one.error"));
        assert!(!text.contains("steps.first"));
        document.undo();
        assert_eq!(document.graph(), &graph);
    }
}
