//! What a visitor prefers on this machine: theme, folded rail. Kept in cookies, so that the
//! server draws the page right at once. Absent: settings of the organisation.

use leptos::prelude::*;

/// The request's `Cookie` header; the server provides it as a context for each page.
#[derive(Clone, Debug, Default)]
pub struct RequestCookies(pub String);

/// Which theme is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// What the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The value of `data-theme` on the document, none for the system's.
    pub const fn attribute(self) -> Option<&'static str> {
        match self {
            Theme::System => None,
            Theme::Light => Some("light"),
            Theme::Dark => Some("dark"),
        }
    }

    /// The one after this when the switch is pressed.
    pub const fn next(self) -> Theme {
        match self {
            Theme::System => Theme::Light,
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::System,
        }
    }

    fn parse(word: &str) -> Theme {
        match word {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::System,
        }
    }
}

const THEME: &str = "signalbox_theme";
const RAIL: &str = "signalbox_rail";

/// The preferences, as a context.
#[derive(Clone, Copy)]
pub struct Prefs {
    /// The theme.
    pub theme: RwSignal<Theme>,
    /// Whether the left rail shows icons only.
    pub rail_folded: RwSignal<bool>,
}

impl Prefs {
    /// Reads the cookies and keeps them up to date; provides the context.
    pub fn provide() -> Prefs {
        let cookies = cookies();
        let prefs = Prefs {
            theme: RwSignal::new(theme_of(&cookies)),
            rail_folded: RwSignal::new(cookie(&cookies, RAIL) == Some("folded")),
        };
        provide_context(prefs);
        Effect::new(move || apply_theme(prefs.theme.get()));
        Effect::new(move || {
            set_cookie(RAIL, if prefs.rail_folded.get() { "folded" } else { "open" });
        });
        prefs
    }
}

/// The theme that the request's cookies ask for.
pub fn theme_of(cookies: &str) -> Theme {
    cookie(cookies, THEME).map_or(Theme::System, Theme::parse)
}

fn cookie<'a>(cookies: &'a str, name: &str) -> Option<&'a str> {
    cookies.split(';').find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(target_arch = "wasm32")]
fn html_document() -> Option<web_sys::HtmlDocument> {
    use wasm_bindgen::JsCast;
    document().dyn_into().ok()
}

fn cookies() -> String {
    #[cfg(target_arch = "wasm32")]
    return html_document().and_then(|document| document.cookie().ok()).unwrap_or_default();
    #[cfg(not(target_arch = "wasm32"))]
    return use_context::<RequestCookies>().unwrap_or_default().0;
}

/// Effects run in the browser only.
fn apply_theme(theme: Theme) {
    if let Some(root) = document().document_element() {
        // Setting a plain attribute does not fail.
        let _ = match theme.attribute() {
            Some(word) => root.set_attribute("data-theme", word),
            None => root.remove_attribute("data-theme"),
        };
    }
    set_cookie(THEME, theme.attribute().unwrap_or("system"));
}

fn set_cookie(name: &str, value: &str) {
    #[cfg(target_arch = "wasm32")]
    if let Some(document) = html_document() {
        let text = format!("{name}={value}; path=/; max-age=31536000; samesite=lax");
        // A browser that refuses cookies forgets the preference; nothing else is lost.
        let _ = document.set_cookie(&text);
    }
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (name, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let header = "a=1; signalbox_theme_x=light; signalbox_theme=dark";
        assert_eq!(theme_of(header), Theme::Dark);
        assert_eq!(theme_of("xsignalbox_theme=dark"), Theme::System);
        assert_eq!(theme_of("signalbox_theme=<script>"), Theme::System);
        assert_eq!(cookie("signalbox_rail=folded", RAIL), Some("folded"));
    }
}
