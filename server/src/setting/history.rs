//! How long an organisation keeps what is over.

use super::{SettingError, Settings, invalid};
use chrono::{DateTime, Utc};
use signalbox::{id::OrganizationId, wire::HistorySettings};

const HISTORY: &str = "history";
const RUNS_DAYS_MAX: u32 = 3_650;
const KEYS_DAYS_MAX: u32 = 365;

impl Settings {
    /// How long runs and events are kept.
    pub async fn history(
        &self,
        organization: OrganizationId,
    ) -> Result<HistorySettings, SettingError> {
        let found = self.read::<HistorySettings>(organization, HISTORY).await?;
        Ok(found.map(|(history, _)| history).unwrap_or_default())
    }

    /// Sets how long runs and events are kept.
    pub async fn history_set(
        &self,
        organization: OrganizationId,
        history: &HistorySettings,
        now: DateTime<Utc>,
    ) -> Result<(), SettingError> {
        let HistorySettings { runs_days, keys_days } = *history;
        if !(1..=RUNS_DAYS_MAX).contains(&runs_days) {
            return Err(invalid("runs_days", "1 to 3,650 days"));
        }
        if !(1..=KEYS_DAYS_MAX).contains(&keys_days) {
            return Err(invalid("keys_days", "1 to 365 days"));
        }
        // The key of a webhook's event is kept with its run: with the run gone the event would start it again.
        if runs_days < keys_days {
            let text = format!(
                "runs are kept at least as long as events ({keys_days} days), because a run remembers the event that \
                 started it; keep events for fewer days, or runs for more"
            );
            return Err(invalid("runs_days", text));
        }
        self.write(organization, HISTORY, history, None, now).await
    }
}
