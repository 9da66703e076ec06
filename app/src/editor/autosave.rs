//! Saving by itself, a second after the last change, with the revision the changes were made on. A
//! save that fails never touches what is in the editor, and the changes are kept in the browser.

use super::save::{KeptDraft, SaveState};
use super::{Editor, keep};
use crate::ui::now_ms;
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use signalbox::wire::{ApiError, DraftSave};
use std::time::Duration;

/// How long after the last change a save begins, in milliseconds.
const REST_MS: u64 = 1_000;
/// How long after a save that did not reach the server it is tried again, in milliseconds.
const RETRY_MS: u64 = 5_000;

/// A pause, in milliseconds.
async fn pause(ms: u64) {
    let (done, waiting) = futures::channel::oneshot::channel();
    set_timeout(
        move || {
            // Nobody waits any more when the page is gone.
            let _ = done.send(());
        },
        Duration::from_millis(ms),
    );
    let _ = waiting.await;
}

/// What the server has, to tell whether the editor has more: the canvas's version, name, description.
type Content = (u64, String, String);

/// Saves by itself. A handle.
#[derive(Clone, Copy)]
pub(crate) struct Autosave {
    editor: Editor,
    content: Memo<Content>,
    saved: StoredValue<Content>,
    timer: StoredValue<Option<TimeoutHandle>>,
}

impl Autosave {
    /// Starts it, and provides it as a context. Call it inside a component.
    pub fn start(editor: Editor) -> Self {
        let content = Memo::new(move |_| {
            (editor.canvas.version.get(), editor.name.get(), editor.description.get())
        });
        let saved = StoredValue::new(content.get_untracked());
        let this = Self { editor, content, saved, timer: StoredValue::new(None) };
        Effect::new(move |before: Option<()>| {
            content.track();
            if before.is_some() {
                this.changed();
            }
        });
        Effect::new(move |_| this.look_for_kept());
        this.on_leaving();
        provide_context(this);
        this
    }

    /// What is in the editor now counts as saved: it was just loaded.
    pub fn loaded(&self) {
        self.saved.set_value(self.content.get_untracked());
        self.editor.save.set(SaveState::Saved);
    }

    fn changed(&self) {
        let content = self.content.get_untracked();
        let is_saved = self.saved.with_value(|saved| *saved == content);
        let can_save =
            self.editor.id.get_value().is_some() && !self.editor.canvas.readonly.get_untracked();
        if is_saved || !can_save || !self.editor.save.with_untracked(SaveState::saves_by_itself) {
            return;
        }
        if self.editor.save.with_untracked(|state| *state == SaveState::Saved) {
            self.editor.save.set(SaveState::Changed);
        }
        self.later(REST_MS);
    }

    fn later(&self, ms: u64) {
        let this = *self;
        if let Some(Some(timer)) = self.timer.try_update_value(Option::take) {
            timer.clear();
        }
        let timer = set_timeout_with_handle(move || this.now(), Duration::from_millis(ms)).ok();
        let _ = self.timer.try_set_value(timer);
    }

    /// The editor it saves.
    pub fn editor(&self) -> Editor {
        self.editor
    }

    /// Saves now, if there is something to save and no save is under way.
    pub fn now(&self) {
        if let Some(save) = self.begin() {
            spawn_local(save);
        }
    }

    /// Saves and waits until no save is under way any more.
    pub async fn save_and_wait(&self) {
        // One round for what is under way, one for what was typed meanwhile.
        for _ in 0..100 {
            if let Some(save) = self.begin() {
                save.await;
            }
            let saving = self.editor.save.try_with_untracked(|state| *state == SaveState::Saving);
            let content = self.content.try_get_untracked();
            let behind =
                content.is_some_and(|content| self.saved.with_value(|saved| *saved != content));
            let can = self.editor.save.try_with_untracked(SaveState::saves_by_itself) == Some(true);
            let failed = self.editor.save.try_with_untracked(|state| {
                matches!(state, SaveState::Offline | SaveState::Conflict | SaveState::Refused(_))
            });
            if saving != Some(true) && (!behind || !can || failed != Some(false)) {
                return;
            }
            pause(50).await;
        }
    }

