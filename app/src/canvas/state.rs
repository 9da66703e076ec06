//! The canvas's signals: one set per node, one per edge. A position signal per node is what makes
//! dragging cheap: an edge derives from the two nodes at its ends and from nothing else.
//!
//! Reads in handlers are untracked, and whatever may run after the page is gone (frames, timers)
//! uses `try_`. Deliberately absent: drawing, and reading events.

mod editing;
mod marks;
mod performing;

pub use editing::Placement;
pub use marks::{EdgeMark, NodeMarks, NodeOverlay};
pub(crate) use performing::Hooks;

use super::model::curve::Curve;
use super::model::geometry::{Rect, input_anchor, node_rect, port_anchor};
use super::model::{Document, Gesture, Point, Selection, Touched, Viewport, Wire};
use leptos::prelude::*;
use signalbox::graph::{Edge, Graph, Node, Position, Problem};
use signalbox::id::NodeId;
use std::collections::HashMap;

/// A node's signals. They live as long as somebody holds them.
#[derive(Clone)]
pub struct NodeSignals {
    /// Its id.
    pub id: NodeId,
    /// Unique among all node signals of a canvas; the key of its row.
    pub stamp: u64,
    /// Its fields; the position in it may be old.
    pub node: ArcRwSignal<Node>,
    /// Where it is shown.
    pub position: ArcRwSignal<Position>,
    /// Whether it is selected.
    pub selected: ArcRwSignal<bool>,
    /// Whether the keyboard is at it.
    pub focused: ArcRwSignal<bool>,
    /// What is wrong with it.
    pub marks: ArcRwSignal<NodeMarks>,
    /// Where a run is with it.
    pub overlay: ArcRwSignal<Option<NodeOverlay>>,
    /// Far out of sight: not drawn.
    pub culled: ArcRwSignal<bool>,
    /// Not a target of the connection that is being drawn.
    pub dimmed: ArcRwSignal<bool>,
}

impl NodeSignals {
    fn new(node: &Node, stamp: u64) -> Self {
        Self {
            id: node.id.clone(),
            stamp,
            node: ArcRwSignal::new(node.clone()),
            position: ArcRwSignal::new(node.position),
            selected: ArcRwSignal::new(false),
            focused: ArcRwSignal::new(false),
            marks: ArcRwSignal::new(NodeMarks::default()),
            overlay: ArcRwSignal::new(None),
            culled: ArcRwSignal::new(false),
            dimmed: ArcRwSignal::new(false),
        }
    }

    /// Takes over what changed; moving alone does not touch the fields.
    fn refresh(&self, node: &Node) {
        set_if(&self.position, node.position);
        let same = self.node.with_untracked(|old| {
            old.kind == node.kind
                && old.label == node.label
                && old.description == node.description
                && old.policy == node.policy
        });
        if !same {
            self.node.set(node.clone());
        }
    }
}

/// An edge's signals.
#[derive(Clone)]
pub struct EdgeSignals {
    /// The edge.
    pub edge: Edge,
    /// Unique among all edge signals of a canvas; the key of its row.
    pub stamp: u64,
    /// The node it leaves.
    pub from: NodeSignals,
    /// The node it leads to.
    pub to: NodeSignals,
    /// Whether it is selected.
    pub selected: ArcRwSignal<bool>,
    /// What became of it in a run.
    pub mark: ArcRwSignal<EdgeMark>,
    /// Far out of sight: not drawn.
    pub culled: ArcRwSignal<bool>,
}

impl EdgeSignals {
    /// Its line; tracks the positions and the ports of its two nodes.
    pub fn curve(&self) -> Curve {
        let (from, to) = (self.from.position.get(), self.to.position.get());
        let start = self.from.node.with(|node| port_anchor(from, &node.kind, &self.edge.port));
        let end = self.to.node.with(|node| input_anchor(to, &node.kind));
        Curve::between(start, end)
    }

    /// Whether the source still has the port; tracks it.
    pub fn is_stale(&self) -> bool {
        self.from.node.with(|node| !node.kind.ports().contains(&self.edge.port.as_str()))
    }
}

/// Sets a signal only when that changes it, so that nothing is drawn twice.
pub(crate) fn set_if<T: PartialEq + Send + Sync + 'static>(signal: &ArcRwSignal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}

