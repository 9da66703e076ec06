//! The email channel: the sandbox, or an SMTP server.

use super::{Sending, loaded};
use crate::api::use_client;
use crate::ui::{Bind, Button, ButtonKind, Icon, SelectField, SelectOption, TextArea, TextInput};
use leptos::prelude::*;
use signalbox::wire::{EmailChannel, EmailChannelView, SmtpSecurity};

/// The tab.
#[component]
pub fn EmailTab() -> impl IntoView {
    let client = use_client();
    let settings = Resource::new(
        || (),
        move |()| {
            let client = client.clone();
            async move { client.settings_email().await }
        },
    );
    view! {
        {loaded(settings, |found| view! { <Form found=found /> }.into_any())}
        <WayIn />
    }
}

/// Where a mail server hands over what came in.
#[component]
fn WayIn() -> impl IntoView {
    let client = use_client();
    let address = Resource::new(
        || (),
        move |()| {
            let client = client.clone();
            async move { client.settings_email_inbound().await }
        },
    );
    view! {
        <details class="mt-6 rounded border border-line bg-surface-1">
            <summary class="cursor-pointer px-4 py-2 font-medium">"Answers and bounces"</summary>
            <div class="flex flex-col gap-2 border-t border-line px-4 py-3 text-sm">
                <p>
                    "Let your mail server hand over each email it receives, as it is, by a POST to this address. Runs then hear of answers, bounces and opt-outs. Keep the address secret."
                </p>
                {loaded(
                    address,
                    |found| {
                        view! {
                            <code class="break-all font-mono text-xs" data-testid="inbound-address">
                                {found.url}
                            </code>
                        }
                            .into_any()
                    },
                )}
            </div>
        </details>
    }
}

/// What is typed.
#[derive(Clone, Copy)]
struct Fields {
    kind: RwSignal<String>,
    host: RwSignal<String>,
    port: RwSignal<String>,
    security: RwSignal<String>,
    username: RwSignal<String>,
    password: RwSignal<String>,
    certificate: RwSignal<String>,
    from: RwSignal<String>,
}

impl Fields {
    fn of(channel: &EmailChannel) -> Self {
        let (kind, host, port, security, username, certificate, from) = match channel {
            EmailChannel::Sandbox { from } => (
                "sandbox",
                String::new(),
                587,
                SmtpSecurity::Starttls,
                None,
                None,
                from.clone().unwrap_or_default(),
            ),
            EmailChannel::Smtp { host, port, security, username, ca_certificate, from, .. } => (
                "smtp",
                host.clone(),
                *port,
                *security,
                username.clone(),
                ca_certificate.clone(),
                from.clone(),
            ),
        };
        let security = match security {
            SmtpSecurity::None => "none",
            SmtpSecurity::Starttls => "starttls",
            SmtpSecurity::Tls => "tls",
        };
        Self {
            kind: RwSignal::new(kind.into()),
            host: RwSignal::new(host),
            port: RwSignal::new(port.to_string()),
            security: RwSignal::new(security.into()),
            username: RwSignal::new(username.unwrap_or_default()),
            password: RwSignal::new(String::new()),
            certificate: RwSignal::new(certificate.unwrap_or_default()),
            from: RwSignal::new(from),
        }
    }

    /// The channel to set; none when the port is not a number.
    fn channel(&self) -> Option<EmailChannel> {
        let given = |signal: RwSignal<String>| {
            Some(signal.get_untracked().trim().to_owned()).filter(|text| !text.is_empty())
        };
        if self.kind.get_untracked() == "sandbox" {
            return Some(EmailChannel::Sandbox { from: given(self.from) });
        }
        Some(EmailChannel::Smtp {
            host: given(self.host).unwrap_or_default(),
            port: self.port.get_untracked().trim().parse().ok()?,
            security: match self.security.get_untracked().as_str() {
                "none" => SmtpSecurity::None,
                "tls" => SmtpSecurity::Tls,
                _ => SmtpSecurity::Starttls,
            },
            username: given(self.username),
            password: Some(self.password.get_untracked()).filter(|p| !p.is_empty()),
            ca_certificate: given(self.certificate),
            from: given(self.from).unwrap_or_default(),
        })
    }
}

