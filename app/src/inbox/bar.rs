//! The buttons at the lower edge of an item: which ones depends on its kind, its state and the role.

use super::card::Draft;
use super::decider::Decider;
use crate::keys::focus_id;
use crate::session::may;
use crate::ui::{Button, ButtonKind, Icon, Time};
use leptos::prelude::*;
use signalbox::run::ApprovalKind;
use signalbox::wire::{ApprovalView, MessageState, Permission, UncertainChoice};

/// The buttons, at the lower edge.
#[component]
pub(super) fn Bar(
    approval: ApprovalView,
    pending: bool,
    is_message: bool,
    draft: Draft,
    decider: Decider,
    rejecting: RwSignal<bool>,
) -> impl IntoView {
    let working = Signal::from(decider.working);
    let kind = approval.kind;
    let held_until_ms = approval.held_until.map(|at| at.timestamp_millis());
    let held = approval.message_state == Some(MessageState::Held);
    let buttons = move || {
        if !may(Permission::PlanInstanceApprove) {
            return view! { <p class="text-text-2">"Your role reads the inbox; an approver decides."</p> }
                .into_any();
        }
        if kind == ApprovalKind::Uncertain && pending {
            return view! { <UncertainButtons decider=decider /> }.into_any();
        }
        if pending && draft.editing.get() {
            return view! { <EditButtons draft=draft decider=decider /> }.into_any();
        }
        if pending {
            let editable = is_message && kind == ApprovalKind::Message;
            let word = match kind {
                ApprovalKind::Message => "Approve and send",
                ApprovalKind::Answer => "Send the answer",
                _ => "Approve",
            };
            let edit = move |_| {
                draft.editing.set(true);
                request_animation_frame(|| focus_id("edit-text"));
            };
            return view! {
                <Button
                    kind=ButtonKind::Primary
                    icon=Icon::Check
                    pending=working
                    title="Key: a"
                    on_click=move |_| decider.approve()
                >
                    {word}
                </Button>
                {editable
                    .then(|| {
                        view! {
                            <Button icon=Icon::Pencil title="Key: e" on_click=edit>
                                "Edit"
                            </Button>
                        }
                    })}
                <Button icon=Icon::Close title="Key: #" on_click=move |_| rejecting.set(true)>
                    "Reject"
                </Button>
            }
            .into_any();
        }
        match held_until_ms {
            Some(until) if held => view! {
                <Button icon=Icon::Undo pending=working title="Key: z" on_click=move |_| decider.undo()>
                    "Undo"
                </Button>
                <span class="text-text-2">"Held until " <Time at_ms=until /></span>
            }
            .into_any(),
            // In a pause of outbound nobody knows until when.
            None if held => view! {
                <Button icon=Icon::Undo pending=working title="Key: z" on_click=move |_| decider.undo()>
                    "Undo"
                </Button>
                <span class="text-text-2">"Held by the send gate"</span>
            }
            .into_any(),
            _ => view! { <p class="text-text-2">"This is decided."</p> }.into_any(),
        }
    };
    view! {
        <footer class="flex flex-wrap items-center gap-2 border-t border-line bg-surface-1 px-4 py-3 md:px-6">
            {buttons}
        </footer>
    }
}

#[component]
fn EditButtons(draft: Draft, decider: Decider) -> impl IntoView {
    let working = Signal::from(decider.working);
    view! {
        <Button
            kind=ButtonKind::Primary
            icon=Icon::Check
            pending=working
            title="Ctrl+Enter"
            on_click=move |_| decider.approve()
        >
            "Approve and send changed"
        </Button>
        <Button icon=Icon::Save pending=working on_click=move |_| decider.keep_edits()>
            "Keep the changes"
        </Button>
        <Button
            kind=ButtonKind::Quiet
            on_click=move |_| {
                draft.editing.set(false);
                decider.refetch.run(());
            }
        >
            "Cancel"
        </Button>
    }
}

#[component]
fn UncertainButtons(decider: Decider) -> impl IntoView {
    let working = Signal::from(decider.working);
    view! {
        <Button
            kind=ButtonKind::Primary
            icon=Icon::Check
            pending=working
            on_click=move |_| decider.resolve(UncertainChoice::MarkSent)
        >
            "It arrived"
        </Button>
        <Button
            icon=Icon::Send
            pending=working
            on_click=move |_| decider.resolve(UncertainChoice::Resend)
        >
            "Send again, it may arrive twice"
        </Button>
        <Button
            icon=Icon::Close
            pending=working
            on_click=move |_| decider.resolve(UncertainChoice::Drop)
        >
            "Do not send it"
        </Button>
    }
}