/// A canvas. A handle: copies are the same canvas. Made inside a component, it lives as long as that.
#[derive(Clone, Copy)]
pub struct Canvas {
    document: StoredValue<Document>,
    nodes: StoredValue<HashMap<NodeId, NodeSignals>>,
    edges: StoredValue<HashMap<String, EdgeSignals>>,
    stamp: StoredValue<u64>,
    problem_at: StoredValue<Option<usize>>,
    pub(super) gesture: StoredValue<Gesture>,
    /// The nodes, in the graph's order.
    pub node_list: RwSignal<Vec<NodeSignals>>,
    /// The edges, in the graph's order.
    pub edge_list: RwSignal<Vec<EdgeSignals>>,
    /// What is selected.
    pub selection: RwSignal<Selection>,
    /// What is in sight.
    pub viewport: RwSignal<Viewport>,
    /// The size of the screen it is on, in pixels.
    pub size: RwSignal<Point>,
    /// The node that the keyboard is at; set by [`Canvas::focus_on`].
    pub focus: RwSignal<Option<NodeId>>,
    /// Nodes are being dragged: what is not a node or an edge stays out of the way.
    pub moving: RwSignal<bool>,
    /// The marquee, in the world.
    pub brush: RwSignal<Option<Rect>>,
    /// The connection that is being drawn.
    pub wire: RwSignal<Option<Wire>>,
    /// Counts changes of the graph; a signal for whoever saves, checks or lists it.
    pub version: RwSignal<u64>,
    /// What is wrong with the graph.
    pub problems: RwSignal<Vec<Problem>>,
    /// The newest words for the live region.
    pub said: RwSignal<String>,
    /// Whether the graph may only be looked at.
    pub readonly: RwSignal<bool>,
    opens_at: StoredValue<Option<NodeId>>,
}

impl Canvas {
    /// A canvas of a graph. Call it inside a component.
    pub fn new(graph: Graph, readonly: bool) -> Self {
        let canvas = Self {
            document: StoredValue::new(Document::default()),
            nodes: StoredValue::new(HashMap::new()),
            edges: StoredValue::new(HashMap::new()),
            stamp: StoredValue::new(0),
            problem_at: StoredValue::new(None),
            gesture: StoredValue::new(Gesture::Idle),
            node_list: RwSignal::new(Vec::new()),
            edge_list: RwSignal::new(Vec::new()),
            selection: RwSignal::new(Selection::default()),
            viewport: RwSignal::new(Viewport::default()),
            size: RwSignal::new(Point::new(1000.0, 700.0)),
            focus: RwSignal::new(None),
            moving: RwSignal::new(false),
            brush: RwSignal::new(None),
            wire: RwSignal::new(None),
            version: RwSignal::new(0),
            problems: RwSignal::new(Vec::new()),
            said: RwSignal::new(String::new()),
            readonly: RwSignal::new(readonly),
            opens_at: StoredValue::new(None),
        };
        canvas.load(graph);
        canvas
    }

    /// Shows another graph, with an empty history.
    pub fn load(&self, graph: Graph) {
        self.document.set_value(Document::new(graph));
        self.restructure();
        self.version.update(|version| *version += 1);
    }

    /// Reads the document. Not tracked; read [`Canvas::version`] beside it to be told of changes.
    pub fn with_document<T>(&self, read: impl FnOnce(&Document) -> T) -> T {
        self.document.with_value(read)
    }

    /// A copy of the graph. Not tracked.
    pub fn graph(&self) -> Graph {
        self.with_document(|document| document.graph().clone())
    }

    /// A node's signals.
    pub fn node(&self, id: &NodeId) -> Option<NodeSignals> {
        self.nodes.with_value(|nodes| nodes.get(id).cloned())
    }

    /// An edge's signals.
    pub fn edge(&self, id: &str) -> Option<EdgeSignals> {
        self.edges.with_value(|edges| edges.get(id).cloned())
    }

    fn next_stamp(&self) -> u64 {
        let next = self.stamp.get_value() + 1;
        self.stamp.set_value(next);
        next
    }

