//! What the palette offers: the logic kinds, and the tools by family.

use crate::canvas::model::fuzzy;
use serde_json::Value;
use signalbox::graph::{
    ActionSettings, BranchCase, BranchSettings, ConditionSettings, EndSettings, HumanSettings,
    KindTag, LlmSettings, LoopSettings, NodeKind, SubworkflowSettings, TaskSettings,
    TriggerSettings, WaitSettings, WaitUntil,
};
use signalbox::tool::{ToolFamily, ToolSpec};

/// Something that can be added.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What people read: `Send email`.
    pub label: String,
    /// What it does, in a line or two.
    pub help: String,
    /// The group's heading.
    pub group: &'static str,
    /// Other words it is found by.
    pub also: String,
    /// The new node's settings.
    pub kind: NodeKind,
}

impl Entry {
    /// Its ways out, as words: `success, error`.
    pub fn ports(&self) -> String {
        self.kind.ports().join(", ")
    }
}

const GROUP_START: &str = "Start";
const GROUP_LOGIC: &str = "Logic and people";

/// Everything that can be added; the trigger only while there is none.
pub fn all(tools: &[ToolSpec], has_trigger: bool) -> Vec<Entry> {
    let mut entries = logic();
    if has_trigger {
        entries.retain(|entry| entry.kind.tag() != KindTag::Trigger);
    }
    let mut sorted: Vec<&ToolSpec> = tools.iter().collect();
    sorted.sort_by_key(|tool| tool.family);
    entries.extend(sorted.into_iter().map(|tool| Entry {
        label: tool.label.clone(),
        help: tool.description.clone(),
        group: family(tool.family),
        also: format!("{} {}", tool.name, tool.aliases.join(" ")),
        kind: NodeKind::Action(ActionSettings {
            tool: tool.name.clone(),
            parameters: Value::Object(Default::default()),
        }),
    }));
    entries
}

fn logic() -> Vec<Entry> {
    let entry = |label: &str, help: &str, also: &str, group, kind| Entry {
        label: label.to_owned(),
        help: help.to_owned(),
        group,
        also: also.to_owned(),
        kind,
    };
    let case = BranchCase { port: "case_1".into(), when: String::new() };
    let items = LoopSettings { items: String::new(), item_variable: None, concurrency: 1 };
    let day = WaitSettings { until: WaitUntil::Duration { duration_ms: 86_400_000 } };
    vec![
        entry(
            "Trigger",
            "Starts the run: by hand, by webhook, by schedule or by event.",
            "start webhook schedule cron",
            GROUP_START,
            NodeKind::Trigger(TriggerSettings::default()),
        ),
        entry(
            "Model step",
            "A language model writes, decides or extracts.",
            "llm ai prompt gpt",
            GROUP_LOGIC,
            NodeKind::Llm(LlmSettings::default()),
        ),
        entry(
            "Condition",
            "Two ways out, by an expression.",
            "if true false",
            GROUP_LOGIC,
            NodeKind::Condition(ConditionSettings::default()),
        ),
        entry(
            "Branch",
            "Several ways out: the first case that holds.",
            "switch case",
            GROUP_LOGIC,
            NodeKind::Branch(BranchSettings { cases: vec![case] }),
        ),
        entry(
            "Loop",
            "Does the steps between next and itself once for each item of a list.",
            "for each repeat iterate",
            GROUP_LOGIC,
            NodeKind::Loop(items),
        ),
        entry(
            "Wait",
            "For a time, until a time, or for an outside event.",
            "delay sleep pause",
            GROUP_LOGIC,
            NodeKind::Wait(day),
        ),
        entry(
            "Person",
            "A person approves, answers a form or reviews.",
            "human approval inbox",
            GROUP_LOGIC,
            NodeKind::Human(HumanSettings::default()),
        ),
        entry(
            "Task",
            "An outside agent, plugin or system claims it, does it and reports.",
            "worker agent outside claim",
            GROUP_LOGIC,
            NodeKind::Task(TaskSettings::default()),
        ),
        entry(
            "Workflow",
            "Runs another workflow and waits for its end.",
            "subworkflow child nested call",
            GROUP_LOGIC,
            NodeKind::Subworkflow(SubworkflowSettings::default()),
        ),
        entry(
            "End",
            "Ends the run with an outcome.",
            "finish stop",
            GROUP_LOGIC,
            NodeKind::End(EndSettings::default()),
        ),
    ]
}

fn family(family: ToolFamily) -> &'static str {
    match family {
        ToolFamily::Customer => "Contacts",
        ToolFamily::Email => "Email",
        ToolFamily::Approval => "Approvals",
        ToolFamily::Http => "Web requests",
        ToolFamily::Utility => "Variables and tools",
        ToolFamily::Product => "Products",
        ToolFamily::Conversation => "Conversations",
        ToolFamily::Document => "Documents",
        ToolFamily::Integration => "Integrations",
    }
}

/// What is found, best first; without a query everything in its groups' order.
pub fn found(entries: &[Entry], query: &str) -> Vec<Entry> {
    if query.trim().is_empty() {
        return entries.to_vec();
    }
    let score = |entry: &Entry| {
        let label = fuzzy::score(query, &entry.label);
        // Other words count for less than what is read.
        let also = fuzzy::score(query, &entry.also).map(|score| score / 2);
        label.max(also)
    };
    let mut scored: Vec<(i32, &Entry)> =
        entries.iter().filter_map(|entry| score(entry).map(|score| (score, entry))).collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, entry)| entry.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_and_kind_is_offered_and_found_by_its_label() {
        let entries = all(signalbox::tool::catalogue(), false);
        assert_eq!(entries.len(), 10 + signalbox::tool::catalogue().len());
        for entry in &entries {
            let first = &found(&entries, &entry.label)[0];
            assert_eq!(first.label, entry.label);
        }
        assert_eq!(all(&[], true).len(), 9, "one trigger is enough");
    }

    #[test]
    fn other_words_find_too() {
        let entries = all(signalbox::tool::catalogue(), false);
        for (query, label) in
            [("llm", "Model step"), ("if", "Condition"), ("send_email", "Send email")]
        {
            assert_eq!(found(&entries, query)[0].label, label, "{query}");
        }
        assert!(found(&entries, "zzzz").is_empty());
    }
}
