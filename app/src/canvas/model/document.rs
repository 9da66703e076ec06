//! The graph that is being edited, with its history. Every change goes through here.

use super::history::{Entry, History};
use signalbox::graph::{Edge, EditRefusal, Graph, GraphEdit, Node};
use signalbox::id::NodeId;
use std::collections::{BTreeSet, HashMap};

/// What a batch of edits touched, so that a view need look at nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Nodes whose fields changed.
    pub nodes: BTreeSet<NodeId>,
    /// Nodes or edges came, went or were renamed.
    pub structure: bool,
    /// The workflow's settings changed.
    pub settings: bool,
    /// What was done, for the history's buttons and the live region: `Move 3 steps`.
    pub label: String,
}

impl Touched {
    fn of(edits: &[GraphEdit], label: &str) -> Self {
        let mut touched = Self { label: label.to_owned(), ..Self::default() };
        for edit in edits {
            match edit {
                GraphEdit::MoveNode { id, .. }
                | GraphEdit::DescribeNode { id, .. }
                | GraphEdit::ConfigureNode { id, .. }
                | GraphEdit::SetPolicy { id, .. } => {
                    touched.nodes.insert(id.clone());
                }
                GraphEdit::AddNode { .. }
                | GraphEdit::RemoveNode { .. }
                | GraphEdit::RenameNode { .. }
                | GraphEdit::AddEdge { .. }
                | GraphEdit::RemoveEdge { .. } => touched.structure = true,
                GraphEdit::SetSettings { .. } => touched.settings = true,
            }
        }
        touched
    }
}

/// The graph that is being edited.
#[derive(Clone, Debug, Default)]
pub struct Document {
    graph: Graph,
    places: HashMap<NodeId, usize>,
    history: History,
    revision: u64,
}

impl Document {
    /// A graph with an empty history.
    pub fn new(graph: Graph) -> Self {
        let mut document =
            Self { graph, places: HashMap::new(), history: History::default(), revision: 0 };
        document.index();
        document
    }