    /// Brings the signals up to a change of the document.
    pub(super) fn follow(&self, touched: &Touched) {
        if touched.structure {
            self.restructure();
        }
        for id in &touched.nodes {
            let node = self.with_document(|document| document.node(id).cloned());
            if let (Some(node), Some(signals)) = (node, self.node(id)) {
                signals.refresh(&node);
            }
        }
        if touched.structure || touched.settings || !touched.nodes.is_empty() {
            self.version.update(|version| *version += 1);
        }
    }

    /// Rebuilds the lists; what is as before keeps its signals.
    fn restructure(&self) {
        let graph = self.graph();
        let mut nodes = HashMap::with_capacity(graph.nodes.len());
        let mut node_list = Vec::with_capacity(graph.nodes.len());
        for node in &graph.nodes {
            let signals =
                self.node(&node.id).unwrap_or_else(|| NodeSignals::new(node, self.next_stamp()));
            signals.refresh(node);
            nodes.insert(node.id.clone(), signals.clone());
            node_list.push(signals);
        }
        let mut edges = HashMap::with_capacity(graph.edges.len());
        let mut edge_list = Vec::with_capacity(graph.edges.len());
        for edge in &graph.edges {
            let (Some(from), Some(to)) = (nodes.get(&edge.from), nodes.get(&edge.to)) else {
                continue; // Imports can hold it; the problems list says so.
            };
            let signals = self.edge_signals(edge, from, to);
            edges.insert(edge.id.clone(), signals.clone());
            edge_list.push(signals);
        }
        self.nodes.set_value(nodes);
        self.edges.set_value(edges);
        self.node_list.set(node_list);
        self.edge_list.set(edge_list);
        let selection = self.selection.get_untracked();
        self.select(selection.within(&graph));
        let gone = |id: &NodeId| graph.node(id).is_none();
        if self.focus.with_untracked(|focus| focus.as_ref().is_some_and(gone)) {
            self.focus_on(None);
        }
    }

    /// Moves the keyboard's place to a node.
    pub fn focus_on(&self, id: Option<NodeId>) {
        let old = self.focus.get_untracked();
        if old == id {
            return;
        }
        for (node, focused) in [(&old, false), (&id, true)] {
            if let Some(node) = node.as_ref().and_then(|id| self.node(id)) {
                set_if(&node.focused, focused);
            }
        }
        self.focus.set(id);
    }

    /// Goes to a node: selects it, puts the keyboard there and brings it into sight.
    pub fn go_to(&self, id: &NodeId) {
        self.select(Selection::node(id.clone()));
        self.focus_on(Some(id.clone()));
        self.reveal(id);
    }

    fn edge_signals(&self, edge: &Edge, from: &NodeSignals, to: &NodeSignals) -> EdgeSignals {
        let old = self.edge(&edge.id).filter(|old| {
            old.edge == *edge && old.from.stamp == from.stamp && old.to.stamp == to.stamp
        });
        old.unwrap_or_else(|| EdgeSignals {
            edge: edge.clone(),
            stamp: self.next_stamp(),
            from: from.clone(),
            to: to.clone(),
            selected: ArcRwSignal::new(false),
            mark: ArcRwSignal::new(EdgeMark::Plain),
            culled: ArcRwSignal::new(false),
        })
    }

    /// Selects this and nothing else; only what changes is touched.
    pub fn select(&self, selection: Selection) {
        let old = self.selection.get_untracked();
        for id in old.nodes.symmetric_difference(&selection.nodes) {
            if let Some(node) = self.node(id) {
                set_if(&node.selected, selection.nodes.contains(id));
            }
        }
        for id in old.edges.symmetric_difference(&selection.edges) {
            if let Some(edge) = self.edge(id) {
                set_if(&edge.selected, selection.edges.contains(id));
            }
        }
        // Signals that were made anew start unselected.
        for id in &selection.nodes {
            if let Some(node) = self.node(id) {
                set_if(&node.selected, true);
            }
        }
        for id in &selection.edges {
            if let Some(edge) = self.edge(id) {
                set_if(&edge.selected, true);
            }
        }
        if old != selection {
            self.selection.set(selection);
        }
    }

    /// Says something in the live region.
    pub fn say(&self, words: impl Into<String>) {
        let _ = self.said.try_set(words.into());
    }

    /// The title of a node, for words.
    pub fn title(&self, id: &NodeId) -> String {
        self.with_document(|document| {
            document.node(id).map_or_else(|| id.to_string(), |node| node.title().to_owned())
        })
    }

