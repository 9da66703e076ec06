//! The page's state and its keyboard: list on the left, the open item on the right.

use super::item::Item;
use super::keys_help::KeysHelp;
use super::list::{Items, Part, neighbour, successor};
use crate::api::{toast_failure, use_client};
use crate::keys::{focus_id, on_page_key};
use crate::live::{FrameKind, use_live};
use crate::ui::{EmptyState, Icon, IconButton, TabBar, TabItem, Toast, Toasts};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_params_map},
};
use signalbox::id::ApprovalId;
use signalbox::wire::{ApprovalState, ApprovalView, Decide, DecideKind, MessageState, PageQuery};

/// What the card can be asked to do by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `a`
    Approve,
    /// `e`
    Edit,
    /// `#`
    Reject,
    /// `z`
    Undo,
}

/// The inbox, with what was fetched for its first showing.
#[component]
pub fn Board(
    /// The newest page of all states.
    first: Vec<ApprovalView>,
) -> impl IntoView {
    let items = RwSignal::new(Items::new(first));
    let part = RwSignal::new(Part::Waiting);
    let shown = Memo::new(move |_| items.with(|items| items.of(part.get())));
    let params = use_params_map();
    let open = Memo::new(move |_| {
        params.with(|params| params.get("id")).and_then(|id| id.parse::<ApprovalId>().ok())
    });
    let asked = RwSignal::new(None::<Ask>);
    let help = RwSignal::new(false);
    let said = RwSignal::new(String::new());
    let paused = RwSignal::new(false);
    keep_up(items, paused);

    let navigate = use_navigate();
    let go = Callback::new(move |id: Option<ApprovalId>| {
        let path = id.map_or_else(|| "/inbox".to_owned(), |id| format!("/inbox/{id}"));
        navigate(&path, NavigateOptions { replace: true, scroll: false, ..Default::default() });
    });

    let last_held = RwSignal::new(None::<ApprovalView>);
    let decided = Callback::new(move |approval: ApprovalView| {
        // In a pause of outbound it is held, and nobody knows until when.
        let held = approval.message_state == Some(MessageState::Held)
            && approval.state == ApprovalState::Approved;
        last_held.set(held.then(|| approval.clone()));
        let next = successor(&shown.get_untracked(), &approval);
        let words = if approval.state == ApprovalState::Pending {
            format!("{} waits again.", approval.title)
        } else {
            format!("{}: {}.", approval.title, crate::looks::approval(approval.state).2)
        };
        let leaves =
            part.get_untracked() == Part::Waiting && approval.state != ApprovalState::Pending;
        items.update(|items| items.put(approval));
        said.set(words);
        if leaves {
            go.run(next);
            focus_id(&next.map_or_else(|| "inbox-list".to_owned(), |id| format!("item-{id}")));
        }
    });
    let undo = undo_last(last_held, decided);
    // An open item that is decided takes its own decision back; otherwise it is the last one.
    let on_undo = Callback::new(move |()| {
        let decided_item = open.get_untracked().is_some_and(|id| {
            items.with_untracked(|items| {
                items.get(id).is_some_and(|item| item.state != ApprovalState::Pending)
            })
        });
        if decided_item { asked.set(Some(Ask::Undo)) } else { undo.run(()) }
    });
    Effect::new(move || bind_keys(shown, open, go, asked, help, on_undo));
    view! {
        <div class="flex h-full min-h-0 flex-col">
            {move || paused.get().then(crate::lazy::pause_banner)}
            <div class="flex min-h-0 flex-1">
                <section
                    aria-label="Waiting approvals"
                    class=move || {
                        let phone = if open.get().is_some() { "hidden md:flex" } else { "flex" };
                        format!("{phone} w-full shrink-0 flex-col border-r border-line bg-surface-1 md:w-96")
                    }
                >
                    <Head part=part help=help waiting=Signal::derive(move || items.with(Items::waiting)) />
                    <div
                        id=move || format!("{}-panel", tab_of(part.get()))
                        role="tabpanel"
                        aria-labelledby=move || format!("{}-tab", tab_of(part.get()))
                        class="flex min-h-0 flex-1 flex-col"
                    >
                        <ul id="inbox-list" tabindex="-1" class="min-h-0 flex-1 overflow-y-auto outline-none">
                            <For
                                each=move || shown.get()
                                key=|item| {
                                    let to = item.escalated_to.clone();
                                    (item.id, item.revision, item.state, item.message_state, item.stale, to)
                                }
                                let(item)
                            >
                                {
                                    let id = item.id;
                                    view! { <Item approval=item open=Signal::derive(move || open.get() == Some(id)) /> }
                                }
                            </For>
                            <Show when=move || shown.with(Vec::is_empty)>
                                <Nothing part=part />
                            </Show>
                        </ul>
                    </div>
                </section>
                <section
                    aria-label="The open item"
                    class=move || {
                        let phone = if open.get().is_some() { "flex" } else { "hidden md:flex" };
                        format!("{phone} min-w-0 flex-1 flex-col")
                    }
                >
                    {move || match open.get() {
                        Some(id) => {
                            let seen = Signal::derive(move || items.with(|items| items.get(id).cloned()));
                            crate::lazy::card(id, seen, asked, decided)
                        }
                        None => view! { <Unopened /> }.into_any(),
                    }}
                </section>
            </div>
        </div>
        <p class="sr-only" aria-live="polite">{move || said.get()}</p>
        <KeysHelp open=help />
    }
}