    fn index(&mut self) {
        let ids = self.graph.nodes.iter().enumerate();
        self.places = ids.map(|(place, node)| (node.id.clone(), place)).collect();
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Counts changes, undone ones included. Equal revisions of one document mean equal graphs.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What undo and redo would do.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The node of this id, without a search.
    pub fn node(&self, id: &NodeId) -> Option<&Node> {
        self.graph.nodes.get(*self.places.get(id)?)
    }

    /// The edge of this id.
    pub fn edge(&self, id: &str) -> Option<&Edge> {
        self.graph.edges.iter().find(|edge| edge.id == id)
    }

    /// Makes a batch of edits as one entry of the history, or none of it.
    ///
    /// `typing` joins the batch to the entry before it when that has the same key and is at most a
    /// second old: the key and the time now, in milliseconds.
    pub fn commit(
        &mut self,
        label: &str,
        edits: Vec<GraphEdit>,
        typing: Option<(&str, f64)>,
    ) -> Result<Touched, EditRefusal> {
        if edits.is_empty() {
            return Ok(Touched::default());
        }
        let touched = Touched::of(&edits, label);
        let inverses = self.apply(edits)?;
        let (key, at_ms) = match typing {
            Some((key, at_ms)) => (Some(key.to_owned()), at_ms),
            None => (None, 0.0),
        };
        self.history.record(Entry { label: label.to_owned(), edits: inverses, key, at_ms });
        Ok(touched)
    }

    /// Applies all edits, or none. Gives the inverses in the order that undoes them.
    fn apply(&mut self, edits: Vec<GraphEdit>) -> Result<Vec<GraphEdit>, EditRefusal> {
        let mut inverses = Vec::with_capacity(edits.len());
        for edit in edits {
            match edit.apply(&mut self.graph) {
                Ok(inverse) => inverses.push(inverse),
                Err(refusal) => {
                    for inverse in inverses.into_iter().rev() {
                        // The inverse of an edit that was just made applies.
                        let _ = inverse.apply(&mut self.graph);
                    }
                    self.index();
                    return Err(refusal);
                }
            }
        }
        inverses.reverse();
        self.index();
        self.revision += 1;
        Ok(inverses)
    }

    /// Takes the newest entry back. None when there is none.
    pub fn undo(&mut self) -> Option<Touched> {
        let entry = self.history.pop_undo()?;
        let touched = Touched::of(&entry.edits, &entry.label);
        let edits = self.apply(entry.edits).ok()?;
        self.history.push_redo(Entry { edits, ..entry_head(entry.label) });
        Some(touched)
    }

    /// Does the entry again that was undone last. None when there is none.
    pub fn redo(&mut self) -> Option<Touched> {
        let entry = self.history.pop_redo()?;
        let touched = Touched::of(&entry.edits, &entry.label);
        let edits = self.apply(entry.edits).ok()?;
        self.history.push_undo(Entry { edits, ..entry_head(entry.label) });
        Some(touched)
    }
}

fn entry_head(label: String) -> Entry {
    Entry { label, edits: Vec::new(), key: None, at_ms: 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use signalbox::graph::{ConditionSettings, EndSettings, NodeKind, Policy, Position, Settings};

    fn end(id: &str) -> GraphEdit {
        let node = Box::new(Node::new(id, NodeKind::End(EndSettings::default())));
        GraphEdit::AddNode { node, index: None }
    }

    fn condition(expression: &str) -> Box<NodeKind> {
        Box::new(NodeKind::Condition(ConditionSettings { expression: expression.into() }))
    }

    /// Edits over few names, so that many apply and many are refused.
    fn edit() -> impl Strategy<Value = GraphEdit> {
        let id = || "[a-e]".prop_map(NodeId);
        prop_oneof![
            "[a-e]".prop_map(|id| end(&id)),
            id().prop_map(|id| GraphEdit::RemoveNode { id }),
            (id(), -100.0..100.0, -100.0..100.0)
                .prop_map(|(id, x, y)| GraphEdit::MoveNode { id, position: Position { x, y } }),
            (id(), id()).prop_map(|(id, to)| GraphEdit::RenameNode { id, to }),
            (id(), "[a-z ]{0,8}").prop_map(|(id, label)| GraphEdit::DescribeNode {
                id,
                label,
                description: String::new()
            }),
            (id(), "[a-z>0-9]{0,6}")
                .prop_map(|(id, text)| GraphEdit::ConfigureNode { id, kind: condition(&text) }),
            (id(), 0u64..9).prop_map(|(id, timeout)| GraphEdit::SetPolicy {
                id,
                policy: Box::new(Policy { timeout_ms: Some(timeout), ..Policy::default() })
            }),
            (0u64..9).prop_map(|timeout| GraphEdit::SetSettings {
                settings: Box::new(Settings { timeout_ms: Some(timeout), ..Settings::default() })
            }),
            (id(), id()).prop_map(|(from, to)| GraphEdit::AddEdge {
                edge: Box::new(Edge::new(from, "true", to)),
                index: None
            }),
            (id(), id())
                .prop_map(|(from, to)| GraphEdit::RemoveEdge { id: format!("{from}.true>{to}") }),
        ]
    }

    proptest! {
        #[test]
        fn undo_all_gives_the_first_graph_and_redo_all_the_last(
            batches in prop::collection::vec(prop::collection::vec(edit(), 1..4), 1..40),
            typed in any::<bool>(),
        ) {
            let mut document = Document::new(Graph::default());
            document.commit("Start", vec![end("a"), end("b")], None).expect("two ends");
            let first = document.graph().clone();
            let mut made = 0;
            for (at, batch) in batches.into_iter().enumerate() {
                let before = document.graph().clone();
                // Now and then as typing would: same key, close in time.
                let typing = (typed && at % 3 == 0).then_some(("field", at as f64 * 200.0));
                match document.commit("Edit", batch, typing) {
                    Ok(_) => made += 1,
                    Err(_) => prop_assert_eq!(document.graph(), &before),
                }
            }
            let last = document.graph().clone();
            let mut undone = 0;
            while document.history().undo_label() == Some("Edit") {
                document.undo().expect("an entry");
                undone += 1;
            }
            prop_assert!(undone <= made);
            prop_assert_eq!(document.graph(), &first);
            while document.redo().is_some() {}
            prop_assert_eq!(document.graph(), &last);
            for node in &document.graph().nodes {
                prop_assert_eq!(document.node(&node.id), Some(node));
            }
        }
    }

    #[test]
    fn a_refused_batch_changes_nothing_and_is_not_in_the_history() {
        let mut document = Document::new(Graph::default());
        let refusal = document.commit("Add", vec![end("a"), end("a")], None);
        assert_eq!(refusal, Err(EditRefusal::Taken("a".into())));
        assert!(document.graph().nodes.is_empty());
        assert!(document.undo().is_none());
    }

    #[test]
    fn what_was_touched_is_named() {
        let mut document = Document::new(Graph::default());
        let added = document.commit("Add", vec![end("a"), end("b")], None).expect("added");
        assert!(added.structure && added.nodes.is_empty());
        let moved = GraphEdit::MoveNode { id: "a".into(), position: Position { x: 1.0, y: 2.0 } };
        let moved = document.commit("Move", vec![moved], None).expect("moved");
        assert_eq!(moved.nodes, BTreeSet::from(["a".into()]));
        assert!(!moved.structure);
        assert_eq!(document.undo().expect("undone").label, "Move");
    }
}
