//! A field for a list of texts: one row each, with buttons to add, remove and move.

use super::field::CONTROL;
use crate::ui::{Button, ButtonKind, Icon, IconButton};
use leptos::prelude::*;
use serde_json::Value;

/// The texts of a JSON list; what is not text is shown as JSON.
fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .map(|items| items.iter().map(super::model::shown).collect())
        .unwrap_or_default()
}

/// The field. A value that is not a list (a template that gives one) is left to the JSON field.
#[component]
pub fn ListField(
    /// Id, unique on the page.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// The list.
    #[prop(into)]
    value: Signal<Value>,
    /// Called with each changed list; none when it is empty.
    #[prop(into)]
    on_change: Callback<Option<Value>>,
    /// What it is for.
    #[prop(optional, into)]
    help: String,
    /// True when it cannot be changed.
    #[prop(optional, into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    let count = Memo::new(move |_| value.with(|value| texts(value).len()));
    let change = move |edit: &dyn Fn(&mut Vec<String>)| {
        let mut items = value.with_untracked(texts);
        edit(&mut items);
        let list = items.into_iter().map(Value::String).collect::<Vec<_>>();
        on_change.run((!list.is_empty()).then_some(Value::Array(list)));
    };
    let group = format!("{name}-label");
    let words = label.clone();
    let row = move |at: usize| {
        let text = move || value.with(|value| texts(value).get(at).cloned().unwrap_or_default());
        view! {
            <li class="flex items-center gap-1">
                <input
                    class=format!("{CONTROL} h-8")
                    aria-label=format!("{words} {}", at + 1)
                    disabled=move || disabled.get()
                    prop:value=text
                    on:input=move |event| {
                        let new = event_target_value(&event);
                        change(&move |items| {
                            if let Some(item) = items.get_mut(at) {
                                item.clone_from(&new);
                            }
                        });
                    }
                />
                <IconButton
                    icon=Icon::ChevronUp
                    label=format!("Move {} up", at + 1)
                    disabled=Signal::derive(move || at == 0 || disabled.get())
                    on_click=move |_| change(&|items| items.swap(at, at.saturating_sub(1)))
                />
                <IconButton
                    icon=Icon::Trash
                    label=format!("Remove {}", at + 1)
                    disabled=disabled
                    on_click=move |_| change(&|items| {
                        items.remove(at);
                    })
                />
            </li>
        }
    };
    view! {
        <div role="group" aria-labelledby=group.clone() class="flex flex-col gap-1" id=name>
            <span id=group.clone() class="text-sm font-medium">{label}</span>
            <ul class="flex flex-col gap-1">
                {move || (0..count.get()).map(row.clone()).collect_view()}
            </ul>
            <div>
                <Button
                    kind=ButtonKind::Quiet
                    icon=Icon::Plus
                    disabled=disabled
                    on_click=move |_| change(&|items| items.push(String::new()))
                >
                    "Add"
                </Button>
            </div>
            {(!help.is_empty()).then(|| view! { <p class="text-xs text-text-3">{help}</p> })}
        </div>
    }
}
