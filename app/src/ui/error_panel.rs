//! A failure as people can use it: what happened, what to do next, a way to try again.

use super::button::Button;
use super::icon::{Glyph, Icon};
use leptos::prelude::*;

/// What went wrong, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// What happened: "The workflow was not saved: someone else saved it first".
    pub what: String,
    /// What to do next: "Reload to see their version". Empty when trying again is all.
    pub next: String,
    /// The stable code of the error, for support; shown small.
    pub code: Option<String>,
}

impl Trouble {
    /// A trouble without a code.
    pub fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Trouble { what: what.into(), next: next.into(), code: None }
    }
}

/// Shows a [`Trouble`] in the place of what could not be shown.
#[component]
pub fn ErrorPanel(
    /// What went wrong.
    trouble: Trouble,
    /// Offers "Try again" and is called by it.
    #[prop(optional, into)]
    on_retry: Option<Callback<()>>,
) -> impl IntoView {
    let Trouble { what, next, code } = trouble;
    view! {
        <div role="alert" class="m-4 flex gap-3 rounded border border-line bg-surface-1 p-4">
            <span class="text-stop">
                <Glyph icon=Icon::Alert class="size-5" />
            </span>
            <div class="flex min-w-0 flex-col gap-1">
                <p class="font-medium break-words">{what}</p>
                <p class="text-text-2 break-words">{next}</p>
                {code.map(|code| view! { <p class="font-mono text-xs text-text-3">{code}</p> })}
                {on_retry
                    .map(|retry| {
                        view! {
                            <div class="mt-2">
                                <Button icon=Icon::Refresh on_click=move |_| retry.run(())>
                                    "Try again"
                                </Button>
                            </div>
                        }
                    })}
            </div>
        </div>
    }
}
