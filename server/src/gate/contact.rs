//! Changes of contacts, and what they do to messages that wait.
//!
//! A change of the address, of do-not-contact or a revoked consent makes every unsent message to the contact stale: it goes
//! back into the inbox under a new revision, so that nobody approves what they have not looked at.

mod consent;

use super::{Gate, decide::unapprove, draft::parked};
use crate::{
    channel::mailbox,
    store::{self, ContactFilter, Happening, Message, StoreError, StoreResult, Tx},
};
use chrono::{DateTime, Utc};
use consent::{keep_opt_out, revoked, take_opt_out};
use futures::FutureExt;
use serde_json::{Value, json};
use signalbox::{
    event_type,
    id::{ContactId, OrganizationId, RunId},
    wire::{ApiError, ContactInput, ContactView, ErrorCode, MessageState, Page, PageQuery},
};
use uuid::Uuid;

const TEXT_MAX: usize = 1_000;
const TAGS_MAX: usize = 200;
const METADATA_MAX: usize = 256 * 1024;

/// Why a contact was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    /// A value breaks a rule.
    #[error("{field}: {message}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ContactError> for ApiError {
    fn from(error: ContactError) -> Self {
        let message = error.to_string();
        match error {
            ContactError::Invalid { field, .. } => Self::new(ErrorCode::InvalidValue, message)
                .details(serde_json::json!({ "field": field })),
            ContactError::Store(StoreError::NotFound { .. }) => {
                Self::new(ErrorCode::NotFound, "there is no such contact")
            }
            ContactError::Store(StoreError::Unavailable(_)) => {
                Self::new(ErrorCode::Unavailable, message)
            }
            ContactError::Store(_) => Self::new(ErrorCode::Internal, message),
        }
    }
}

fn invalid(field: &'static str, message: impl Into<String>) -> ContactError {
    ContactError::Invalid { field, message: message.into() }
}

impl Gate {
    /// Makes a contact.
    pub async fn contact_create(
        &self,
        organization: OrganizationId,
        input: &ContactInput,
    ) -> Result<ContactView, ContactError> {
        self.contact_create_as(organization, ContactId(Uuid::now_v7()), input).await
    }

