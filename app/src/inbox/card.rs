//! One item in full. The buttons are in `bar`, what they send in `decider`, the question for a reason in `reject`.

use super::bar::Bar;
use super::because::BecauseView;
use super::board::Ask;
use super::decider::Decider;
use super::form::AnswerForm;
use super::message::{MessageCard, Revisions};
use super::reject::RejectDialog;
use crate::api::{failure, use_client};
use crate::keys::focus_id;
use crate::looks;
use crate::session::may;
use crate::ui::{Glyph, Icon, Skeleton, TextArea, Time, Tone};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::components::A;
use serde_json::Value;
use signalbox::id::ApprovalId;
use signalbox::run::ApprovalKind;
use signalbox::wire::{ApiError, ApprovalDetail, ApprovalState, ApprovalView, Permission};

/// What the person has typed into an item that is being edited.
#[derive(Clone, Copy)]
pub(super) struct Draft {
    /// Whether the message is being edited.
    pub(super) editing: RwSignal<bool>,
    /// Subject.
    pub(super) subject: RwSignal<String>,
    /// Plain text.
    pub(super) text: RwSignal<String>,
    /// The answer of a form, or the changed output of a review, as text.
    pub(super) answer: RwSignal<String>,
}

/// One item.
#[component]
pub fn Card(
    /// Which.
    id: ApprovalId,
    /// Its row as the list knows it; a change fetches the item again.
    seen: Signal<Option<ApprovalView>>,
    /// What a key asked for.
    asked: RwSignal<Option<Ask>>,
    /// Told what became of it.
    on_decided: Callback<ApprovalView>,
) -> impl IntoView {
    let client = use_client();
    let detail = RwSignal::new(None::<Result<ApprovalDetail, ApiError>>);
    let draft = Draft {
        editing: RwSignal::new(false),
        subject: RwSignal::new(String::new()),
        text: RwSignal::new(String::new()),
        answer: RwSignal::new(String::new()),
    };
    let fetch = Callback::new(move |()| {
        let client = client.clone();
        spawn_local(async move {
            let answer = client.approval(id).await;
            if let (Ok(found), Some(false)) = (&answer, draft.editing.try_get_untracked()) {
                fill(draft, found);
            }
            detail.try_set(Some(answer));
        });
    });
    // A change that the live stream told of is fetched; what is being typed stays.
    let version = Memo::new(move |_| {
        seen.with(|seen| {
            seen.as_ref().map(|a| {
                let to = a.escalated_to.clone();
                (a.revision, a.state, a.message_state, a.stale, a.held_until, to)
            })
        })
    });
    Effect::new(move || {
        // Read, not tracked: a memo that nobody reads is never made, and hears of nothing.
        version.with(|_| ());
        fetch.run(());
    });
    move || {
        detail.with(|detail| match detail {
            None => view! { <Skeleton rows=8 /> }.into_any(),
            Some(Err(error)) => view! {
                <div>
                    <BackLink />
                    {failure(error, Some(fetch))}
                </div>
            }
            .into_any(),
            Some(Ok(found)) => view! {
                <Opened found=found.clone() draft=draft asked=asked on_decided=on_decided refetch=fetch />
            }
            .into_any(),
        })
    }
}

fn fill(draft: Draft, found: &ApprovalDetail) {
    if let Some(message) = &found.message {
        draft.subject.set(message.subject.clone());
        draft.text.set(message.text.clone());
    }
    if found.approval.kind == ApprovalKind::Review {
        draft.answer.set(serde_json::to_string_pretty(&found.subject).unwrap_or_default());
    }
}

#[component]
fn BackLink() -> impl IntoView {
    view! {
        <A href="/inbox" attr:class="flex items-center gap-1 px-4 py-2 text-text-2 md:hidden">
            <Glyph icon=Icon::ChevronLeft />
            "Inbox"
        </A>
    }
}

