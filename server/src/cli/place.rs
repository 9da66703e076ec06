//! Where a problem stands in its document, as a JSON pointer: the settings of a graph have other names there.

use serde_json::Value;
use signalbox::graph::{Edge, Graph, Problem, Severity};
use std::collections::HashMap;

/// Where the lists of steps stand, with the key of an id.
const STEP_LISTS: [(&str, &str); 5] = [
    ("/steps", "stepSlug"),
    ("/stepsConfig", "stepSlug"),
    ("/graph/nodes", "id"),
    ("/steps", "id"),
    ("/nodes", "id"),
];
/// Where the lists of connections stand.
const EDGE_LISTS: [&str; 4] = ["/graph/edges", "/edges", "/signalbox/edges", "/transitions"];
/// Where a step holds its settings.
const BASES: [&str; 9] = [
    "/config/parameters",
    "/config",
    "/kind/parameters",
    "/kind",
    "/signalbox/node/kind/parameters",
    "/signalbox/node/kind",
    "/signalbox/node",
    "/signalbox",
    "",
];
/// What settings are called in the formats' own words.
const WORDS: [(&str, &str); 14] = [
    ("/tool", "/config/type"),
    ("/policy/condition", "/condition"),
    ("/user_prompt", "/prompt"),
    ("/user_prompt", "/config/userPrompt"),
    ("/user_prompt", "/config/llmNode/userPrompt"),
    ("/system_prompt", "/config/systemPrompt"),
    ("/system_prompt", "/config/llmNode/systemPrompt"),
    ("/item_variable", "/config/itemVariable"),
    ("/prompt", "/instructions"),
    ("/max_tokens", "/maxTokens"),
    ("/max_tokens", "/config/maxTokens"),
    ("/policy/timeout_ms", "/timeoutMs"),
    ("/duration_ms", "/duration"),
    ("/maxDurationMs", "/maxDuration"),
];

/// A document, and where the parts of its graph stand in it.
pub struct Places<'a> {
    document: &'a Value,
    graph: &'a Graph,
    /// Each step's pointer, and the key of its id.
    steps: HashMap<&'a str, (String, &'static str)>,
}

impl<'a> Places<'a> {
    /// Of a document and the graph that was read from it.
    pub fn new(document: &'a Value, graph: &'a Graph) -> Self {
        let mut steps = HashMap::new();
        for (list, key) in STEP_LISTS {
            let items = document.pointer(list).and_then(Value::as_array);
            for (at, item) in items.into_iter().flatten().enumerate() {
                if let Some(id) = item.get(key).and_then(Value::as_str) {
                    steps.entry(id).or_insert_with(|| (format!("{list}/{at}"), key));
                }
            }
        }
        Self { document, graph, steps }
    }

    /// The pointer of a problem's place: the field if it is written there, else the connection or the step.
    pub fn pointer_of(&self, problem: &Problem) -> Option<String> {
        let field = problem.field.as_deref().filter(|field| !field.is_empty());
        if let Some(edge) = problem.edge.as_deref().and_then(|id| self.edge(id)) {
            let inside = field.map(|field| format!("{edge}{field}"));
            return Some(inside.filter(|pointer| self.has(pointer)).unwrap_or(edge));
        }
        let Some(node) = problem.node.as_ref() else { return self.of_workflow(field?) };
        let Some((step, key)) = self.steps.get(node.as_str()) else {
            let begins = self.graph.trigger().is_some_and(|trigger| trigger.id == *node);
            let lists = ["/entryNodeIds", "/steps", "/nodes"].into_iter();
            let list = lists.map(str::to_owned).find(|pointer| self.has(pointer));
            return list.filter(|_| begins && problem.severity == Severity::Error);
        };
        let written = field.and_then(|field| self.of_step(node.as_str(), step, field));
        Some(written.unwrap_or_else(|| format!("{step}/{key}")))
    }

    fn has(&self, pointer: &str) -> bool {
        self.document.pointer(pointer).is_some()
    }

