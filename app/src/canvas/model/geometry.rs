//! Points, rectangles, and where a node's body and ports are.

use signalbox::graph::{Node, NodeKind, Position};

// Tidying up lays out the same boxes.
pub use signalbox::graph::layout::{NODE_HEIGHT, NODE_WIDTH, PORT_PITCH, node_height};
/// Diameter of a port as it is drawn.
pub const PORT_SIZE: f64 = 10.0;
/// Diameter of what can be hit of a port, in screen pixels, at any zoom from 0.5 up.
pub const PORT_TARGET: f64 = 24.0;
/// The grid that dragged and pasted nodes snap to.
pub const GRID: f64 = 8.0;

/// A point or a vector.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

impl Point {
    /// A point.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// How far away another point is.
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The vector from another point to this one.
    pub fn minus(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }

    /// This point moved by a vector.
    pub fn plus(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl From<Position> for Point {
    fn from(position: Position) -> Self {
        Self::new(position.x, position.y)
    }
}

impl From<Point> for Position {
    fn from(point: Point) -> Self {
        Self { x: point.x, y: point.y }
    }
}

/// A rectangle with its sides along the axes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left side.
    pub x: f64,
    /// Upper side.
    pub y: f64,
    /// Not negative.
    pub width: f64,
    /// Not negative.
    pub height: f64,
}

impl Rect {
    /// The rectangle with these two opposite corners.
    pub fn spanning(a: Point, b: Point) -> Self {
        let (x, y) = (a.x.min(b.x), a.y.min(b.y));
        Self { x, y, width: (a.x - b.x).abs(), height: (a.y - b.y).abs() }
    }

    /// Whether a point is inside or on the edge.
    pub fn holds(&self, point: Point) -> bool {
        (self.x..=self.x + self.width).contains(&point.x)
            && (self.y..=self.y + self.height).contains(&point.y)
    }

    /// Whether another rectangle is wholly inside.
    pub fn covers(&self, other: &Rect) -> bool {
        self.holds(Point::new(other.x, other.y))
            && self.holds(Point::new(other.x + other.width, other.y + other.height))
    }

    /// Whether the two have a point in common.
    pub fn touches(&self, other: &Rect) -> bool {
        self.x <= other.x + other.width
            && other.x <= self.x + self.width
            && self.y <= other.y + other.height
            && other.y <= self.y + self.height
    }

    /// Larger by `margin` on every side.
    pub fn grown(&self, margin: f64) -> Self {
        Self {
            x: self.x - margin,
            y: self.y - margin,
            width: (self.width + 2.0 * margin).max(0.0),
            height: (self.height + 2.0 * margin).max(0.0),
        }
    }

    /// The smallest rectangle that holds both.
    pub fn union(&self, other: &Rect) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        Self {
            x,
            y,
            width: (self.x + self.width).max(other.x + other.width) - x,
            height: (self.y + self.height).max(other.y + other.height) - y,
        }
    }

    /// The point in its middle.
    pub fn centre(&self) -> Point {
        Point::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }
}

/// The body of a node at a position.
pub fn node_rect(position: Position, kind: &NodeKind) -> Rect {
    let height = node_height(kind.ports().len());
    Rect { x: position.x, y: position.y, width: NODE_WIDTH, height }
}

/// Whether edges may lead into nodes of this kind.
pub fn has_input(kind: &NodeKind) -> bool {
    !matches!(kind, NodeKind::Trigger(_))
}

/// The way in, in the middle of the left side.
pub fn input_anchor(position: Position, kind: &NodeKind) -> Point {
    let height = node_height(kind.ports().len());
    Point::new(position.x, position.y + height / 2.0)
}

/// Distance of the way out number `index` of `count` from the node's upper side.
pub fn port_offset(index: usize, count: usize) -> f64 {
    let height = node_height(count);
    height / 2.0 + PORT_PITCH * (index as f64 - (count as f64 - 1.0) / 2.0)
}

/// A way out, on the right side. A port that the kind does not have (any more) is at the lower
/// right corner, so that its edge still shows.
pub fn port_anchor(position: Position, kind: &NodeKind, port: &str) -> Point {
    let ports = kind.ports();
    let x = position.x + NODE_WIDTH;
    match ports.iter().position(|name| *name == port) {
        Some(index) => Point::new(x, position.y + port_offset(index, ports.len())),
        None => Point::new(x, position.y + node_height(ports.len())),
    }
}

/// The rectangle around all nodes; none when there are none.
pub fn bounds<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Option<Rect> {
    let rects = nodes.into_iter().map(|node| node_rect(node.position, &node.kind));
    rects.reduce(|all, rect| all.union(&rect))
}

/// The nearest point of the grid.
pub fn snapped(point: Point) -> Point {
    Point::new((point.x / GRID).round() * GRID, (point.y / GRID).round() * GRID)
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox::graph::{BranchCase, BranchSettings, ConditionSettings, EndSettings};

    #[test]
    fn ports_are_spread_along_the_right_side_24_apart_and_inside_the_node() {
        for count in 1..12 {
            let height = node_height(count);
            let offsets: Vec<f64> = (0..count).map(|index| port_offset(index, count)).collect();
            assert!(offsets.windows(2).all(|pair| pair[1] - pair[0] == PORT_PITCH), "{count}");
            assert!(offsets[0] >= PORT_PITCH / 2.0, "{count}: {offsets:?}");
            assert!(offsets[count - 1] <= height - PORT_PITCH / 2.0, "{count}: {offsets:?}");
        }
        assert_eq!(node_height(2), NODE_HEIGHT);
        assert_eq!(port_offset(0, 1), NODE_HEIGHT / 2.0);
    }

    #[test]
    fn a_port_that_is_gone_is_at_the_corner() {
        let case = |port: &str| BranchCase { port: port.into(), when: String::new() };
        let kind = NodeKind::Branch(BranchSettings { cases: vec![case("a"), case("b")] });
        let at = Position { x: 100.0, y: 10.0 };
        let height = node_height(4);
        assert_eq!(port_anchor(at, &kind, "gone"), Point::new(100.0 + NODE_WIDTH, 10.0 + height));
        assert!(port_anchor(at, &kind, "a").y < port_anchor(at, &kind, "b").y);
        assert_eq!(input_anchor(at, &kind), Point::new(100.0, 10.0 + height / 2.0));
    }

    #[test]
    fn bounds_hold_every_node() {
        let mut left = Node::new("a", NodeKind::Condition(ConditionSettings::default()));
        left.position = Position { x: -50.0, y: 20.0 };
        let mut right = Node::new("b", NodeKind::End(EndSettings::default()));
        right.position = Position { x: 300.0, y: -10.0 };
        let all = bounds([&left, &right]).expect("two nodes");
        for node in [&left, &right] {
            assert!(all.covers(&node_rect(node.position, &node.kind)));
        }
        assert_eq!(bounds([]), None);
    }
}
