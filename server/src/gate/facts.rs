//! Gathers what a message is judged by, from the readers or inside the transaction that claims it.

use super::{
    content_hash,
    draft::address_of,
    verdict::{
        ApprovalFact, BudgetFact, CapFact, ConsentFact, Facts, OptOut, RepeatFact, TroubleFact,
    },
};
use crate::{
    channel::Channel,
    hours::day_around,
    setting::{Rules, rules_of},
    store::{self, Message, Recipient, Source, StoreResult},
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use signalbox::wire::{Consent, ConsentKind, ConsentState, MessageState};

/// Failures in a row from which on a channel counts as out of order.
pub(super) const TROUBLE_FROM: u32 = 3;

/// The facts of a message as they stand where `source` asks.
pub(super) async fn gather(
    source: &mut Source<'_>,
    message: &Message,
    channel: &dyn Channel,
    now: DateTime<Utc>,
) -> StoreResult<Facts> {
    let (organization, key) = (message.organization, &message.recipient_key);
    let recipient =
        store::recipient_fetch(source, organization, message.contact, key, message.channel).await?;
    let pause = store::outbound_pause_fetch(source, organization).await?;
    let rules = rules_of(source, organization).await?;
    let known: Option<Tz> = recipient.timezone.as_deref().and_then(|zone| zone.parse().ok());
    let zone = known.unwrap_or(rules.zone);
    let caps = caps(source, message, &rules, zone, now).await?;
    let (today, tomorrow) = day_around(rules.zone, now);
    let budget = match rules.outbound.model_budget_micros {
        None => None,
        Some(limit_micros) => Some(BudgetFact {
            limit_micros,
            spent_micros: store::model_spend(source, organization, today).await?.micros,
            message_micros: 0,
            until: tomorrow,
        }),
    };
    let trouble = match channel.is_sandbox() {
        true => None,
        false => store::channel_health_fetch(source, organization, channel.account()).await?,
    };
    let trouble = trouble.filter(|health| health.failures >= TROUBLE_FROM);
    let repeats = match message.repeats {
        None => None,
        Some(earlier) => store::message_outline(source, organization, earlier).await?,
    };
    let held_until = held_until(message, &rules);
    Ok(Facts {
        channel: message.channel,
        to: message.content.to.clone(),
        opt_out: opt_out(&recipient),
        consent: consent(&recipient, &rules, now),
        pause,
        hours: rules.outbound.sending_hours,
        zone,
        zone_is_guessed: known.is_none(),
        caps,
        budget,
        approval: approval(message),
        repeats: repeats.map(|(subject, to, at)| RepeatFact { subject, to, at }),
        expires_at: message.expires_at,
        held_until,
        account: account_line(&message.content.account, &message.content.from),
        account_now: account_line(channel.account(), channel.from()),
        sandbox: message.sandbox,
        trouble: trouble.map(|health| TroubleFact {
            failures: health.failures,
            since: health.since,
            retry_at: health.retry_at,
            detail: health.detail,
        }),
        now,
    })
}

/// Until when it can be taken back. What the gate holds has another time, or none, and a pause of outbound may be over
/// sooner.
fn held_until(message: &Message, rules: &Rules) -> Option<DateTime<Utc>> {
    match (message.state, message.gate_held) {
        (MessageState::Held, false) => message.due_at,
        (MessageState::Held, true) => message.approved.as_ref().map(|given| given.at + rules.hold),
        _ => None,
    }
}

fn opt_out(recipient: &Recipient) -> Option<OptOut> {
    match (recipient.do_not_contact, recipient.suppressed) {
        (true, _) => Some(OptOut::Marked),
        (false, true) => Some(OptOut::Suppressed),
        (false, false) => None,
    }
}

/// What counts of several contacts with one address: a revocation before everything, else the best.
fn consent(recipient: &Recipient, rules: &Rules, now: DateTime<Utc>) -> ConsentFact {
    let rank = |consent: &&Consent| match (consent.state_at(now), consent.kind) {
        (ConsentState::Revoked, _) => 3,
        (ConsentState::Granted, ConsentKind::Express) => 2,
        (ConsentState::Granted, ConsentKind::Implied) => 1,
        (ConsentState::Expired, _) => 0,
    };
    let counts = recipient.consent.iter().max_by_key(rank);
    ConsentFact {
        policy: rules.outbound.email_consent,
        said: counts.map(|consent| (consent.state_at(now), consent.kind)),
        at: counts.map(|consent| consent.at),
    }
}

async fn caps(
    source: &mut Source<'_>,
    message: &Message,
    rules: &Rules,
    zone: Tz,
    now: DateTime<Utc>,
) -> StoreResult<Vec<CapFact>> {
    let (organization, sandbox) = (message.organization, message.sandbox);
    let mut caps = Vec::new();
    let set = [
        (true, rules.outbound.contact_daily_max, zone),
        (false, rules.outbound.organization_daily_max, rules.zone),
    ];
    for (of_contact, max, zone) in set {
        let Some(max) = max else { continue };
        let (since, until) = day_around(zone, now);
        let to = of_contact.then_some((message.contact, message.recipient_key.as_str()));
        let sent = store::emails_begun_count(source, organization, sandbox, since, to).await?;
        caps.push(CapFact { of_contact, max, sent, until });
    }
    Ok(caps)
}

fn approval(message: &Message) -> ApprovalFact {
    let hash = content_hash(&message.content);
    match &message.approved {
        None => ApprovalFact::Pending,
        Some(approved) if approved.hash == hash && hash == message.content_hash => {
            ApprovalFact::Given { by: approved.by.clone() }
        }
        Some(_) => ApprovalFact::OtherContent,
    }
}

/// The account with the address it sends from: both are part of what is approved.
fn account_line(account: &str, from: &str) -> String {
    format!("{account} as {}", address_of(from))
}
