//! Dialogs about one workflow: its tags, whether it is a template, copies of it, putting it away.

use super::Making;
use crate::api::{toast_failure, use_client};
use crate::ui::{
    Bind, Button, ButtonKind, Checkbox, ConfirmDialog, Dialog, TextInput, Toast, Toasts,
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use signalbox::id::WorkflowId;
use signalbox::wire::{WorkflowCopy, WorkflowLabel, WorkflowView};

/// The dialogs; each opens when its signal of [`Making`] is set.
#[component]
pub(crate) fn About(making: Making) -> impl IntoView {
    view! {
        <Labels making=making />
        <Archive making=making />
    }
}

/// A dialog is open while its workflow is there, and closing it takes the workflow away.
fn follow(wanted: RwSignal<Option<WorkflowView>>) -> RwSignal<bool> {
    let open = RwSignal::new(wanted.with_untracked(Option::is_some));
    // Setting a signal wakes its readers even when nothing changed: without the comparisons
    // these two effects would wake each other for ever.
    Effect::new(move |_| {
        let wanted = wanted.with(Option::is_some);
        if open.get_untracked() != wanted {
            open.set(wanted);
        }
    });
    Effect::new(move |_| {
        if !open.get() && wanted.with_untracked(Option::is_some) {
            wanted.set(None);
        }
    });
    open
}

#[component]
fn Labels(making: Making) -> impl IntoView {
    let open = follow(making.asked);
    let forms = move || {
        making.asked.get_untracked().map(|view| {
            view! {
                <div class="flex flex-col gap-5">
                    <p class="font-medium break-words">{view.name.clone()}</p>
                    <LabelsForm making=making view=view.clone() />
                    <CopyForm making=making view=view />
                </div>
            }
        })
    };
    view! {
        <Dialog open=open title="Tags and copies" width="max-w-md">
            {forms()}
        </Dialog>
    }
}

#[component]
fn CopyForm(making: Making, view: WorkflowView) -> impl IntoView {
    let (client, toasts) = (StoredValue::new(use_client()), Toasts::expect());
    let name = RwSignal::new(format!("{} (copy)", view.name));
    let working = RwSignal::new(false);
    let id = view.id;
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        working.set(true);
        let body = WorkflowCopy { name: Some(name.get_untracked().trim().to_owned()) };
        spawn_local(async move {
            let made = client.get_value().workflow_copy(id, &body).await;
            if working.try_set(false).is_some() {
                return;
            }
            match made {
                Ok(made) => {
                    making.asked.set(None);
                    making.go.run(made.workflow.id);
                }
                Err(error) => toast_failure(toasts, &error),
            }
        });
    };
    view! {
        <form class="flex flex-col gap-3 border-t border-line pt-4" on:submit=submit>
            <TextInput
                name="copy-name"
                label="Name of a copy"
                help="A draft of its own. It starts nothing until it is published."
                value=Bind::from(name)
                required=true
            />
            <div class="flex justify-end">
                <Button button_type="submit" pending=working>
                    "Make the copy"
                </Button>
            </div>
        </form>
    }
}

#[component]
fn LabelsForm(making: Making, view: WorkflowView) -> impl IntoView {
    let (client, toasts) = (StoredValue::new(use_client()), Toasts::expect());
    let tags = RwSignal::new(view.tags.join(", "));
    let template = RwSignal::new(view.template);
    let working = RwSignal::new(false);
    let id = view.id;
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        working.set(true);
        let body = WorkflowLabel {
            tags: Some(tags.with_untracked(|text| tags_of(text))),
            template: Some(template.get_untracked()),
        };
        spawn_local(async move {
            let changed = client.get_value().workflow_label(id, &body).await;
            // It may be closed by now; what became of it is told all the same.
            let is_open = working.try_set(false).is_none();
            match changed {
                Ok(_) => {
                    if is_open {
                        making.asked.set(None);
                    }
                    making.again.try_run(());
                    toasts.push(Toast::done("Saved"));
                }
                Err(error) => toast_failure(toasts, &error),
            }
        });
    };
    view! {
        <form class="flex flex-col gap-4" on:submit=submit>
            <TextInput
                name="workflow-tags"
                label="Tags"
                value=Bind::from(tags)
                optional=true
                help="Apart by commas, 20 at most. The list can be filtered by each."
            />
            <Checkbox
                name="workflow-template"
                label="It is a template"
                help="There to be copied: the list can show templates only."
                value=template
            />
            <div class="flex justify-end">
                <Button kind=ButtonKind::Primary button_type="submit" pending=working>
                    "Save"
                </Button>
            </div>
        </form>
    }
}

#[component]
fn Archive(making: Making) -> impl IntoView {
    let open = follow(making.archive);
    let client = StoredValue::new(use_client());
    let toasts = Toasts::expect();
    let name = move || {
        making.archive.with(|view| view.as_ref().map(|view| view.name.clone()).unwrap_or_default())
    };
    let confirm = move |()| {
        let Some(view) = making.archive.get_untracked() else { return };
        making.archive.set(None);
        spawn_local(archive(client, toasts, view.id, making.again));
    };
    view! {
        <ConfirmDialog
            open=open
            title=Signal::derive(move || format!("Archive {}?", name()))
            text="It is not offered any more and cannot be started. Runs that are under way go on."
            verb="Archive"
            on_confirm=Callback::new(confirm)
        />
    }
}

async fn archive(
    client: StoredValue<signalbox::client::Client>,
    toasts: Toasts,
    id: WorkflowId,
    on_done: Callback<()>,
) {
    match client.get_value().workflow_archive(id).await {
        Ok(()) => {
            toasts.push(Toast::done("Archived"));
            on_done.run(());
        }
        Err(error) => toast_failure(toasts, &error),
    }
}

/// `a, b` as two tags; none twice.
fn tags_of(text: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::tags_of;

    #[test]
    fn tags_are_apart_by_commas() {
        assert_eq!(tags_of(" spring , a b,,spring"), ["spring", "a b"]);
        assert!(tags_of(" , ").is_empty());
    }
}
