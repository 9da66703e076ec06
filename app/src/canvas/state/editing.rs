//! Changing the graph: everything that becomes an entry of the history.

use super::Canvas;
use crate::canvas::model::geometry::{GRID, NODE_HEIGHT, NODE_WIDTH, Point, node_rect, snapped};
use crate::canvas::model::{Selection, clipboard, connect, references, slug};
use leptos::prelude::*;
use signalbox::graph::{Edge, GraphEdit, Node, NodeKind, Policy, Position, Settings};
use signalbox::id::NodeId;

/// Where a new node goes and what it is connected to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placement {
    /// Its upper left corner, in the world; none finds room in sight.
    pub at: Option<Point>,
    /// A node and port that lead to it.
    pub from: Option<(NodeId, String)>,
    /// An edge that it is put in the middle of.
    pub on_edge: Option<String>,
}

impl Canvas {
    /// Makes edits as one entry of the history. False, and said, when they were refused.
    pub fn commit(&self, label: &str, edits: Vec<GraphEdit>) -> bool {
        self.commit_keyed(label, edits, None)
    }

    /// Like [`Canvas::commit`]; typing with the same key in quick succession is one entry.
    pub fn commit_typing(&self, label: &str, edits: Vec<GraphEdit>, key: &str) -> bool {
        self.commit_keyed(label, edits, Some(key))
    }

    fn commit_keyed(&self, label: &str, edits: Vec<GraphEdit>, key: Option<&str>) -> bool {
        if self.readonly.get_untracked() {
            return false;
        }
        let now = crate::ui::now_ms() as f64;
        let typing = key.map(|key| (key, now));
        let done = self.document.try_update_value(|document| document.commit(label, edits, typing));
        match done {
            Some(Ok(touched)) => {
                self.follow(&touched);
                true
            }
            Some(Err(refusal)) => {
                self.say(format!("Not done: {refusal}"));
                false
            }
            None => false,
        }
    }

    /// Takes the newest change back.
    pub fn undo(&self) {
        self.step_history(true);
    }

    /// Does again what was undone last.
    pub fn redo(&self) {
        self.step_history(false);
    }

    fn step_history(&self, back: bool) {
        if self.readonly.get_untracked() {
            return;
        }
        let step = self
            .document
            .try_update_value(|document| if back { document.undo() } else { document.redo() });
        let words = if back { "Undone" } else { "Redone" };
        match step.flatten() {
            Some(touched) => {
                self.follow(&touched);
                self.say(format!("{words}: {}", touched.label));
            }
            None => self.say(if back { "Nothing to undo" } else { "Nothing to redo" }),
        }
    }

    /// Adds a node, selects it and gives its id.
    pub fn add_node(&self, kind: NodeKind, label: String, place: &Placement) -> Option<NodeId> {
        let graph = self.graph();
        let mut node = Node::new(slug::node_id(&graph, &kind), kind);
        node.label = label;
        let id = node.id.clone();
        node.position = self.room_for(&node, place).into();
        let mut edits = vec![GraphEdit::AddNode { node: Box::new(node.clone()), index: None }];
        edits.extend(self.joining(&node, place));
        let title = node.title().to_owned();
        if !self.commit(&format!("Add {title}"), edits) {
            return None;
        }
        self.go_to(&id);
        self.cull();
        self.say(format!("{title} added"));
        Some(id)
    }

    /// The edges that put a new node where the placement says.
    fn joining(&self, node: &Node, place: &Placement) -> Vec<GraphEdit> {
        let add = |edge: Edge| GraphEdit::AddEdge { edge: Box::new(edge), index: None };
        let first_port = node.kind.ports().first().map(|port| (*port).to_owned());
        let takes_input = crate::canvas::model::geometry::has_input(&node.kind);
        let mut edits = Vec::new();
        if let Some(id) = &place.on_edge
            && let Some(edge) = self.with_document(|document| document.edge(id).cloned())
            && takes_input
            && let Some(port) = first_port
        {
            edits.push(GraphEdit::RemoveEdge { id: edge.id.clone() });
            // What the edge carries stays on the way in.
            let mut into = Edge::new(edge.from.clone(), edge.port.clone(), node.id.clone());
            (into.map, into.condition) = (edge.map, edge.condition);
            edits.push(add(into));
            edits.push(add(Edge::new(node.id.clone(), port, edge.to)));
        } else if let Some((from, port)) = &place.from
            && takes_input
        {
            edits.push(add(Edge::new(from.clone(), port.clone(), node.id.clone())));
        }
        edits
    }

