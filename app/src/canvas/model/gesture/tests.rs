//! Gestures, played on a small graph as a view would.

use super::*;
use crate::canvas::model::fixture;
use crate::canvas::model::geometry::{input_anchor, node_rect, port_anchor};
use crate::canvas::model::slug;
use proptest::prelude::*;
use signalbox::graph::GraphEdit;
use std::collections::BTreeMap;

/// A view without a screen.
struct Rig {
    document: Document,
    view: Viewport,
    selection: Selection,
    gesture: Gesture,
    shown: BTreeMap<NodeId, Position>,
    wire: Option<Wire>,
    brush: Option<Rect>,
    said: Vec<String>,
    palette: Option<(Option<(NodeId, String)>, Point)>,
    readonly: bool,
    mods: Mods,
}

impl Rig {
    fn new() -> Self {
        let document = Document::new(fixture::small());
        let nodes = &document.graph().nodes;
        let shown = nodes.iter().map(|node| (node.id.clone(), node.position)).collect();
        Self {
            shown,
            document,
            view: Viewport { pan: Point::new(40.0, 60.0), zoom: 0.8 },
            selection: Selection::default(),
            gesture: Gesture::Idle,
            wire: None,
            brush: None,
            said: Vec::new(),
            palette: None,
            readonly: false,
            mods: Mods::default(),
        }
    }

    fn play(&mut self, step: impl FnOnce(Gesture, &Scene<'_>) -> Next) {
        let gesture = std::mem::take(&mut self.gesture);
        let (gesture, acts) = step(
            gesture,
            &Scene {
                document: &self.document,
                view: self.view,
                selection: &self.selection,
                readonly: self.readonly,
            },
        );
        self.gesture = gesture;
        acts.into_iter().for_each(|act| self.act(act));
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::View(view) => self.view = view,
            Act::Select(selection) => self.selection = selection,
            Act::Focus(_) | Act::Open(_) => {}
            Act::Place(places) => self.shown.extend(places),
            Act::Restore(ids) => {
                for id in ids {
                    let position = self.document.node(&id).expect("a node").position;
                    self.shown.insert(id, position);
                }
            }
            Act::Move(places) => {
                self.shown.extend(places.clone());
                let edits =
                    places.into_iter().map(|(id, position)| GraphEdit::MoveNode { id, position });
                self.document.commit("Move", edits.collect(), None).expect("moved");
            }
            Act::Brush(brush) => self.brush = brush,
            Act::Wire(wire) => self.wire = wire,
            Act::Connect { from, port, to } => {
                let edge = Box::new(slug::edge(self.document.graph(), &from, &port, &to));
                let edits = vec![GraphEdit::AddEdge { edge, index: None }];
                self.document.commit("Connect", edits, None).expect("connected");
            }
            Act::Palette { from, at } => self.palette = Some((from, at)),
            Act::Say(words) => self.said.push(words),
        }
    }

    fn pointer(&self, at: Point) -> Pointer {
        Pointer { at, button: Button::Primary, mods: self.mods, touch: false }
    }

    fn down(&mut self, at: Point) {
        let pointer = self.pointer(at);
        self.play(|gesture, scene| gesture.press(scene, &pointer));
    }
    fn to(&mut self, at: Point) {
        let pointer = self.pointer(at);
        self.play(|gesture, scene| gesture.drag(scene, &pointer));
    }
    fn up(&mut self, at: Point) {
        let pointer = self.pointer(at);
        self.play(|gesture, scene| gesture.release(scene, &pointer));
    }
    fn escape(&mut self) {
        self.play(|gesture, scene| gesture.abort(scene));
    }
    fn click(&mut self, at: Point) {
        self.down(at);
        self.up(at);
    }
    fn drag(&mut self, from: Point, to: Point) {
        self.down(from);
        self.to(Point::new((from.x + to.x) / 2.0, (from.y + to.y) / 2.0));
        self.to(to);
        self.up(to);
    }

