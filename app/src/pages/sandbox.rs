//! The sandbox mailbox: what would have been sent while no real channel is set.

use crate::api::{failure, trouble, use_client};
use crate::inbox::Finished;
use crate::live::{FrameKind, use_live};
use crate::session::may;
use crate::ui::{
    Bind, Button, EmptyState, ErrorPanel, Icon, LinkButton, PageHeader, Skeleton, TextArea, Time,
    Toast, Toasts, Trouble,
};
use leptos::{prelude::*, task::spawn_local};
use signalbox::id::MessageId;
use signalbox::wire::{MessageView, PageQuery, Permission, SandboxAnswer};

/// `/sandbox`.
#[component]
pub fn Sandbox() -> impl IntoView {
    let client = use_client();
    let page = Resource::new(
        || (),
        move |()| {
            let client = client.clone();
            async move {
                let wanted = PageQuery { limit: Some(100), ..Default::default() };
                client.sandbox_messages(&wanted).await
            }
        },
    );
    let refetch = Callback::new(move |()| page.refetch());
    use_live().on(move |frame| {
        let arrived = frame.kind == FrameKind::Resync
            || frame.approval().is_some_and(|approval| {
                approval.message_state >= Some(signalbox::wire::MessageState::Accepted)
            });
        if arrived {
            refetch.run(());
        }
    });
    let open = RwSignal::new(None::<MessageId>);
    view! {
        <PageHeader
            title="Sandbox mailbox"
            subtitle="Messages that were approved while the email channel is the sandbox. Nothing here has left this server."
        >
            <LinkButton href="/settings" icon=Icon::Settings>
                "Set up email"
            </LinkButton>
        </PageHeader>
        <Transition fallback=|| {
            view! { <Skeleton rows=6 /> }
        }>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(page) => view! { <Mailbox messages=page.items open=open /> }.into_any(),
                    Err(error) => failure(&error, Some(refetch)),
                }
            })}
        </Transition>
    }
}

#[component]
fn Mailbox(messages: Vec<MessageView>, open: RwSignal<Option<MessageId>>) -> impl IntoView {
    if messages.is_empty() {
        return view! {
            <EmptyState
                icon=Icon::Flask
                title="The sandbox mailbox is empty"
                text="Approve an email in the inbox and it arrives here, as it would at your customer's."
            >
                <LinkButton href="/inbox">"Open the inbox"</LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    let all = StoredValue::new(messages.clone());
    let opened = move || {
        let id = open.get().or_else(|| all.with_value(|all| all.first().map(|m| m.id)));
        all.with_value(|all| all.iter().find(|m| Some(m.id) == id).cloned())
    };
    let is_open = move |id: MessageId| opened().is_some_and(|message| message.id == id);
    view! {
        <div class="grid gap-4 px-4 pb-6 md:grid-cols-[20rem_1fr] md:px-6">
            <ul class="overflow-hidden rounded border border-line bg-surface-1">
                {messages
                    .into_iter()
                    .map(|message| {
                        let id = message.id;
                        let at = message.sent_at.unwrap_or(message.created_at).timestamp_millis();
                        view! {
                            <li class="border-b border-line last:border-b-0">
                                <button
                                    type="button"
                                    data-testid="sandbox-item"
                                    class="block w-full px-3 py-2 text-left hover:bg-surface-2 aria-pressed:bg-accent-soft"
                                    aria-pressed=move || if is_open(id) { "true" } else { "false" }
                                    on:click=move |_| open.set(Some(id))
                                >
                                    <span class="flex items-baseline gap-2">
                                        <span class="min-w-0 flex-1 truncate font-medium">
                                            {message.subject}
                                        </span>
                                        <span class="text-xs text-text-3">
                                            <Time at_ms=at />
                                        </span>
                                    </span>
                                    <span class="block truncate text-sm text-text-2">{message.to}</span>
                                </button>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
            <div>
                {move || {
                    opened()
                        .map(|message| {
                            let id = message.id;
                            view! {
                                <Finished message=message />
                                <AnswerAs id=id />
                            }
                        })
                }}
            </div>
        </div>
    }
    .into_any()
}

/// What the recipient would write: it comes in as a real answer does.
#[component]
fn AnswerAs(id: MessageId) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let toasts = Toasts::expect();
    let (text, sending) = (RwSignal::new(String::new()), RwSignal::new(false));
    let wrong = RwSignal::new(None::<Trouble>);
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let body = SandboxAnswer { text: text.get_untracked() };
        sending.set(true);
        wrong.set(None);
        spawn_local(async move {
            let answer = client.get_value().sandbox_answer(id, &body).await;
            sending.try_set(false);
            match answer {
                Ok(_) => {
                    text.try_set(String::new());
                    toasts.push(Toast::done("The answer came in."));
                }
                Err(error) => {
                    wrong.try_set(Some(trouble(&error)));
                }
            }
        });
    };
    view! {
        <Show when=|| may(Permission::PlanInstanceControl)>
            <form class="mt-4 flex flex-col gap-2" on:submit=send>
                {move || wrong.get().map(|wrong| view! { <ErrorPanel trouble=wrong /> })}
                <TextArea
                    name="sandbox-answer"
                    label="Answer as the contact"
                    value=Bind::from(text)
                    rows=3
                    help="It comes in as a real email does: runs hear of it. STOP opts the contact out."
                />
                <div class="flex justify-end">
                    <Button button_type="submit" pending=sending>
                        "Send answer"
                    </Button>
                </div>
            </form>
        </Show>
    }
}
