//! What contacts said, and opt-outs that outlive their contact.
//!
//! Deleting a contact must not make its address writable again: its opt-out is kept by address. When a
//! contact of that address is made anew, the opt-out moves onto it, where people see it and can lift it.

use super::{ContactError, invalid, line};
use crate::store::{self, StoreResult, SuppressionKind, Tx};
use chrono::{DateTime, Utc};
use signalbox::{
    id::OrganizationId,
    wire::{
        Consent, ConsentInput, ConsentKind, ConsentState, ContactInput, ContactView, MessageChannel,
    },
};

/// Takes changes of consent over; the channels that are not named stay as they are.
pub(super) fn apply(
    contact: &mut ContactView,
    input: &ContactInput,
    now: DateTime<Utc>,
) -> Result<(), ContactError> {
    for change in input.consent.iter().flatten() {
        let new = consent(change, now)?;
        contact.consent.retain(|consent| consent.channel != change.channel);
        contact.consent.extend(new);
    }
    Ok(())
}

fn consent(change: &ConsentInput, now: DateTime<Utc>) -> Result<Option<Consent>, ContactError> {
    let Some(state) = change.state else { return Ok(None) };
    let at = change.at.unwrap_or(now);
    if at > now {
        return Err(invalid("consent.at", "it lies in the future"));
    }
    if change.expires_at.is_some() && state != ConsentState::Granted {
        return Err(invalid("consent.expires_at", "only granted consent runs out"));
    }
    if change.expires_at.is_some_and(|end| end <= at) {
        return Err(invalid("consent.expires_at", "it lies before the consent itself"));
    }
    Ok(Some(Consent {
        channel: change.channel,
        state,
        kind: change.kind,
        source: line("consent.source", &change.source)?,
        at,
        expires_at: change.expires_at,
    }))
}

/// Whether the contact has revoked its consent to emails.
pub(super) fn revoked(contact: &ContactView, now: DateTime<Utc>) -> bool {
    let of_email = |consent: &&Consent| consent.channel == MessageChannel::Email;
    let said = contact.consent.iter().find(of_email);
    said.is_some_and(|consent| consent.state_at(now) == ConsentState::Revoked)
}

/// Keeps the opt-out of a contact that goes away.
pub(super) async fn keep_opt_out(
    tx: &mut Tx,
    organization: OrganizationId,
    contact: &ContactView,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let Some(email) = &contact.email else { return Ok(()) };
    let kind = match (contact.do_not_contact, revoked(contact, now)) {
        (true, _) => SuppressionKind::DoNotContact,
        (false, true) => SuppressionKind::ConsentRevoked,
        (false, false) => return Ok(()),
    };
    store::suppression_put(tx, organization, &store::email_key(email), kind, now).await
}

/// Moves the opt-out of an address onto the contact that has it now.
pub(super) async fn take_opt_out(
    tx: &mut Tx,
    organization: OrganizationId,
    contact: &mut ContactView,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let Some(email) = &contact.email else { return Ok(()) };
    match store::suppression_take(tx, organization, &store::email_key(email)).await? {
        None => {}
        Some(SuppressionKind::DoNotContact) => contact.do_not_contact = true,
        Some(SuppressionKind::ConsentRevoked) => {
            contact.consent.retain(|consent| consent.channel != MessageChannel::Email);
            contact.consent.push(Consent {
                channel: MessageChannel::Email,
                state: ConsentState::Revoked,
                kind: ConsentKind::Express,
                source: "an earlier contact of this address".into(),
                at: now,
                expires_at: None,
            });
        }
    }
    Ok(())
}
