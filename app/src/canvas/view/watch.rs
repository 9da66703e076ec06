//! What must be attached to the container itself: the wheel (a delegated wheel listener is passive
//! and cannot keep the page from scrolling) and the container's size. And culling, a moment after
//! the view has moved.

use super::input::Input;
use crate::canvas::model::Point;
use crate::canvas::state::Canvas;
use leptos::{prelude::*, wasm_bindgen::JsCast, wasm_bindgen::closure::Closure};
use send_wrapper::SendWrapper;
use std::time::Duration;
use web_sys::{AddEventListenerOptions, HtmlDivElement, ResizeObserver, WheelEvent};

/// How long after a move of the view what came into sight is drawn, in milliseconds.
const CULL_AFTER_MS: u64 = 120;

/// Attaches the wheel, follows the size, and fits the graph once the container has one.
pub(super) fn size_and_wheel(input: Input) {
    let fitted = StoredValue::new(false);
    Effect::new(move |_| {
        let Some(pane) = input.pane.get() else { return };
        measure(input.canvas, fitted, &pane);
        wheel(input, &pane);
        resize(input.canvas, fitted, &pane);
    });
}

fn measure(canvas: Canvas, fitted: StoredValue<bool>, pane: &HtmlDivElement) {
    let size = Point::new(f64::from(pane.client_width()), f64::from(pane.client_height()));
    // A container that is not shown yet has no size; a page that is gone has no signals.
    if size.x < 1.0 || canvas.size.try_get_untracked().is_none() {
        return;
    }
    if canvas.size.get_untracked() != size {
        canvas.size.set(size);
    }
    if !fitted.get_value() {
        fitted.set_value(true);
        untrack(|| canvas.open_view());
    }
}

fn wheel(input: Input, pane: &HtmlDivElement) {
    let handler =
        Closure::<dyn FnMut(WheelEvent)>::new(move |event: WheelEvent| input.wheel(&event));
    let options = AddEventListenerOptions::new();
    options.set_passive(false);
    let function = handler.as_ref().unchecked_ref();
    // Adding a listener to an element does not fail.
    let _ = pane.add_event_listener_with_callback_and_add_event_listener_options(
        "wheel", function, &options,
    );
    let held = SendWrapper::new((pane.clone(), handler));
    on_cleanup(move || {
        let (pane, handler) = held.take();
        let _ = pane.remove_event_listener_with_callback("wheel", handler.as_ref().unchecked_ref());
    });
}

fn resize(canvas: Canvas, fitted: StoredValue<bool>, pane: &HtmlDivElement) {
    let observed = pane.clone();
    let handler = Closure::<dyn FnMut()>::new(move || measure(canvas, fitted, &observed));
    let Ok(observer) = ResizeObserver::new(handler.as_ref().unchecked_ref()) else { return };
    observer.observe(pane);
    let held = SendWrapper::new((observer, handler));
    on_cleanup(move || held.take().0.disconnect());
}

/// Culls a moment after the view, the size or the graph's nodes have changed; while it moves on, as
/// often as that moment.
pub(super) fn cull(canvas: Canvas) {
    let waiting = StoredValue::new(false);
    Effect::new(move || {
        canvas.viewport.track();
        canvas.size.track();
        canvas.node_list.track();
        if !waiting.get_value() {
            waiting.set_value(true);
            let later = move || {
                if waiting.try_set_value(false).is_none() {
                    canvas.cull();
                }
            };
            set_timeout(later, Duration::from_millis(CULL_AFTER_MS));
        }
    });
}
