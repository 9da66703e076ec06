//! Schedules: what one means before it is published.

use crate::{
    http::{
        call::{Answer, Call, ScheduleQuery},
        failure::Failure,
        reply::Found,
    },
    trigger,
};
use signalbox::{
    time::{self, Cron},
    wire::ScheduleNext,
};

/// Times that are shown.
const SHOWN: usize = 5;

/// `GET /api/schedules/next`.
pub async fn next(call: Call<(), ScheduleQuery>) -> Answer<Found<ScheduleNext>> {
    let cron: Cron = call
        .query
        .cron
        .parse()
        .map_err(|error: time::CronError| Failure::value("cron", error.reason))?;
    let named = call.query.timezone.as_deref().map(str::trim).filter(|zone| !zone.is_empty());
    let zone = match named {
        Some(name) => {
            time::zone(name).map_err(|error| Failure::value("timezone", format!("{error}.")))?
        }
        None => trigger::zone_of(call.state.store(), call.organization()).await?,
    };
    Ok(Found(ScheduleNext {
        words: cron.words(),
        timezone: zone.name().to_owned(),
        next: cron.next_few(call.state.now(), zone, SHOWN),
    }))
}
