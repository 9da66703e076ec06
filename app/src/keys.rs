//! Single-key shortcuts of a page. Dead while the person writes, while a dialog is open, and with
//! Ctrl, Alt or Meta held.

use leptos::{ev, prelude::*, wasm_bindgen::JsCast};

/// Calls `on_key` with the key (such as `j`, `#`, `ArrowDown`) until the calling component goes
/// away. When it returns true the browser's own meaning of the key is prevented.
pub fn on_page_key(on_key: impl Fn(&str) -> bool + 'static) {
    let handle = window_event_listener(ev::keydown, move |event| {
        if event.ctrl_key() || event.alt_key() || event.meta_key() || event.default_prevented() {
            return;
        }
        if writing() || document().query_selector("dialog[open]").ok().flatten().is_some() {
            return;
        }
        if on_key(&event.key()) {
            event.prevent_default();
        }
    });
    on_cleanup(move || handle.remove());
}

/// Whether the focus is where letters are text.
fn writing() -> bool {
    let Some(focused) = document().active_element() else { return false };
    let editable = focused
        .dyn_ref::<web_sys::HtmlElement>()
        .is_some_and(web_sys::HtmlElement::is_content_editable);
    editable || matches!(focused.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
}

/// Puts the focus on the element of an id, if it is there.
pub fn focus_id(id: &str) {
    let element = document().get_element_by_id(id);
    if let Some(element) = element.and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) {
        // Focusing an attached element does not fail.
        let _ = element.focus();
    }
}