#[component]
fn Opened(
    found: ApprovalDetail,
    draft: Draft,
    asked: RwSignal<Option<Ask>>,
    on_decided: Callback<ApprovalView>,
    refetch: Callback<()>,
) -> impl IntoView {
    let rejecting = RwSignal::new(false);
    let approval = found.approval.clone();
    let pending = approval.state == ApprovalState::Pending;
    let decider = Decider::new(&found, draft, on_decided, refetch);
    let is_message = found.message.is_some();
    listen(asked, pending, is_message, draft, decider, rejecting);
    // Keys of the editor: a page's single keys are dead while one writes.
    let keys = move |event: leptos::ev::KeyboardEvent| {
        let with_ctrl = event.ctrl_key() || event.meta_key();
        if !draft.editing.get_untracked() {
            return;
        }
        match event.key().as_str() {
            "Enter" if with_ctrl => decider.approve(),
            "Escape" => {
                draft.editing.set(false);
                refetch.run(());
            }
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <div class="min-h-0 flex-1 overflow-y-auto" on:keydown=keys>
            <BackLink />
            <CardHead approval=approval.clone() reason=found.reason.clone() />
            {(approval.stale && pending)
                .then(|| {
                    view! {
                        <Note tone=Tone::Wait icon=Icon::Refresh>
                            "Something changed since this was written: the contact, or a newer message. \
                            Read it again before you approve it."
                        </Note>
                    }
                })}
            {(approval.kind == ApprovalKind::Uncertain)
                .then(|| {
                    view! {
                        <Note tone=Tone::Stop icon=Icon::Alert>
                            "The server stopped while this message was being sent. It may have arrived or not. \
                            Look in the recipient's mailbox or the mail server's log, then say what became of it."
                        </Note>
                    }
                })}
            <div class="flex flex-col gap-4 px-4 pb-6 md:px-6">
                {(!found.prompt.is_empty())
                    .then(|| view! { <p class="whitespace-pre-wrap">{found.prompt.clone()}</p> })}
                {found
                    .message
                    .clone()
                    .map(|message| view! { <MessageCard message=message draft=draft /> })}
                <super::message::Leads links=found.links.clone() />
                <Subject found=found.clone() draft=draft pending=pending />
                {found
                    .gate
                    .clone()
                    .map(|gate| view! { <super::because::GateView gate=gate pending=pending /> })}
                <Revisions revisions=found.revisions.clone() />
                <BecauseView
                    because=found.because.clone()
                    run=approval.run
                    workflow=approval.workflow.clone()
                />
            </div>
        </div>
        <Bar
            approval=approval
            pending=pending
            is_message=is_message
            draft=draft
            decider=decider
            rejecting=rejecting
        />
        <RejectDialog open=rejecting decider=decider />
    }
}

/// Title, state, who decided.
#[component]
fn CardHead(approval: ApprovalView, reason: String) -> impl IntoView {
    let (icon, kind) = looks::approval_kind(approval.kind);
    let look = match (approval.state, approval.message_state) {
        (ApprovalState::Approved, Some(state)) => looks::message(state),
        (state, _) => looks::approval(state),
    };
    let decided = approval.decided_at.map(|at| {
        let by = approval.decided_by.clone().unwrap_or_else(|| "a rule".into());
        view! {
            <span>
                "Decided by " {by} " " <Time at_ms=at.timestamp_millis() />
            </span>
        }
    });
    let asked = approval.escalated_to.clone();
    let expires =
        (approval.state == ApprovalState::Pending).then_some(approval.expires_at).flatten();
    view! {
        <header class="px-4 py-4 md:px-6">
            <div class="flex flex-wrap items-center gap-2 text-sm text-text-2">
                <Glyph icon=icon />
                {kind}
                {looks::badge(look)}
                {decided}
                {expires
                    .map(|at| {
                        view! {
                            <span>
                                "Expires " <Time at_ms=at.timestamp_millis() />
                            </span>
                        }
                    })}
                {asked
                    .map(|who| {
                        view! { <span data-testid="escalated">"Nobody decided in time: it is for " {who}</span> }
                    })}
            </div>
            <h2 class="mt-1 text-xl font-semibold break-words" data-testid="item-title">
                {approval.title.clone()}
            </h2>
            {(!reason.is_empty())
                .then(|| view! { <p class="mt-1 text-text-2">"Reason: " {reason.clone()}</p> })}
        </header>
    }
}

#[component]
fn Note(tone: Tone, icon: Icon, children: Children) -> impl IntoView {
    view! {
        <div class=format!("mx-4 mb-4 flex gap-2 rounded p-3 md:mx-6 {}", tone.badge_class()) role="note">
            <Glyph icon=icon />
            <p>{children()}</p>
        </div>
    }
}

/// What a human node asks about, and the form for the answer.
#[component]
fn Subject(found: ApprovalDetail, draft: Draft, pending: bool) -> impl IntoView {
    let kind = found.approval.kind;
    match kind {
        ApprovalKind::Review if pending => Some(
            view! {
                <TextArea
                    name="review-output"
                    label="Output under review"
                    value=draft.answer
                    rows=12
                    mono=true
                    help="Change it if you like: what stands here when you approve flows on. It must be JSON."
                />
            }
            .into_any(),
        ),
        ApprovalKind::Answer if pending => {
            Some(view! { <AnswerForm form=found.form.clone() answer=draft.answer /> }.into_any())
        }
        _ if found.subject.is_null() => None,
        _ => Some(view! { <Plain value=found.subject.clone() /> }.into_any()),
    }
}

/// A value as people read it: text as text, the rest as JSON.
#[component]
pub(super) fn Plain(value: Value) -> impl IntoView {
    match value {
        Value::String(text) => view! { <p class="whitespace-pre-wrap break-words">{text}</p> }.into_any(),
        other => view! {
            <pre class="max-h-80 overflow-auto rounded bg-surface-2 p-3 font-mono text-xs whitespace-pre-wrap break-words">
                {serde_json::to_string_pretty(&other).unwrap_or_default()}
            </pre>
        }
        .into_any(),
    }
}

/// Carries out what a key asked for.
fn listen(
    asked: RwSignal<Option<Ask>>,
    pending: bool,
    is_message: bool,
    draft: Draft,
    decider: Decider,
    rejecting: RwSignal<bool>,
) {
    Effect::new(move || {
        let Some(ask) = asked.get() else { return };
        asked.set(None);
        if !may(Permission::PlanInstanceApprove) {
            return;
        }
        match ask {
            Ask::Approve if pending && decider.kind != ApprovalKind::Uncertain => decider.approve(),
            Ask::Edit if pending && is_message && decider.kind == ApprovalKind::Message => {
                draft.editing.set(true);
                request_animation_frame(|| focus_id("edit-text"));
            }
            Ask::Reject if pending && decider.kind != ApprovalKind::Uncertain => {
                rejecting.set(true)
            }
            Ask::Undo if !pending => decider.undo(),
            _ => {}
        }
    });
}
