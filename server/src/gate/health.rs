//! The health of channels: a mail server that cannot be reached holds messages and burns no attempts.
//!
//! From the third failure in a row on a channel counts as out of order. Messages wait for its next try,
//! one message makes that try, and the first success ends it. Deliberately absent: failures that say
//! something about the message.

use super::{Gate, facts::TROUBLE_FROM, ride, save_as};
use crate::store::{self, ChannelHealth, Message, Source, StoreResult, Tx};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use signalbox::{run::Command, wire::MessageState};

const PAUSE_FIRST_S: i64 = 30;
const PAUSE_MAX_S: i64 = 900;
/// While one message makes the try, the others wait for so long at least.
const TRIAL_S: i64 = 60;

/// 30 s, 1 min, 2 min … a quarter of an hour at most.
fn pause(failures: u32) -> TimeDelta {
    let doublings = failures.saturating_sub(TROUBLE_FROM).min(16);
    TimeDelta::seconds((PAUSE_FIRST_S << doublings).min(PAUSE_MAX_S))
}

/// One more failure.
fn worse(health: Option<ChannelHealth>, detail: &str, now: DateTime<Utc>) -> ChannelHealth {
    let (failures, since) = health.map_or((0, now), |health| (health.failures, health.since));
    let failures = failures.saturating_add(1);
    ChannelHealth { failures, since, retry_at: now + pause(failures), detail: detail.to_owned() }
}

/// A message is about to try a channel that is out of order: the others wait for what comes of it. False when another
/// one makes the try already.
pub(super) async fn begin_trial(
    tx: &mut Tx,
    message: &Message,
    account: &str,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    let until = now + TimeDelta::seconds(TRIAL_S);
    store::channel_trial_begin(tx, message.organization, account, now, until).await
}

impl Gate {
    /// The channel was not reached; the message is not to blame. The first failures count as attempts;
    /// from then on they do not, and the message waits for the channel.
    pub(super) async fn unreachable(&self, message: &Message, detail: &str) -> StoreResult<()> {
        let now = self.now();
        let (organization, id) = (message.organization, message.id);
        let account = message.content.account.clone();
        let source = &mut Source::Pool(self.store());
        let found = store::channel_health_fetch(source, organization, &account).await?;
        let health = worse(found, detail, now);
        if health.failures < TROUBLE_FROM {
            let note = self.store().write(move |tx| {
                async move { store::channel_health_put(tx, organization, &account, &health).await }
                    .boxed()
            });
            note.await?;
            return self.temporary(message, detail).await;
        }
        let text = format!(
            "Not sent: {detail}. That was {} times in a row; the message waits for the mail server.",
            health.failures
        );
        let until = health.retry_at;
        // The run is told ever less often: a server that is down for days must not fill its journal.
        let told = health.failures == TROUBLE_FROM || health.failures.is_power_of_two();
        let command = message.call.filter(|_| told).map(|call| Command::MessageMoved {
            call,
            message: id,
            state: "retry_wait".into(),
            detail: text.clone(),
            until: Some(until),
        });
        let write = ride(move |tx| {
            let (account, health, text) = (account.clone(), health.clone(), text.clone());
            async move {
                let mut message = store::message_fetch_in(tx, organization, id).await?;
                message.attempts = message.attempts.saturating_sub(1);
                message.due_at = Some(until);
                message.gate_held = true;
                message.begun_at = None;
                message.detail = text;
                save_as(tx, &mut message, MessageState::RetryWait, now).await?;
                store::channel_health_put(tx, organization, &account, &health).await
            }
            .boxed()
        });
        self.tell_or_write(organization, message.run, command, write).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_add_up_and_pauses_double_up_to_a_quarter_of_an_hour() {
        let start = DateTime::UNIX_EPOCH;
        let mut health = None;
        let mut pauses = Vec::new();
        for minute in 0..9 {
            let now = start + TimeDelta::minutes(minute);
            let next = worse(health, "refused", now);
            assert_eq!((next.failures, next.since), (minute as u32 + 1, start));
            pauses.push((next.retry_at - now).num_seconds());
            health = Some(next);
        }
        assert_eq!(pauses, [30, 30, 30, 60, 120, 240, 480, 900, 900]);
    }
}
