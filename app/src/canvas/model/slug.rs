//! Slugs for new nodes and ids for new edges.

use signalbox::graph::{Edge, Graph, NodeKind};
use signalbox::id::NodeId;

/// A slug made of words: lower case letters, digits and `_`; `step` when nothing is left.
pub fn slug(words: &str) -> String {
    let mut text = String::new();
    for c in words.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            text.push(c);
        } else if !text.is_empty() && !text.ends_with('_') {
            text.push('_');
        }
        if text.chars().count() >= 60 {
            break;
        }
    }
    let text = text.trim_end_matches('_');
    if text.is_empty() { "step".to_owned() } else { text.to_owned() }
}

/// `wanted`, or `wanted_2`, `wanted_3` … until nothing has it.
pub fn free(wanted: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(wanted) {
        return wanted.to_owned();
    }
    // A graph is bounded, so one of these is free.
    let numbered = (2u32..).map(|number| format!("{wanted}_{number}"));
    numbered.into_iter().find(|text| !taken(text)).unwrap_or_else(|| wanted.to_owned())
}

/// A free id for a node of this kind.
pub fn node_id(graph: &Graph, kind: &NodeKind) -> NodeId {
    let wanted = match kind {
        NodeKind::Action(settings) => slug(&settings.tool),
        other => slug(other.tag().as_str()),
    };
    NodeId(free(&wanted, |text| graph.nodes.iter().any(|node| node.id.as_str() == text)))
}

/// An edge with a free id: the one that importers would make, numbered when it is taken.
pub fn edge(graph: &Graph, from: &NodeId, port: &str, to: &NodeId) -> Edge {
    let mut edge = Edge::new(from.clone(), port, to.clone());
    edge.id = free(&edge.id, |text| graph.edges.iter().any(|other| other.id == text));
    edge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_valid_ids() {
        let cases = [
            ("Send the Email", "send_the_email"),
            ("email.send", "email_send"),
            ("  --  ", "step"),
            ("Äpfel & Öl", "äpfel_öl"),
            ("a__b", "a_b"),
        ];
        for (words, expected) in cases {
            assert_eq!(slug(words), expected);
            assert!(NodeId(slug(words)).is_valid());
        }
        assert!(NodeId(slug(&"long words ".repeat(40))).is_valid());
    }

    #[test]
    fn a_taken_name_is_numbered() {
        let taken = ["a", "a_2"];
        assert_eq!(free("a", |text| taken.contains(&text)), "a_3");
        assert_eq!(free("b", |text| taken.contains(&text)), "b");
    }
}
