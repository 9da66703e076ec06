//! Which workflows the list shows: words, a tag, only templates. Tag and templates stand in the address, so that they can
//! be passed on and survive a reload.

use crate::ui::{Badge, Bind, Checkbox, Icon, IconButton, TextInput};
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use leptos_router::params::ParamsMap;
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
    let mut map = ParamsMap::new();
    if !tag.is_empty() {
        map.insert("tag", tag.to_owned());
    }
    if templates {
        map.insert("templates", "1".to_owned());
    }
    format!("/workflows{}", map.to_query_string())
}

/// The controls above the list.
#[component]
pub(super) fn FilterBar(filter: Filter) -> impl IntoView {
    let navigate = StoredValue::new(use_navigate());
    let go = move |tag: &str, templates: bool| {
        let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
        navigate.with_value(|navigate| navigate(&address(tag, templates), options));
    };
    let only = Bind::new(Signal::from(filter.templates), move |only| {
        filter.tag.with_untracked(|tag| go(tag, only));
    });
    let chip = move |tag: String| {
        view! {
            <span class="flex h-8 items-center gap-1" data-testid="filtered-tag">
                "Tag" <Badge>{tag}</Badge>
                <IconButton
                    icon=Icon::Close
                    label="Any tag"
                    on_click=move |_| go("", filter.templates.get_untracked())
                />
            </span>
        }
    };
    view! {
        <div class="mb-3 flex flex-wrap items-end gap-x-4 gap-y-2">
            <div class="w-full max-w-sm">
                <TextInput name="workflow-search" label="Search" value=filter.search input_type="search" />
            </div>
            <div class="flex h-8 items-center">
                <Checkbox name="only-templates" label="Only templates" value=only />
            </div>
            {move || Some(filter.tag.get()).filter(|tag| !tag.is_empty()).map(chip)}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_tag_is_written_into_the_address() {
        assert_eq!(address("", false), "/workflows");
        assert_eq!(address("spring & sun", true), "/workflows?tag=spring%20%26%20sun&templates=1");
    }
}