    fn room_for(&self, node: &Node, place: &Placement) -> Point {
        let half = Point::new(NODE_WIDTH / 2.0, NODE_HEIGHT / 2.0);
        let middle_of = |id: &String| self.edge(id).map(|edge| untrack(|| edge.curve().middle()));
        let wanted = if let Some(at) = place.at {
            at
        } else if let Some(at) = place.on_edge.as_ref().and_then(middle_of) {
            at.minus(half)
        } else if let Some(source) = place.from.as_ref().and_then(|(id, _)| self.node(id)) {
            Point::from(source.position.get_untracked()).plus(Point::new(NODE_WIDTH + 96.0, 0.0))
        } else {
            let view = self.viewport.get_untracked();
            view.sight(self.size.get_untracked()).centre().minus(half)
        };
        self.with_document(|document| {
            let mut at = snapped(wanted);
            // Downwards until nothing is in the way; a graph is bounded, so there is an end.
            for _ in 0..200 {
                let own = node_rect(at.into(), &node.kind).grown(GRID);
                let mut others = document.graph().nodes.iter();
                if !others.any(|other| node_rect(other.position, &other.kind).touches(&own)) {
                    break;
                }
                at.y += 3.0 * GRID;
            }
            at
        })
    }

    /// Connects, or says why not.
    pub fn connect(&self, from: &NodeId, port: &str, to: &NodeId) -> bool {
        let checked = self.with_document(|document| {
            connect::allowed(document.graph(), from, port, to)
                .map(|()| slug::edge(document.graph(), from, port, to))
        });
        match checked {
            Ok(edge) => {
                let edits = vec![GraphEdit::AddEdge { edge: Box::new(edge), index: None }];
                let (a, b) = (self.title(from), self.title(to));
                let done = self.commit(&format!("Connect {a} to {b}"), edits);
                if done {
                    self.say(format!("{a} leads to {b} through {port}"));
                }
                done
            }
            Err(refusal) => {
                self.say(format!("Not connected. {refusal}"));
                false
            }
        }
    }

    /// Removes an edge.
    pub fn disconnect(&self, edge: &str) {
        if self.commit("Remove connection", vec![GraphEdit::RemoveEdge { id: edge.to_owned() }]) {
            self.say("Connection removed");
        }
    }

    /// Deletes what is selected. A single node in the middle is bridged with `rejoin`.
    pub fn delete_selection(&self, rejoin: bool) {
        let selection = self.selection.get_untracked();
        if selection.is_empty() {
            return;
        }
        let edits =
            self.with_document(|document| clipboard::delete(document.graph(), &selection, rejoin));
        let what = match (selection.nodes.len(), selection.edges.len()) {
            (0, 1) => "connection".to_owned(),
            (0, count) => format!("{count} connections"),
            (1, _) => selection.nodes.first().map_or_else(String::new, |id| self.title(id)),
            (count, _) => format!("{count} steps"),
        };
        if self.commit(&format!("Delete {what}"), edits) {
            self.say(format!("{what} deleted"));
        }
    }

    /// Moves the selected nodes (or else the focused one) by a vector.
    pub fn nudge(&self, by: Point) {
        let mut chosen = self.selection.get_untracked().nodes;
        if chosen.is_empty() {
            chosen.extend(self.focus.get_untracked());
        }
        let edits: Vec<GraphEdit> = self.with_document(|document| {
            let moved = |id: &NodeId| {
                let at = Point::from(document.node(id)?.position).plus(by);
                Some(GraphEdit::MoveNode { id: id.clone(), position: at.into() })
            };
            chosen.iter().filter_map(moved).collect()
        });
        let Some(GraphEdit::MoveNode { id, position }) = edits.first().cloned() else { return };
        if self.commit_typing("Move", edits, "nudge") {
            self.reveal(&id);
            let title = self.title(&id);
            self.say(format!("{title} moved to {:.0}, {:.0}", position.x, position.y));
        }
    }

