//! The form of one record in a dialog: what is wrong, the fields, and the row of buttons. Deleting asks in that
//! row, since dialogs are not put into dialogs. Absent: the fields, and what saving and deleting do.

use super::button::{Button, ButtonKind};
use super::error_panel::{ErrorPanel, Trouble};
use super::icon::Icon;
use leptos::prelude::*;

/// How a record is deleted.
#[derive(Clone, Copy)]
pub struct Removal {
    /// What follows from it, and the question: "Steps that send it fail from now on. Delete it?"
    pub question: &'static str,
    /// Does it.
    pub run: Callback<()>,
}

/// A form that saves, and deletes where there is something to delete.
#[component]
pub fn RecordForm(
    /// Whether its dialog is open; cancelling closes it.
    open: RwSignal<bool>,
    /// What went wrong last.
    wrong: RwSignal<Option<Trouble>>,
    /// Whether it is being saved.
    saving: RwSignal<bool>,
    /// Saves.
    #[prop(into)]
    on_save: Callback<()>,
    /// Deletes; none for a record that is not there yet.
    removal: Option<Removal>,
    /// The fields.
    children: Children,
) -> impl IntoView {
    let asking = RwSignal::new(false);
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !saving.get_untracked() {
            on_save.run(());
        }
    };
    view! {
        <form class="flex flex-col gap-4" on:submit=save>
            {move || wrong.get().map(|wrong| view! { <ErrorPanel trouble=wrong /> })}
            {children()}
            {move || match removal.filter(|_| asking.get()) {
                Some(removal) => view! { <Question removal=removal asking=asking /> }.into_any(),
                None => {
                    view! { <Buttons open=open saving=saving asking=asking removable=removal.is_some() /> }
                        .into_any()
                }
            }}
        </form>
    }
}

#[component]
fn Buttons(
    open: RwSignal<bool>,
    saving: RwSignal<bool>,
    asking: RwSignal<bool>,
    removable: bool,
) -> impl IntoView {
    view! {
        <div class="flex items-center justify-end gap-2">
            {removable
                .then(|| {
                    view! {
                        <div class="mr-auto">
                            <Button
                                kind=ButtonKind::Quiet
                                icon=Icon::Trash
                                on_click=move |_| asking.set(true)
                            >
                                "Delete"
                            </Button>
                        </div>
                    }
                })} <Button on_click=move |_| open.set(false)>"Cancel"</Button>
            <Button kind=ButtonKind::Primary button_type="submit" pending=saving>
                "Save"
            </Button>
        </div>
    }
}

#[component]
fn Question(removal: Removal, asking: RwSignal<bool>) -> impl IntoView {
    view! {
        <div class="flex flex-wrap items-center justify-end gap-2" role="alert">
            <p class="mr-auto text-text-2">{removal.question}</p>
            <Button on_click=move |_| asking.set(false)>"Keep it"</Button>
            <Button kind=ButtonKind::Danger on_click=move |_| removal.run.run(())>
                "Delete"
            </Button>
        </div>
    }
}
