//! One item in full, and the buttons that decide it.

use super::because::BecauseView;
use super::board::Ask;
use super::form::{AnswerForm, answer_from};
use super::message::{MessageCard, Revisions};
use crate::api::{failure, toast_failure, use_client};
use crate::keys::focus_id;
use crate::looks;
use crate::session::may;
use crate::ui::{
    Bind, Button, ButtonKind, Dialog, Glyph, Icon, Skeleton, TextArea, Time, Toast, Toasts, Tone,
    now_ms,
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::components::A;
use serde_json::Value;
use signalbox::id::ApprovalId;
use signalbox::run::ApprovalKind;
use signalbox::wire::{
    ApiError, ApprovalDetail, ApprovalState, ApprovalView, Decide, DecideKind, ErrorCode,
    MessageEdit, MessageState, Permission, UncertainChoice,
};

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
            seen.as_ref().map(|a| (a.revision, a.state, a.message_state, a.stale, a.held_until))
        })
    });
    Effect::new(move || {
        version.track();
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
            kind=approval.kind
            pending=pending
            held_until_ms=approval.held_until.map(|at| at.timestamp_millis())
            message_state=approval.message_state
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

/// Sends decisions about one item.
#[derive(Clone, Copy)]
pub(super) struct Decider {
    id: ApprovalId,
    revision: u32,
    kind: ApprovalKind,
    original: StoredValue<Option<(String, String)>>,
    form: StoredValue<Value>,
    draft: Draft,
    pub(super) working: RwSignal<bool>,
    toasts: Toasts,
    client: StoredValue<signalbox::client::Client>,
    on_decided: Callback<ApprovalView>,
    refetch: Callback<()>,
}

impl Decider {
    fn new(
        found: &ApprovalDetail,
        draft: Draft,
        on_decided: Callback<ApprovalView>,
        refetch: Callback<()>,
    ) -> Self {
        let original = found.message.as_ref().map(|m| (m.subject.clone(), m.text.clone()));
        Self {
            id: found.approval.id,
            revision: found.approval.revision,
            kind: found.approval.kind,
            original: StoredValue::new(original),
            form: StoredValue::new(found.form.clone()),
            draft,
            working: RwSignal::new(false),
            toasts: Toasts::expect(),
            client: StoredValue::new(use_client()),
            on_decided,
            refetch,
        }
    }

    /// What differs from the message that was fetched.
    fn edits(&self) -> Option<MessageEdit> {
        let (subject, text) = self.original.get_value()?;
        let (new_subject, new_text) =
            (self.draft.subject.get_untracked(), self.draft.text.get_untracked());
        let edit = MessageEdit {
            subject: (new_subject != subject).then_some(new_subject),
            text: (new_text != text).then_some(new_text),
        };
        (edit != MessageEdit::default()).then_some(edit)
    }

    fn body(&self, decision: DecideKind) -> Decide {
        Decide {
            decision,
            revision: self.revision,
            edits: None,
            answer: Value::Null,
            reason: String::new(),
            uncertain: None,
        }
    }

    /// Approves; with what was edited and answered.
    pub(super) fn approve(&self) {
        let mut body = self.body(DecideKind::Approve);
        body.edits = self.edits();
        if matches!(self.kind, ApprovalKind::Answer | ApprovalKind::Review) {
            match answer_from(&self.form.get_value(), &self.draft.answer.get_untracked(), self.kind)
            {
                Ok(answer) => body.answer = answer,
                Err(message) => return self.toasts.push(Toast::failed(message)),
            }
        }
        self.send(body);
    }

    /// Keeps the edits as a new revision.
    pub(super) fn keep_edits(&self) {
        match self.edits() {
            Some(edits) => self.send(Decide { edits: Some(edits), ..self.body(DecideKind::Edit) }),
            None => self.draft.editing.set(false),
        }
    }

    /// Rejects with a reason.
    pub(super) fn reject(&self, reason: String) {
        self.send(Decide { reason, ..self.body(DecideKind::Reject) });
    }

    /// Takes the approval back.
    pub(super) fn undo(&self) {
        self.send(self.body(DecideKind::Undo));
    }

    /// Says what became of an interrupted sending.
    pub(super) fn resolve(&self, choice: UncertainChoice) {
        self.send(Decide { uncertain: Some(choice), ..self.body(DecideKind::Resolve) });
    }

    fn send(&self, body: Decide) {
        if self.working.get_untracked() {
            return;
        }
        self.working.set(true);
        let this = *self;
        let client = self.client.get_value();
        let kind = body.decision;
        spawn_local(async move {
            let answer = client.decide(this.id, &body).await;
            this.working.try_set(false);
            match answer {
                Ok(outcome) => {
                    this.draft.editing.try_set(false);
                    this.tell(
                        kind,
                        &outcome.approval,
                        outcome.held_until.map(|at| at.timestamp_millis()),
                    );
                    this.on_decided.try_run(outcome.approval);
                }
                Err(error) => {
                    toast_failure(this.toasts, &error);
                    if matches!(error.code, ErrorCode::Conflict | ErrorCode::WrongState) {
                        this.refetch.try_run(());
                    }
                }
            }
        });
    }

    fn tell(&self, kind: DecideKind, approval: &ApprovalView, held_until_ms: Option<i64>) {
        let toast = match (kind, held_until_ms) {
            (DecideKind::Approve, Some(until)) => {
                let stay = u32::try_from((until - now_ms()).max(1_000)).unwrap_or(10_000);
                let this = *self;
                let revision = approval.revision;
                let again = move || {
                    let body = Decide { revision, ..this.body(DecideKind::Undo) };
                    this.send(body);
                };
                let words = format!("Approved. It leaves in {} s.", (stay + 500) / 1_000);
                Toast::done(words).action("Undo", stay, again)
            }
            (DecideKind::Approve, None) => Toast::done("Approved."),
            (DecideKind::Reject, _) => Toast::done("Rejected."),
            (DecideKind::Edit, _) => Toast::done("Kept as a new revision."),
            (DecideKind::Undo, _) => Toast::done("Taken back. It waits again."),
            (DecideKind::Resolve, _) => Toast::done("Noted."),
        };
        self.toasts.push(toast);
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

/// The buttons, at the lower edge.
#[component]
#[allow(clippy::too_many_arguments)]
fn Bar(
    kind: ApprovalKind,
    pending: bool,
    held_until_ms: Option<i64>,
    message_state: Option<MessageState>,
    is_message: bool,
    draft: Draft,
    decider: Decider,
    rejecting: RwSignal<bool>,
) -> impl IntoView {
    let working = Signal::from(decider.working);
    let held = message_state == Some(MessageState::Held);
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

/// Asks for the reason.
#[component]
fn RejectDialog(open: RwSignal<bool>, decider: Decider) -> impl IntoView {
    let reason = RwSignal::new(String::new());
    let send = move || {
        open.set(false);
        decider.reject(reason.get_untracked().trim().to_owned());
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        send();
    };
    let keys = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            send();
        }
    };
    Effect::new(move || {
        if open.get() {
            request_animation_frame(|| focus_id("reject-reason"));
        }
    });
    view! {
        <Dialog open=open title="Reject" width="max-w-md">
            <form class="flex flex-col gap-4" on:submit=submit on:keydown=keys>
                <TextArea
                    name="reject-reason"
                    label="Reason"
                    value=Bind::from(reason)
                    rows=3
                    optional=true
                    help="It stands in the run's timeline. Ctrl+Enter rejects."
                />
                <div class="flex justify-end gap-2">
                    <Button on_click=move |_| open.set(false)>"Cancel"</Button>
                    <Button kind=ButtonKind::Danger button_type="submit">
                        "Reject"
                    </Button>
                </div>
            </form>
        </Dialog>
    }
}