/// The id of a part's tab.
fn tab_of(part: Part) -> &'static str {
    match part {
        Part::Waiting => "waiting",
        Part::Decided => "decided",
    }
}

/// Title, parts, help.
#[component]
fn Head(part: RwSignal<Part>, help: RwSignal<bool>, waiting: Signal<u64>) -> impl IntoView {
    let active = crate::ui::Bind::new(
        Signal::derive(move || tab_of(part.get())),
        move |id: &'static str| {
            part.set(if id == "decided" { Part::Decided } else { Part::Waiting });
        },
    );
    view! {
        <leptos_meta::Title text="Inbox" />
        <div class="flex items-center justify-between px-4 pt-3 pb-1">
            <h1 class="text-lg font-semibold">
                "Inbox"
                <span class="ml-2 text-sm font-normal text-text-3 tabular-nums">
                    {move || waiting.get()} " waiting"
                </span>
            </h1>
            <IconButton
                icon=Icon::Info
                label="Keyboard shortcuts"
                on_click=move |_| help.set(true)
            />
        </div>
        <TabBar
            label="Part of the inbox"
            items=vec![
                TabItem { id: "waiting", label: "Waiting" },
                TabItem { id: "decided", label: "Decided" },
            ]
            active=active
        />
    }
}

#[component]
fn Nothing(part: RwSignal<Part>) -> impl IntoView {
    move || match part.get() {
        Part::Waiting => view! {
            <EmptyState
                icon=Icon::Inbox
                title="Nothing waits for you"
                text="When a workflow wants to send a message or needs a decision, it shows up here."
            />
        },
        Part::Decided => view! {
            <EmptyState
                icon=Icon::CircleCheck
                title="Nothing was decided yet"
                text="What you approve or reject stays here, with who decided and when."
            />
        },
    }
}

#[component]
fn Unopened() -> impl IntoView {
    view! {
        <EmptyState
            icon=Icon::Mail
            title="No item is open"
            text="Choose one on the left, or press j for the first. Press ? for all keys."
        />
    }
}

/// Follows the live stream; after a gap the list is fetched again, and whether outbound is paused.
fn keep_up(items: RwSignal<Items>, paused: RwSignal<bool>) {
    let client = use_client();
    let asker = client.clone();
    let look = move || {
        let client = asker.clone();
        spawn_local(async move {
            if let Ok(is_paused) = client.outbound_is_paused().await {
                paused.try_set(is_paused);
            }
        });
    };
    let again = look.clone();
    Effect::new(look);
    use_live().on(move |frame| match frame.kind {
        FrameKind::ApprovalChanged => {
            if let Some(approval) = frame.approval() {
                items.try_update(|items| items.put(approval));
            }
        }
        FrameKind::ApprovalGone => {
            if let Some(approval) = frame.approval_gone() {
                items.try_update(|items| items.remove(approval));
            }
        }
        FrameKind::OutboundChanged => again(),
        FrameKind::Resync => {
            again();
            let client = client.clone();
            spawn_local(async move {
                let wanted = PageQuery { limit: Some(200), ..Default::default() };
                if let Ok(page) = client.approvals(None, &wanted).await {
                    items.try_set(Items::new(page.items));
                }
            });
        }
        _ => {}
    });
}

/// Takes the last approval back while its message is held.
fn undo_last(
    last: RwSignal<Option<ApprovalView>>,
    decided: Callback<ApprovalView>,
) -> Callback<()> {
    let client = StoredValue::new(use_client());
    let toasts = Toasts::expect();
    Callback::new(move |()| {
        let Some(approval) = last.get_untracked() else { return };
        let body = Decide {
            decision: DecideKind::Undo,
            revision: approval.revision,
            edits: None,
            answer: serde_json::Value::Null,
            reason: String::new(),
            retry: false,
            uncertain: None,
        };
        spawn_local(async move {
            match client.get_value().decide(approval.id, &body).await {
                Ok(outcome) => {
                    toasts.push(Toast::done("Taken back. It waits again."));
                    decided.try_run(outcome.approval);
                }
                Err(error) => toast_failure(toasts, &error),
            }
        });
    })
}

fn bind_keys(
    shown: Memo<Vec<ApprovalView>>,
    open: Memo<Option<ApprovalId>>,
    go: Callback<Option<ApprovalId>>,
    asked: RwSignal<Option<Ask>>,
    help: RwSignal<bool>,
    on_undo: Callback<()>,
) {
    on_page_key(move |key| {
        let ask = match key {
            "j" | "ArrowDown" | "k" | "ArrowUp" => {
                let forward = matches!(key, "j" | "ArrowDown");
                let next =
                    shown.with_untracked(|items| neighbour(items, open.get_untracked(), forward));
                if next.is_some() {
                    go.run(next);
                    if let Some(id) = next {
                        scroll_to(&format!("item-{id}"));
                    }
                }
                return true;
            }
            "Escape" => {
                go.run(None);
                return true;
            }
            "?" => {
                help.set(true);
                return true;
            }
            "a" => Ask::Approve,
            "e" => Ask::Edit,
            "#" => Ask::Reject,
            "z" => {
                on_undo.run(());
                return true;
            }
            _ => return false,
        };
        asked.set(Some(ask));
        true
    });
}

fn scroll_to(id: &str) {
    if let Some(row) = document().get_element_by_id(id) {
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Nearest);
        row.scroll_into_view_with_scroll_into_view_options(&options);
    }
}
