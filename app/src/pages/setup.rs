//! First start: the owner and the organisation.

use super::entry::EntryFrame;
use crate::api::{trouble, use_client};
use crate::ui::{Bind, Button, ButtonKind, ErrorPanel, TextInput, Trouble};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_query_map;
use signalbox::wire::Setup as Owner;

/// `/setup`.
#[component]
pub fn Setup() -> impl IntoView {
    let client = StoredValue::new(use_client());
    let organization = RwSignal::new(String::new());
    let name = RwSignal::new(String::new());
    let email = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let working = RwSignal::new(false);
    let wrong = RwSignal::new(None::<Trouble>);
    let token = use_query_map();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        working.set(true);
        wrong.set(None);
        spawn_local(async move {
            let body = Owner {
                organization: organization.get_untracked().trim().to_owned(),
                name: name.get_untracked().trim().to_owned(),
                email: email.get_untracked().trim().to_owned(),
                password: password.get_untracked(),
                timezone: browser_zone(),
            };
            let token = token.with_untracked(|query| query.get("token"));
            match client.get_value().setup_with(&body, token.as_deref()).await {
                Ok(_) => {
                    let _ = window().location().assign("/workflows");
                }
                Err(error) => {
                    working.try_set(false);
                    wrong.try_set(Some(trouble(&error)));
                }
            }
        });
    };
    view! {
        <EntryFrame
            title="Set up Signalbox"
            text="This server has no owner yet. The owner can do everything and adds the others."
        >
            <form class="flex flex-col gap-4" on:submit=submit>
                {move || wrong.get().map(|wrong| view! { <ErrorPanel trouble=wrong /> })}
                <TextInput
                    name="organization"
                    label="Organisation"
                    value=Bind::from(organization)
                    autocomplete="organization"
                    required=true
                />
                <TextInput
                    name="name"
                    label="Your name"
                    value=Bind::from(name)
                    autocomplete="name"
                    required=true
                />
                <TextInput
                    name="email"
                    label="Email"
                    input_type="email"
                    value=Bind::from(email)
                    autocomplete="username"
                    required=true
                />
                <TextInput
                    name="password"
                    label="Password"
                    input_type="password"
                    value=Bind::from(password)
                    autocomplete="new-password"
                    required=true
                    help="10 characters or more."
                />
                <Button kind=ButtonKind::Primary button_type="submit" pending=working>
                    "Create the organisation"
                </Button>
            </form>
        </EntryFrame>
    }
}

/// The zone of this machine; the organisation starts with it.
fn browser_zone() -> Option<String> {
    #[cfg(target_arch = "wasm32")]
    {
        let format =
            js_sys::Intl::DateTimeFormat::new(&js_sys::Array::new(), &js_sys::Object::new());
        let options = format.resolved_options();
        js_sys::Reflect::get(&options, &"timeZone".into()).ok()?.as_string()
    }
    #[cfg(not(target_arch = "wasm32"))]
    None
}
