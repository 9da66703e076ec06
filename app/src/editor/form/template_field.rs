//! A field for text with `{{…}}` in it, or for an expression: says what does not parse while it is
//! typed, and offers what can be named. What is picked goes to where the cursor is.

use super::field::{CONTROL, Labelled, invalid};
use crate::canvas::model::fuzzy;
use crate::editor::variables::Variable;
use crate::ui::{Bind, Glyph, Icon};
use leptos::{html, prelude::*};
use signalbox::expr::{Expression, Template};
use web_sys::HtmlTextAreaElement;

/// What is typed in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Text with `{{…}}` in it.
    Template,
    /// A whole expression.
    Expression,
}

impl Language {
    /// What does not parse, in words. Empty text is not wrong; the check says when it is missing.
    pub fn error(self, text: &str) -> Option<String> {
        if text.trim().is_empty() {
            return None;
        }
        match self {
            Self::Template => Template::parse(text).err(),
            Self::Expression => Expression::parse(text).err(),
        }
        .map(|error| error.to_string())
    }

    /// What picking a variable inserts. In an expression outside braces the name stands alone.
    pub fn inserted(self, path: &str) -> String {
        match self {
            Self::Template => format!("{{{{{path}}}}}"),
            Self::Expression => path.to_owned(),
        }
    }
}

/// The field.
#[component]
pub fn TemplateField(
    /// Id, unique on the page.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// The text.
    #[prop(into)]
    value: Bind<String>,
    /// What is typed in it.
    language: Language,
    /// What can be named.
    #[prop(optional, into)]
    variables: Signal<Vec<Variable>>,
    /// What it is for.
    #[prop(optional, into)]
    help: String,
    /// Grey while empty.
    #[prop(optional, into)]
    hint: String,
    /// Height in lines.
    #[prop(default = 1)]
    rows: u32,
    /// Whether it must be filled in.
    #[prop(optional)]
    required: bool,
    /// True when it cannot be changed.
    #[prop(optional, into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    let error = Signal::derive(move || language.error(&value.get()));
    let area = NodeRef::<html::Textarea>::new();
    let picking = RwSignal::new(false);
    let pick = move |path: String| {
        picking.set(false);
        let Some(area) = area.get_untracked() else { return };
        insert(&area, &language.inserted(&path));
        value.set(area.value());
    };
    let about = format!("{name}-about");
    let list = format!("{name}-variables");
    let face = if language == Language::Expression { "font-mono text-sm" } else { "" };
    view! {
        <Labelled name=name.clone() label=label help=help required=required error=error>
            <div class="relative">
                <textarea
                    node_ref=area
                    id=name.clone()
                    name=name
                    rows=rows
                    class=format!("{CONTROL} pr-8 {face} field-sizing-content max-h-96")
                    placeholder=hint
                    spellcheck="false"
                    disabled=move || disabled.get()
                    aria-describedby=about
                    aria-invalid=invalid(error)
                    prop:value=move || value.get()
                    on:input=move |event| value.set(event_target_value(&event))
                >
                    {value.get_untracked()}
                </textarea>
                <button
                    type="button"
                    class="absolute top-1 right-1 flex size-6 items-center justify-center rounded-sm text-text-3 \
                    hover:bg-surface-2 hover:text-text-1"
                    title="Insert a value"
                    aria-label="Insert a value"
                    aria-expanded=move || if picking.get() { "true" } else { "false" }
                    aria-controls=list.clone()
                    disabled=move || disabled.get()
                    on:click=move |_| picking.update(|open| *open = !*open)
                >
                    <Glyph icon=Icon::Variable class="size-3.5" />
                </button>
            </div>
            {move || {
                let list = list.clone();
                picking
                    .get()
                    .then(|| {
                        view! {
                            <Picker id=list variables=variables on_pick=pick on_close=move || picking.set(false) />
                        }
                    })
            }}
        </Labelled>
    }
}

