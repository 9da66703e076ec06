//! Schedules.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// `GET /api/schedules/next?cron=&timezone=`: how a schedule reads, and when it would come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ScheduleNext {
    /// In words: `every weekday at 09:00`.
    pub words: String,
    /// The zone that it goes by.
    pub timezone: String,
    /// The next five times.
    pub next: Vec<DateTime<Utc>>,
}