    /// A field of the whole workflow.
    fn of_workflow(&self, field: &str) -> Option<String> {
        let setting = field.strip_prefix("/settings").unwrap_or(field);
        let exit = field.strip_prefix("/settings/exits");
        let candidates = [
            Some(format!("/graph{field}")),
            Some(format!("/signalbox{field}")),
            exit.map(|rest| format!("/exitConditions{rest}")),
            Some(format!("/config{setting}")),
            Some(format!("/workflowConfig/config{setting}")),
            Some(field.to_owned()),
        ];
        candidates.into_iter().flatten().find(|pointer| self.has(pointer))
    }

    /// A field of a step.
    fn of_step(&self, node: &str, step: &str, field: &str) -> Option<String> {
        let inside = field.strip_prefix("/parameters").unwrap_or(field);
        let own = BASES.iter().map(|base| format!("{step}{base}{inside}"));
        let words = WORDS.iter().filter(|(name, _)| *name == inside);
        let words = words.map(|(_, word)| format!("{step}{word}"));
        let found = own.chain(words).find(|pointer| self.has(pointer));
        found.or_else(|| self.of_case(node, step, field.strip_prefix("/cases/")?))
    }

    /// A case of a branch: the condition that says it, or the connection that does.
    fn of_case(&self, node: &str, step: &str, case: &str) -> Option<String> {
        let (number, rest) = case.split_once('/').unwrap_or((case, ""));
        let number: usize = number.parse().ok()?;
        let list = |pointer: &str| self.document.pointer(pointer).and_then(Value::as_array);
        let nth = |items: &[Value], is_case: &dyn Fn(&Value) -> bool| {
            let mut cases = items.iter().enumerate().filter(|(_, item)| is_case(item));
            cases.nth(number).map(|(at, _)| at)
        };
        let pointer = format!("{step}/conditions");
        if let Some(conditions) = list(&pointer) {
            let when = |item: &Value| item["when"].as_str().map(str::trim) != Some("default");
            let at = nth(conditions, &when)?;
            let inside = Some(format!("{pointer}/{at}/{rest}")).filter(|inside| self.has(inside));
            return inside.or_else(|| Some(format!("{pointer}/{at}")));
        }
        let leads = |item: &Value| item["source"] == node && item["condition"].is_string();
        let at = nth(list("/edges")?, &leads)?;
        Some(format!("/edges/{at}/condition"))
    }

    /// A connection, by its id in the graph.
    fn edge(&self, id: &str) -> Option<String> {
        let edge = self.graph.edges.iter().find(|edge| edge.id == id)?;
        let listed = |fits: &dyn Fn(&Value) -> bool| {
            EDGE_LISTS.iter().find_map(|list| {
                let at = self.document.pointer(list)?.as_array()?.iter().position(fits)?;
                Some(format!("{list}/{at}"))
            })
        };
        let by_id = listed(&|item: &Value| item["id"] == id);
        let by_ends = || listed(&|item: &Value| joins(item, edge));
        by_id.or_else(by_ends).or_else(|| self.in_steps(edge))
    }

    /// A connection that one of its two steps names.
    fn in_steps(&self, edge: &Edge) -> Option<String> {
        let next = self.steps.get(edge.from.as_str());
        let next = next.map(|(step, _)| format!("{step}/nextSteps/{}", edge.port));
        let needs = || {
            let (step, _) = self.steps.get(edge.to.as_str())?;
            let needed = self.document.pointer(&format!("{step}/dependsOn"))?.as_array()?;
            let at = needed.iter().position(|id| *id == edge.from.as_str())?;
            Some(format!("{step}/dependsOn/{at}"))
        };
        next.filter(|pointer| self.has(pointer)).or_else(needs)
    }
}