    /// Puts nodes elsewhere, as one entry.
    pub fn move_nodes(&self, label: &str, places: Vec<(NodeId, Position)>) {
        let edits = places.into_iter().map(|(id, position)| GraphEdit::MoveNode { id, position });
        self.commit(label, edits.collect());
        self.cull();
    }

    /// What is selected, as text for the clipboard.
    pub fn copied(&self) -> Option<String> {
        let selection = self.selection.get_untracked();
        self.with_document(|document| clipboard::copy(document.graph(), &selection))
    }

    /// Pastes text; at a world point, or beside where it was copied.
    pub fn paste(&self, text: &str, at: Option<Point>) {
        let paste = self.with_document(|document| clipboard::paste(document.graph(), text, at));
        match paste {
            Ok(paste) => {
                let count = paste.selection.nodes.len();
                if !paste.edits.is_empty() && self.commit("Paste", paste.edits) {
                    self.select(paste.selection);
                    self.cull();
                    self.say(paste.note.unwrap_or(format!("{count} pasted")));
                } else if let Some(note) = paste.note {
                    self.say(note);
                }
            }
            Err(reason) => self.say(reason),
        }
    }

    /// Copies what is selected beside itself.
    pub fn duplicate(&self) {
        if let Some(text) = self.copied() {
            self.paste(&text, None);
        }
    }

    /// Changes a node's settings as typing does.
    pub fn configure(&self, id: &NodeId, kind: NodeKind, field: &str) {
        let same =
            self.with_document(|document| document.node(id).is_some_and(|node| node.kind == kind));
        if same {
            return;
        }
        let edits = vec![GraphEdit::ConfigureNode { id: id.clone(), kind: Box::new(kind) }];
        self.commit_typing("Change settings", edits, &format!("{id}/{field}"));
    }

    /// Changes how a node is run.
    pub fn set_policy(&self, id: &NodeId, policy: Policy, field: &str) {
        let edits = vec![GraphEdit::SetPolicy { id: id.clone(), policy: Box::new(policy) }];
        self.commit_typing("Change policy", edits, &format!("{id}/policy/{field}"));
    }

    /// Changes what people read on a node.
    pub fn describe(&self, id: &NodeId, label: String, description: String) {
        let edits = vec![GraphEdit::DescribeNode { id: id.clone(), label, description }];
        self.commit_typing("Rename", edits, &format!("{id}/label"));
    }

    /// Changes what an edge carries: its map and its condition.
    pub fn change_edge(&self, id: &str, change: impl FnOnce(&mut Edge)) {
        let found = self.with_document(|document| {
            let edges = &document.graph().edges;
            let index = edges.iter().position(|edge| edge.id == id)?;
            Some((index, edges[index].clone()))
        });
        let Some((index, old)) = found else { return };
        let mut edge = old.clone();
        change(&mut edge);
        edge.id = old.id.clone();
        if edge != old {
            let edits = vec![
                GraphEdit::RemoveEdge { id: id.to_owned() },
                GraphEdit::AddEdge { edge: Box::new(edge), index: Some(index) },
            ];
            self.commit_typing("Change connection", edits, &format!("edge/{id}"));
        }
    }

    /// Changes what holds for the whole workflow.
    pub fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        let old = self.with_document(|document| document.graph().settings.clone());
        let mut settings = old.clone();
        change(&mut settings);
        if settings != old {
            let edits = vec![GraphEdit::SetSettings { settings: Box::new(settings) }];
            self.commit_typing("Change workflow settings", edits, "settings");
        }
    }

    /// Gives a node another slug; templates that refer to it follow. The number of steps that were
    /// changed along, or why it was refused.
    pub fn rename(&self, id: &NodeId, to: &NodeId) -> Result<usize, String> {
        if id == to {
            return Ok(0);
        }
        let graph = self.graph();
        if !to.is_valid() {
            return Err("An id has 1 to 120 letters, digits, _ - . :".to_owned());
        }
        if graph.node(to).is_some() {
            return Err(format!("Another step is called {to}"));
        }
        let users = references::users(&graph, id).len();
        let selected = self.selection.with_untracked(|selection| selection.nodes.contains(id));
        if !self.commit("Rename id", references::rename(&graph, id, to)) {
            return Err("It was not renamed".to_owned());
        }
        if selected {
            self.select(Selection::node(to.clone()));
        }
        self.focus_on(Some(to.clone()));
        Ok(users)
    }
}
