//! The wasm entry: wakes the server-rendered page up, nothing else.
#![cfg(target_arch = "wasm32")]

/// Called by the generated JavaScript once the module is loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub async fn hydrate() {
    console_error_panic_hook::set_once();
    let path = leptos::prelude::window().location().pathname().unwrap_or_default();
    // The page wakes up in one step, so its code has to be here. Without it the page stays as the
    // server drew it; the loader has written why to the console.
    for part in app::routes::parts_of(&path) {
        if part.fetch().await.is_err() {
            return;
        }
    }
    leptos::mount::hydrate_body(app::App);
}
