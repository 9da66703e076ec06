//! Tags of a workflow, whether it is a template, and copies of it.

use super::Making;
use crate::api::{toast_failure, use_client};
use crate::ui::{Bind, Button, ButtonKind, Checkbox, Dialog, TextInput, Toast, Toasts};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use signalbox::wire::{WorkflowCopy, WorkflowLabel, WorkflowView};

/// The dialog; it opens when [`Making::asked`] is set.
#[component]
pub(super) fn AskedDialog(making: Making) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| open.set(making.asked.with(Option::is_some)));
    Effect::new(move |_| {
        if !open.get() && making.asked.with_untracked(Option::is_some) {
            making.asked.set(None);
        }
    });
    view! {
        <Dialog open=open title="Tags and copies" width="max-w-md">
            {crate::lazy::workflow_asked(making)}
        </Dialog>
    }
}

/// The forms about the workflow that was asked for.
#[component]
pub(crate) fn AskedForm(making: Making) -> impl IntoView {
    making.asked.get_untracked().map(|view| {
        view! {
            <div class="flex flex-col gap-5">
                <p class="font-medium break-words">{view.name.clone()}</p>
                <LabelsForm making=making view=view.clone() />
                <CopyForm making=making view=view />
            </div>
        }
    })
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
            if working.try_set(false).is_some() {
                return;
            }
            match changed {
                Ok(_) => {
                    making.asked.set(None);
                    making.again.run(());
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