    /// Begins a save: the state is set at once, the rest is the future.
    fn begin(&self) -> Option<impl Future<Output = ()> + 'static> {
        let id = self.editor.id.try_get_value()??;
        if !self.editor.save.try_with_untracked(SaveState::saves_by_itself)? {
            return None;
        }
        let content = self.content.try_get_untracked()?;
        if self.saved.try_with_value(|saved| *saved == content)? {
            self.editor.save.set(SaveState::Saved);
            return None;
        }
        let draft = self.editor.draft()?;
        self.editor.save.set(SaveState::Saving);
        let revision = self.editor.revision.get_untracked();
        let (this, client) = (*self, self.editor.client());
        Some(async move {
            match client.draft_save(id, revision, &draft).await {
                Ok(answer) => this.done(answer.draft_revision, content),
                Err(error) => this.failed(&error, draft),
            }
        })
    }

    fn done(&self, revision: u64, content: Content) {
        // The page may be gone by now.
        if self.editor.revision.try_set(revision).is_some() {
            return;
        }
        self.saved.set_value(content);
        self.editor.save.set(SaveState::Saved);
        self.editor.draft_changed.set(true);
        if let Some(id) = self.editor.id.get_value() {
            keep::forget(id);
        }
        self.changed(); // What was typed meanwhile.
    }

    fn failed(&self, error: &ApiError, draft: DraftSave) {
        let state = SaveState::after(error);
        self.keep(draft);
        let again = state == SaveState::Offline;
        if self.editor.save.try_set(state).is_none() && again {
            self.later(RETRY_MS);
        }
    }

    fn keep(&self, draft: DraftSave) {
        let (Some(Some(workflow)), Some(revision)) =
            (self.editor.id.try_get_value(), self.editor.revision.try_get_untracked())
        else {
            return;
        };
        let DraftSave { name, description, graph } = draft;
        keep::keep(workflow, &KeptDraft { revision, name, description, graph, at_ms: now_ms() });
    }

    fn look_for_kept(&self) {
        let Some(workflow) = self.editor.id.get_value() else { return };
        let Some(kept) = keep::kept(workflow) else { return };
        let same = self.editor.draft().is_some_and(|now| {
            now.graph == kept.graph && now.name == kept.name && now.description == kept.description
        });
        if same {
            keep::forget(workflow);
        } else {
            self.editor.kept.set(Some(kept));
        }
    }

    /// Leaving the page: what is not saved is kept; leaving to another page of ours saves it too.
    fn on_leaving(&self) {
        let this = *self;
        let hidden = move |_: web_sys::Event| {
            if this.editor.save.try_with_untracked(SaveState::is_behind) == Some(true)
                && let Some(draft) = this.editor.draft()
            {
                this.keep(draft);
            }
        };
        let listener = window_event_listener_untyped("pagehide", hidden);
        on_cleanup(move || {
            listener.remove();
            if this.editor.save.try_with_untracked(SaveState::is_behind) == Some(true) {
                this.now();
            }
        });
    }

    /// After a conflict: theirs. What was here is put into the history's place as nothing; it stays
    /// in the browser's storage until the next save.
    pub fn take_theirs(&self) {
        self.fetch(|this, detail| {
            this.editor.take(detail);
            this.loaded();
        });
    }

    /// After a conflict: mine, over theirs.
    pub fn keep_mine(&self) {
        self.fetch(|this, detail| {
            this.editor.revision.set(detail.draft_revision);
            this.editor.save.set(SaveState::Changed);
            this.now();
        });
    }

    fn fetch(&self, then: impl FnOnce(Self, signalbox::wire::WorkflowDetail) + 'static) {
        let Some(id) = self.editor.id.get_value() else { return };
        let this = *self;
        spawn_local(async move {
            match this.editor.client().workflow(id).await {
                Ok(detail) => {
                    if this.editor.save.try_get_untracked().is_some() {
                        then(this, detail);
                    }
                }
                Err(error) => {
                    crate::ui::Toasts::expect().push(crate::ui::Toast::failed(error.message));
                }
            }
        });
    }

    /// Takes back what an earlier visit could not save.
    pub fn restore_kept(&self) {
        if let Some(kept) = self.editor.kept.get_untracked() {
            self.editor.kept.set(None);
            self.editor.canvas.load(kept.graph);
            self.editor.name.set(kept.name);
            self.editor.description.set(kept.description);
        }
    }

    /// Throws away what an earlier visit could not save.
    pub fn discard_kept(&self) {
        self.editor.kept.set(None);
        if let Some(id) = self.editor.id.get_value() {
            keep::forget(id);
        }
    }
}