    fn body(&self, id: &str) -> Point {
        let node = self.document.node(&id.into()).expect("a node");
        self.view.to_screen(node_rect(node.position, &node.kind).centre())
    }
    fn port(&self, id: &str, port: &str) -> Point {
        let node = self.document.node(&id.into()).expect("a node");
        self.view.to_screen(port_anchor(node.position, &node.kind, port))
    }
    fn input(&self, id: &str) -> Point {
        let node = self.document.node(&id.into()).expect("a node");
        self.view.to_screen(input_anchor(node.position, &node.kind))
    }
}

fn by(point: Point, x: f64, y: f64) -> Point {
    Point::new(point.x + x, point.y + y)
}

#[test]
fn a_drag_moves_the_selection_as_one_entry_and_a_wobble_does_not() {
    let mut rig = Rig::new();
    let start = rig.body("check");
    rig.down(start);
    rig.to(by(start, 3.0, 2.0));
    rig.up(by(start, 3.0, 2.0));
    assert_eq!(rig.document.revision(), 0, "4 px are a click");
    assert_eq!(rig.selection.single(), Some(&"check".into()));

    rig.mods.shift = true;
    let other = rig.body("mail");
    rig.click(other);
    rig.mods.shift = false;
    assert_eq!(rig.selection.nodes.len(), 2);
    rig.drag(start, by(start, 84.0, 160.0));
    assert_eq!(rig.document.revision(), 1);
    let moved = rig.document.node(&"check".into()).expect("a node").position;
    assert_eq!(moved, Position { x: 424.0, y: 200.0 }, "105 and 200 units, snapped");
    assert_eq!(rig.document.node(&"mail".into()).expect("a node").position.y, 200.0);
    rig.document.undo();
    assert_eq!(rig.document.graph(), &fixture::small());
}

#[test]
fn clicks_select_toggle_and_clear() {
    let mut rig = Rig::new();
    let (check, mail) = (rig.body("check"), rig.body("mail"));
    rig.click(check);
    rig.click(mail);
    assert_eq!(rig.selection.single(), Some(&"mail".into()));
    rig.mods.ctrl = true;
    rig.click(check);
    assert_eq!(rig.selection.nodes.len(), 2);
    rig.mods.ctrl = false;
    rig.click(check);
    assert_eq!(rig.selection.single(), Some(&"check".into()), "a plain click selects it alone");
    rig.click(Point::new(5.0, 700.0));
    assert!(rig.selection.is_empty());
}

#[test]
fn dragging_the_background_pans_and_keeps_the_selection() {
    let mut rig = Rig::new();
    let check = rig.body("check");
    rig.click(check);
    let pan = rig.view.pan;
    rig.drag(Point::new(5.0, 700.0), Point::new(55.0, 680.0));
    assert_eq!(rig.view.pan, by(pan, 50.0, -20.0));
    assert_eq!(rig.selection.single(), Some(&"check".into()));
    rig.mods.space = true;
    let check = rig.body("check");
    rig.drag(check, by(check, 10.0, 10.0));
    assert_eq!(rig.document.revision(), 0, "with the space bar a node is background");
}

#[test]
fn a_marquee_adds_what_it_covers_or_touches() {
    let mut rig = Rig::new();
    rig.mods.shift = true;
    let (from, to) = (by(rig.body("check"), 0.0, -60.0), by(rig.body("mail"), 10.0, 60.0));
    rig.drag(from, to);
    assert!(rig.selection.is_empty(), "left to right covers: {:?}", rig.selection);
    rig.drag(to, from);
    assert_eq!(rig.selection.nodes.len(), 2, "right to left touches");
    assert_eq!(rig.brush, None);
}

#[test]
fn connecting_by_drag_by_clicks_and_refused_with_the_reason() {
    let mut rig = Rig::new();
    let (port, done) = (rig.port("mail", "error"), rig.input("done"));
    rig.drag(port, done);
    let edge = rig.document.graph().edges.last().expect("an edge").clone();
    assert_eq!(
        (edge.from.as_str(), edge.port.as_str(), edge.to.as_str()),
        ("mail", "error", "done")
    );
    assert_eq!(rig.wire, None);

    let (port, body) = (rig.port("check", "false"), rig.body("done"));
    rig.click(port);
    rig.to(by(port, 50.0, 50.0));
    assert!(rig.wire.is_some(), "the wire follows without a button");
    rig.click(body);
    assert_eq!(rig.document.graph().edges.len(), 5);

    let (port, start) = (rig.port("mail", "success"), rig.body("start"));
    rig.down(port);
    rig.to(start);
    let reason = rig.wire.as_ref().and_then(|wire| wire.reason.clone());
    assert_eq!(reason.as_deref(), Some("Start starts the run: nothing can lead into it"));
    rig.up(start);
    assert_eq!(rig.document.graph().edges.len(), 5);
    assert!(rig.said.iter().any(|words| words.starts_with("Not connected. Start starts the run")));
}

