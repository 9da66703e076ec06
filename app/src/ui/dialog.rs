//! Modal dialogs on the browser's own `<dialog>`: it traps the focus, makes the rest inert,
//! closes on Escape and gives the focus back. Absent: dialogs inside dialogs.

use super::button::{Button, ButtonKind, IconButton};
use super::icon::Icon;
use leptos::{html, prelude::*};

/// A modal dialog. Its content exists only while it is open, so that it starts fresh each time.
#[component]
pub fn Dialog(
    /// Whether it is open; set to false when the person closes it.
    open: RwSignal<bool>,
    /// Its title.
    #[prop(into)]
    title: Signal<String>,
    /// Tailwind width class.
    #[prop(default = "max-w-lg")]
    width: &'static str,
    /// What is in it, the buttons included.
    children: ChildrenFn,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move || {
        let Some(dialog) = node.get() else { return };
        if open.get() && !dialog.open() {
            // Fails only when it is shown already.
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    view! {
        <dialog
            node_ref=node
            class=format!(
                "m-auto w-[calc(100%-2rem)] {width} max-h-[calc(100dvh-4rem)] rounded border border-line \
                bg-surface-1 p-0 text-text-1 shadow-float",
            )
            aria-label=move || title.get()
            on:close=move |_| open.set(false)
        >
            <Show when=move || open.get()>
                <div class="flex items-center justify-between border-b border-line py-2 pr-2 pl-4">
                    <h2 class="text-lg font-semibold">{move || title.get()}</h2>
                    <IconButton icon=Icon::Close label="Close" on_click=move |_| open.set(false) />
                </div>
                <div class="p-4">{children()}</div>
            </Show>
        </dialog>
    }
}

/// Asks before something that cannot be undone.
#[component]
pub fn ConfirmDialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// The question: "Delete the workflow Welcome?"
    #[prop(into)]
    title: Signal<String>,
    /// What will happen.
    #[prop(into)]
    text: Signal<String>,
    /// The verb on the button that does it.
    #[prop(into)]
    verb: String,
    /// Does it.
    #[prop(into)]
    on_confirm: Callback<()>,
) -> impl IntoView {
    let verb = StoredValue::new(verb);
    let confirm = move |_| {
        open.set(false);
        on_confirm.run(());
    };
    view! {
        <Dialog open=open title=title width="max-w-md">
            <p class="text-text-2">{move || text.get()}</p>
            <div class="mt-4 flex justify-end gap-2">
                <Button on_click=move |_| open.set(false)>"Cancel"</Button>
                <Button kind=ButtonKind::Danger on_click=confirm>
                    {verb.get_value()}
                </Button>
            </div>
        </Dialog>
    }
}
