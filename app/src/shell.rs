//! The HTML document around the application, drawn by the server only. The names of the built
//! files carry hashes and come in as arguments, so nothing is looked up beside the binary.

use crate::prefs::{RequestCookies, theme_of};
use leptos::{config::LeptosOptions, hydration::AutoReload, nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

/// Where the built front end is, as paths from the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageAssets {
    /// The JavaScript that loads the wasm.
    pub js: String,
    /// The application.
    pub wasm: String,
    /// The stylesheet.
    pub css: String,
}

/// The whole document. Needs a nonce and the request's cookies as contexts; both may be absent.
pub fn shell(assets: PageAssets, options: LeptosOptions) -> impl IntoView {
    let theme = theme_of(&use_context::<RequestCookies>().unwrap_or_default().0);
    let PageAssets { js, wasm, css } = assets;
    // Asset names come from our own build: hexadecimal hashes, nothing to escape.
    let start = format!(
        "import('{js}').then(m => m.default({{module_or_path: '{wasm}'}}).then(() => m.hydrate()))"
    );
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.attribute()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=css />
                <link
                    rel="preload"
                    href="/fonts/inter-latin.woff2"
                    r#as="font"
                    r#type="font/woff2"
                    crossorigin="anonymous"
                />
                <link rel="modulepreload" href=js.clone() />
                <link
                    rel="preload"
                    href=wasm.clone()
                    r#as="fetch"
                    r#type="application/wasm"
                    crossorigin="anonymous"
                />
                <script type="module" nonce=use_nonce()>
                    {start}
                </script>
                <AutoReload options=options />
                <MetaTags />
            </head>
            <body>
                <crate::App />
            </body>
        </html>
    }
}
