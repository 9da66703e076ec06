//! The model that writes.

use super::{Sending, loaded};
use crate::api::use_client;
use crate::ui::{Bind, Button, ButtonKind, SelectField, SelectOption, TextInput};
use leptos::prelude::*;
use signalbox::wire::{ModelSettings, ModelSettingsView};

/// The tab.
#[component]
pub fn ModelsTab() -> impl IntoView {
    let client = use_client();
    let settings = Resource::new(
        || (),
        move |()| {
            let client = client.clone();
            async move { client.settings_models().await }
        },
    );
    loaded(settings, |found| view! { <Form found=found /> }.into_any())
}

#[component]
fn Form(found: ModelSettingsView) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let sending = Sending::new();
    let provider = RwSignal::new(found.settings.provider);
    let model = RwSignal::new(found.settings.model);
    let base_url = RwSignal::new(found.settings.base_url.unwrap_or_default());
    let key = RwSignal::new(String::new());
    let is_real = move || provider.get() != "sandbox";
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let given = |signal: RwSignal<String>| {
            Some(signal.get_untracked().trim().to_owned()).filter(|text| !text.is_empty())
        };
        let body = ModelSettings {
            provider: provider.get_untracked(),
            model: model.get_untracked().trim().to_owned(),
            base_url: given(base_url),
            api_key: given(key),
        };
        let client = client.get_value();
        sending.send(
            async move { client.settings_models_set(&body).await },
            "The model is saved.",
            move |_| key.set(String::new()),
        );
    };
    view! {
        <form class="flex flex-col gap-4" on:submit=save>
            {sending.trouble()}
            <SelectField
                name="model-provider"
                label="Provider"
                value=Bind::from(provider)
                options=Signal::stored(
                    vec![
                        SelectOption::new("sandbox", "Sandbox: made-up answers, no key needed"),
                        SelectOption::new("openai", "OpenAI, or a server that speaks its API"),
                        SelectOption::new("anthropic", "Anthropic"),
                    ],
                )
                help="Every text that a model writes is labelled with the model that really ran."
            />
            <Show when=is_real>
                <TextInput
                    name="model-name"
                    label="Model"
                    value=Bind::from(model)
                    help="The name that the provider uses for it."
                />
                <TextInput
                    name="model-url"
                    label="Address"
                    input_type="url"
                    value=Bind::from(base_url)
                    optional=true
                    help="Only for a server of your own. Empty means the provider's."
                />
                <TextInput
                    name="model-key"
                    label="Key"
                    input_type="password"
                    value=Bind::from(key)
                    autocomplete="off"
                    help=if found.key_set {
                        "A key is set. Leave this empty to keep it."
                    } else {
                        "Stored encrypted; never shown again."
                    }
                />
            </Show>
            <div>
                <Button kind=ButtonKind::Primary button_type="submit" pending=sending.working>
                    "Save"
                </Button>
            </div>
        </form>
    }
}
