//! Small labels. A signal colour never stands alone: [`StateBadge`] always has an icon and a
//! word. Absent: which state of what has which tone; the pages know.

use super::icon::{Glyph, Icon};
use leptos::prelude::*;

/// What a colour says about a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Says nothing.
    #[default]
    Neutral,
    /// Done, sent.
    Clear,
    /// A person is needed, or time is awaited.
    Wait,
    /// Failed, rejected.
    Stop,
    /// Working now.
    Move,
}

impl Tone {
    /// Text and background of a badge in this tone.
    pub const fn badge_class(self) -> &'static str {
        match self {
            Tone::Neutral => "bg-surface-2 text-text-2",
            Tone::Clear => "bg-clear-soft text-clear",
            Tone::Wait => "bg-wait-soft text-wait",
            Tone::Stop => "bg-stop-soft text-stop",
            Tone::Move => "bg-move-soft text-move",
        }
    }

    /// The text colour of this tone, for an icon on a plain surface.
    pub const fn text_class(self) -> &'static str {
        match self {
            Tone::Neutral => "text-text-3",
            Tone::Clear => "text-clear",
            Tone::Wait => "text-wait",
            Tone::Stop => "text-stop",
            Tone::Move => "text-move",
        }
    }
}

const BADGE: &str =
    "inline-flex h-5 items-center gap-1 rounded-sm px-1.5 text-xs font-medium whitespace-nowrap";

/// A label that is not a state: a kind, a count, a version.
#[component]
pub fn Badge(
    /// The words.
    children: Children,
) -> impl IntoView {
    view! { <span class=format!("{BADGE} {}", Tone::Neutral.badge_class())>{children()}</span> }
}

/// The state of something: colour, icon and word.
#[component]
pub fn StateBadge(
    /// What the colour says.
    #[prop(into)]
    tone: Signal<Tone>,
    /// The icon that says the same.
    #[prop(into)]
    icon: Signal<Icon>,
    /// The word that says the same.
    #[prop(into)]
    label: Signal<String>,
) -> impl IntoView {
    view! {
        <span class=move || format!("{BADGE} {}", tone.get().badge_class())>
            <Glyph icon=icon class="size-3.5" />
            {move || label.get()}
        </span>
    }
}
