//! What is under a point. Ports win over bodies, bodies over edges, later nodes over earlier ones.

use super::curve::Curve;
use super::document::Document;
use super::geometry::{
    NODE_WIDTH, PORT_TARGET, Point, Rect, has_input, input_anchor, node_rect, port_anchor,
};
use super::viewport::Viewport;
use signalbox::graph::{Edge, Node};
use signalbox::id::NodeId;

/// Half the width of the strip along an edge that can be hit, in screen pixels.
const EDGE_REACH: f64 = 10.0;

/// What is under a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hit {
    /// A node's way out.
    Port {
        /// The node.
        node: NodeId,
        /// The port.
        port: String,
    },
    /// A node's way in.
    Input(NodeId),
    /// A node's body.
    Node(NodeId),
    /// An edge, by id.
    Edge(String),
    /// Nothing.
    Background,
}

impl Hit {
    /// What is at a screen point.
    pub fn at(document: &Document, view: &Viewport, screen: Point) -> Self {
        let world = view.to_world(screen);
        // Targets keep their size on the screen; below half size they shrink with the picture.
        let reach = PORT_TARGET / 2.0 / view.zoom.max(0.5);
        port_hit(document, world, reach)
            .or_else(|| body_hit(document, world).map(Self::Node))
            .or_else(|| edge_hit(document, world, EDGE_REACH / view.zoom).map(Self::Edge))
            .unwrap_or(Self::Background)
    }

    /// The node whose body or port it is.
    pub fn node(&self) -> Option<&NodeId> {
        match self {
            Self::Port { node, .. } | Self::Input(node) | Self::Node(node) => Some(node),
            Self::Edge(_) | Self::Background => None,
        }
    }
}

fn port_hit(document: &Document, world: Point, reach: f64) -> Option<Hit> {
    let mut nearest: Option<(f64, Hit)> = None;
    let mut offer = |distance: f64, hit: &dyn Fn() -> Hit| {
        if distance <= reach && nearest.as_ref().is_none_or(|(best, _)| distance < *best) {
            nearest = Some((distance, hit()));
        }
    };
    for node in &document.graph().nodes {
        let dx = world.x - node.position.x;
        if dx < -reach || dx > NODE_WIDTH + reach || world.y < node.position.y - reach {
            continue;
        }
        if has_input(&node.kind) {
            let distance = input_anchor(node.position, &node.kind).distance(world);
            offer(distance, &|| Hit::Input(node.id.clone()));
        }
        for port in node.kind.ports() {
            let distance = port_anchor(node.position, &node.kind, port).distance(world);
            offer(distance, &|| Hit::Port { node: node.id.clone(), port: port.to_owned() });
        }
    }
    nearest.map(|(_, hit)| hit)
}

fn body_hit(document: &Document, world: Point) -> Option<NodeId> {
    let holds = |node: &&Node| {
        let dx = world.x - node.position.x;
        (0.0..=NODE_WIDTH).contains(&dx) && node_rect(node.position, &node.kind).holds(world)
    };
    document.graph().nodes.iter().rev().find(holds).map(|node| node.id.clone())
}

fn edge_hit(document: &Document, world: Point, reach: f64) -> Option<String> {
    let mut nearest: Option<(f64, &Edge)> = None;
    for edge in &document.graph().edges {
        let Some(curve) = edge_curve(document, edge) else { continue };
        if !curve.bounds().grown(reach).holds(world) {
            continue;
        }
        let distance = curve.distance(world);
        if distance <= reach && nearest.is_none_or(|(best, _)| distance < best) {
            nearest = Some((distance, edge));
        }
    }
    nearest.map(|(_, edge)| edge.id.clone())
}

/// The line of an edge; none when one of its ends is missing.
pub fn edge_curve(document: &Document, edge: &Edge) -> Option<Curve> {
    let (from, to) = (document.node(&edge.from)?, document.node(&edge.to)?);
    Some(Curve::between(
        port_anchor(from.position, &from.kind, &edge.port),
        input_anchor(to.position, &to.kind),
    ))
}

/// The nodes that a marquee selects: those it touches, or, drawn from left to right, those it
/// covers.
pub fn brushed(document: &Document, marquee: &Rect, covering: bool) -> Vec<NodeId> {
    let caught = |node: &&Node| {
        let rect = node_rect(node.position, &node.kind);
        if covering { marquee.covers(&rect) } else { marquee.touches(&rect) }
    };
    document.graph().nodes.iter().filter(caught).map(|node| node.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::model::fixture;

    #[test]
    fn every_port_has_a_target_of_24_screen_pixels_from_half_size_up() {
        let document = Document::new(fixture::small());
        for zoom in [0.5, 1.0, 2.0] {
            let view = Viewport { pan: Point::new(13.0, -7.0), zoom };
            for node in &document.graph().nodes {
                for port in node.kind.ports() {
                    let anchor = port_anchor(node.position, &node.kind, port);
                    let middle = view.to_screen(anchor);
                    // Neighbouring ports share the room between them; sideways nothing is in the way.
                    let ends = [
                        Point::new(middle.x - 11.9, middle.y),
                        Point::new(middle.x + 11.9, middle.y),
                    ];
                    for at in ends {
                        let expected = Hit::Port { node: node.id.clone(), port: port.to_owned() };
                        assert_eq!(Hit::at(&document, &view, at), expected, "zoom {zoom}");
                    }
                }
            }
        }
    }

    #[test]
    fn bodies_edges_and_nothing_are_told_apart() {
        let document = Document::new(fixture::small());
        let view = Viewport::default();
        let node = &document.graph().nodes[1];
        let middle = node_rect(node.position, &node.kind).centre();
        assert_eq!(Hit::at(&document, &view, middle), Hit::Node(node.id.clone()));
        let edge = &document.graph().edges[0];
        let curve = edge_curve(&document, edge).expect("both ends are there");
        let on_edge = Point::new(curve.middle().x, curve.middle().y + 6.0);
        assert_eq!(Hit::at(&document, &view, on_edge), Hit::Edge(edge.id.clone()));
        assert_eq!(Hit::at(&document, &view, Point::new(-900.0, -900.0)), Hit::Background);
    }

    #[test]
    fn a_marquee_covers_or_touches() {
        let document = Document::new(fixture::small());
        let node = &document.graph().nodes[1];
        let rect = node_rect(node.position, &node.kind);
        let half = Rect { width: rect.width / 2.0, ..rect };
        assert_eq!(brushed(&document, &half, false), vec![node.id.clone()]);
        assert!(brushed(&document, &half, true).is_empty());
        assert_eq!(brushed(&document, &rect.grown(1.0), true), vec![node.id.clone()]);
    }
}
