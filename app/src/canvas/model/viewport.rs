//! What part of the world is in sight: `screen = world * zoom + pan`.

use super::geometry::{Point, Rect};

/// Least zoom.
pub const ZOOM_MIN: f64 = 0.1;
/// Greatest zoom.
pub const ZOOM_MAX: f64 = 4.0;
/// One step of the zoom keys and of a wheel's notch.
pub const ZOOM_STEP: f64 = 1.25;
/// Below this zoom nodes are drawn as blocks with a title.
pub const DETAIL_ZOOM: f64 = 0.4;
/// Free room around a fitted graph, in screen pixels.
const FIT_MARGIN: f64 = 48.0;

/// Pan and zoom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport {
    /// Where the world's origin is on the screen.
    pub pan: Point,
    /// Screen pixels per canvas unit.
    pub zoom: f64,
}

impl Default for Viewport {
    fn default() -> Self {
        Self { pan: Point::new(0.0, 0.0), zoom: 1.0 }
    }
}

impl Viewport {
    /// Where a world point is on the screen.
    pub fn to_screen(&self, world: Point) -> Point {
        Point::new(world.x * self.zoom + self.pan.x, world.y * self.zoom + self.pan.y)
    }

    /// What world point is at a screen point.
    pub fn to_world(&self, screen: Point) -> Point {
        Point::new((screen.x - self.pan.x) / self.zoom, (screen.y - self.pan.y) / self.zoom)
    }

    /// The part of the world in sight of a screen of this size.
    pub fn sight(&self, size: Point) -> Rect {
        Rect::spanning(self.to_world(Point::new(0.0, 0.0)), self.to_world(size))
    }

    /// Moved by a screen vector.
    #[must_use]
    pub fn panned(&self, by: Point) -> Self {
        Self { pan: self.pan.plus(by), zoom: self.zoom }
    }

    /// Zoomed by a factor; the world point under `at` (screen) stays there.
    #[must_use]
    pub fn zoomed(&self, factor: f64, at: Point) -> Self {
        let zoom = (self.zoom * factor).clamp(ZOOM_MIN, ZOOM_MAX);
        let world = self.to_world(at);
        Self { pan: Point::new(at.x - world.x * zoom, at.y - world.y * zoom), zoom }
    }

    /// Shows the whole of `world` on a screen of this size, never larger than life.
    pub fn fitting(world: Rect, size: Point) -> Self {
        let room =
            Point::new((size.x - 2.0 * FIT_MARGIN).max(1.0), (size.y - 2.0 * FIT_MARGIN).max(1.0));
        let zoom = (room.x / world.width.max(1.0)).min(room.y / world.height.max(1.0));
        let zoom = zoom.clamp(ZOOM_MIN, 1.0);
        let middle = world.centre();
        Self {
            pan: Point::new(size.x / 2.0 - middle.x * zoom, size.y / 2.0 - middle.y * zoom),
            zoom,
        }
    }

    /// With `world` brought into sight, by as little movement as possible, `margin` pixels from the
    /// rim.
    #[must_use]
    pub fn showing(&self, world: Rect, size: Point, margin: f64) -> Self {
        let upper_left = self.to_screen(Point::new(world.x, world.y));
        let lower_right = self.to_screen(Point::new(world.x + world.width, world.y + world.height));
        let shift = |low: f64, high: f64, room: f64| {
            if low < margin {
                margin - low
            } else if high > room - margin {
                (room - margin - high).max(margin - low)
            } else {
                0.0
            }
        };
        self.panned(Point::new(
            shift(upper_left.x, lower_right.x, size.x),
            shift(upper_left.y, lower_right.y, size.y),
        ))
    }

    /// Centred on a world point.
    #[must_use]
    pub fn centred(&self, world: Point, size: Point) -> Self {
        let pan =
            Point::new(size.x / 2.0 - world.x * self.zoom, size.y / 2.0 - world.y * self.zoom);
        Self { pan, zoom: self.zoom }
    }

    /// The CSS transform of the world's layer.
    pub fn css(&self) -> String {
        format!("translate({:.3}px,{:.3}px) scale({:.5})", self.pan.x, self.pan.y, self.zoom)
    }
}

