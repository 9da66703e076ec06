//! The name of an event: one of Signalbox's own, chosen by what it says, or another one by the name it is sent under.

use crate::ui::{Bind, SelectField, SelectOption, TextInput};
use leptos::prelude::*;
use signalbox::event_type::{self, EventType};

/// The choice that lets one type the name of another event.
const OTHER: &str = "";

#[component]
pub(super) fn EventName(
    /// Id of the choice, unique on the page.
    choice_id: &'static str,
    /// Id of the field for another name.
    name_id: &'static str,
    /// The name.
    value: Bind<String>,
    /// What the workflow finds of one of our own.
    hint: fn(&EventType) -> String,
    /// True when it cannot be changed.
    #[prop(into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    let found = Memo::new(move |_| event_type::find(&value.get()));
    let chosen = Memo::new(move |_| found.get().map_or(OTHER, |event| event.name).to_owned());
    let choice = Bind::new(chosen, move |name: String| value.set(name));
    let known = event_type::ALL.iter().map(|event| SelectOption::new(event.name, event.says));
    let options: Vec<SelectOption> =
        known.chain([SelectOption::new(OTHER, "Another one")]).collect();
    view! {
        <SelectField name=choice_id label="Event" value=choice options=options disabled=disabled />
        {move || match found.get() {
            Some(event) => view! { <p class="text-xs text-text-3">{hint(event)}</p> }.into_any(),
            None => {
                view! {
                    <TextInput
                        name=name_id
                        label="Name"
                        help="Such as order.placed. It is sent under this name, by POST /api/events or by the step event.send."
                        value=value
                        required=true
                        mono=true
                        disabled=disabled
                    />
                }
                    .into_any()
            }
        }}
    }
}
