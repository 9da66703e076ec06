//! The webhook of a trigger: its path and address, when the sender is answered, and how it proves who
//! it is.

use crate::editor::panel::step::Step;
use crate::ui::{Bind, Button, ButtonKind, Icon, SelectField, SelectOption, TextInput, Toasts};
use leptos::prelude::*;
use signalbox::graph::{NodeKind, TriggerKind, WebhookAnswer, WebhookProof};

/// The settings of a webhook, apart from its kind.
#[derive(Clone, Default)]
struct Settings {
    path: String,
    respond: WebhookAnswer,
    proof: Option<WebhookProof>,
}

/// A webhook as it is first.
pub(super) fn fresh() -> TriggerKind {
    Settings::default().into()
}

impl From<Settings> for TriggerKind {
    fn from(settings: Settings) -> Self {
        let Settings { path, respond, proof } = settings;
        TriggerKind::Webhook { path, respond, proof }
    }
}

fn read(kind: &NodeKind) -> Settings {
    match kind {
        NodeKind::Trigger(settings) => match &settings.trigger {
            TriggerKind::Webhook { path, respond, proof } => {
                Settings { path: path.clone(), respond: *respond, proof: proof.clone() }
            }
            _ => Settings::default(),
        },
        _ => Settings::default(),
    }
}

fn change(kind: &mut NodeKind, edit: impl FnOnce(&mut Settings)) {
    let mut settings = read(kind);
    edit(&mut settings);
    if let NodeKind::Trigger(trigger) = kind {
        trigger.trigger = settings.into();
    }
}

fn proof_word(kind: &NodeKind) -> String {
    match read(kind).proof {
        None => "",
        Some(WebhookProof::Signature { .. }) => "signature",
        Some(WebhookProof::Header { .. }) => "header",
    }
    .to_owned()
}

fn secret_of(kind: &NodeKind) -> String {
    read(kind).proof.map(|proof| proof.secret().to_owned()).unwrap_or_default()
}

fn set_proof(kind: &mut NodeKind, word: String) {
    let secret = secret_of(kind);
    change(kind, |settings| {
        settings.proof = match word.as_str() {
            "signature" => Some(WebhookProof::Signature { secret }),
            "header" => Some(WebhookProof::Header { header: "X-Api-Key".into(), secret }),
            _ => None,
        };
    });
}

fn set_secret(kind: &mut NodeKind, name: String) {
    change(kind, |settings| {
        if let Some(WebhookProof::Signature { secret } | WebhookProof::Header { secret, .. }) =
            &mut settings.proof
        {
            *secret = name;
        }
    });
}

#[component]
pub(super) fn Webhook(step: Step) -> impl IntoView {
    let path = step.bind(
        "path",
        |kind| read(kind).path,
        |kind, text: String| change(kind, |settings| settings.path = text),
    );
    let error = Signal::derive(move || {
        let path = path.get();
        (!path.is_empty() && !path.starts_with('/')).then(|| "It must start with /".to_owned())
    });
    let respond = step.bind(
        "respond",
        |kind| match read(kind).respond {
            WebhookAnswer::Accepted => "accepted".to_owned(),
            WebhookAnswer::Finished => "finished".to_owned(),
        },
        |kind, word: String| {
            change(kind, |settings| {
                settings.respond = match word.as_str() {
                    "finished" => WebhookAnswer::Finished,
                    _ => WebhookAnswer::Accepted,
                };
            });
        },
    );
    view! {
        <TextInput
            name="trigger-path"
            label="Path"
            help="Empty: any path."
            value=path
            error=error
            mono=true
            disabled=step.readonly()
        />
        <Address step=step />
        <SelectField
            name="trigger-respond"
            label="Answers"
            value=respond
            options=Signal::stored(
                vec![
                    SelectOption::new("accepted", "At once, with the run's address"),
                    SelectOption::new("finished", "When the run has ended, with its output"),
                ],
            )
            help="A run that takes longer than 30 seconds is answered with its address."
            disabled=step.readonly()
        />
        <Proof step=step />
    }
}

/// The address with a button that copies it.
#[component]
fn Address(step: Step) -> impl IntoView {
    let address = step.editor.hook_url;
    let toasts = Toasts::expect();
    let copy = move |_| {
        if let Some(address) = address.get_untracked() {
            crate::editor::code::to_clipboard(address, toasts);
        }
    };
    view! {
        <div class="flex flex-col gap-1 text-sm">
            <span class="font-medium">"Address"</span>
            {move || match address.get() {
                Some(address) => {
                    view! {
                        <div class="flex items-start gap-1">
                            <code class="min-w-0 flex-1 break-all" data-testid="hook-url">{address}</code>
                            <Button kind=ButtonKind::Quiet icon=Icon::Copy on_click=copy>"Copy"</Button>
                        </div>
                    }
                        .into_any()
                }
                None => {
                    let why = match step.readonly().get() {
                        true => "Those who may edit workflows or start runs see it here.",
                        false => "It is made when the workflow is published.",
                    };
                    view! { <p class="text-text-3">{why}</p> }.into_any()
                }
            }}
        </div>
    }
}

/// How the sender proves who it is.
#[component]
fn Proof(step: Step) -> impl IntoView {
    let proof = step.bind("proof", proof_word, set_proof);
    let secret = step.bind("proof-secret", secret_of, set_secret);
    let header = step.bind(
        "proof-header",
        |kind| match read(kind).proof {
            Some(WebhookProof::Header { header, .. }) => header,
            _ => String::new(),
        },
        |kind, text: String| {
            change(kind, |settings| {
                if let Some(WebhookProof::Header { header, .. }) = &mut settings.proof {
                    *header = text;
                }
            });
        },
    );
    let which = Memo::new(move |_| proof.get());
    let more = move || {
        match which.get().as_str() {
        "signature" => view! {
            <SecretName step=step value=secret help="Headers webhook-id, webhook-timestamp and webhook-signature, as Standard Webhooks say." />
        }
        .into_any(),
        "header" => view! {
            <TextInput name="trigger-header" label="Header" value=header mono=true disabled=step.readonly() />
            <SecretName step=step value=secret help="The header's value must be this secret." />
        }
        .into_any(),
        _ => ().into_any(),
    }
    };
    view! {
        <SelectField
            name="trigger-proof"
            label="The sender proves who it is"
            value=proof
            options=Signal::stored(
                vec![
                    SelectOption::new("", "By knowing the address"),
                    SelectOption::new("signature", "By signing each request"),
                    SelectOption::new("header", "By a secret in a header"),
                ],
            )
            disabled=step.readonly()
        />
        {more}
    }
}

#[component]
fn SecretName(step: Step, value: Bind<String>, help: &'static str) -> impl IntoView {
    let error = Signal::derive(move || {
        value.get().is_empty().then(|| "Name a secret of Settings, Secrets".to_owned())
    });
    view! {
        <TextInput
            name="trigger-secret"
            label="Name of the secret"
            help=help
            value=value
            error=error
            mono=true
            disabled=step.readonly()
        />
    }
}
