//! Pointer events of the container. Moves are gathered and handled once a frame; the pointer is
//! captured on the container, so that a drag goes on outside it.

use crate::canvas::model::{Button, Hit, Mods, Point, Pointer};
use crate::canvas::state::{Canvas, Hooks};
use leptos::{html, prelude::*};
use web_sys::{MouseEvent, PointerEvent, WheelEvent};

/// What reading events needs. A handle.
#[derive(Clone, Copy)]
pub(super) struct Input {
    pub canvas: Canvas,
    pub hooks: Hooks,
    pub pane: NodeRef<html::Div>,
    /// What is under the pointer: `port`, `node`, `edge`.
    pub hover: RwSignal<Option<&'static str>>,
    /// The edge under the pointer.
    pub hover_edge: RwSignal<Option<String>>,
    /// The space bar is held.
    pub space: RwSignal<bool>,
    /// The space bar was used for panning, so letting it go selects nothing.
    pub space_used: StoredValue<bool>,
    /// Pointers that are down, and where.
    down: StoredValue<Vec<(i32, Point)>>,
    pending: StoredValue<Option<Pointer>>,
    scheduled: StoredValue<bool>,
}

impl Input {
    pub fn new(canvas: Canvas, hooks: Hooks, pane: NodeRef<html::Div>) -> Self {
        Self {
            canvas,
            hooks,
            pane,
            hover: RwSignal::new(None),
            hover_edge: RwSignal::new(None),
            space: RwSignal::new(false),
            space_used: StoredValue::new(false),
            down: StoredValue::new(Vec::new()),
            pending: StoredValue::new(None),
            scheduled: StoredValue::new(false),
        }
    }

    /// A client point, from the container's corner.
    pub fn local(&self, client_x: i32, client_y: i32) -> Point {
        let corner = self.pane.get_untracked().map(|pane| pane.get_bounding_client_rect());
        let (left, top) = corner.map_or((0.0, 0.0), |rect| (rect.left(), rect.top()));
        Point::new(f64::from(client_x) - left, f64::from(client_y) - top)
    }

    fn pointer(&self, event: &PointerEvent) -> Pointer {
        Pointer {
            at: self.local(event.client_x(), event.client_y()),
            button: match event.button() {
                1 => Button::Middle,
                2 => Button::Secondary,
                _ => Button::Primary,
            },
            mods: Mods {
                shift: event.shift_key(),
                ctrl: event.ctrl_key() || event.meta_key(),
                space: self.space.get_untracked(),
            },
            touch: event.pointer_type() == "touch",
        }
    }

    pub fn pointer_down(&self, event: &PointerEvent) {
        let pointer = self.pointer(event);
        if let Some(pane) = self.pane.get_untracked() {
            // Fails only when the pointer is gone already.
            let _ = pane.set_pointer_capture(event.pointer_id());
        }
        if pointer.button == Button::Middle {
            event.prevent_default(); // The browser's own scrolling by middle button.
        }
        self.down.update_value(|down| {
            down.retain(|(id, _)| *id != event.pointer_id());
            down.push((event.pointer_id(), pointer.at));
        });
        self.space_used.set_value(true);
        if self.down.with_value(Vec::len) > 1 {
            return self.abort();
        }
        self.hover_edge.set(None);
        self.canvas.gesture_step(self.hooks, |gesture, scene| gesture.press(scene, &pointer));
    }

    pub fn pointer_move(&self, event: &PointerEvent) {
        let pointer = self.pointer(event);
        if self.down.with_value(Vec::len) > 1 {
            return self.pinch(event.pointer_id(), pointer.at);
        }
        self.pending.set_value(Some(pointer));
        self.schedule();
    }

    fn schedule(&self) {
        if !self.scheduled.get_value() {
            self.scheduled.set_value(true);
            let this = *self;
            request_animation_frame(move || this.frame());
        }
    }

