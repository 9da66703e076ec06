//! Workflows from a seed: sequences, branches, parallel parts, loops, waits, people, retries, error ports, runs of runs,
//! tasks of outside workers; and a next version of each, into which runs move and are forked.

use super::Dice;
use serde_json::{Value, json};
use signalbox::graph::{AnyTool, CompiledGraph, Edge, Graph, Node};

/// The workflow that others may start, by this name.
pub(super) const INNER: &str = "Inner";

/// The kind of step that is a task, see [`Draft::step`].
const TASK: u64 = 14;
/// How often a next version is tried until one can run.
const TRIES_MAX: u32 = 20;

struct Draft<'a> {
    dice: &'a mut Dice,
    graph: Graph,
    count: usize,
    /// Whether it may start runs of another workflow.
    outer: bool,
}

/// Where a path goes on: a node's port.
type Ways = Vec<(String, &'static str)>;

/// A workflow that can run. One that is not `outer` starts no others.
pub(super) fn random(dice: &mut Dice, outer: bool) -> Graph {
    loop {
        let graph = draft(dice, outer);
        if CompiledGraph::compile(graph.clone(), &AnyTool).is_ok() {
            return graph;
        }
    }
}

/// The next version of a workflow: with a step or two put into its ways, so that most runs can move there, and sometimes
/// another workflow altogether.
pub(super) fn newer(dice: &mut Dice, old: &Graph) -> Graph {
    if dice.percent(15) {
        return random(dice, true);
    }
    for _ in 0..TRIES_MAX {
        let mut graph = old.clone();
        for number in 0..1 + dice.below(2) {
            put_in(dice, &mut graph, &format!("x{number}"));
        }
        if CompiledGraph::compile(graph.clone(), &AnyTool).is_ok() {
            return graph;
        }
    }
    old.clone()
}

/// Puts a step into one of the ways.
fn put_in(dice: &mut Dice, graph: &mut Graph, id: &str) {
    let index = usize::try_from(dice.below(graph.edges.len() as u64)).unwrap_or(0);
    if index >= graph.edges.len() {
        return;
    }
    let edge = graph.edges.remove(index);
    let kind = match dice.below(3) {
        0 => json!({"type": "action", "tool": "set_variables", "parameters": {"n": "{{n + 1}}"}}),
        1 => json!({"type": "wait", "for": "duration", "duration_ms": 400}),
        _ => json!({"type": "action", "tool": "work", "parameters": {}}),
    };
    graph.nodes.push(Node::new(id, serde_json::from_value(kind).expect("a kind")));
    graph.edges.push(Edge::new(edge.from, edge.port, id));
    graph.edges.push(Edge::new(id, "success", edge.to));
}

fn draft(dice: &mut Dice, outer: bool) -> Graph {
    let mut draft = Draft { dice, graph: Graph::default(), count: 0, outer };
    draft.node("t", json!({"type": "trigger"}), Value::Null);
    let depth = if outer { 3 } else { 1 };
    let ways = draft.part(vec![("t".into(), "success")], depth);
    if draft.dice.percent(50) && !ways.is_empty() {
        draft.node("e", json!({"type": "end"}), Value::Null);
        draft.lead(&ways, "e");
    }
    let mut settings = json!({"variables": {"n": 0}, "turns_max": 4});
    if outer && draft.dice.percent(15) {
        settings["concurrency"] = json!({"key": "one", "limit": 1 + draft.dice.below(2)});
    }
    let mut graph = draft.graph;
    graph.settings = serde_json::from_value(settings).expect("settings");
    graph
}

impl Draft<'_> {
    fn node(&mut self, id: &str, kind: Value, policy: Value) {
        let mut node = Node::new(id, serde_json::from_value(kind).expect("a kind"));
        if !policy.is_null() {
            node.policy = serde_json::from_value(policy).expect("a policy");
        }
        self.graph.nodes.push(node);
    }

    fn lead(&mut self, ways: &Ways, to: &str) {
        for (from, port) in ways {
            self.graph.edges.push(Edge::new(from.as_str(), *port, to));
        }
    }

    fn policy(&mut self) -> Value {
        match self.dice.below(8) {
            0 | 1 => json!({"retry": {"retries_max": 2, "backoff_ms": 300}}),
            2 => json!({"on_failure": "skip"}),
            3 => json!({"on_failure": "block"}),
            4 => json!({"approval": "after"}),
            5 => json!({"approval": "before"}),
            _ => Value::Null,
        }
    }

    /// Appends a part that hangs on `ways`; gives the ways it leaves through.
    fn part(&mut self, mut ways: Ways, depth: usize) -> Ways {
        for _ in 0..=self.dice.below(3) {
            if ways.is_empty() {
                break;
            }
            self.count += 1;
            // The last of each are tasks.
            let kind = match self.dice.below(if depth == 0 { 9 } else { 16 }) {
                8 if depth == 0 => TASK,
                kind => kind,
            };
            ways = self.step(ways, kind, depth);
        }
        ways
    }

    fn step(&mut self, ways: Ways, kind: u64, depth: usize) -> Ways {
        let n = self.count;
        let id = format!("n{n}");
        match kind {
            0..=2 => {
                let policy = self.policy();
                let action = json!({"type": "action", "tool": "work", "parameters": {}});
                self.node(&id, action, policy);
                self.lead(&ways, &id);
                match self.dice.below(4) {
                    0 => vec![(id.clone(), "success"), (id, "error")],
                    _ => vec![(id, "success")],
                }
            }
            3 => self.count_up(&id, &ways),
            4 => {
                let duration_ms = [10, 400, 3_000, 15_000][self.dice.below(4) as usize];
                let wait = json!({"type": "wait", "for": "duration", "duration_ms": duration_ms});
                self.node(&id, wait, Value::Null);
                self.lead(&ways, &id);
                vec![(id, "success")]
            }
            5 => self.wait_for_event(&id, &ways),
            6 => {
                self.node(
                    &id,
                    json!({"type": "human", "mode": "approve", "prompt": "?"}),
                    Value::Null,
                );
                self.lead(&ways, &id);
                vec![(id.clone(), "approved"), (id, "rejected")]
            }
            7 if self.outer => {
                let run =
                    json!({"type": "subworkflow", "workflow": INNER, "input": {"items": [1]}});
                let policy = match self.dice.below(3) {
                    0 => json!({"retry": {"retries_max": 2, "backoff_ms": 10}}),
                    _ => Value::Null,
                };
                self.node(&id, run, policy);
                self.lead(&ways, &id);
                match self.dice.below(2) {
                    0 => vec![(id.clone(), "success"), (id, "error")],
                    _ => vec![(id, "success")],
                }
            }
            8 | 9 => {
                let test = format!("n < {}", self.dice.below(6));
                self.node(&id, json!({"type": "condition", "expression": test}), Value::Null);
                self.lead(&ways, &id);
                let mut out = self.part(vec![(id.clone(), "true")], depth - 1);
                match self.dice.below(2) {
                    0 => out.extend(self.part(vec![(id, "false")], depth - 1)),
                    _ => out.push((id, "false")),
                }
                out
            }
            10 | 11 => {
                let mut out = Vec::new();
                let from = self.count_up(&id, &ways);
                for _ in 0..2 + self.dice.below(2) {
                    out.extend(self.part(from.clone(), depth - 1));
                }
                out
            }
            12 => self.each(&id, &ways, depth),
            13 => self.again(&id, &ways, depth),
            TASK.. => self.task(&id, &ways),
            _ => self.count_up(&id, &ways),
        }
    }

    /// Waits for an event, or for whichever of two events and a time comes first.
    fn wait_for_event(&mut self, id: &str, ways: &Ways) -> Ways {
        let limit_ms = [400, 3_000, 15_000][self.dice.below(3) as usize];
        let (wait, ports): (Value, &[&'static str]) = match self.dice.below(4) {
            0 => {
                let wait = json!({
                    "type": "wait", "for": "event", "event": "reply", "limit_ms": limit_ms,
                });
                (wait, &["success", "timeout"])
            }
            1 => {
                let of = json!([
                    {"port": "yes", "for": "event", "event": "reply"},
                    {"port": "gone", "for": "event", "event": "left"},
                    {"port": "late", "for": "duration", "duration_ms": limit_ms},
                ]);
                (json!({"type": "wait", "for": "first", "of": of}), &["yes", "gone", "late"])
            }
            _ => (json!({"type": "wait", "for": "event", "event": "reply"}), &["success"]),
        };
        self.node(id, wait, Value::Null);
        self.lead(ways, id);
        ports.iter().map(|port| (id.to_owned(), *port)).collect()
    }

    /// A task of an outside worker, which says who did it.
    fn task(&mut self, id: &str, ways: &Ways) -> Ways {
        let policy = self.policy();
        let lease_ms = [400, 2_000, 9_000][self.dice.below(3) as usize];
        let schema = match self.dice.below(2) {
            0 => json!({"type": "object", "required": ["worker"]}),
            _ => Value::Null,
        };
        let mut task = json!({
            "type": "task", "instructions": "Do it", "lease_ms": lease_ms, "output_schema": schema,
        });
        if self.dice.percent(20) {
            task["claim_within_ms"] = json!(30_000);
        }
        self.node(id, task, policy);
        self.lead(ways, id);
        match self.dice.below(4) {
            0 => vec![(id.to_owned(), "success"), (id.to_owned(), "error")],
            _ => vec![(id.to_owned(), "success")],
        }
    }

    fn count_up(&mut self, id: &str, ways: &Ways) -> Ways {
        let set =
            json!({"type": "action", "tool": "set_variables", "parameters": {"n": "{{n + 1}}"}});
        self.node(id, set, Value::Null);
        self.lead(ways, id);
        vec![(id.to_owned(), "success")]
    }

    /// A loop over the input's items.
    fn each(&mut self, id: &str, ways: &Ways, depth: usize) -> Ways {
        let concurrency = 1 + self.dice.below(3);
        let each = json!({"type": "loop", "items": "{{input.items}}", "concurrency": concurrency});
        self.node(id, each, Value::Null);
        self.lead(ways, id);
        let gather = format!("{id}b");
        let body = self.part(vec![(id.to_owned(), "next")], depth - 1);
        self.node(&gather, json!({"type": "condition", "expression": "n < 9"}), Value::Null);
        match body.is_empty() {
            true => self.lead(&vec![(id.to_owned(), "next")], &gather),
            false => self.lead(&body, &gather),
        }
        self.lead(&vec![(gather.clone(), "true")], id);
        vec![(id.to_owned(), "done"), (gather, "false")]
    }

    /// A loop until a number is reached.
    fn again(&mut self, id: &str, ways: &Ways, depth: usize) -> Ways {
        let first = self.count_up(id, ways);
        let body = self.part(first.clone(), depth - 1);
        let test = format!("{id}b");
        let until = format!("n < {}", self.dice.below(6));
        self.node(&test, json!({"type": "condition", "expression": until}), Value::Null);
        self.lead(if body.is_empty() { &first } else { &body }, &test);
        self.lead(&vec![(test.clone(), "true")], id);
        vec![(test, "false")]
    }
}
