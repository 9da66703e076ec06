//! What an organisation lets out: hours, caps, consent, budget. Read with the organisation's zone, since
//! every one of them needs it.

use super::{EMAIL, GENERAL, General, SettingError, Settings, invalid};
use crate::{
    hours::{day_around, minutes_of},
    store::{self, Source, StoreError, StoreResult},
};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use futures::FutureExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use signalbox::{
    id::OrganizationId,
    wire::{EmailChannel, OutboundSettings, OutboundView},
};

const OUTBOUND: &str = "outbound";
/// The largest cap.
const CAP_MAX: u32 = 1_000_000;
/// The largest budget of a day: a million US dollars, in millionths.
const BUDGET_MAX_MICROS: u64 = 1_000_000_000_000;

/// The rules of an organisation and its zone.
#[derive(Clone, Debug)]
pub struct Rules {
    /// As set.
    pub outbound: OutboundSettings,
    /// When that was, if it ever was.
    pub updated_at: Option<DateTime<Utc>>,
    /// The organisation's zone.
    pub zone: Tz,
    /// How long what was approved can be taken back, whatever else holds it.
    pub hold: TimeDelta,
}

fn typed<T: DeserializeOwned + Default>(
    found: Option<Value>,
    column: &'static str,
) -> StoreResult<T> {
    let Some(value) = found else { return Ok(T::default()) };
    serde_json::from_value(value).map_err(|error| StoreError::Corrupt {
        table: "settings",
        column,
        detail: error.to_string(),
    })
}

/// The rules as they stand where `source` asks.
pub async fn rules_of(source: &mut Source<'_>, organization: OrganizationId) -> StoreResult<Rules> {
    let [outbound, general] =
        store::setting_pair(source, organization, [OUTBOUND, GENERAL]).await?;
    let updated_at = outbound.as_ref().map(|(_, at)| *at);
    let general: General = typed(general.map(|(value, _)| value), GENERAL)?;
    Ok(Rules {
        outbound: typed(outbound.map(|(value, _)| value), OUTBOUND)?,
        updated_at,
        zone: general.timezone.parse().unwrap_or(Tz::UTC),
        hold: TimeDelta::milliseconds(i64::from(general.email_hold_ms)),
    })
}

impl Settings {
    /// The rules of an organisation.
    pub async fn rules(&self, organization: OrganizationId) -> Result<Rules, SettingError> {
        Ok(rules_of(&mut Source::Pool(&self.store), organization).await?)
    }

    /// The rules, and how much of today is used up.
    pub async fn outbound(
        &self,
        organization: OrganizationId,
        now: DateTime<Utc>,
    ) -> Result<OutboundView, SettingError> {
        let rules = self.rules(organization).await?;
        let (today, _) = day_around(rules.zone, now);
        let source = &mut Source::Pool(&self.store);
        let channel = self.read::<EmailChannel>(organization, EMAIL).await?;
        let sandbox = !matches!(channel, Some((EmailChannel::Smtp { .. }, _)));
        let sent = store::emails_begun_count(source, organization, sandbox, today, None).await?;
        let spend = store::model_spend(source, organization, today).await?;
        Ok(OutboundView {
            settings: rules.outbound,
            sent_today: sent,
            model_spent_micros: spend.micros,
            model_unpriced_calls: spend.unpriced,
            updated_at: rules.updated_at,
        })
    }

    /// Sets the rules. Messages that the old ones held are looked at again.
    pub async fn outbound_set(
        &self,
        organization: OrganizationId,
        outbound: &OutboundSettings,
        now: DateTime<Utc>,
    ) -> Result<OutboundView, SettingError> {
        check(outbound)?;
        let value = serde_json::to_value(outbound).map_err(|error| StoreError::Corrupt {
            table: "settings",
            column: OUTBOUND,
            detail: error.to_string(),
        })?;
        let write = self.store.write(move |tx| {
            async move {
                store::setting_put(tx, organization, OUTBOUND, &value, now).await?;
                store::messages_look_again(tx, organization, None, now).await?;
                Ok(())
            }
            .boxed()
        });
        write.await?;
        self.outbound(organization, now).await
    }
}

fn check(outbound: &OutboundSettings) -> Result<(), SettingError> {
    let hours = &outbound.sending_hours;
    let wrong = "write a time like 08:00";
    let from = minutes_of(&hours.from).ok_or_else(|| invalid("sending_hours.from", wrong))?;
    let to = minutes_of(&hours.to).ok_or_else(|| invalid("sending_hours.to", wrong))?;
    if from >= to {
        return Err(invalid("sending_hours.to", "it must be later than the beginning"));
    }
    if to - from < 60 {
        return Err(invalid(
            "sending_hours.to",
            "leave at least an hour in which emails may leave",
        ));
    }
    if hours.days.is_empty() {
        return Err(invalid("sending_hours.days", "choose at least one day"));
    }
    let caps = [
        ("contact_daily_max", outbound.contact_daily_max),
        ("organization_daily_max", outbound.organization_daily_max),
    ];
    for (field, cap) in caps {
        if cap.is_some_and(|cap| cap == 0 || cap > CAP_MAX) {
            return Err(invalid(field, "1 to 1,000,000, or nothing for any number"));
        }
    }
    if outbound.model_budget_micros.is_some_and(|budget| budget > BUDGET_MAX_MICROS) {
        return Err(invalid("model_budget_micros", "at most a million US dollars a day"));
    }
    Ok(())
}