    /// Handles the newest move. The page may be gone when the frame comes.
    fn frame(self) {
        let Some(pending) = self.pending.try_update_value(Option::take) else { return };
        self.scheduled.set_value(false);
        let Some(pointer) = pending else { return };
        let panned = self.canvas.pan_at_rim(pointer.at);
        self.moved(&pointer);
        if panned {
            // The pointer may rest at the rim; the view goes on moving.
            self.pending.set_value(Some(pointer));
            self.schedule();
        }
    }

    fn moved(&self, pointer: &Pointer) {
        if self.canvas.is_busy() {
            self.canvas.gesture_step(self.hooks, |gesture, scene| gesture.drag(scene, pointer));
            return;
        }
        let view = self.canvas.viewport.get_untracked();
        let hit = self.canvas.with_document(|document| Hit::at(document, &view, pointer.at));
        let (word, edge) = match hit {
            Hit::Port { .. } | Hit::Input(_) => (Some("port"), None),
            Hit::Node(_) => (Some("node"), None),
            Hit::Edge(id) => (Some("edge"), Some(id)),
            Hit::Background => (None, None),
        };
        if self.hover.get_untracked() != word {
            self.hover.set(word);
        }
        if self.hover_edge.with_untracked(|old| *old != edge) {
            self.hover_edge.set(edge);
        }
    }

    pub fn pointer_up(&self, event: &PointerEvent) {
        let pointer = self.pointer(event);
        self.down.update_value(|down| down.retain(|(id, _)| *id != event.pointer_id()));
        self.pending.set_value(None);
        self.canvas.gesture_step(self.hooks, |gesture, scene| gesture.release(scene, &pointer));
    }

    pub fn pointer_cancel(&self, event: &PointerEvent) {
        self.down.update_value(|down| down.retain(|(id, _)| *id != event.pointer_id()));
        self.abort();
    }

    pub fn abort(&self) {
        self.pending.set_value(None);
        self.canvas.gesture_step(self.hooks, |gesture, scene| gesture.abort(scene));
    }

    /// Two fingers: their middle pans, their distance zooms.
    fn pinch(&self, id: i32, at: Point) {
        let before = self.down.get_value();
        let Some(moved) = before.iter().position(|(other, _)| *other == id).filter(|at| *at < 2)
        else {
            return;
        };
        let (a, b) = (before[0].1, before[1].1);
        let (c, d) = if moved == 0 { (at, b) } else { (a, at) };
        let middle = |a: Point, b: Point| Point::new((a.x + b.x) / 2.0, (a.y + b.y) / 2.0);
        let factor = c.distance(d).max(1.0) / a.distance(b).max(1.0);
        let shift = middle(c, d).minus(middle(a, b));
        self.canvas.viewport.update(|view| *view = view.panned(shift).zoomed(factor, middle(c, d)));
        self.down.update_value(|down| {
            if let Some(entry) = down.get_mut(moved) {
                entry.1 = at;
            }
        });
    }

    pub fn double_click(&self, event: &MouseEvent) {
        let at = self.local(event.client_x(), event.client_y());
        self.canvas.gesture_step(self.hooks, |gesture, scene| {
            use crate::canvas::model::Gesture;
            // The second click on a port is still connecting.
            if gesture.is_idle() {
                (gesture, Gesture::double_click(scene, at))
            } else {
                (gesture, Vec::new())
            }
        });
    }

    /// Plain: pan. With Control or Command, which is also how a pinch arrives: zoom at the cursor.
    pub fn wheel(&self, event: &WheelEvent) {
        use crate::canvas::model::viewport::{wheel_factor, wheel_pixels};
        event.prevent_default();
        let mode = event.delta_mode();
        if event.ctrl_key() || event.meta_key() {
            let at = self.local(event.client_x(), event.client_y());
            let factor = wheel_factor(event.delta_y(), mode);
            self.canvas.viewport.update(|view| *view = view.zoomed(factor, at));
            return;
        }
        let (mut x, mut y) =
            (wheel_pixels(event.delta_x(), mode), wheel_pixels(event.delta_y(), mode));
        if event.shift_key() && x == 0.0 {
            (x, y) = (y, 0.0);
        }
        self.canvas.viewport.update(|view| *view = view.panned(Point::new(-x, -y)));
    }
}
