//! The workflow editor's page: canvas or outline, side panel, palette, problems, toolbar, saving,
//! publishing, running.
//!
//! [`Editor`] is what the parts share. Deliberately absent: drawing and editing the graph
//! ([`crate::canvas`]), and loading the workflow ([`crate::pages`] does that).

mod autosave;
mod bar;
mod checking;
mod code;
pub mod form;
mod keep;
mod notice;
mod outline_view;
mod palette;
mod panel;
mod problems;
mod publish;
mod run_dialog;
mod run_options;
pub mod save;
pub mod variables;
mod workbench;

pub use workbench::Workbench;

use crate::canvas::{Canvas, Placement};
use leptos::prelude::*;
use save::{KeptDraft, SaveState};
use signalbox::client::Client;
use signalbox::graph::{Graph, PLAN_STEPS_MAX, Severity};
use signalbox::id::WorkflowId;
use signalbox::wire::{DraftSave, WorkflowDetail};

/// Which dialog is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// Publishing.
    Publish,
    /// Starting a run.
    Run,
    /// The workflow as a document.
    Code,
}

/// What the parts of the page share. A handle: copies are the same editor.
#[derive(Clone, Copy)]
pub struct Editor {
    /// The workflow; none for a generated graph, which is not saved.
    pub id: StoredValue<Option<WorkflowId>>,
    /// The graph.
    pub canvas: Canvas,
    /// The workflow's name.
    pub name: RwSignal<String>,
    /// What it is for.
    pub description: RwSignal<String>,
    /// The draft's revision on the server.
    pub revision: RwSignal<u64>,
    /// Whether the draft is there.
    pub save: RwSignal<SaveState>,
    /// Changes that an earlier visit could not save.
    pub kept: RwSignal<Option<KeptDraft>>,
    /// The newest version's number.
    pub version: RwSignal<Option<u32>>,
    /// The draft differs from the newest version.
    pub draft_changed: RwSignal<bool>,
    /// The webhook's address.
    pub hook_url: RwSignal<Option<String>>,
    /// Steps that an outbound plan may have on this server.
    pub plan_steps_max: StoredValue<u32>,
    /// The palette is open for this place.
    pub palette: RwSignal<Option<Placement>>,
    /// The outline shows instead of the canvas.
    pub outline: RwSignal<bool>,
    /// The side panel's tab: `step`, `problems`, `workflow`.
    pub tab: RwSignal<&'static str>,
    /// The dialog that is open.
    pub(crate) open: RwSignal<Option<Open>>,
    client: StoredValue<Client>,
}

impl Editor {
    /// An editor of a workflow as it was loaded. Call it inside a component.
    pub fn new(client: Client, detail: WorkflowDetail, readonly: bool) -> Self {
        let view = detail.workflow;
        let editor = Self::of_graph(client, detail.graph, view.name, readonly);
        editor.id.set_value(Some(view.id));
        editor.description.set(view.description);
        editor.revision.set(detail.draft_revision);
        editor.version.set(view.version);
        editor.draft_changed.set(view.draft_changed);
        editor.hook_url.set(detail.hook_url);
        editor.plan_steps_max.set_value(detail.plan_steps_max);
        editor.canvas.show_problems(detail.problems);
        editor
    }

    /// An editor of a graph that belongs to no workflow and is not saved.
    pub fn of_graph(client: Client, graph: Graph, name: String, readonly: bool) -> Self {
        Self {
            id: StoredValue::new(None),
            canvas: Canvas::new(graph, readonly),
            name: RwSignal::new(name),
            description: RwSignal::new(String::new()),
            revision: RwSignal::new(0),
            save: RwSignal::new(SaveState::Saved),
            kept: RwSignal::new(None),
            version: RwSignal::new(None),
            draft_changed: RwSignal::new(false),
            hook_url: RwSignal::new(None),
            plan_steps_max: StoredValue::new(PLAN_STEPS_MAX),
            palette: RwSignal::new(None),
            outline: RwSignal::new(false),
            tab: RwSignal::new("workflow"),
            open: RwSignal::new(None),
            client: StoredValue::new(client),
        }
    }

    /// The API.
    pub fn client(&self) -> Client {
        self.client.get_value()
    }

    /// The draft as it would be saved now. Not tracked; none when the page is gone.
    pub(crate) fn draft(&self) -> Option<DraftSave> {
        Some(DraftSave {
            name: self.name.try_get_untracked()?,
            description: self.description.try_get_untracked()?,
            graph: self.canvas.graph(),
        })
    }

    /// How many errors and warnings there are. Tracked.
    pub fn counts(&self) -> (usize, usize) {
        self.canvas.problems.with(|problems| {
            let count = |severity| problems.iter().filter(|p| p.severity == severity).count();
            (count(Severity::Error), count(Severity::Warning))
        })
    }

    /// Takes over what the server has.
    pub(crate) fn take(&self, detail: WorkflowDetail) {
        self.canvas.load(detail.graph);
        self.name.set(detail.workflow.name);
        self.description.set(detail.workflow.description);
        self.revision.set(detail.draft_revision);
        self.version.set(detail.workflow.version);
        self.draft_changed.set(detail.workflow.draft_changed);
        self.hook_url.set(detail.hook_url);
    }
}
