//! Short messages at the edge of the window, read aloud politely, with at most one action such
//! as Undo. Absent: anything a person must not miss; that belongs on the page.

use super::badge::Tone;
use super::button::{Button, ButtonKind, IconButton};
use super::icon::{Glyph, Icon};
use leptos::prelude::*;
use std::time::Duration;

/// How long a message stays unless it says otherwise.
const STAY_MS: u32 = 6_000;
/// More than this many at once and the oldest goes.
const AT_ONCE: usize = 4;

/// The action of a message.
#[derive(Clone)]
pub struct ToastAction {
    /// The verb.
    pub label: String,
    /// Does it; the message goes away.
    pub run: Callback<()>,
}

/// One message.
#[derive(Clone)]
pub struct Toast {
    /// What happened.
    pub text: String,
    /// What its colour and icon say.
    pub tone: Tone,
    /// What can be done about it.
    pub action: Option<ToastAction>,
    /// How long it stays.
    pub stay_ms: u32,
}

impl Toast {
    /// A message that something was done.
    pub fn done(text: impl Into<String>) -> Self {
        Toast { text: text.into(), tone: Tone::Clear, action: None, stay_ms: STAY_MS }
    }

    /// A message that something failed; it stays until it is closed or 30 s have passed.
    pub fn failed(text: impl Into<String>) -> Self {
        Toast { text: text.into(), tone: Tone::Stop, action: None, stay_ms: 30_000 }
    }

    /// With an action that can be taken for `stay_ms`.
    pub fn action(
        mut self,
        label: impl Into<String>,
        stay_ms: u32,
        run: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        self.action =
            Some(ToastAction { label: label.into(), run: Callback::new(move |()| run()) });
        self.stay_ms = stay_ms;
        self
    }
}

/// The messages that are showing; a context that [`ToastHost`] draws.
#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<(u64, Toast)>>,
    next: StoredValue<u64>,
}

impl Toasts {
    /// Makes the list and provides it to everything below.
    pub fn provide() -> Self {
        let toasts = Toasts { shown: RwSignal::new(Vec::new()), next: StoredValue::new(0) };
        provide_context(toasts);
        toasts
    }

    /// The list of this application; a list of its own, never drawn, where there is none.
    pub fn expect() -> Self {
        use_context().unwrap_or_else(Toasts::provide)
    }

    /// Shows a message.
    pub fn push(&self, toast: Toast) {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        let stay = Duration::from_millis(u64::from(toast.stay_ms));
        self.shown.update(|shown| {
            shown.push((id, toast));
            if shown.len() > AT_ONCE {
                shown.remove(0);
            }
        });
        let this = *self;
        set_timeout(move || this.close(id), stay);
    }

    fn close(&self, id: u64) {
        // The application may be gone when the time is up.
        let _ = self.shown.try_update(|shown| shown.retain(|(shown_id, _)| *shown_id != id));
    }
}

/// Draws the messages; once, at the end of the application.
#[component]
pub fn ToastHost() -> impl IntoView {
    let toasts = Toasts::expect();
    view! {
        <div
            role="status"
            aria-live="polite"
            class="pointer-events-none fixed right-4 bottom-20 z-40 flex max-w-[calc(100%-2rem)] flex-col gap-2 md:bottom-4"
        >
            <For each=move || toasts.shown.get() key=|(id, _)| *id let((id, toast))>
                <ToastCard toast=toast on_close=move || toasts.close(id) />
            </For>
        </div>
    }
}

#[component]
fn ToastCard(toast: Toast, on_close: impl Fn() + Copy + Send + Sync + 'static) -> impl IntoView {
    let icon = match toast.tone {
        Tone::Clear => Icon::CircleCheck,
        Tone::Stop => Icon::Alert,
        Tone::Wait => Icon::Hand,
        Tone::Move | Tone::Neutral => Icon::Info,
    };
    let action = toast.action.map(|action| {
        let run = move |_| {
            on_close();
            action.run.run(());
        };
        view! {
            <Button kind=ButtonKind::Quiet on_click=run>
                {action.label}
            </Button>
        }
    });
    view! {
        <div class="pointer-events-auto flex items-center gap-2 rounded border border-line bg-surface-1 py-1.5 pr-1.5 pl-3 shadow-float">
            <span class=toast.tone.text_class()>
                <Glyph icon=icon />
            </span>
            <p class="min-w-0 break-words">{toast.text}</p>
            {action}
            <IconButton icon=Icon::Close label="Close the message" on_click=move |_| on_close() />
        </div>
    }
}
