//! A bar under the toolbar for what must not be missed: a conflict, a save that failed, changes that
//! an earlier visit could not save. It is not modal: editing goes on.

use super::Editor;
use super::autosave::Autosave;
use super::save::SaveState;
use crate::ui::{Button, ButtonKind, Glyph, Icon, Time};
use leptos::prelude::*;

#[component]
pub(super) fn Notices(editor: Editor, autosave: Autosave) -> impl IntoView {
    view! {
        {move || match editor.save.get() {
            SaveState::Conflict => Some(conflict(autosave).into_any()),
            SaveState::Refused(words) => Some(refused(autosave, words).into_any()),
            SaveState::Offline => {
                let text = "The server cannot be reached. Your changes are kept in this browser and saved when it is back.";
                Some(bar(Icon::Alert, text.into_any(), ().into_any()).into_any())
            }
            _ => None,
        }}
        {move || {
            let kept = editor.kept.get()?;
            let at = kept.at_ms;
            let text = view! {
                "Changes from "
                <Time at_ms=Signal::stored(at) />
                " were not saved. They are kept in this browser."
            };
            let actions = view! {
                <Button on_click=move |_| autosave.restore_kept()>"Restore them"</Button>
                <Button kind=ButtonKind::Quiet on_click=move |_| autosave.discard_kept()>"Discard them"</Button>
            };
            Some(bar(Icon::History, text.into_any(), actions.into_any()))
        }}
    }
}

fn conflict(autosave: Autosave) -> impl IntoView {
    let text = "Someone else saved this workflow while you were editing. Nothing of yours is lost: choose whose draft goes on.";
    let actions = view! {
        <Button on_click=move |_| autosave.take_theirs()>"Load theirs"</Button>
        <Button on_click=move |_| autosave.keep_mine()>"Overwrite with mine"</Button>
    };
    bar(Icon::Alert, text.into_any(), actions.into_any())
}

fn refused(autosave: Autosave, words: String) -> impl IntoView {
    let text = format!("Not saved: {words} Your changes are kept in this browser.");
    let actions = view! { <Button on_click=move |_| autosave.now()>"Save again"</Button> };
    bar(Icon::Alert, text.into_any(), actions.into_any())
}

fn bar(icon: Icon, text: AnyView, actions: AnyView) -> impl IntoView {
    view! {
        <div
            role="status"
            class="flex flex-wrap items-center gap-3 border-b border-line bg-wait-soft px-4 py-2 text-text-1"
        >
            <span class="text-wait">
                <Glyph icon=icon />
            </span>
            <p class="min-w-0 flex-1">{text}</p>
            <div class="flex gap-2">{actions}</div>
        </div>
    }
}
