//! Message templates: texts that steps send by their id.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A message template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TemplateView {
    /// The id, as steps name it in `templateId`.
    pub id: String,
    /// From 1; it rises with each change.
    pub revision: u32,
    /// The name, for people.
    pub name: String,
    /// The subject of steps that have none of their own.
    pub subject: String,
    /// The plain text, with `{{…}}` in it.
    pub text: String,
    /// The HTML part, if there is one; what is put into it is escaped.
    pub html: Option<String>,
    /// Who changed it last.
    pub updated_by: String,
    /// When.
    pub updated_at: DateTime<Utc>,
}

/// `POST /api/templates`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TemplateCreate {
    /// The id: 1 to 120 letters, digits, `_`, `-`, `.` or `:`.
    pub id: String,
    /// The name, for people; the id unless given.
    #[serde(default)]
    pub name: String,
    /// The subject of steps that have none of their own.
    #[serde(default)]
    pub subject: String,
    /// The plain text; of the HTML part when empty.
    #[serde(default)]
    pub text: String,
    /// The HTML part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// `PUT /api/templates/{id}`: the whole template as it shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TemplateChange {
    /// The revision that was looked at; a conflict when there is a newer one.
    pub revision: u32,
    /// The name; the id when empty.
    #[serde(default)]
    pub name: String,
    /// The subject.
    #[serde(default)]
    pub subject: String,
    /// The plain text.
    #[serde(default)]
    pub text: String,
    /// The HTML part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}
