//! The model that writes.

use super::{Sending, loaded};
use crate::api::use_client;
use crate::ui::{Bind, Button, ButtonKind, SelectField, SelectOption, TextInput, Trouble};
use leptos::prelude::*;
use signalbox::wire::{ModelPrice, ModelSettings, ModelSettingsView};

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
    let price = found.settings.price;
    let typed = |micros: Option<u64>| {
        RwSignal::new(micros.map(|n| (n as f64 / 1e6).to_string()).unwrap_or_default())
    };
    let input_price = typed(price.map(|price| price.input_micros));
    let output_price = typed(price.map(|price| price.output_micros));
    let key = RwSignal::new(String::new());
    let is_real = move || provider.get() != "sandbox";
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let given = |signal: RwSignal<String>| {
            Some(signal.get_untracked().trim().to_owned()).filter(|text| !text.is_empty())
        };
        let price = match price_of(&input_price.get_untracked(), &output_price.get_untracked()) {
            Ok(price) => price,
            Err(trouble) => return sending.wrong.set(Some(trouble)),
        };
        let body = ModelSettings {
            provider: provider.get_untracked(),
            model: model.get_untracked().trim().to_owned(),
            base_url: given(base_url),
            api_key: given(key),
            price,
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
                <div class="grid gap-4 sm:grid-cols-2">
                    <TextInput
                        name="model-price-in"
                        label="Price of a million tokens in"
                        value=Bind::from(input_price)
                        optional=true
                        help="US dollars. Only for a server of your own or a model whose price we do not know."
                    />
                    <TextInput
                        name="model-price-out"
                        label="Price of a million tokens out"
                        value=Bind::from(output_price)
                        optional=true
                    />
                </div>
            </Show>
            <div>
                <Button kind=ButtonKind::Primary button_type="submit" pending=sending.working>
                    "Save"
                </Button>
            </div>
        </form>
    }
}

/// Both prices or none.
fn price_of(input: &str, output: &str) -> Result<Option<ModelPrice>, Trouble> {
    let micros = |text: &str| {
        let amount = text.trim().parse::<f64>().ok()?;
        (amount.is_finite() && (0.0..=1e5).contains(&amount)).then(|| (amount * 1e6).round() as u64)
    };
    if input.trim().is_empty() && output.trim().is_empty() {
        return Ok(None);
    }
    match micros(input).zip(micros(output)) {
        Some((input_micros, output_micros)) => Ok(Some(ModelPrice { input_micros, output_micros })),
        None => Err(Trouble::new(
            "The prices are not amounts.",
            "Write both in US dollars like 0.15, or leave both empty.",
        )),
    }
}
