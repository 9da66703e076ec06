//! The head of a page: title, what it is about, actions.

use leptos::prelude::*;
use leptos_meta::Title;

/// The page's one `h1`; also sets the window's title.
#[component]
pub fn PageHeader(
    /// The title.
    #[prop(into)]
    title: Signal<String>,
    /// One line under it.
    #[prop(optional, into)]
    subtitle: Option<Signal<String>>,
    /// Actions, on the right.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <Title text=move || title.get() />
        <header class="flex flex-wrap items-center justify-between gap-3 px-4 py-4 md:px-6">
            <div class="min-w-0">
                <h1 class="truncate text-xl font-semibold">{move || title.get()}</h1>
                {subtitle
                    .map(|line| view! { <p class="text-text-2">{move || line.get()}</p> })}
            </div>
            {children
                .map(|children| {
                    view! { <div class="flex flex-wrap items-center gap-2">{children()}</div> }
                })}
        </header>
    }
}
