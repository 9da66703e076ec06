//! What starts a workflow's runs, as rows that follow the newest version: at most one of a schedule and an
//! event. (A webhook's address is the server's to make.)

use super::{EventTrigger, NewVersion, ScheduleRow, StoreResult, Tx, event_triggers, schedules};
use chrono::{DateTime, Utc};
use signalbox::{
    event_type,
    graph::{NodeKind, TriggerKind, TriggerSettings},
    id::{OrganizationId, WorkflowId},
};

/// Sets up what starts the runs of a new version, and takes away what started those of the last one.
pub(super) async fn set_up(
    tx: &mut Tx,
    new: &NewVersion,
    version: u32,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let (organization, workflow) = (new.organization, new.workflow);
    let settings = new.graph.trigger().and_then(|node| match &node.kind {
        NodeKind::Trigger(settings) => Some(settings),
        _ => None,
    });
    let trigger = settings.map(|settings| &settings.trigger);
    if !matches!(trigger, Some(TriggerKind::Schedule { .. })) {
        schedules::schedule_delete(tx, organization, workflow).await?;
    }
    if !matches!(trigger, Some(TriggerKind::Event { .. })) {
        event_triggers::event_trigger_delete(tx, organization, workflow).await?;
    }
    match settings {
        Some(TriggerSettings {
            trigger: TriggerKind::Schedule { cron, timezone },
            schedule,
            ..
        }) => {
            let zone = timezone.as_deref().map(str::trim).filter(|zone| !zone.is_empty());
            let row = ScheduleRow {
                organization,
                workflow,
                version,
                cron: cron.clone(),
                timezone: zone.map(str::to_owned),
                rule: *schedule,
                after_at: now,
                due_at: None,
                paused: false,
                note: String::new(),
            };
            schedules::schedule_put(tx, &row, now).await
        }
        Some(settings @ TriggerSettings { trigger: TriggerKind::Event { event_type }, .. }) => {
            let row = EventTrigger {
                organization,
                workflow,
                version,
                event_type: event_type::canonical(event_type).to_owned(),
                filter: settings.filter_text().map(str::to_owned),
            };
            event_triggers::event_trigger_put(tx, &row).await
        }
        _ => Ok(()),
    }
}

/// Stops what starts a workflow's runs, or lets it go on from now.
pub(super) async fn pause(
    tx: &mut Tx,
    organization: OrganizationId,
    workflow: WorkflowId,
    paused: bool,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    schedules::schedule_pause(tx, organization, workflow, paused, now).await?;
    event_triggers::event_trigger_pause(tx, organization, workflow, paused).await
}
