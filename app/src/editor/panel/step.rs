//! What the forms of a step share: its signals, and how a field is read and written.

use crate::canvas::Canvas;
use crate::editor::Editor;
use crate::editor::variables::{self, Variable};
use crate::ui::Bind;
use leptos::prelude::*;
use signalbox::graph::{Node, NodeKind, Policy, Problem};
use signalbox::id::NodeId;

/// A step in the side panel. A handle.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub editor: Editor,
    pub id: StoredValue<NodeId>,
    pub node: Signal<Node>,
    pub variables: Signal<Vec<Variable>>,
}

impl Step {
    /// None when there is no such step.
    pub fn new(editor: Editor, id: &NodeId) -> Option<Self> {
        let signals = editor.canvas.node(id)?;
        let own = id.clone();
        // Upstream changes with the edges; typing in this step changes nothing of it.
        let variables = Memo::new(move |_| {
            editor.canvas.version.track();
            editor.canvas.with_document(|document| variables::of(document.graph(), &own))
        });
        Some(Self {
            editor,
            id: StoredValue::new(id.clone()),
            node: signals.node.into(),
            variables: variables.into(),
        })
    }

    pub fn canvas(&self) -> Canvas {
        self.editor.canvas
    }

    pub fn readonly(&self) -> Signal<bool> {
        self.editor.canvas.readonly.into()
    }

    /// A field of the kind's settings: how it is read, and how a new value is put in.
    pub fn bind<T: Clone + PartialEq + Send + Sync + 'static>(
        &self,
        field: &'static str,
        read: fn(&NodeKind) -> T,
        write: fn(&mut NodeKind, T),
    ) -> Bind<T> {
        let this = *self;
        let value = Memo::new(move |_| this.node.with(|node| read(&node.kind)));
        Bind::new(value, move |value| this.change(field, |kind| write(kind, value)))
    }

    /// Changes the kind's settings; typing in the same field is one entry of the history.
    pub fn change(&self, field: &str, edit: impl FnOnce(&mut NodeKind)) {
        let mut kind = self.node.with_untracked(|node| node.kind.clone());
        edit(&mut kind);
        self.id.with_value(|id| self.canvas().configure(id, kind, field));
    }

    /// A field of the policy.
    pub fn bind_policy<T: Clone + PartialEq + Send + Sync + 'static>(
        &self,
        field: &'static str,
        read: fn(&Policy) -> T,
        write: fn(&mut Policy, T),
    ) -> Bind<T> {
        let this = *self;
        let value = Memo::new(move |_| this.node.with(|node| read(&node.policy)));
        Bind::new(value, move |value| {
            let mut policy = this.node.with_untracked(|node| node.policy.clone());
            write(&mut policy, value);
            this.id.with_value(|id| this.canvas().set_policy(id, policy, field));
        })
    }

    /// What is wrong with this step. Tracked.
    pub fn problems(&self) -> Vec<Problem> {
        let id = self.id.get_value();
        self.canvas().problems.with(|problems| {
            problems.iter().filter(|problem| problem.node.as_ref() == Some(&id)).cloned().collect()
        })
    }
}

/// A [`Bind`] to a field of one kind's settings: `setting!(step, Condition.expression)`.
macro_rules! setting {
    ($step:expr, $kind:ident . $field:ident) => {
        $step.bind(
            stringify!($field),
            |kind| match kind {
                signalbox::graph::NodeKind::$kind(settings) => settings.$field.clone(),
                _ => Default::default(),
            },
            |kind, value| {
                if let signalbox::graph::NodeKind::$kind(settings) = kind {
                    settings.$field = value;
                }
            },
        )
    };
}
pub(super) use setting;