/// Puts text where the cursor is, in place of what is selected.
fn insert(area: &HtmlTextAreaElement, text: &str) {
    let old = area.value();
    // The browser counts in UTF-16.
    let units: Vec<u16> = old.encode_utf16().collect();
    let place = |offset: Result<Option<u32>, _>| {
        offset.ok().flatten().map_or(units.len(), |at| (at as usize).min(units.len()))
    };
    let (start, end) = (place(area.selection_start()), place(area.selection_end()));
    let (before, after) = (
        String::from_utf16_lossy(&units[..start]),
        String::from_utf16_lossy(&units[end.max(start)..]),
    );
    area.set_value(&format!("{before}{text}{after}"));
    let cursor = (start + text.encode_utf16().count()) as u32;
    // Setting the cursor of a text area does not fail.
    let _ = area.set_selection_range(cursor, cursor);
    let _ = area.focus();
}

/// The list of what can be named.
#[component]
fn Picker(
    id: String,
    variables: Signal<Vec<Variable>>,
    on_pick: impl Fn(String) + Copy + Send + Sync + 'static,
    on_close: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let search = RwSignal::new(String::new());
    let found = move || {
        let query = search.get();
        variables.with(|all| {
            let mut scored: Vec<(i32, Variable)> = all
                .iter()
                .filter_map(|variable| {
                    let text = format!("{} {} {}", variable.label, variable.group, variable.path);
                    fuzzy::score(&query, &text).map(|score| (score, variable.clone()))
                })
                .collect();
            if !query.trim().is_empty() {
                scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
            }
            scored.into_iter().take(60).map(|(_, variable)| variable).collect::<Vec<_>>()
        })
    };
    let input = NodeRef::<html::Input>::new();
    Effect::new(move || {
        if let Some(input) = input.get() {
            // Focusing an attached element does not fail.
            let _ = input.focus();
        }
    });
    let row = move |variable: Variable| {
        let path = variable.path.clone();
        view! {
            <li>
                <button
                    type="button"
                    class="flex w-full flex-col rounded-sm px-2 py-1 text-left hover:bg-surface-2 focus:bg-surface-2"
                    on:click=move |_| on_pick(path.clone())
                >
                    <span class="text-sm">
                        {variable.label}
                        <span class="text-text-3">" · "{variable.group}</span>
                    </span>
                    <span class="font-mono text-xs text-text-3">{variable.path}</span>
                </button>
            </li>
        }
    };
    view! {
        <div
            id=id
            class="flex flex-col gap-1 rounded border border-line bg-surface-1 p-1 shadow-float"
            on:keydown=move |event| {
                if event.key() == "Escape" {
                    event.stop_propagation();
                    on_close();
                }
            }
        >
            <input
                node_ref=input
                type="search"
                class=CONTROL
                placeholder="Search values"
                aria-label="Search values"
                prop:value=move || search.get()
                on:input=move |event| search.set(event_target_value(&event))
                on:keydown=move |event| {
                    if event.key() == "Enter" {
                        event.prevent_default();
                        if let Some(first) = untrack(found).into_iter().next() {
                            on_pick(first.path);
                        }
                    }
                }
            />
            <ul class="flex max-h-56 flex-col overflow-y-auto" aria-label="Values that can be inserted">
                {move || found().into_iter().map(row).collect_view()}
            </ul>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_parse_is_said_and_empty_text_is_not_wrong() {
        assert_eq!(Language::Template.error(""), None);
        assert_eq!(Language::Template.error("Hi {{input.name}}"), None);
        assert!(Language::Template.error("Hi {{input.name").is_some());
        assert!(Language::Expression.error("1 +").is_some_and(|words| words.contains("line 1")));
        assert_eq!(Language::Expression.error("{{input.total}} > 3"), None);
        assert_eq!(Language::Template.inserted("input.a"), "{{input.a}}");
    }
}
