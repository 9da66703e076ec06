//! The wasm entry: wakes the server-rendered page up, nothing else.
#![cfg(target_arch = "wasm32")]

/// Room in the data segment. When the parts are cut out, each one's data begins at a boundary of its own, and if
/// that comes out longer than what the linker made, all data goes into the first file. What nothing refers to is
/// left out, so this is the room for those gaps and is never sent.
#[cfg(feature = "split")]
#[used]
static ROOM: [u8; 4096] = [0x5a; 4096];

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
