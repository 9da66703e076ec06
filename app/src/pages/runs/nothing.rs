//! The empty list: either there are no runs yet, or it says which filter hides them.

use super::filter::{Filter, Part};
use crate::api::use_client;
use crate::ui::{Button, EmptyState, Icon, LinkButton, Skeleton};
use leptos::prelude::*;
use signalbox::client::Client;
use signalbox::wire::RunQuery;

/// Why nothing is shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Reason {
    /// There are no runs at all.
    NoRuns,
    /// Without one of these parts (by number) there would be some.
    Hidden(Vec<usize>),
}

async fn any(client: &Client, filter: &Filter) -> bool {
    let wanted = RunQuery { limit: Some(1), ..filter.wanted() };
    client.runs(&wanted).await.is_ok_and(|page| !page.items.is_empty())
}

async fn why(client: Client, filter: Filter) -> Reason {
    if !any(&client, &Filter::default()).await {
        return Reason::NoRuns;
    }
    let mut hiding = Vec::new();
    for (number, part) in Part::ALL.into_iter().enumerate() {
        if filter.parts().contains(&part) && any(&client, &filter.without(part)).await {
            hiding.push(number);
        }
    }
    Reason::Hidden(hiding)
}

/// Says why, and offers to change it. Asked for by the awake page alone: the answer comes after the list, and a page
/// that wakes up in between would find another one than was drawn.
#[component]
pub fn Nothing(filter: RwSignal<Filter>) -> impl IntoView {
    let awake = RwSignal::new(false);
    Effect::new(move |_| awake.set(true));
    view! {
        {move || match awake.get() {
            true => view! { <Why filter=filter /> }.into_any(),
            false => view! { <Skeleton rows=2 /> }.into_any(),
        }}
    }
}

#[component]
fn Why(filter: RwSignal<Filter>) -> impl IntoView {
    let client = use_client();
    let found = Resource::new(
        move || filter.get(),
        move |filter| {
            let client = client.clone();
            async move { why(client, filter).await }
        },
    );
    view! {
        <Suspense fallback=|| {
            view! { <Skeleton rows=2 /> }
        }>
            {move || Suspend::new(async move {
                match found.await {
                    Reason::NoRuns => no_runs().into_any(),
                    Reason::Hidden(parts) => hidden(filter, parts).into_any(),
                }
            })}
        </Suspense>
    }
}

fn no_runs() -> impl IntoView {
    view! {
        <EmptyState
            icon=Icon::Activity
            title="No runs yet"
            text="A run is one execution of a workflow. Publish a workflow, then start it by hand, by webhook or by the API."
        >
            <LinkButton href="/workflows">"Open workflows"</LinkButton>
        </EmptyState>
    }
}

fn hidden(filter: RwSignal<Filter>, parts: Vec<usize>) -> impl IntoView {
    let parts: Vec<Part> =
        parts.into_iter().filter_map(|number| Part::ALL.get(number).copied()).collect();
    let text = match parts.as_slice() {
        [] => "No single filter hides all runs; together they do.",
        [Part::State] => "There are runs that fit, but none of them is in this state.",
        [Part::Workflow] => "There are runs that fit, but none of them is of this workflow.",
        [Part::Contact] => {
            "There are runs that fit, but none of them is about this contact or wrote to it."
        }
        [Part::Within] => "There are runs that fit, but they were started earlier.",
        [Part::Words] => {
            "There are runs that fit, but the words occur in none: not in the workflow's name, who started it, \
             the start of the input, or the error."
        }
        _ => "There are runs that fit all filters but one of these.",
    };
    let buttons = parts
        .into_iter()
        .map(|part| {
            let clear = move |_| filter.update(|filter| *filter = filter.without(part));
            view! { <Button on_click=clear>{part.without()}</Button> }
        })
        .collect_view();
    view! {
        <EmptyState icon=Icon::Filter title="No run matches" text=text>
            {buttons}
            <Button on_click=move |_| filter.set(Filter::default())>"Clear all filters"</Button>
        </EmptyState>
    }
}
