//! Signing in.

use super::entry::{EntryFrame, next_place};
use crate::api::{trouble, use_client};
use crate::ui::{Bind, Button, ButtonKind, ErrorPanel, TextInput, Trouble};
use leptos::{prelude::*, task::spawn_local};
use signalbox::wire::SignIn as Credentials;

/// `/sign-in`.
#[component]
pub fn SignIn() -> impl IntoView {
    let client = StoredValue::new(use_client());
    let email = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let working = RwSignal::new(false);
    let wrong = RwSignal::new(None::<Trouble>);
    // A server without an owner asks for one first.
    Effect::new(move || {
        spawn_local(async move {
            if let Ok(state) = client.get_value().setup_state().await
                && state.needs_owner
            {
                let _ = window().location().replace("/setup");
            }
        });
    });
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        working.set(true);
        wrong.set(None);
        spawn_local(async move {
            let body = Credentials {
                email: email.get_untracked().trim().to_owned(),
                password: password.get_untracked(),
            };
            match client.get_value().sign_in(&body).await {
                // A whole new page: nothing of the visitor before stays in memory.
                Ok(_) => {
                    let _ = window().location().assign(&next_place());
                }
                Err(error) => {
                    working.try_set(false);
                    wrong.try_set(Some(trouble(&error)));
                }
            }
        });
    };
    view! {
        <EntryFrame title="Sign in" text="Signalbox sends nothing that nobody let pass.">
            <form class="flex flex-col gap-4" on:submit=submit>
                {move || wrong.get().map(|wrong| view! { <ErrorPanel trouble=wrong /> })}
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
                    autocomplete="current-password"
                    required=true
                />
                <Button kind=ButtonKind::Primary button_type="submit" pending=working>
                    "Sign in"
                </Button>
            </form>
        </EntryFrame>
    }
}
