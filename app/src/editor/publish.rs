//! Publishing: what is wrong, a note, and a new version. Errors keep it from being published.

use super::autosave::Autosave;
use super::problems::ProblemRow;
use super::save::SaveState;
use super::{Editor, Open};
use crate::ui::{Button, ButtonKind, Dialog, TextArea, Toast, Toasts};
use leptos::{prelude::*, task::spawn_local};
use signalbox::graph::Severity;
use signalbox::wire::{ApiError, ErrorCode, Publish, Published};

/// Keeps a dialog's own signal and the editor's in step.
pub(super) fn follow(editor: Editor, which: Open, open: RwSignal<bool>) {
    Effect::new(move |_| {
        let wanted = editor.open.get() == Some(which);
        if open.get_untracked() != wanted {
            open.set(wanted);
        }
    });
    Effect::new(move |_| {
        if !open.get() && editor.open.get_untracked() == Some(which) {
            editor.open.set(None);
        }
    });
}

/// Publishes the draft that is in the editor. Saves it first; what is not saved cannot be published.
pub(super) async fn publish(
    editor: Editor,
    autosave: Autosave,
    note: String,
) -> Result<Published, ApiError> {
    autosave.settle().await?;
    let Some(id) = editor.id.get_value() else {
        return Err(ApiError::new(ErrorCode::NotFound, "This graph belongs to no workflow."));
    };
    let body = Publish { note, draft_revision: Some(editor.revision.get_untracked()) };
    let published = editor.client().publish(id, &body).await?;
    editor.version.try_set(Some(published.version));
    editor.draft_changed.try_set(false);
    // A webhook's address is made on publish.
    if let Ok(detail) = editor.client().workflow(id).await {
        editor.hook_url.try_set(detail.hook_url);
    }
    Ok(published)
}

#[component]
pub(super) fn PublishDialog(editor: Editor, autosave: Autosave) -> impl IntoView {
    let open = RwSignal::new(false);
    follow(editor, Open::Publish, open);
    let next = move || editor.version.get().unwrap_or(0) + 1;
    view! {
        <Dialog open=open title=Signal::derive(move || format!("Publish version {}", next()))>
            <Form editor=editor autosave=autosave open=open />
        </Dialog>
    }
}

#[component]
fn Form(editor: Editor, autosave: Autosave, open: RwSignal<bool>) -> impl IntoView {
    let note = RwSignal::new(String::new());
    let pending = RwSignal::new(false);
    let failure = RwSignal::new(None::<String>);
    let toasts = Toasts::expect();
    let blocked = Memo::new(move |_| editor.counts().0 > 0);
    let next = move || editor.version.get().unwrap_or(0) + 1;
    let go = move |_| {
        pending.set(true);
        failure.set(None);
        spawn_local(async move {
            let done = publish(editor, autosave, note.get_untracked()).await;
            if pending.try_set(false).is_some() {
                return;
            }
            match done {
                Ok(published) => {
                    open.set(false);
                    toasts.push(Toast::done(format!("Version {} is published", published.version)));
                }
                Err(error) => failure.set(Some(format!("{} {}", error.message, error.help))),
            }
        });
    };
    view! {
        <div class="flex flex-col gap-3">
            {move || {
                let worth: Vec<_> = editor
                    .canvas
                    .problems
                    .get()
                    .into_iter()
                    .filter(|problem| problem.severity >= Severity::Warning)
                    .collect();
                let words = match editor.counts() {
                    (0, 0) => "The check found no problems.".to_owned(),
                    (0, _) => "These warnings do not keep it from being published.".to_owned(),
                    _ => "Mend the errors first; a version with errors cannot run.".to_owned(),
                };
                view! {
                    <p class="text-text-2">{words}</p>
                    <ul class="max-h-60 overflow-y-auto">
                        {worth
                            .into_iter()
                            .map(|problem| view! { <ProblemRow editor=editor problem=problem /> })
                            .collect_view()}
                    </ul>
                }
            }}
            <TextArea
                name="publish-note"
                label="Note"
                help="What changed, for the list of versions."
                value=note
                rows=2
                optional=true
            />
            <Failure text=failure />
            <div class="flex justify-end gap-2">
                <Button on_click=move |_| open.set(false)>"Cancel"</Button>
                <Button kind=ButtonKind::Primary pending=pending disabled=blocked on_click=go>
                    {move || format!("Publish version {}", next())}
                </Button>
            </div>
        </div>
    }
}

/// Why the server said no.
#[component]
pub(super) fn Failure(text: RwSignal<Option<String>>) -> impl IntoView {
    view! {
        <div role="alert" class="text-stop">
            {move || text.get()}
        </div>
    }
}

impl Autosave {
    /// Saves and waits until the server has everything, or says why it has not.
    pub(super) async fn settle(&self) -> Result<(), ApiError> {
        self.save_and_wait().await;
        let editor = self.editor();
        match editor.save.try_get_untracked() {
            Some(SaveState::Saved) => Ok(()),
            Some(SaveState::Conflict) => Err(ApiError::new(
                ErrorCode::Conflict,
                "Someone else saved this workflow meanwhile.",
            )
            .help("Choose whose draft goes on, then publish.")),
            Some(SaveState::Refused(words)) => Err(ApiError::new(ErrorCode::InvalidValue, words)),
            _ => Err(ApiError::new(ErrorCode::Unreachable, "The draft could not be saved.")
                .help("Check the connection and try again.")),
        }
    }
}
