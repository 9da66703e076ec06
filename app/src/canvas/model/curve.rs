//! The line of an edge: its path for SVG, its middle, and how far away a point is from it.
//!
//! Forward edges are one S of a cubic curve. An edge that leads back (a loop) leaves to the right,
//! runs below both nodes and comes in from the left. The arrow is part of the path, so that an edge
//! is one element.

use super::geometry::{NODE_HEIGHT, Point, Rect};
use std::fmt::Write;

/// A cubic piece: start, two controls, end.
type Piece = [Point; 4];

/// The line of an edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    pieces: [Piece; 3],
    count: usize,
}

/// How far the back edge runs below the lower of its two ends.
const BELOW: f64 = NODE_HEIGHT + 24.0;

impl Curve {
    /// The line from a way out to a way in.
    pub fn between(from: Point, to: Point) -> Self {
        let gap = to.x - from.x;
        if gap >= 16.0 || gap.abs() < 16.0 && (to.y - from.y).abs() > 2.0 * BELOW {
            return Self::forward(from, to);
        }
        Self::back(from, to)
    }

    fn forward(from: Point, to: Point) -> Self {
        let reach = ((to.x - from.x).abs() * 0.5).clamp(32.0, 160.0);
        let piece = [from, Point::new(from.x + reach, from.y), Point::new(to.x - reach, to.y), to];
        Self { pieces: [piece; 3], count: 1 }
    }

    fn back(from: Point, to: Point) -> Self {
        let low = from.y.max(to.y) + BELOW;
        let (right, left) = (from.x + 16.0, to.x - 16.0);
        let reach = 56.0;
        let down = [
            from,
            Point::new(from.x + reach, from.y),
            Point::new(from.x + reach, low),
            Point::new(right, low),
        ];
        let along = [
            down[3],
            Point::new(right - 8.0, low),
            Point::new(left + 8.0, low),
            Point::new(left, low),
        ];
        let up = [along[3], Point::new(to.x - reach, low), Point::new(to.x - reach, to.y), to];
        Self { pieces: [down, along, up], count: 3 }
    }

    fn pieces(&self) -> &[Piece] {
        &self.pieces[..self.count]
    }

    /// The `d` of an SVG path, with an open arrow at the target.
    pub fn path(&self) -> String {
        let mut text = String::with_capacity(160);
        let start = self.pieces[0][0];
        // Writing to a string does not fail.
        let _ = write!(text, "M{:.1} {:.1}", start.x, start.y);
        for [_, a, b, end] in self.pieces() {
            let _ = write!(
                text,
                "C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
                a.x, a.y, b.x, b.y, end.x, end.y
            );
        }
        let tip = self.pieces[self.count - 1][3];
        let _ = write!(
            text,
            "M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}",
            tip.x - 7.0,
            tip.y - 4.5,
            tip.x - 1.0,
            tip.y,
            tip.x - 7.0,
            tip.y + 4.5
        );
        text
    }

    /// The point half way, where the edge's buttons are.
    pub fn middle(&self) -> Point {
        at(&self.pieces[self.count / 2], 0.5)
    }

    /// A rectangle that holds the whole line.
    pub fn bounds(&self) -> Rect {
        let points = self.pieces().iter().flatten();
        let (mut low, mut high) = (self.pieces[0][0], self.pieces[0][0]);
        for point in points {
            low = Point::new(low.x.min(point.x), low.y.min(point.y));
            high = Point::new(high.x.max(point.x), high.y.max(point.y));
        }
        Rect::spanning(low, high)
    }

    /// How far away a point is from the line; exact to a fraction of a unit.
    pub fn distance(&self, point: Point) -> f64 {
        const SAMPLES: u32 = 24;
        let mut nearest = f64::INFINITY;
        for piece in self.pieces() {
            let mut last = piece[0];
            for step in 1..=SAMPLES {
                let next = at(piece, f64::from(step) / f64::from(SAMPLES));
                nearest = nearest.min(to_segment(point, last, next));
                last = next;
            }
        }
        nearest
    }
}

fn at(piece: &Piece, t: f64) -> Point {
    let s = 1.0 - t;
    let [a, b, c, d] = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
    Point::new(
        a * piece[0].x + b * piece[1].x + c * piece[2].x + d * piece[3].x,
        a * piece[0].y + b * piece[1].y + c * piece[2].y + d * piece[3].y,
    )
}

fn to_segment(point: Point, a: Point, b: Point) -> f64 {
    let along = b.minus(a);
    let length = along.x * along.x + along.y * along.y;
    if length == 0.0 {
        return point.distance(a);
    }
    let t = ((point.x - a.x) * along.x + (point.y - a.y) * along.y) / length;
    let t = t.clamp(0.0, 1.0);
    point.distance(Point::new(a.x + t * along.x, a.y + t * along.y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forward_edges_are_one_curve_and_back_edges_pass_below_both_nodes() {
        let from = Point::new(0.0, 0.0);
        let forward = Curve::between(from, Point::new(200.0, 80.0));
        assert_eq!(forward.path().matches('C').count(), 1);
        let back = Curve::between(from, Point::new(-300.0, -40.0));
        assert_eq!(back.path().matches('C').count(), 3);
        assert!(back.middle().y >= NODE_HEIGHT, "{:?}", back.middle());
    }

    proptest! {
        #[test]
        fn the_ends_and_the_middle_are_on_the_line_and_in_its_bounds(
            ax in -2e3..2e3, ay in -2e3..2e3, bx in -2e3..2e3, by in -2e3..2e3
        ) {
            let (from, to) = (Point::new(ax, ay), Point::new(bx, by));
            let curve = Curve::between(from, to);
            for point in [from, to, curve.middle()] {
                prop_assert!(curve.distance(point) < 1.0, "{point:?}: {}", curve.distance(point));
                prop_assert!(curve.bounds().grown(0.01).holds(point));
            }
            let away = Point::new(curve.bounds().x - 50.0, ay);
            prop_assert!(curve.distance(away) >= 50.0 - 1e-6);
        }
    }
}
