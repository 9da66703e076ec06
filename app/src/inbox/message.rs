//! The finished message, exactly as it will leave or left, and its editing.

use super::card::Draft;
use super::diff::{Piece, words};
use crate::looks;
use crate::ui::{Badge, Bind, Glyph, Icon, TextArea, TextInput, Time};
use leptos::prelude::*;
use signalbox::wire::{MessageView, Revision, TrackedLink};

/// The message.
#[component]
pub(super) fn MessageCard(message: MessageView, draft: Draft) -> impl IntoView {
    let shown = StoredValue::new(message);
    move || {
        let message = shown.get_value();
        if draft.editing.get() {
            view! { <Editor message=message draft=draft /> }.into_any()
        } else {
            view! { <Finished message=message /> }.into_any()
        }
    }
}

/// Recipient, sender, subject, text.
#[component]
pub fn Finished(
    /// The message.
    message: MessageView,
) -> impl IntoView {
    let look = looks::message(message.state);
    let reply_to = message.reply_to.clone();
    view! {
        <article class="rounded border border-line bg-surface-1" data-testid="message">
            <dl class="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 border-b border-line px-4 py-3 text-sm">
                <Line label="To" value=message.to.clone() />
                <Line label="From" value=message.from.clone() />
                {reply_to.map(|to| view! { <Line label="Replies to" value=to /> })}
                <dt class="text-text-3">"Via"</dt>
                <dd class="flex flex-wrap items-center gap-2">
                    {message.via.clone()}
                    {message
                        .sandbox
                        .then(|| {
                            view! {
                                <Badge>
                                    <Glyph icon=Icon::Flask class="size-3.5" />
                                    "Sandbox: nothing leaves"
                                </Badge>
                            }
                        })}
                    {looks::badge(look)}
                    {message
                        .sent_at
                        .map(|at| view! { <Time at_ms=at.timestamp_millis() /> })}
                </dd>
            </dl>
            <div class="px-4 py-4">
                <p class="font-medium break-words" data-testid="message-subject">
                    {message.subject.clone()}
                </p>
                <p class="mt-3 whitespace-pre-wrap break-words" data-testid="message-text">
                    {message.text.clone()}
                </p>
            </div>
            {(!message.detail.is_empty())
                .then(|| {
                    view! {
                        <p class="border-t border-line px-4 py-2 text-sm text-text-2">
                            {message.detail.clone()}
                        </p>
                    }
                })}
        </article>
    }
}

/// Where the tracked links of a message lead: its text shows our own addresses.
#[component]
pub(super) fn Leads(links: Vec<TrackedLink>) -> impl IntoView {
    if links.is_empty() {
        return None;
    }
    Some(view! {
        <section class="rounded border border-line bg-surface-1 px-4 py-3 text-sm">
            <h3 class="font-medium">"Its links are tracked. They lead to"</h3>
            <ul class="mt-1 flex flex-col gap-1">
                {links
                    .into_iter()
                    .map(|link| {
                        view! {
                            <li class="break-all">
                                <span class="font-medium">{link.url}</span>
                                <span class="block text-xs text-text-3">{link.address}</span>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        </section>
    })
}

#[component]
fn Line(label: &'static str, value: String) -> impl IntoView {
    view! {
        <dt class="text-text-3">{label}</dt>
        <dd class="break-words">{value}</dd>
    }
}

#[component]
fn Editor(message: MessageView, draft: Draft) -> impl IntoView {
    let length = move || {
        let count = draft.text.with(|text| text.chars().count());
        format!("{count} characters. What stands here is what will be sent, to the letter.")
    };
    view! {
        <div class="flex flex-col gap-3 rounded border border-accent bg-surface-1 p-4">
            <p class="text-sm text-text-2">
                "To " {message.to.clone()} ", from " {message.from.clone()}
            </p>
            <TextInput name="edit-subject" label="Subject" value=Bind::from(draft.subject) />
            <TextArea name="edit-text" label="Text" value=Bind::from(draft.text) rows=14 />
            <p class="text-xs text-text-3">{length}</p>
        </div>
    }
}

/// Who changed what, newest first, each against the one before it.
#[component]
pub(super) fn Revisions(revisions: Vec<Revision>) -> impl IntoView {
    if revisions.len() < 2 {
        return None;
    }
    let pairs: Vec<(Revision, Revision)> =
        revisions.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).rev().collect();
    Some(view! {
        <details class="rounded border border-line bg-surface-1">
            <summary class="cursor-pointer px-4 py-2 font-medium">
                {format!("Changes ({})", pairs.len())}
            </summary>
            <ol class="flex flex-col gap-4 border-t border-line px-4 py-3">
                {pairs
                    .into_iter()
                    .map(|(old, new)| {
                        let at = new.at.timestamp_millis();
                        view! {
                            <li>
                                <p class="text-sm text-text-2">
                                    {new.author.clone()} ", " <Time at_ms=at />
                                </p>
                                <Diff old=old.subject new=new.subject />
                                <Diff old=old.text new=new.text />
                            </li>
                        }
                    })
                    .collect_view()}
            </ol>
        </details>
    })
}

#[component]
fn Diff(old: String, new: String) -> impl IntoView {
    if old == new {
        return None;
    }
    let piece = |piece: Piece| match piece {
        Piece::Same(text) => view! { <span>{text}</span> }.into_any(),
        Piece::Gone(text) => view! { <del class="bg-stop-soft text-stop">{text}</del> }.into_any(),
        Piece::New(text) => {
            view! { <ins class="bg-clear-soft text-clear no-underline">{text}</ins> }.into_any()
        }
    };
    Some(view! {
        <p class="mt-1 text-sm whitespace-pre-wrap break-words">
            {words(&old, &new).into_iter().map(piece).collect_view()}
        </p>
    })
}