/// How far the view moves in a frame while something is dragged at the rim of the screen: faster the
/// nearer (and beyond), nothing further than 32 pixels inside.
pub fn rim_pan(at: Point, size: Point) -> Point {
    const RIM: f64 = 32.0;
    const STEP_MAX: f64 = 14.0;
    let along = |at: f64, size: f64| {
        let inward = (RIM - at).clamp(0.0, RIM) - (at - (size - RIM)).clamp(0.0, RIM);
        inward / RIM * STEP_MAX
    };
    Point::new(along(at.x, size.x), along(at.y, size.y))
}

/// The zoom factor of a wheel event. `delta` is its vertical delta, `mode` its unit: 0 pixels,
/// 1 lines, 2 pages. A pinch on a touchpad arrives as many small pixel deltas.
pub fn wheel_factor(delta: f64, mode: u32) -> f64 {
    let pixels = wheel_pixels(delta, mode);
    let factor = if mode == 0 && pixels.abs() < 40.0 {
        (-pixels * 0.01).exp()
    } else {
        ZOOM_STEP.powf(-pixels / 100.0)
    };
    factor.clamp(0.5, 2.0)
}

/// A wheel's delta in pixels.
pub fn wheel_pixels(delta: f64, mode: u32) -> f64 {
    match mode {
        1 => delta * 33.0,
        2 => delta * 800.0,
        _ => delta,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn viewport() -> impl Strategy<Value = Viewport> {
        (-1e4..1e4, -1e4..1e4, ZOOM_MIN..ZOOM_MAX)
            .prop_map(|(x, y, zoom)| Viewport { pan: Point::new(x, y), zoom })
    }

    fn point() -> impl Strategy<Value = Point> {
        (-1e5..1e5, -1e5..1e5).prop_map(|(x, y)| Point::new(x, y))
    }

    proptest! {
        #[test]
        fn to_world_is_the_inverse_of_to_screen(view in viewport(), at in point()) {
            prop_assert!(view.to_world(view.to_screen(at)).distance(at) < 1e-5);
            prop_assert!(view.to_screen(view.to_world(at)).distance(at) < 1e-5);
        }

        #[test]
        fn zoom_keeps_the_point_under_the_cursor(view in viewport(), at in point(), factor in 0.1..10.0) {
            let under = view.to_world(at);
            let zoomed = view.zoomed(factor, at);
            prop_assert!((ZOOM_MIN..=ZOOM_MAX).contains(&zoomed.zoom));
            prop_assert!(zoomed.to_screen(under).distance(at) < 1e-4);
        }

        #[test]
        fn what_is_fitted_is_in_sight(
            x in -1e4..1e4, y in -1e4..1e4, width in 0.0..6e3, height in 0.0..4e3
        ) {
            let size = Point::new(1200.0, 800.0);
            let world = Rect { x, y, width, height };
            let view = Viewport::fitting(world, size);
            prop_assert!(view.zoom <= 1.0);
            prop_assert!(view.sight(size).grown(1e-6).covers(&world));
        }

        #[test]
        fn what_is_shown_is_in_sight(view in viewport(), at in point()) {
            let size = Point::new(1200.0, 900.0);
            let world = Rect { x: at.x, y: at.y, width: 208.0, height: 56.0 };
            let shown = view.showing(world, size, 16.0);
            prop_assert!(shown.sight(size).grown(1e-6).covers(&world));
            let again = shown.showing(world, size, 16.0);
            prop_assert!(again.pan.distance(shown.pan) < 1e-6);
        }
    }

    #[test]
    fn the_rim_pans_towards_what_is_beyond_it() {
        let size = Point::new(800.0, 600.0);
        assert_eq!(rim_pan(Point::new(400.0, 300.0), size), Point::default());
        assert_eq!(rim_pan(Point::new(-50.0, 300.0), size), Point::new(14.0, 0.0));
        assert_eq!(rim_pan(Point::new(792.0, 600.0), size), Point::new(-10.5, -14.0));
    }

    #[test]
    fn a_notch_is_a_step_and_a_pinch_is_fine() {
        assert!((wheel_factor(-100.0, 0) - ZOOM_STEP).abs() < 1e-9);
        assert!((wheel_factor(100.0, 0) - 1.0 / ZOOM_STEP).abs() < 1e-9);
        assert!((1.2..1.3).contains(&wheel_factor(-3.0, 1)));
        assert!((1.0..1.1).contains(&wheel_factor(-4.0, 0)));
        assert!(wheel_factor(-1e9, 2) <= 2.0 && wheel_factor(1e9, 2) >= 0.5);
    }
}