/// Whether a listed connection leads from and to the same steps.
fn joins(item: &Value, edge: &Edge) -> bool {
    let end = |keys: [&str; 2]| keys.iter().find_map(|key| item.get(key)?.as_str());
    end(["source", "from"]) == Some(edge.from.as_str())
        && end(["target", "to"]) == Some(edge.to.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use signalbox::format;

    fn problem(node: &str, field: &str) -> Problem {
        let problem = Problem::new("x", Severity::Error, "x").field(field);
        if node.is_empty() { problem } else { problem.at(&node.into()) }
    }

    /// Each field of each step with its pointer.
    fn check(document: &Value, expected: &[(&str, &str, Option<&str>)]) {
        let graph = format::import(document).unwrap().graph;
        let places = Places::new(document, &graph);
        for (node, field, expected) in expected {
            let found = places.pointer_of(&problem(node, field));
            assert_eq!(found.as_deref(), *expected, "{node} {field} in {document}");
        }
    }

    #[test]
    fn a_problem_is_at_its_field_or_else_at_its_step() {
        let visual = json!({"config": {"variables": {"v": 1}}, "steps": [
            {"stepSlug": "s", "stepType": "llm", "config": {"userPrompt": "x"}, "nextSteps": {}},
            {"stepSlug": "a", "stepType": "action", "nextSteps": {},
             "config": {"type": "email_send", "parameters": {"to": "x"}}, "signalbox": {"policy": {"condition": "y"}}}]});
        check(
            &visual,
            &[
                ("a", "/parameters/to", Some("/steps/1/config/parameters/to")),
                ("a", "/tool", Some("/steps/1/config/type")),
                ("a", "/policy/condition", Some("/steps/1/signalbox/policy/condition")),
                ("a", "/parameters/cc", Some("/steps/1/stepSlug")),
                ("a", "", Some("/steps/1/stepSlug")),
                ("s", "/user_prompt", Some("/steps/0/config/userPrompt")),
                ("b", "", None),
                ("", "/settings/variables/v", Some("/config/variables/v")),
                ("", "/settings/variables/w", None),
            ],
        );
    }

    #[test]
    fn plans_have_their_own_words() {
        let dag = json!({"nam": "x", "steps": [
            {"id": "a", "prompt": "A", "condition": "1 +"}, {"id": "b", "prompt": "B", "dependsOn": ["a"]}]});
        check(
            &dag,
            &[
                ("a", "/policy/condition", Some("/steps/0/condition")),
                ("b", "/user_prompt", Some("/steps/1/prompt")),
                ("", "/nam", Some("/nam")),
                ("trigger", "", Some("/steps")),
            ],
        );
        let outbound = json!({"steps": [
            {"type": "branch", "id": "b", "conditions": [
                {"when": "default", "goto": "e"}, {"when": "1 +", "goto": "e"}, {"when": "2 +", "goto": "e"}]},
            {"type": "end", "id": "e"}], "exitConditions": [{"when": "true"}, {"when": "3 +"}]});
        check(
            &outbound,
            &[
                ("b", "/cases/1/when", Some("/steps/0/conditions/2/when")),
                ("b", "/cases/0/port", Some("/steps/0/conditions/1")),
                ("b", "/cases/7/when", Some("/steps/0/id")),
                ("", "/settings/exits/1/when", Some("/exitConditions/1/when")),
            ],
        );
    }

    #[test]
    fn a_connection_is_found_by_its_id_its_ends_or_in_its_steps() {
        let owner = json!({"executorType": "system", "ref": "x"});
        let contract = json!({"nodes": [
                {"id": "s", "type": "switch"}, {"id": "a", "type": "action", "owner": owner},
                {"id": "b", "type": "action", "owner": owner}],
            "edges": [{"source": "s", "target": "a", "condition": "1 +"},
                {"id": "ab", "source": "a", "target": "b", "map": {"x/y": "1 +"}}],
            "entryNodeIds": ["s"]});
        let graph = format::import(&contract).unwrap().graph;
        let places = Places::new(&contract, &graph);
        let of = |edge: &str, field: &str| places.pointer_of(&problem("a", field).edge(edge));
        assert_eq!(of("ab", "/map/x~1y").as_deref(), Some("/edges/1/map/x~1y"));
        assert_eq!(of("ab", "").as_deref(), Some("/edges/1"));
        assert_eq!(of("s.a>a", "").as_deref(), Some("/edges/0"));
        assert_eq!(of("nothing", "/map/z").as_deref(), Some("/nodes/1/id"));
        let case = places.pointer_of(&problem("s", "/cases/0/when"));
        assert_eq!(case.as_deref(), Some("/edges/0/condition"));

        let dag = json!({"steps": [
            {"id": "a", "prompt": "A"}, {"id": "b", "prompt": "B", "dependsOn": ["a"]}]});
        let graph = format::import(&dag).unwrap().graph;
        let found = Places::new(&dag, &graph).pointer_of(&problem("a", "").edge("a.success>b"));
        assert_eq!(found.as_deref(), Some("/steps/1/dependsOn/0"));
    }
}
