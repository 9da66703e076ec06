//! Undo and redo: bounded lists of batches of edits. One gesture is one entry; typing in one field
//! is one entry per burst.

use signalbox::graph::GraphEdit;
use std::collections::VecDeque;

/// Entries that are kept; the oldest goes first.
pub const ENTRIES_MAX: usize = 200;
/// Typing this close together is one entry, in milliseconds.
const BURST_MS: f64 = 1_000.0;

/// What takes one step back (or forward).
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it was: `Move 3 steps`.
    pub label: String,
    /// The edits that take it back, in order.
    pub edits: Vec<GraphEdit>,
    /// The field that was typed in, for joining a burst.
    pub key: Option<String>,
    /// When, in milliseconds; only meant for entries with a key.
    pub at_ms: f64,
}

/// Both lists.
#[derive(Clone, Debug, Default)]
pub struct History {
    undo: VecDeque<Entry>,
    redo: Vec<Entry>,
}

impl History {
    /// Records a new change; what was undone before cannot be redone any more.
    pub fn record(&mut self, entry: Entry) {
        self.redo.clear();
        if let Some(last) = self.undo.back_mut()
            && last.key.is_some()
            && last.key == entry.key
            && (0.0..=BURST_MS).contains(&(entry.at_ms - last.at_ms))
        {
            last.at_ms = entry.at_ms;
            // The older inverse of the same field already leads back to the start of the burst.
            if !same_fields(&last.edits, &entry.edits) {
                last.edits.splice(0..0, entry.edits);
            }
            return;
        }
        self.push_undo(entry);
    }

    pub(super) fn push_undo(&mut self, entry: Entry) {
        self.undo.push_back(entry);
        if self.undo.len() > ENTRIES_MAX {
            self.undo.pop_front();
        }
    }

    pub(super) fn push_redo(&mut self, entry: Entry) {
        self.redo.push(entry);
    }

    pub(super) fn pop_undo(&mut self) -> Option<Entry> {
        self.undo.pop_back()
    }

    pub(super) fn pop_redo(&mut self) -> Option<Entry> {
        self.redo.pop()
    }

    /// What undo would take back.
    pub fn undo_label(&self) -> Option<&str> {
        self.undo.back().map(|entry| entry.label.as_str())
    }

    /// What redo would do again.
    pub fn redo_label(&self) -> Option<&str> {
        self.redo.last().map(|entry| entry.label.as_str())
    }
}

/// Whether both lists set the same fields of the same nodes, one each.
fn same_fields(older: &[GraphEdit], newer: &[GraphEdit]) -> bool {
    use GraphEdit::{
        AddEdge, ConfigureNode, DescribeNode, MoveNode, RemoveEdge, SetPolicy, SetSettings,
    };
    // An edge is changed by taking it out and putting it in; both ways the pair is the same.
    if let (
        [RemoveEdge { id: a }, AddEdge { edge: b, .. }],
        [RemoveEdge { id: c }, AddEdge { edge: d, .. }],
    ) = (older, newer)
    {
        return a == c && b.id == d.id;
    }
    older.len() == newer.len()
        && older.iter().zip(newer).all(|pair| match pair {
            (ConfigureNode { id: a, .. }, ConfigureNode { id: b, .. })
            | (DescribeNode { id: a, .. }, DescribeNode { id: b, .. })
            | (SetPolicy { id: a, .. }, SetPolicy { id: b, .. })
            | (MoveNode { id: a, .. }, MoveNode { id: b, .. }) => a == b,
            (SetSettings { .. }, SetSettings { .. }) => true,
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(label: &str, key: Option<&str>, at_ms: f64) -> Entry {
        let edit = GraphEdit::DescribeNode {
            id: "a".into(),
            label: label.into(),
            description: String::new(),
        };
        Entry { label: "Rename".into(), edits: vec![edit], key: key.map(Into::into), at_ms }
    }

    #[test]
    fn typing_in_one_field_is_one_entry_until_a_pause_or_another_field() {
        let mut history = History::default();
        for (label, key, at_ms) in [
            ("", Some("a/label"), 0.0),
            ("W", Some("a/label"), 100.0),
            ("We", Some("a/label"), 900.0),
            ("Wel", Some("a/label"), 2_500.0),
            ("x", Some("a/other"), 2_600.0),
            ("y", None, 2_700.0),
            ("z", None, 2_700.0),
        ] {
            history.record(describe(label, key, at_ms));
        }
        let entries: Vec<Entry> = std::iter::from_fn(|| history.pop_undo()).collect();
        let firsts: Vec<&GraphEdit> = entries.iter().rev().map(|entry| &entry.edits[0]).collect();
        assert_eq!(entries.len(), 5, "{firsts:?}");
        assert_eq!(
            firsts[0],
            &describe("", None, 0.0).edits[0],
            "the burst leads back to its start"
        );
        assert!(entries.iter().all(|entry| entry.edits.len() == 1));
    }

    #[test]
    fn history_is_bounded_and_a_new_change_ends_redo() {
        let mut history = History::default();
        for number in 0..ENTRIES_MAX + 50 {
            history.record(describe(&number.to_string(), None, 0.0));
        }
        let undone = history.pop_undo().expect("an entry");
        history.push_redo(undone);
        assert!(history.redo_label().is_some());
        history.record(describe("new", None, 0.0));
        assert!(history.redo_label().is_none());
        assert_eq!(std::iter::from_fn(|| history.pop_undo()).count(), ENTRIES_MAX);
    }
}