#[test]
fn a_wire_let_go_over_nothing_offers_the_palette_there() {
    let mut rig = Rig::new();
    let port = rig.port("mail", "error");
    let at = by(port, 90.0, 200.0);
    rig.drag(port, at);
    let (from, world) = rig.palette.clone().expect("offered");
    assert_eq!(from, Some(("mail".into(), "error".into())));
    assert!(rig.view.to_screen(world).distance(at) < 1e-6);
    let nothing = Gesture::double_click(
        &Scene {
            document: &rig.document,
            view: rig.view,
            selection: &rig.selection,
            readonly: false,
        },
        Point::new(5.0, 700.0),
    );
    assert!(matches!(nothing.as_slice(), [Act::Palette { from: None, .. }]));
}

#[test]
fn a_readonly_graph_can_be_panned_and_selected_only() {
    let mut rig = Rig::new();
    rig.readonly = true;
    let (check, port) = (rig.body("check"), rig.port("mail", "success"));
    let pan = rig.view.pan;
    rig.drag(check, by(check, 40.0, 0.0));
    assert_eq!(rig.view.pan, by(pan, 40.0, 0.0));
    assert_eq!(rig.selection.single(), Some(&"check".into()));
    rig.drag(by(port, 40.0, 0.0), by(port, 90.0, 300.0));
    assert_eq!(rig.document.revision(), 0);
    assert_eq!((rig.palette, rig.wire), (None, None));
}

proptest! {
    /// Whatever a gesture has done so far, Escape restores everything.
    #[test]
    fn escape_restores_everything(
        x in 0.0..900.0f64, y in 0.0..300.0f64, shift in any::<bool>(), space in any::<bool>(),
        moves in prop::collection::vec((-300.0..900.0f64, -300.0..600.0f64), 0..8)
    ) {
        let mut rig = Rig::new();
        rig.selection = Selection::nodes(["check".into(), "mail".into()]);
        rig.mods = Mods { shift, ctrl: false, space };
        let (view, shown, selection) = (rig.view, rig.shown.clone(), rig.selection.clone());
        rig.down(Point::new(x, y));
        let under_way = !rig.gesture.is_idle();
        let pressed_edge = rig.selection.edges.len() > selection.edges.len();
        for (x, y) in moves {
            rig.to(Point::new(x, y));
        }
        rig.escape();
        prop_assert!(rig.gesture.is_idle());
        prop_assert_eq!(rig.document.revision(), 0);
        prop_assert_eq!(rig.view, view);
        prop_assert_eq!(&rig.shown, &shown);
        prop_assert_eq!((&rig.wire, rig.brush), (&None, None));
        if under_way && !pressed_edge {
            prop_assert_eq!(&rig.selection, &selection);
        }
    }

    /// No sequence of pointer events leaves a connection that is not allowed.
    #[test]
    fn no_gesture_makes_a_forbidden_edge(
        events in prop::collection::vec((0u8..3, 0.0..900.0f64, 0.0..200.0f64), 0..60)
    ) {
        let mut rig = Rig::new();
        for (event, x, y) in events {
            match event {
                0 => rig.down(Point::new(x, y)),
                1 => rig.to(Point::new(x, y)),
                _ => rig.up(Point::new(x, y)),
            }
        }
        let mut pairs = std::collections::BTreeSet::new();
        for edge in &rig.document.graph().edges {
            prop_assert!(edge.to.as_str() != "start" && edge.from != edge.to);
            prop_assert!(edge.from.as_str() != "done");
            prop_assert!(pairs.insert((edge.from.clone(), edge.port.clone(), edge.to.clone())));
        }
    }
}
