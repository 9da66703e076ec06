//! A prompt that speaks of tools when the model has none.

use super::draft::Draft;
use super::fixes;
use crate::graph::{LlmSettings, NodeKind, Problem, Severity};
use crate::tool::{Effect, ToolSpec};
use serde_json::json;

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    for (index, node) in draft.nodes() {
        let NodeKind::Llm(llm) = &node.kind else { continue };
        if !llm.tools.is_empty() {
            continue;
        }
        let prompt = format!("{}\n{}", llm.system_prompt, llm.user_prompt).to_lowercase();
        let named = named(draft, &prompt);
        if named.is_empty() && !speaks_of_tools(&prompt) {
            continue;
        }
        let message = format!(
            "The prompt of {} speaks of tools, but the model has none. Grant it the tools it needs.",
            draft.title(index)
        );
        let problem = Problem::new("prompt-without-tools", Severity::Warning, message);
        let problem = problem.at(&node.id).field("/tools");
        let tools = if named.is_empty() { suggested(draft, &prompt) } else { named };
        let edit = (!tools.is_empty()).then(|| with_tools(llm, &tools)).and_then(|llm| {
            fixes::replace(node, "/system_prompt", json!(llm.system_prompt)).map(|_| llm)
        });
        problems.push(match edit {
            Some(llm) => {
                let kind = Box::new(NodeKind::Llm(llm));
                let edit = crate::graph::GraphEdit::ConfigureNode { id: node.id.clone(), kind };
                problem.fix(format!("Grant {}", tools.join(", ")), vec![edit])
            }
            None => problem,
        });
    }
}

fn with_tools(llm: &LlmSettings, tools: &[&str]) -> LlmSettings {
    LlmSettings { tools: tools.iter().map(|tool| (*tool).to_owned()).collect(), ..llm.clone() }
}

fn readable<'a>(draft: &Draft<'a>) -> impl Iterator<Item = &'a ToolSpec> {
    draft.context.tools.iter().filter(|tool| tool.effect == Effect::Read)
}

/// Read tools that the prompt names: a name or alias that no ordinary sentence has.
fn named<'a>(draft: &Draft<'a>, prompt: &str) -> Vec<&'a str> {
    let telling = |name: &&String| name.contains(['_', '.']);
    let names = |tool: &ToolSpec| {
        let mut names = std::iter::once(&tool.name).chain(&tool.aliases).filter(telling);
        names.any(|name| words_of(prompt).any(|word| word == name))
    };
    readable(draft).filter(|tool| names(tool)).map(|tool| tool.name.as_str()).collect()
}

/// Read tools of the things that the prompt is about.
fn suggested<'a>(draft: &Draft<'a>, prompt: &str) -> Vec<&'a str> {
    let about = |tool: &&ToolSpec| {
        let family = tool.name.split('.').next().unwrap_or_default();
        words_of(prompt).any(|word| word.trim_end_matches('s') == family)
    };
    readable(draft).filter(about).take(3).map(|tool| tool.name.as_str()).collect()
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')));
    words.map(|word| word.trim_matches('.')).filter(|word| !word.is_empty())
}

/// Whether a text asks for the use of tools. "Do not use tools" does not.
fn speaks_of_tools(prompt: &str) -> bool {
    const VERBS: [&str; 9] =
        ["use", "uses", "using", "call", "calling", "with", "tools", "available", "your"];
    const AGAINST: [&str; 5] = ["no", "not", "without", "never", "don"];
    prompt.split(['.', '\n', ';', '!', '?']).any(|sentence| {
        let words: Vec<&str> = words_of(sentence).collect();
        let tool = words.iter().position(|word| matches!(*word, "tool" | "tools"));
        let Some(at) = tool else { return false };
        let before = &words[..at];
        let asks = before.iter().any(|word| VERBS.contains(word))
            || words[at..].iter().any(|word| matches!(*word, "to" | "available"));
        asks && !before.iter().any(|word| AGAINST.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::speaks_of_tools;

    #[test]
    fn asking_for_tools_is_told_from_mentioning_them() {
        for yes in [
            "use tools to find customer data",
            "you can call the search tool",
            "with your tools, look up the order",
        ] {
            assert!(speaks_of_tools(yes), "{yes}");
        }
        for no in [
            "write about our tools",
            "do not use tools",
            "answer without any tools",
            "we sell garden tools",
        ] {
            assert!(!speaks_of_tools(no), "{no}");
        }
    }
}
