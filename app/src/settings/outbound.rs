//! Whether messages leave at all: pausing outbound by hand, and a look at what is due before it goes on.

use super::{Sending, loaded};
use crate::api::use_client;
use crate::live::{FrameKind, use_live};
use crate::session::may;
use crate::ui::{
    Bind, Button, ButtonKind, ConfirmDialog, Dialog, Glyph, Icon, LinkButton, StateBadge,
    TextInput, Time, Tone,
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::components::A;
use signalbox::wire::{OutboundPause, OutboundState, Permission, ReasonBody};

/// The tab.
#[component]
pub fn OutboundTab() -> impl IntoView {
    let client = use_client();
    let state = Resource::new(
        || (),
        move |()| {
            let client = client.clone();
            async move { client.outbound().await }
        },
    );
    use_live().on(move |frame| {
        if matches!(frame.kind, FrameKind::OutboundChanged | FrameKind::Resync) {
            state.refetch();
        }
    });
    let refetch = Callback::new(move |()| state.refetch());
    loaded(state, move |found| view! { <Standing found=found refetch=refetch /> }.into_any())
}

/// "3 messages are due".
fn due(count: u64) -> String {
    match count {
        0 => "No message is due".to_owned(),
        1 => "1 message is due".to_owned(),
        many => format!("{many} messages are due"),
    }
}

/// "Outbound has been paused since Tue 09:00 because the server was down for 9 hours."
#[component]
fn Sentence(pause: OutboundPause) -> impl IntoView {
    view! {
        <span>
            "Outbound has been paused since " <Time at_ms=pause.since.timestamp_millis() /> " "
            {pause.why()} "."
        </span>
    }
}

#[component]
fn Standing(found: OutboundState, refetch: Callback<()>) -> impl IntoView {
    let sending = Sending::new();
    let oldest = found.oldest_due_at.map(|at| {
        view! { <span>", the oldest since " <Time at_ms=at.timestamp_millis() /></span> }
    });
    let ramping = found.ramping_until.filter(|_| found.paused.is_none()).map(|until| {
        view! {
            <p class="text-text-2">
                "Messages leave slowly at first, and as fast as usual at "
                <Time at_ms=until.timestamp_millis() /> "."
            </p>
        }
    });
    let (tone, icon, word) = match found.paused {
        Some(_) => (Tone::Wait, Icon::Pause, "Paused"),
        None => (Tone::Clear, Icon::Send, "Going on"),
    };
    let count = found.due;
    let is_paused = found.paused.is_some();
    view! {
        <section aria-label="Outbound" class="flex flex-col gap-4">
            {sending.trouble()}
            <p class="flex flex-wrap items-center gap-2" data-testid="outbound-state">
                <StateBadge tone=tone icon=icon label=word />
                {match found.paused {
                    Some(pause) => view! { <Sentence pause=pause /> }.into_any(),
                    None => view! { <span>"Approved messages leave when their time has come."</span> }
                        .into_any(),
                }}
            </p>
            <p data-testid="outbound-due">{due(count)} {oldest} "."</p>
            {ramping}
            <p class="text-text-2">
                "In a pause workflows go on and messages can be approved, but nothing leaves: approved messages wait. \
                The server pauses by itself after hours of standstill, when its clock was set, and when the database \
                was restored, because messages that are due then may be late or may have left before. Look at what is \
                due, take back what must not leave, and resume."
            </p>
            <div class="flex flex-wrap gap-2">
                {may(Permission::OrgOutboundResume)
                    .then(|| match is_paused {
                        true => view! { <Resume count=count sending=sending refetch=refetch /> }.into_any(),
                        false => view! { <Pause sending=sending refetch=refetch /> }.into_any(),
                    })}
                <LinkButton href="/inbox" icon=Icon::Inbox>
                    "Look at the messages"
                </LinkButton>
            </div>
        </section>
    }
}

#[component]
fn Resume(count: u64, sending: Sending, refetch: Callback<()>) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let asking = RwSignal::new(false);
    let resume = Callback::new(move |()| {
        let client = client.get_value();
        sending.send(
            async move { client.outbound_resume().await },
            "Outbound goes on.",
            move |_| refetch.run(()),
        );
    });
    view! {
        <Button
            kind=ButtonKind::Primary
            icon=Icon::Play
            pending=sending.working
            on_click=move |_| asking.set(true)
        >
            {format!("Resume: {}", due(count).to_lowercase())}
        </Button>
        <ConfirmDialog
            open=asking
            title="Resume outbound?"
            text=format!(
                "{}. What is due leaves, the oldest first: one at a time in the beginning, as fast as usual after five minutes.",
                due(count),
            )
            verb="Resume outbound"
            on_confirm=resume
        />
    }
}

#[component]
fn Pause(sending: Sending, refetch: Callback<()>) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let open = RwSignal::new(false);
    let reason = RwSignal::new(String::new());
    let pause = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        open.set(false);
        let (client, reason) = (client.get_value(), reason.get_untracked());
        sending.send(
            async move { client.outbound_pause(&ReasonBody { reason }).await },
            "Outbound is paused.",
            move |_| refetch.run(()),
        );
    };
    view! {
        <Button icon=Icon::Pause pending=sending.working on_click=move |_| open.set(true)>
            "Pause outbound\u{2026}"
        </Button>
        <Dialog open=open title="Pause outbound?" width="max-w-md">
            <form class="flex flex-col gap-4" on:submit=pause>
                <p class="text-text-2">
                    "Nothing of this organisation leaves until an administrator resumes. Workflows go on; what is \
                    being sent at this moment is not called back."
                </p>
                <TextInput
                    name="pause-reason"
                    label="Reason"
                    value=Bind::from(reason)
                    optional=true
                    help="Whoever opens the inbox reads it."
                />
                <div class="flex justify-end gap-2">
                    <Button on_click=move |_| open.set(false)>"Cancel"</Button>
                    <Button kind=ButtonKind::Danger button_type="submit">
                        "Pause outbound"
                    </Button>
                </div>
            </form>
        </Dialog>
    }
}

/// At the top of the inbox while outbound is paused: why, and where to let it go on.
#[component]
pub fn PauseBanner() -> impl IntoView {
    let client = use_client();
    let found = RwSignal::new(None::<OutboundState>);
    // In the browser only: the page that draws it does so too.
    Effect::new(move || {
        let client = client.clone();
        spawn_local(async move {
            if let Ok(state) = client.outbound().await {
                found.try_set(Some(state));
            }
        });
    });
    view! {
        <p
            role="status"
            data-testid="pause-banner"
            class="flex flex-wrap items-center gap-2 border-b border-line bg-wait-soft px-4 py-2 text-sm md:px-6"
        >
            <span class="text-wait">
                <Glyph icon=Icon::Pause />
            </span>
            {move || {
                let state = found.get()?;
                let pause = state.paused?;
                Some(view! { <Sentence pause=pause /> <span>{due(state.due)} "."</span> })
            }}
            {if may(Permission::OrgOutboundResume) {
                view! {
                    <A href="/settings?tab=outbound" attr:class="text-accent underline">
                        "Look at it and resume"
                    </A>
                }
                    .into_any()
            } else {
                view! { <span>"An administrator resumes it."</span> }.into_any()
            }}
        </p>
    }
}
