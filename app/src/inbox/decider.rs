//! What the buttons and keys of an item send: one decision at a time, its toast, its undo.

use super::card::Draft;
use super::form::answer_from;
use crate::api::{toast_failure, use_client};
use crate::ui::{Toast, Toasts, now_ms, said, use_zone};
use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;
use signalbox::id::ApprovalId;
use signalbox::run::ApprovalKind;
use signalbox::wire::{
    ApprovalDetail, ApprovalView, Decide, DecideKind, ErrorCode, MessageEdit, UncertainChoice,
};

/// The longest hold that is meant for taking an approval back, in milliseconds.
const HOLD_MAX_MS: i64 = 120_000;

/// Sends decisions about one item.
#[derive(Clone, Copy)]
pub(super) struct Decider {
    id: ApprovalId,
    revision: u32,
    pub(super) kind: ApprovalKind,
    original: StoredValue<Option<(String, String)>>,
    form: StoredValue<Value>,
    draft: Draft,
    pub(super) working: RwSignal<bool>,
    toasts: Toasts,
    zone: Signal<String>,
    client: StoredValue<signalbox::client::Client>,
    on_decided: Callback<ApprovalView>,
    pub(super) refetch: Callback<()>,
}

impl Decider {
    /// For the item that was fetched; `on_decided` hears the outcome, `refetch` loads the item again after a conflict.
    pub(super) fn new(
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
            zone: use_zone(),
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
            retry: false,
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

    /// Rejects with a reason; with `retry` an output is made again, and the reason says what should be different.
    pub(super) fn reject(&self, reason: String, retry: bool) {
        self.send(Decide { reason, retry, ..self.body(DecideKind::Reject) });
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
                let wait = (until - now_ms()).max(1_000);
                // Held by the gate it may be for days; it can be taken back on its card all the time.
                let stay = u32::try_from(wait.min(HOLD_MAX_MS)).unwrap_or(10_000);
                let this = *self;
                let revision = approval.revision;
                let again = move || {
                    let body = Decide { revision, ..this.body(DecideKind::Undo) };
                    this.send(body);
                };
                let words = match wait <= HOLD_MAX_MS {
                    true => format!("Approved. It leaves in {} s.", (stay + 500) / 1_000),
                    false => {
                        let at = said(until, now_ms(), &self.zone.get_untracked());
                        format!("Approved. It leaves {at}.")
                    }
                };
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
