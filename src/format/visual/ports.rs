//! Port names: theirs and ours.

use crate::graph::NodeKind;

/// Our name of a port that a document spells otherwise.
pub fn canonical<'a>(kind: &NodeKind, word: &'a str) -> &'a str {
    match (kind, word) {
        (NodeKind::Loop(_), "loop") => "next",
        (_, "failure") => "error",
        _ => word,
    }
}

/// Whether `default` is a port of its own.
pub fn has_default(kind: &NodeKind) -> bool {
    kind.ports().contains(&"default")
}

/// The ports that each word of a step's `nextSteps` stands for.
pub fn resolve(kind: &NodeKind, words: &[&str]) -> Vec<Vec<String>> {
    let named: Vec<&str> = words.iter().map(|word| canonical(kind, word)).collect();
    let free = || {
        let ordinary = kind.ports().into_iter().filter(|port| *port != "error");
        ordinary.filter(|port| !named.contains(port)).map(str::to_owned).collect()
    };
    let ports = |word: &&str| match *word {
        "default" if !has_default(kind) => free(),
        word => vec![word.to_owned()],
    };
    named.iter().map(ports).collect()
}

/// How a port is written in a document that does not spell it yet.
pub fn written<'a>(kind: &NodeKind, port: &'a str, config_form: bool) -> &'a str {
    match (kind, port) {
        (NodeKind::Loop(_), "next") if config_form => "loop",
        _ => port,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{ActionSettings, ConditionSettings, LoopSettings};

    #[test]
    fn words_stand_for_ports() {
        let action = NodeKind::Action(ActionSettings::default());
        let condition = NodeKind::Condition(ConditionSettings::default());
        let each = NodeKind::Loop(LoopSettings {
            items: String::new(),
            item_variable: None,
            concurrency: 1,
        });
        let check = |kind: &NodeKind, words: &[&str], expected: &[&[&str]]| {
            assert_eq!(resolve(kind, words), expected, "{words:?}");
        };
        check(&action, &["success", "failure"], &[&["success"], &["error"]]);
        check(&action, &["default"], &[&["success"]]);
        check(&action, &["default", "success"], &[&[], &["success"]]);
        check(&condition, &["true", "default"], &[&["true"], &["false"]]);
        check(&each, &["loop", "done"], &[&["next"], &["done"]]);
        check(&each, &["default", "loop"], &[&["done"], &["next"]]);
        check(&action, &["sideways"], &[&["sideways"]]);
    }
}
