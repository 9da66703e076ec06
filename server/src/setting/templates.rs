//! The organisation's message templates: what they may say, and who may change them when.
//!
//! Deliberately absent: rendering, which needs the run that sends (see `gate::template`).

use super::{SettingError, Settings, invalid};
use crate::store::{self, StoreError};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use signalbox::{
    expr::{Template, limits::MAX_TEMPLATE_BYTES},
    id::{NodeId, OrganizationId},
    wire::{Page, PageQuery, TemplateCreate, TemplateView},
};

/// What the cursor of a list in the order of names begins with; the last name follows.
pub const NAME_CURSOR: &str = "after.";
/// Templates of one organisation.
pub const TEMPLATES_MAX: u32 = 1_000;
const NAME_MAX: usize = 200;
const SUBJECT_MAX: usize = 998;

impl Settings {
    /// Templates in the order of their ids.
    pub async fn templates(
        &self,
        organization: OrganizationId,
        query: &PageQuery,
    ) -> Result<Page<TemplateView>, SettingError> {
        let limit = query.limit.unwrap_or(50).clamp(1, 200);
        let search = query.search.as_deref().filter(|text| !text.trim().is_empty());
        let after = query.cursor.as_deref().and_then(|cursor| cursor.strip_prefix(NAME_CURSOR));
        let listed = store::template_list(&self.store, organization, search, after, limit + 1);
        let mut items = listed.await?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next_cursor =
            items.last().filter(|_| more).map(|last| format!("{NAME_CURSOR}{}", last.id));
        Ok(Page { items, next_cursor, total: None })
    }

    /// The ids of all templates.
    pub async fn template_ids(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<String>, SettingError> {
        Ok(store::template_ids(&self.store, organization, TEMPLATES_MAX).await?)
    }

    /// Makes a template.
    pub async fn template_create(
        &self,
        organization: OrganizationId,
        wanted: &TemplateCreate,
        by: String,
        now: DateTime<Utc>,
    ) -> Result<TemplateView, SettingError> {
        let template = checked(wanted, 1, by, now)?;
        let made = template.clone();
        let write = self.store.write_with(move |tx| {
            async move {
                let many = store::templates_count_in(tx, organization).await?;
                if many >= u64::from(TEMPLATES_MAX) {
                    let text = format!("an organisation has at most {TEMPLATES_MAX} templates");
                    return Err(invalid("id", text));
                }
                match store::template_put(tx, organization, &template).await {
                    Err(StoreError::Conflict { .. }) => {
                        let text = format!("there is a template {} already", template.id);
                        Err(invalid("id", text))
                    }
                    other => Ok(other?),
                }
            }
            .boxed()
        });
        write.await?;
        Ok(made)
    }

    /// Changes a template that was looked at in `revision`.
    pub async fn template_change(
        &self,
        organization: OrganizationId,
        revision: u32,
        wanted: &TemplateCreate,
        by: String,
        now: DateTime<Utc>,
    ) -> Result<TemplateView, SettingError> {
        let template = checked(wanted, revision.saturating_add(1).max(2), by, now)?;
        store::template_fetch(&self.store, organization, &template.id).await?;
        let changed = template.clone();
        let write = self.store.write(move |tx| {
            async move { store::template_put(tx, organization, &template).await }.boxed()
        });
        write.await?;
        Ok(changed)
    }

    /// Takes a template away; whether there was one.
    pub async fn template_remove(
        &self,
        organization: OrganizationId,
        id: &str,
    ) -> Result<bool, SettingError> {
        let id = id.to_owned();
        let write = self.store.write(move |tx| {
            async move { store::template_delete(tx, organization, &id).await }.boxed()
        });
        Ok(write.await?)
    }
}

fn checked(
    wanted: &TemplateCreate,
    revision: u32,
    updated_by: String,
    now: DateTime<Utc>,
) -> Result<TemplateView, SettingError> {
    let id = wanted.id.trim();
    if !NodeId::from(id).is_valid() {
        return Err(invalid("id", "1 to 120 letters, digits, _, -, . or :"));
    }
    let line = |field, text: &str, max: usize| {
        let text = text.trim();
        if text.chars().count() > max || text.chars().any(char::is_control) {
            return Err(invalid(field, format!("at most {max} characters on one line")));
        }
        Ok(text.to_owned())
    };
    let mut name = line("name", &wanted.name, NAME_MAX)?;
    if name.is_empty() {
        name = id.to_owned();
    }
    let subject = line("subject", &wanted.subject, SUBJECT_MAX)?;
    let text = wanted.text.replace("\r\n", "\n");
    let html = wanted.html.as_ref().map(|html| html.replace("\r\n", "\n"));
    let html = html.filter(|html| !html.trim().is_empty());
    if text.trim().is_empty() && html.is_none() {
        return Err(invalid("text", "write a text, an HTML part, or both"));
    }
    for (field, source) in
        [("subject", Some(&subject)), ("text", Some(&text)), ("html", html.as_ref())]
    {
        source.map_or(Ok(()), |source| words(field, source))?;
    }
    let id = id.to_owned();
    Ok(TemplateView { id, revision, name, subject, text, html, updated_by, updated_at: now })
}

/// What stands between braces must be readable, and must not be a secret.
fn words(field: &'static str, source: &str) -> Result<(), SettingError> {
    if source.len() > MAX_TEMPLATE_BYTES || source.contains('\0') {
        return Err(invalid(field, "at most 256 KiB, without NUL characters"));
    }
    let template = Template::parse(source).map_err(|error| invalid(field, error.to_string()))?;
    let secret = |path: &Vec<String>| path.first().is_some_and(|first| first.as_str() == "secrets");
    if template.names().iter().any(secret) {
        return Err(invalid(field, "secrets cannot be put into a message"));
    }
    Ok(())
}
