//! The HTML document around the application, drawn by the server only. The names of the built
//! files carry hashes and come in as arguments, so nothing is looked up beside the binary.

use crate::lazy::Part;
use crate::prefs::{RequestCookies, theme_of};
use crate::routes::parts_of;
use leptos::{config::LeptosOptions, hydration::AutoReload, nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;
use std::collections::{BTreeMap, BTreeSet};

/// Where the built front end is, as paths from the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageAssets {
    /// The JavaScript that loads the wasm.
    pub js: String,
    /// The application.
    pub wasm: String,
    /// The stylesheet.
    pub css: String,
    /// What loads the parts, and each part's wasm files; none in a build without parts.
    pub parts: Option<PartAssets>,
}

/// Where the code of the parts is, as paths from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartAssets {
    /// The JavaScript that loads them.
    pub js: String,
    /// A part's wasm files by its name.
    pub files: BTreeMap<String, Vec<String>>,
}

impl PartAssets {
    /// The files that a page needs at once, and those that others may need later.
    fn for_page(&self, path: &str) -> (BTreeSet<String>, BTreeSet<String>) {
        let of = |part: &Part| self.files.get(part.name()).into_iter().flatten().cloned();
        let now: BTreeSet<String> = parts_of(path).iter().flat_map(of).collect();
        let later = Part::ALL.iter().filter(|part| **part != Part::Entry).flat_map(of);
        let later = later.filter(|file| !now.contains(file)).collect();
        (now, later)
    }
}

/// Links that fetch what the page at a path needs together with the application, and the rest when
/// the browser has nothing else to do: the next page then opens at once.
fn part_links(parts: PartAssets, path: &str) -> impl IntoView + use<> {
    let (now, later) = parts.for_page(path);
    let link = |rel: &'static str| {
        move |href: String| {
            view! {
                <link
                    rel=rel
                    href=href
                    r#as="fetch"
                    r#type="application/wasm"
                    crossorigin="anonymous"
                />
            }
        }
    };
    view! {
        <link rel="modulepreload" href=parts.js />
        {now.into_iter().map(link("preload")).collect_view()}
        {later.into_iter().map(link("prefetch")).collect_view()}
    }
}

/// The whole document for the page at `path`. Needs a nonce and the request's cookies as contexts; both may be absent.
pub fn shell(assets: PageAssets, path: &str, options: LeptosOptions) -> impl IntoView + use<> {
    let theme = theme_of(&use_context::<RequestCookies>().unwrap_or_default().0);
    let PageAssets { js, wasm, css, parts } = assets;
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
                {parts.map(|parts| part_links(parts, path))}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gets_its_own_parts_first() {
        let files = [("inbox", ["a", "b"]), ("workflows", ["b", "c"]), ("office", ["b", "d"])];
        let files = files.map(|(part, files)| (part.to_owned(), files.map(str::to_owned).to_vec()));
        let parts = PartAssets { js: "x".into(), files: files.into() };
        let cases = [
            ("/inbox", "ab", "cd"),
            ("/inbox/01J", "abd", "c"),
            ("/workflows", "bc", "ad"),
            ("/sign-in", "", "abcd"),
        ];
        for (path, now, later) in cases {
            let (first, rest) = parts.for_page(path);
            let text = |files: BTreeSet<String>| files.into_iter().collect::<String>();
            assert_eq!((text(first), text(rest)), (now.to_owned(), later.to_owned()), "{path}");
        }
    }
}
