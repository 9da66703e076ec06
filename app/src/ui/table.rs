//! Dense tables with 36 px rows. On a phone a table scrolls sideways inside its own box.
//! Absent: sorting and paging; the pages ask the server for those.

use leptos::prelude::*;

/// The head of one column.
#[derive(Clone, Debug)]
pub struct Column {
    /// The words.
    pub label: &'static str,
    /// Whether it holds numbers and is aligned right.
    pub number: bool,
    /// Whether the words are for screen readers alone.
    pub hidden: bool,
}

impl Column {
    /// A column of text.
    pub const fn text(label: &'static str) -> Self {
        Column { label, number: false, hidden: false }
    }

    /// A column of numbers, aligned right.
    pub const fn number(label: &'static str) -> Self {
        Column { label, number: true, hidden: false }
    }

    /// A column of buttons, whose words are for screen readers alone.
    pub const fn hidden(label: &'static str) -> Self {
        Column { label, number: false, hidden: true }
    }
}

/// A table with its head; the children are [`Row`]s.
#[component]
pub fn Table(
    /// What the table lists, for screen readers.
    #[prop(into)]
    caption: String,
    /// Its columns.
    columns: Vec<Column>,
    /// The rows.
    children: Children,
) -> impl IntoView {
    let head = |column: Column| {
        let side = if column.number { "text-right" } else { "text-left" };
        let shown = if column.hidden { "sr-only" } else { "" };
        view! {
            <th scope="col" class=format!("h-8 px-3 text-xs font-medium text-text-3 {side}")>
                <span class=shown>{column.label}</span>
            </th>
        }
    };
    view! {
        // What is for screen readers alone stands in it, else it would widen the page.
        <div class="relative overflow-x-auto">
            <table class="w-full border-collapse text-sm">
                <caption class="sr-only">{caption}</caption>
                <thead class="border-b border-line">
                    <tr>{columns.into_iter().map(head).collect_view()}</tr>
                </thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
}

/// One row.
#[component]
pub fn Row(
    /// Its cells.
    children: Children,
) -> impl IntoView {
    view! { <tr class="h-9 border-b border-line hover:bg-surface-2">{children()}</tr> }
}

/// One cell.
#[component]
pub fn Cell(
    /// Whether it holds a number and is aligned right.
    #[prop(optional)]
    number: bool,
    /// What is in it.
    children: Children,
) -> impl IntoView {
    let side = if number { "text-right tabular-nums" } else { "" };
    view! { <td class=format!("max-w-xs truncate px-3 py-1 {side}")>{children()}</td> }
}
