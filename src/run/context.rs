//! What a run knows besides its graph and its events: who owns it, and the zone it lives in.

use crate::id::{OrganizationId, WorkflowId};
use chrono_tz::Tz;

/// What constant names resolve to.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// The owner: `organizationId`, which nothing can shadow.
    pub organization_id: OrganizationId,
    /// The workflow: `wfDefinitionId`.
    pub workflow_id: WorkflowId,
    /// The outermost workflow, when this run is a part of another: `rootWfDefinitionId`.
    pub root_workflow_id: Option<WorkflowId>,
    /// The organisation's zone: local times in the workflow are meant in it.
    pub zone: Tz,
}