    /// Makes a contact under an id that the caller chose; one that is there already is given as it is, so
    /// that a repeated call makes no second one.
    pub async fn contact_create_as(
        &self,
        organization: OrganizationId,
        id: ContactId,
        input: &ContactInput,
    ) -> Result<ContactView, ContactError> {
        let now = self.now();
        let mut contact = blank(id, now);
        apply(&mut contact, input, now)?;
        if contact.name.trim().is_empty() {
            let email = contact.email.clone();
            contact.name =
                email.ok_or_else(|| invalid("name", "give a name or an email address"))?;
        }
        let cause = self.cause;
        let write = self.store().write_with(move |tx| {
            async move {
                match store::contact_fetch_in(tx, organization, id).await {
                    Ok(there) => return Ok(there),
                    Err(StoreError::NotFound { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
                take_opt_out(tx, organization, &mut contact, now).await?;
                store::contact_put(tx, organization, &contact).await?;
                happened(tx, organization, event_type::CUSTOMER_CREATED, &contact, cause).await?;
                Ok(contact)
            }
            .boxed()
        });
        write.await
    }

    /// Changes a contact; absent fields stay as they are.
    pub async fn contact_update(
        &self,
        organization: OrganizationId,
        id: ContactId,
        input: &ContactInput,
    ) -> Result<ContactView, ContactError> {
        let (input, now, cause) = (input.clone(), self.now(), self.cause);
        let write = self.store().write_with(move |tx| {
            async move {
                let before = store::contact_fetch_in(tx, organization, id).await?;
                let mut contact = before.clone();
                apply(&mut contact, &input, now)?;
                contact.updated_at = now;
                if before.email != contact.email {
                    take_opt_out(tx, organization, &mut contact, now).await?;
                }
                store::contact_put(tx, organization, &contact).await?;
                if before.timezone != contact.timezone || before.consent != contact.consent {
                    store::messages_look_again(tx, organization, Some(id), now).await?;
                }
                if (ContactView { updated_at: now, ..before.clone() }) != contact {
                    let changed = event_type::CUSTOMER_UPDATED;
                    happened(tx, organization, changed, &contact, cause).await?;
                }
                let unsent = match reason(&before, &contact, now) {
                    Some(reason) => stale(tx, organization, contact.id, reason, now).await?,
                    None => Vec::new(),
                };
                Ok::<_, ContactError>((contact, unsent))
            }
            .boxed()
        });
        let (contact, approved) = write.await?;
        self.wake();
        self.take_back(organization, approved, now).await;
        Ok(contact)
    }

    /// Approved and not sent yet: back into the inbox, and the run is told that it waits again.
    pub(super) async fn take_back(
        &self,
        organization: OrganizationId,
        approved: Vec<(Message, &'static str)>,
        now: DateTime<Utc>,
    ) {
        for (message, reason) in approved {
            let command = message.call.map(|call| parked(call, &message));
            let back = unapprove(&message, reason, now);
            if let Err(error) = self.tell_or_write(organization, message.run, command, back).await {
                tracing::warn!(%error, message = %message.id, "a stale message was not taken back");
            }
        }
    }

    /// Deletes a contact. Messages that wait stay and are stale; an opt-out outlives it.
    pub async fn contact_delete(
        &self,
        organization: OrganizationId,
        id: ContactId,
    ) -> Result<(), ContactError> {
        let (now, cause) = (self.now(), self.cause);
        let write = self.store().write(move |tx| {
            async move {
                let contact = store::contact_fetch_in(tx, organization, id).await?;
                stale(tx, organization, id, "The contact was deleted.", now).await?;
                keep_opt_out(tx, organization, &contact, now).await?;
                store::contact_delete(tx, organization, id, now).await?;
                let gone = ContactView { updated_at: now, ..contact };
                happened(tx, organization, event_type::CUSTOMER_DELETED, &gone, cause).await
            }
            .boxed()
        });
        Ok(write.await?)
    }

    /// A contact.
    pub async fn contact(
        &self,
        organization: OrganizationId,
        id: ContactId,
    ) -> Result<ContactView, ContactError> {
        Ok(store::contact_fetch(self.store(), organization, id).await?)
    }

    /// Contacts in the order they were made.
    pub async fn contacts(
        &self,
        organization: OrganizationId,
        query: &PageQuery,
    ) -> Result<Page<ContactView>, ContactError> {
        let filter = ContactFilter { search: query.search.clone(), ..ContactFilter::default() };
        let limit = query.limit.unwrap_or(50).clamp(1, 200);
        let after = query.cursor.as_deref().and_then(|text| text.parse().ok());
        let mut items =
            store::contact_list(self.store(), organization, &filter, after, limit + 1).await?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next_cursor = items.last().filter(|_| more).map(|contact| contact.id.to_string());
        let total = store::contacts_count(self.store(), organization).await?;
        Ok(Page { items, next_cursor, total: Some(total) })
    }
}

/// Tells those who wait for news of contacts.
async fn happened(
    tx: &mut Tx,
    organization: OrganizationId,
    name: &'static str,
    contact: &ContactView,
    cause: Option<RunId>,
) -> StoreResult<()> {
    let payload = json!({ "customerId": contact.id, "customer": crate::tool::record(contact) });
    let happening = Happening { name, contact: Some(contact.id), cause, payload };
    store::event_happened(tx, organization, happening, contact.updated_at).await
}

fn blank(id: ContactId, now: DateTime<Utc>) -> ContactView {
    ContactView {
        id,
        name: String::new(),
        email: None,
        phone: None,
        status: "potential".into(),
        source: "manual".into(),
        locale: None,
        timezone: None,
        external_id: None,
        do_not_contact: false,
        consent: Vec::new(),
        tags: Vec::new(),
        total_spent: None,
        metadata: serde_json::Map::new(),
        created_at: now,
        updated_at: now,
    }
}

/// Why messages that wait must be looked at again, if they must.
fn reason(before: &ContactView, after: &ContactView, now: DateTime<Utc>) -> Option<&'static str> {
    if after.do_not_contact && !before.do_not_contact {
        Some("The contact is marked do not contact.")
    } else if revoked(after, now) && !revoked(before, now) {
        Some("The contact has revoked the consent to emails.")
    } else if before.email != after.email {
        Some("The contact\u{2019}s email address was changed.")
    } else {
        None
    }
}

/// Marks the contact's waiting messages stale; gives those that were approved already.
pub(super) async fn stale(
    tx: &mut Tx,
    organization: OrganizationId,
    contact: ContactId,
    reason: &'static str,
    now: DateTime<Utc>,
) -> StoreResult<Vec<(Message, &'static str)>> {
    let waiting = store::messages_waiting_for_contact_in(tx, organization, contact).await?;
    let mut approved = Vec::new();
    for mut message in waiting {
        if message.state != MessageState::PendingApproval {
            approved.push((message, reason));
            continue;
        }
        message.stale = reason.to_owned();
        super::save_as(tx, &mut message, MessageState::PendingApproval, now).await?;
        let Some(id) = message.approval else { continue };
        let approval = store::approval_fetch_in(tx, organization, id).await?;
        let hash = Some(message.content_hash.as_slice());
        let title = &message.content.subject;
        store::approval_revise(tx, organization, id, approval.revision, title, hash, now).await?;
    }
    Ok(approved)
}

fn line(field: &'static str, text: &str) -> Result<String, ContactError> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err(invalid(field, "it must be on one line, without control characters"));
    }
    if text.chars().count() > TEXT_MAX {
        return Err(invalid(field, format!("at most {TEXT_MAX} characters")));
    }
    Ok(text.to_owned())
}

/// An optional line; empty takes it away.
fn line_or_none(field: &'static str, text: &str) -> Result<Option<String>, ContactError> {
    Ok(Some(line(field, text)?).filter(|text| !text.is_empty()))
}

fn apply(
    contact: &mut ContactView,
    input: &ContactInput,
    now: DateTime<Utc>,
) -> Result<(), ContactError> {
    if let Some(name) = &input.name {
        contact.name = line("name", name)?;
        if contact.name.is_empty() {
            return Err(invalid("name", "it is empty"));
        }
    }
    if let Some(email) = &input.email {
        contact.email = match line_or_none("email", email)? {
            Some(email) => {
                Some(mailbox(&email).map_err(|text| invalid("email", text))?.email.to_string())
            }
            None => None,
        };
    }
    let set = |field: &'static str, from: &Option<String>, to: &mut Option<String>| {
        if let Some(text) = from {
            *to = line_or_none(field, text)?;
        }
        Ok::<_, ContactError>(())
    };
    set("phone", &input.phone, &mut contact.phone)?;
    set("locale", &input.locale, &mut contact.locale)?;
    set("external_id", &input.external_id, &mut contact.external_id)?;
    set("timezone", &input.timezone, &mut contact.timezone)?;
    if contact.timezone.as_deref().is_some_and(|zone| zone.parse::<chrono_tz::Tz>().is_err()) {
        return Err(invalid("timezone", "there is no such zone; write it like Europe/London"));
    }
    if let Some(status) = &input.status {
        contact.status = line("status", status)?;
    }
    if let Some(source) = &input.source {
        contact.source = line("source", source)?;
    }
    if let Some(do_not_contact) = input.do_not_contact {
        contact.do_not_contact = do_not_contact;
    }
    consent::apply(contact, input, now)?;
    if let Some(tags) = &input.tags {
        if tags.len() > TAGS_MAX {
            return Err(invalid("tags", format!("at most {TAGS_MAX} tags")));
        }
        contact.tags = tags.iter().map(|tag| line("tags", tag)).collect::<Result<_, _>>()?;
    }
    if let Some(spent) = input.total_spent {
        if !spent.is_finite() {
            return Err(invalid("total_spent", "it must be a number"));
        }
        contact.total_spent = Some(spent);
    }
    if let Some(metadata) = &input.metadata {
        for (key, value) in metadata {
            match value {
                Value::Null => contact.metadata.remove(key),
                value => contact.metadata.insert(key.clone(), value.clone()),
            };
        }
        let size = serde_json::to_string(&contact.metadata).map_or(usize::MAX, |text| text.len());
        if size > METADATA_MAX {
            return Err(invalid("metadata", "at most 256 KiB"));
        }
    }
    Ok(())
}
