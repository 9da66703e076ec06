//! The wasm entry: wakes the server-rendered page up, nothing else.
#![cfg(target_arch = "wasm32")]

/// Called by the generated JavaScript once the module is loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
