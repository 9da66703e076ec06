//! What the one writer of SQLite has seen and need not look up again. Nobody else writes, so it is right until the
//! writer itself changes it; whatever undoes writes forgets all of it. On PostgreSQL nothing is kept.

use signalbox::id::{OrganizationId, WorkflowId};
use std::collections::{HashMap, HashSet};

/// Entries of each kind; past it all are forgotten.
const KEPT_MAX: usize = 10_000;

#[derive(Default)]
pub(super) struct Seen {
    names: HashMap<(OrganizationId, WorkflowId), String>,
    unheard: HashSet<(OrganizationId, &'static str)>,
    /// Outside events since old ones were looked for last.
    pub(super) recorded: i64,
}

impl Seen {
    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        self.names.clear();
        self.unheard.clear();
    }

    /// What a workflow is called.
    pub(super) fn name(&self, organization: OrganizationId, id: WorkflowId) -> Option<&String> {
        self.names.get(&(organization, id))
    }

    /// Notes what a workflow is called.
    pub(super) fn note_name(&mut self, organization: OrganizationId, id: WorkflowId, name: &str) {
        if self.names.len() >= KEPT_MAX {
            self.names.clear();
        }
        self.names.insert((organization, id), name.to_owned());
    }

    /// A workflow may be called something else from now on.
    pub(super) fn forget_name(&mut self, organization: OrganizationId, id: WorkflowId) {
        self.names.remove(&(organization, id));
    }

    /// Whether no workflow and no run wants events of this name.
    pub(super) fn is_unheard(&self, organization: OrganizationId, name: &'static str) -> bool {
        self.unheard.contains(&(organization, name))
    }

    /// Notes that nobody wants events of this name.
    pub(super) fn note_unheard(&mut self, organization: OrganizationId, name: &'static str) {
        if self.unheard.len() >= KEPT_MAX {
            self.unheard.clear();
        }
        self.unheard.insert((organization, name));
    }

    /// Somebody may want events from now on.
    pub(super) fn forget_unheard(&mut self) {
        self.unheard.clear();
    }
}
