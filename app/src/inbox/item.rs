//! One row of the list.

use crate::looks;
use crate::ui::{Glyph, Icon, Time};
use leptos::prelude::*;
use leptos_router::components::A;
use signalbox::wire::{ApprovalState, ApprovalView};

/// One row; a link to the item.
#[component]
pub fn Item(
    /// The approval.
    approval: ApprovalView,
    /// Whether it is the one that is open.
    #[prop(into)]
    open: Signal<bool>,
) -> impl IntoView {
    let (icon, kind) = looks::approval_kind(approval.kind);
    let id = approval.id;
    let workflow = approval.workflow.clone().map(|(_, name)| name).unwrap_or_default();
    let created_ms = approval.created_at.timestamp_millis();
    let state = state_words(&approval);
    view! {
        <li class="border-b border-line" id=format!("item-{id}")>
            <A
                href=format!("/inbox/{id}")
                attr:aria-current=move || open.get().then_some("true")
                attr:data-testid="inbox-item"
                attr:class="block px-4 py-2.5 outline-offset-[-2px] hover:bg-surface-2 aria-current:bg-accent-soft"
            >
                <div class="flex items-baseline gap-2">
                    <span class="self-center text-text-3" title=kind>
                        <Glyph icon=icon />
                    </span>
                    <span class="min-w-0 flex-1 truncate font-medium">{approval.title.clone()}</span>
                    <span class="text-xs text-text-3">
                        <Time at_ms=created_ms />
                    </span>
                </div>
                <div class="mt-0.5 flex items-center gap-2 pl-6 text-sm text-text-2">
                    <span class="min-w-0 flex-1 truncate">{approval.recipient.clone()}</span>
                    {state.map(|(icon, words, class)| {
                        view! {
                            <span class=format!("flex items-center gap-1 text-xs {class}")>
                                <Glyph icon=icon class="size-3.5" />
                                {words}
                            </span>
                        }
                    })}
                </div>
                <p class="truncate pl-6 text-xs text-text-3">
                    {workflow.clone()}
                    {(!workflow.is_empty() && !approval.excerpt.is_empty()).then_some(" · ")}
                    {approval.excerpt.clone()}
                </p>
            </A>
        </li>
    }
}

/// What is worth saying about the row's state: not that it waits, which all of them do.
fn state_words(approval: &ApprovalView) -> Option<(Icon, &'static str, &'static str)> {
    if approval.stale && approval.state == ApprovalState::Pending {
        return Some((Icon::Refresh, "Look again", "text-wait"));
    }
    match (approval.state, approval.message_state) {
        (ApprovalState::Pending, _) if approval.priority == "urgent" => {
            Some((Icon::Alert, "Urgent", "text-stop"))
        }
        (ApprovalState::Pending, _) => None,
        (ApprovalState::Approved, Some(state)) => {
            let (tone, icon, word) = looks::message(state);
            Some((icon, word, tone.text_class()))
        }
        (state, _) => {
            let (tone, icon, word) = looks::approval(state);
            Some((icon, word, tone.text_class()))
        }
    }
}
