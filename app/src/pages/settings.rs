//! Settings of the organisation, one tab a matter.

use crate::session::may;
use crate::settings::{
    EmailTab, GeneralTab, HistoryTab, MembersTab, ModelsTab, OutboundTab, SecretsTab, SendingTab,
    TokensTab,
};
use crate::ui::{Bind, EmptyState, Icon, PageHeader, TabBar, TabItem};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use signalbox::wire::Permission;

/// `/settings`.
#[component]
pub fn Settings() -> impl IntoView {
    // Other pages lead to the tab that they speak of.
    let asked = use_query_map().with_untracked(|query| query.get("tab"));
    let tab = RwSignal::new(match asked.as_deref() {
        Some("outbound") => "outbound",
        _ => "general",
    });
    view! {
        <PageHeader title="Settings" />
        <Show
            when=|| may(Permission::OrgSettingsRead)
            fallback=|| {
                view! {
                    <EmptyState
                        icon=Icon::Lock
                        title="Settings are for administrators"
                        text="Ask an owner or an administrator of your organisation."
                    />
                }
            }
        >
            <div class="px-4 md:px-6">
                <TabBar
                    label="Settings"
                    items=vec![
                        TabItem { id: "general", label: "General" },
                        TabItem { id: "email", label: "Email" },
                        TabItem { id: "sending", label: "Sending" },
                        TabItem { id: "outbound", label: "Outbound" },
                        TabItem { id: "models", label: "Models" },
                        TabItem { id: "secrets", label: "Secrets" },
                        TabItem { id: "members", label: "Members" },
                        TabItem { id: "tokens", label: "API tokens" },
                        TabItem { id: "history", label: "History" },
                    ]
                    active=Bind::from(tab)
                />
                <div
                    id=move || format!("{}-panel", tab.get())
                    role="tabpanel"
                    aria-labelledby=move || format!("{}-tab", tab.get())
                    class="max-w-3xl py-5"
                >
                    {move || match tab.get() {
                        "email" => view! { <EmailTab /> }.into_any(),
                        "sending" => view! { <SendingTab /> }.into_any(),
                        "outbound" => view! { <OutboundTab /> }.into_any(),
                        "models" => view! { <ModelsTab /> }.into_any(),
                        "secrets" => view! { <SecretsTab /> }.into_any(),
                        "members" => view! { <MembersTab /> }.into_any(),
                        "tokens" => view! { <TokensTab /> }.into_any(),
                        "history" => view! { <HistoryTab /> }.into_any(),
                        _ => view! { <GeneralTab /> }.into_any(),
                    }}
                </div>
            </div>
        </Show>
    }
}