#[component]
fn Form(found: EmailChannelView) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let sending = Sending::new();
    let testing = Sending::new();
    let fields = Fields::of(&found.channel);
    let port_error = RwSignal::new(None::<String>);
    let is_secure = move || fields.security.get() != "none";
    let is_smtp = move || fields.kind.get() == "smtp";
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(body) = fields.channel() else {
            return port_error.set(Some("The port is a number from 1 to 65535.".into()));
        };
        port_error.set(None);
        let client = client.get_value();
        sending.send(
            async move { client.settings_email_set(&body).await },
            "The email channel is saved.",
            move |_| fields.password.set(String::new()),
        );
    };
    let test = move |_| {
        let client = client.get_value();
        testing.send(
            async move { client.settings_email_test().await },
            "The server answered and accepted the sign-in. Nothing was sent.",
            |_| {},
        );
    };
    view! {
        <form class="flex flex-col gap-4" on:submit=save>
            {sending.trouble()} {testing.trouble()}
            <SelectField
                name="email-kind"
                label="Channel"
                value=Bind::from(fields.kind)
                options=Signal::stored(
                    vec![
                        SelectOption::new("sandbox", "Sandbox: nothing leaves"),
                        SelectOption::new("smtp", "SMTP server"),
                    ],
                )
                help="Messages that are approved go through this channel."
            />
            <TextInput
                name="email-from"
                label="Sender"
                value=Bind::from(fields.from)
                placeholder="Ada from Example <ada@example.com>"
                help="Stands as From in every email."
            />
            <Show when=is_smtp>
                <div class="grid gap-4 sm:grid-cols-3">
                    <div class="sm:col-span-2">
                        <TextInput
                            name="smtp-host"
                            label="Host"
                            value=Bind::from(fields.host)
                            placeholder="smtp.example.com"
                        />
                    </div>
                    <TextInput
                        name="smtp-port"
                        label="Port"
                        input_type="number"
                        value=Bind::from(fields.port)
                        error=port_error
                    />
                </div>
                <SelectField
                    name="smtp-security"
                    label="Security"
                    value=Bind::from(fields.security)
                    options=Signal::stored(
                        vec![
                            SelectOption::new("starttls", "STARTTLS (usually port 587)"),
                            SelectOption::new("tls", "TLS (usually port 465)"),
                            SelectOption::new("none", "None: only for a server on this machine"),
                        ],
                    )
                />
                <div class="grid gap-4 sm:grid-cols-2">
                    <TextInput
                        name="smtp-username"
                        label="User name"
                        value=Bind::from(fields.username)
                        autocomplete="off"
                    />
                    <TextInput
                        name="smtp-password"
                        label="Password"
                        input_type="password"
                        value=Bind::from(fields.password)
                        autocomplete="new-password"
                        help=if found.password_set {
                            "A password is set. Leave this empty to keep it."
                        } else {
                            "Stored encrypted; never shown again."
                        }
                    />
                </div>
                <Show when=is_secure>
                    <TextArea
                        name="smtp-certificate"
                        label="Certificate to trust"
                        value=Bind::from(fields.certificate)
                        rows=3
                        mono=true
                        optional=true
                        placeholder="-----BEGIN CERTIFICATE-----"
                        help="Only for a server whose certificate is its own or of a private authority: the authority's certificate in PEM. Public ones are trusted already."
                    />
                </Show>
            </Show>
            <div class="flex gap-2">
                <Button kind=ButtonKind::Primary button_type="submit" pending=sending.working>
                    "Save"
                </Button>
                <Show when=is_smtp>
                    <Button icon=Icon::Zap pending=testing.working on_click=test>
                        "Test the saved connection"
                    </Button>
                </Show>
            </div>
        </form>
    }
}
