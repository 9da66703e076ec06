//! Name, zone, hold time.

use super::{Sending, loaded};
use crate::api::use_client;
use crate::ui::{Bind, Button, ButtonKind, OrgZone, SelectField, SelectOption, TextInput};
use leptos::prelude::*;
use signalbox::wire::GeneralSettings;

/// The tab.
#[component]
pub fn GeneralTab() -> impl IntoView {
    let client = use_client();
    let settings = Resource::new(
        || (),
        move |()| {
            let client = client.clone();
            async move { client.settings_general().await }
        },
    );
    loaded(settings, |found| view! { <Form found=found /> }.into_any())
}

#[component]
fn Form(found: GeneralSettings) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let sending = Sending::new();
    let name = RwSignal::new(found.name);
    let zone = RwSignal::new(found.timezone);
    let hold = RwSignal::new(found.email_hold_ms.to_string());
    let mut holds = vec![
        SelectOption::new("0", "Not at all"),
        SelectOption::new("5000", "5 seconds"),
        SelectOption::new("10000", "10 seconds"),
        SelectOption::new("20000", "20 seconds"),
        SelectOption::new("30000", "30 seconds"),
        SelectOption::new("60000", "1 minute"),
        SelectOption::new("120000", "2 minutes"),
    ];
    if !holds.iter().any(|option| option.value == hold.get_untracked()) {
        let own = hold.get_untracked();
        holds.push(SelectOption::new(own.clone(), format!("{own} ms")));
    }
    let shown_zone = use_context::<OrgZone>();
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let body = GeneralSettings {
            name: name.get_untracked().trim().to_owned(),
            timezone: zone.get_untracked().trim().to_owned(),
            email_hold_ms: hold.get_untracked().parse().unwrap_or(10_000),
        };
        let client = client.get_value();
        sending.send(
            async move { client.settings_general_set(&body).await },
            "The settings are saved.",
            move |saved| {
                if let Some(shown) = shown_zone {
                    shown.0.set(saved.timezone);
                }
            },
        );
    };
    view! {
        <form class="flex flex-col gap-4" on:submit=save>
            {sending.trouble()}
            <TextInput name="org-name" label="Organisation" value=Bind::from(name) required=true />
            <TextInput
                name="org-zone"
                label="Time zone"
                value=Bind::from(zone)
                required=true
                help="Such as Europe/Berlin. Every time is shown in it."
            />
            <SelectField
                name="email-hold"
                label="Hold approved emails"
                value=Bind::from(hold)
                options=Signal::stored(holds)
                help="The server keeps an approved email for so long. Until then the approval can be undone."
            />
            <div>
                <Button kind=ButtonKind::Primary button_type="submit" pending=sending.working>
                    "Save"
                </Button>
            </div>
        </form>
    }
}
