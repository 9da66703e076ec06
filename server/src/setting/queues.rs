//! Limits of named queues.

use super::{SettingError, Settings, invalid};
use chrono::{DateTime, Utc};
use signalbox::{
    id::OrganizationId,
    wire::{QueueLimit, QueueSettings},
};

pub(super) const QUEUES: &str = "queues";
const QUEUES_MAX: usize = 100;

impl Settings {
    /// The named queues of an organisation that have limits.
    pub async fn queues(
        &self,
        organization: OrganizationId,
    ) -> Result<QueueSettings, SettingError> {
        let found = self.read::<QueueSettings>(organization, QUEUES).await?;
        Ok(found.map(|(queues, _)| queues).unwrap_or_default())
    }

    /// Sets them, all together. Then tell the engine.
    pub async fn queues_set(
        &self,
        organization: OrganizationId,
        queues: &QueueSettings,
        now: DateTime<Utc>,
    ) -> Result<(), SettingError> {
        if queues.0.len() > QUEUES_MAX {
            return Err(invalid("queues", format!("at most {QUEUES_MAX} queues")));
        }
        for (name, limit) in &queues.0 {
            check(name, *limit)?;
        }
        self.write(organization, QUEUES, queues, None, now).await
    }
}

fn check(name: &str, limit: QueueLimit) -> Result<(), SettingError> {
    let is_name = name.trim() == name && (1..=100).contains(&name.chars().count());
    if !is_name || name.chars().any(char::is_control) {
        return Err(invalid("queues", "a queue's name has 1 to 100 characters on one line"));
    }
    if !(1..=1_000).contains(&limit.concurrency) {
        return Err(invalid("concurrency", format!("1 to 1,000 for the queue {name}")));
    }
    if limit.per_minute.is_some_and(|count| !(1..=100_000).contains(&count)) {
        return Err(invalid("per_minute", format!("1 to 100,000 for the queue {name}")));
    }
    Ok(())
}
