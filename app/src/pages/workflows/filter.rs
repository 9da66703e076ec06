//! Which workflows the list shows: words, a tag, only templates. Tag and templates stand in the address, so that they can
//! be passed on and survive a reload.

use crate::ui::{Glyph, Icon, TextInput};
use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;
use leptos_router::location::Url;
use signalbox::wire::WorkflowQuery;

/// Workflows that are shown at once.
const ROWS_MAX: u32 = 200;

/// What is filtered by. A handle.
#[derive(Clone, Copy)]
pub(super) struct Filter {
    search: RwSignal<String>,
    /// Empty: any.
    tag: Memo<String>,
    templates: Memo<bool>,
}

impl Filter {
    /// What the address says.
    pub(super) fn use_address() -> Self {
        let query = use_query_map();
        Filter {
            search: RwSignal::new(String::new()),
            tag: Memo::new(move |_| query.with(|query| query.get("tag")).unwrap_or_default()),
            templates: Memo::new(move |_| query.with(|query| query.get("templates").is_some())),
        }
    }

    /// What the server is asked for.
    pub(super) fn wanted(&self) -> WorkflowQuery {
        let some = |text: String| (!text.trim().is_empty()).then_some(text);
        WorkflowQuery {
            limit: Some(ROWS_MAX),
            cursor: None,
            search: some(self.search.get()),
            tag: some(self.tag.get()),
            template: self.templates.get().then_some(true),
            archived: None,
        }
    }

    /// Whether it leaves nothing out.
    pub(super) fn is_none(&self) -> bool {
        self.search.with_untracked(String::is_empty)
            && self.tag.with_untracked(String::is_empty)
            && !self.templates.get_untracked()
    }
}

/// The address of the list with a tag, and with templates only.
pub(super) fn address(tag: &str, templates: bool) -> String {
    let (mark, tag) = if tag.is_empty() { ("", String::new()) } else { ("tag=", Url::escape(tag)) };
    let templates = if templates { "&templates=1" } else { "" };
    format!("/workflows?{mark}{tag}{templates}")
}

/// The controls above the list: links, so that going back takes a filter away.
#[component]
pub(super) fn FilterBar(filter: Filter) -> impl IntoView {
    const LINK: &str = "flex h-8 items-center gap-1 rounded px-1 underline";
    view! {
        <div class="mb-3 flex flex-wrap items-end gap-x-4 gap-y-2">
            <div class="w-full max-w-sm">
                <TextInput name="workflow-search" label="Search" value=filter.search input_type="search" />
            </div>
            <A href=move || address(&filter.tag.get(), !filter.templates.get()) attr:class=LINK>
                {move || if filter.templates.get() { "All workflows" } else { "Only templates" }}
            </A>
            {move || {
                let tag = filter.tag.get();
                (!tag.is_empty())
                    .then(|| {
                        view! {
                            <span class="flex h-8 items-center gap-1" data-testid="filtered-tag">
                                "Tag " {tag}
                                <A href=move || address("", filter.templates.get()) attr:class=LINK>
                                    <Glyph icon=Icon::Close />
                                    "Any tag"
                                </A>
                            </span>
                        }
                    })
            }}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_tag_is_written_into_the_address() {
        assert_eq!(address("", false), "/workflows?");
        assert_eq!(address("", true), "/workflows?&templates=1");
    }
}
