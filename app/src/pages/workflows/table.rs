//! The table of workflows.

use super::Making;
use super::filter::address;
use crate::ui::{Badge, Cell, Column, Icon, IconButton, Row, StateBadge, Table, Time, Tone};
use leptos::prelude::*;
use leptos_router::components::A;
use signalbox::wire::WorkflowView;

const COLUMNS: [Column; 6] = [
    Column::text("Name"),
    Column::text("Version"),
    Column::text("Starts"),
    Column::text("Runs"),
    Column::text("Changed"),
    Column::hidden("Actions"),
];

#[component]
pub(super) fn WorkflowTable(
    workflows: Vec<WorkflowView>,
    making: Making,
    may_write: bool,
) -> impl IntoView {
    let nothing = workflows.is_empty();
    view! {
        {if nothing {
            view! { <p class="p-4 text-text-2">"No workflow fits. Take a word or the filter away."</p> }.into_any()
        } else {
            view! {
                <Table caption="Workflows" columns=COLUMNS.to_vec()>
                    {workflows
                        .into_iter()
                        .map(|view| view! { <WorkflowRow view=view making=making may_write=may_write /> })
                        .collect_view()}
                </Table>
            }
                .into_any()
        }}
    }
}

/// `AwaitingInput` as `awaiting input`. For names of our own, which are ASCII: letters of every
/// language would bring their tables into this page's first download.
fn words_of(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(if c == '_' || c == '-' { ' ' } else { c.to_ascii_lowercase() });
    }
    words
}

/// `12 completed, 1 failed`.
fn runs_words(view: &WorkflowView) -> String {
    let words = view
        .runs
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(phase, count)| format!("{count} {}", words_of(phase)));
    words.collect::<Vec<_>>().join(", ")
}

#[component]
fn WorkflowRow(view: WorkflowView, making: Making, may_write: bool) -> impl IntoView {
    let href = format!("/workflows/{}", view.id);
    let runs = runs_words(&view);
    let failed = view.runs.get("Failed").is_some_and(|count| *count > 0);
    let version =
        view.version.map_or("Not published".to_owned(), |number| format!("Version {number}"));
    let changed_at = view.updated_at.timestamp_millis();
    let archived = view.archived;
    let draft = view.draft_changed && view.version.is_some();
    let mut trigger = words_of(&view.trigger);
    if let Some(first) = trigger.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let next_run = view.next_run_at.map(|at| at.timestamp_millis());
    let note = view.trigger_note.clone();
    let name = view.name.clone();
    let description = view.description.clone();
    let (tags, template) = (view.tags.clone(), view.template);
    let actions = (may_write && !archived).then(|| view! { <Actions view=view making=making /> });
    view! {
        <Row>
            <Cell>
                <A href=href attr:class="font-medium hover:underline">
                    {name}
                </A>
                <span class="ml-2 text-text-3">{description}</span>
                {(template || !tags.is_empty()).then(|| view! { <Labels tags=tags template=template /> })}
            </Cell>
            <Cell>
                <span class="flex items-center gap-1">
                    {version}
                    {draft.then(|| view! { <Badge>"draft changed"</Badge> })}
                    {archived.then(|| view! { <Badge>"archived"</Badge> })}
                </span>
            </Cell>
            <Cell>
                <span class="flex flex-col">
                    {trigger}
                    {next_run
                        .map(|at_ms| {
                            view! {
                                <span class="text-xs text-text-3">
                                    "next run " <Time at_ms=Signal::stored(at_ms) />
                                </span>
                            }
                        })}
                    {(!note.is_empty()).then(|| view! { <span class="text-xs text-stop">{note}</span> })}
                </span>
            </Cell>
            <Cell>
                {if failed {
                    view! { <StateBadge tone=Tone::Stop icon=Icon::Alert label=runs /> }.into_any()
                } else {
                    runs.into_any()
                }}
            </Cell>
            <Cell>
                <Time at_ms=Signal::stored(changed_at) />
            </Cell>
            <Cell>{actions}</Cell>
        </Row>
    }
}

/// What can be done with a workflow from its row.
#[component]
fn Actions(view: WorkflowView, making: Making) -> impl IntoView {
    let name = view.name.clone();
    let asked = view.clone();
    view! {
        <span class="flex justify-end gap-1">
            <IconButton
                icon=Icon::Copy
                label=format!("Tags and copies of {name}")
                on_click=move |_| making.asked.set(Some(asked.clone()))
            />
            <IconButton
                icon=Icon::Trash
                label=format!("Archive {name}")
                on_click=move |_| making.archive.set(Some(view.clone()))
            />
        </span>
    }
}

/// Whether it is a template, and its tags, each of which filters the list.
#[component]
fn Labels(tags: Vec<String>, template: bool) -> impl IntoView {
    let tag = |tag: String| {
        let href = address(&tag, false);
        view! {
            <A href=href attr:class="rounded-sm hover:underline" attr:data-testid="tag">
                <Badge>{tag}</Badge>
            </A>
        }
    };
    view! {
        <span class="mt-1 flex flex-wrap gap-1">
            {template.then(|| view! { <Badge>"template"</Badge> })}
            {tags.into_iter().map(tag).collect_view()}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::words_of;

    #[test]
    fn names_become_words() {
        let cases =
            [("AwaitingInput", "awaiting input"), ("Failed", "failed"), ("manual", "manual")];
        for (name, words) in cases {
            assert_eq!(words_of(name), words);
        }
    }
}