    /// Shows all of the graph.
    pub fn fit(&self) {
        let nodes = self.with_document(|document| {
            crate::canvas::model::geometry::bounds(&document.graph().nodes)
        });
        self.fit_rect(nodes);
    }

    /// Where the first look is, when all of the graph would be too small to read; its beginning unless this is called.
    pub fn open_at(&self, node: NodeId) {
        self.opens_at.set_value(Some(node));
    }

    /// The first look at a graph: all of it, or, where that would be too small to read, a part of it.
    pub fn open_view(&self) {
        const READABLE_ZOOM: f64 = 0.6;
        self.fit();
        if self.viewport.with_untracked(|view| view.zoom >= READABLE_ZOOM) {
            return;
        }
        let (size, zoom) = (self.size.get_untracked(), 0.8);
        let wanted = self.opens_at.get_value();
        let found = self.with_document(|document| {
            if let Some(node) = wanted.and_then(|id| document.node(&id)) {
                let at = node_rect(node.position, &node.kind).centre();
                return Some(Point::new(size.x / 2.0 - at.x * zoom, size.y / 2.0 - at.y * zoom));
            }
            let graph = document.graph();
            let first = graph.trigger().or(graph.nodes.first())?;
            let rect = node_rect(first.position, &first.kind);
            Some(Point::new(64.0 - rect.x * zoom, size.y / 2.0 - rect.centre().y * zoom))
        });
        let Some(pan) = found else { return };
        self.viewport.set(Viewport { pan, zoom });
        self.cull();
    }

    /// Shows all of what is selected; everything when nothing is.
    pub fn fit_selection(&self) {
        let chosen = self.selection.get_untracked();
        let rect = self.with_document(|document| {
            let nodes =
                document.graph().nodes.iter().filter(|node| chosen.nodes.contains(&node.id));
            crate::canvas::model::geometry::bounds(nodes)
        });
        if rect.is_some() { self.fit_rect(rect) } else { self.fit() }
    }

    fn fit_rect(&self, rect: Option<Rect>) {
        let size = self.size.get_untracked();
        let view = rect.map_or_else(
            || Viewport { pan: Point::new(size.x / 3.0, size.y / 3.0), zoom: 1.0 },
            |rect| Viewport::fitting(rect, size),
        );
        self.viewport.set(view);
        self.cull();
    }

    /// Zooms by a factor around the middle of the screen.
    pub fn zoom(&self, factor: f64) {
        let size = self.size.get_untracked();
        let middle = Point::new(size.x / 2.0, size.y / 2.0);
        self.viewport.update(|view| *view = view.zoomed(factor, middle));
    }

    /// Brings a node into sight, clear of the rim.
    pub fn reveal(&self, id: &NodeId) {
        let rect = self.with_document(|document| {
            document.node(id).map(|node| node_rect(node.position, &node.kind))
        });
        let Some(rect) = rect else { return };
        let (view, size) = (self.viewport.get_untracked(), self.size.get_untracked());
        let shown = view.showing(rect, size, 64.0);
        if shown != view {
            self.viewport.set(shown);
            self.cull();
        }
    }

    /// Draws only what is in sight or near it. A linear look at all nodes and edges: 10,000 take
    /// well under a millisecond, and only what crosses the rim is touched.
    pub fn cull(&self) {
        const NEAR_PX: f64 = 600.0;
        let (Some(view), Some(size)) =
            (self.viewport.try_get_untracked(), self.size.try_get_untracked())
        else {
            return; // The page is gone.
        };
        let sight = view.sight(size).grown(NEAR_PX / view.zoom);
        self.node_list.with_untracked(|nodes| {
            for node in nodes {
                let position = node.position.get_untracked();
                let rect = node.node.with_untracked(|fields| node_rect(position, &fields.kind));
                set_if(&node.culled, !sight.touches(&rect));
            }
        });
        self.edge_list.with_untracked(|edges| {
            for edge in edges {
                let span = Rect::spanning(
                    edge.from.position.get_untracked().into(),
                    edge.to.position.get_untracked().into(),
                );
                // A little more than the nodes' corners: ports and back edges reach out.
                set_if(&edge.culled, !sight.touches(&span.grown(260.0)));
            }
        });
    }
}
