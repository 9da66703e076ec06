//! What a run is told beside its input: limits, people, and who hears of its steps.
//!
//! The words are those of the DAG document's `executePlan(planId, {input, hitl, options})`. Deliberately absent: how
//! people and other systems are reached; the run only notes whom it wants told.

use crate::id::NodeId;
use serde::{Deserialize, Serialize};

/// Longest time that can be said, in milliseconds: a year.
pub const OPTION_TIME_MAX_MS: u64 = 366 * 24 * 3_600_000;

/// What a run is told beside its input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RunOptions {
    /// People in this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hitl: Option<Hitl>,
    /// The run as a whole.
    #[serde(skip_serializing_if = "ExecutionOptions::is_default")]
    pub options: ExecutionOptions,
}

impl RunOptions {
    /// Whether it says nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// People in a run. In JSON: `{"requiredFor": ["analyze"], "confidenceThreshold": 0.85, …}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Hitl {
    /// Steps whose output a person reviews, besides those that require it anyway.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_for: Vec<String>,
    /// From 0 to 1: an output of at least this confidence needs nobody. 0.85 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence_threshold: Option<f64>,
    /// Milliseconds after which a review expires, and the step fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Where people are told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notify_channels: Vec<NotifyChannel>,
    /// Whom to ask when nobody answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Escalation>,
}

impl Hitl {
    /// The confidence from which an output needs nobody, unless a run says otherwise.
    pub const CONFIDENCE_DEFAULT: f64 = 0.85;

    /// The confidence from which an output needs nobody.
    pub fn threshold(&self) -> f64 {
        self.confidence_threshold.unwrap_or(Self::CONFIDENCE_DEFAULT).clamp(0.0, 1.0)
    }

    /// Whether a person reviews the output of a step.
    pub fn requires(&self, node: &NodeId) -> bool {
        self.required_for.iter().any(|id| id == node.as_str())
    }
}

/// Where people are told of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum NotifyChannel {
    Email,
    Dashboard,
    Slack,
    Webhook,
}

impl NotifyChannel {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Dashboard => "dashboard",
            Self::Slack => "slack",
            Self::Webhook => "webhook",
        }
    }
}

/// Whom to ask when nobody answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Escalation {
    /// After so many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
    /// A member or an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// The run as a whole. In JSON: `{"timeoutMs": 300000, "dryRun": true}`. The callbacks of the document are addresses
/// here: each is sent the step's result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ExecutionOptions {
    /// Working time after which the run fails, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Shows the whole path; asks no model and sends nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Address that is sent each step that was completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_step_complete: Option<String>,
    /// Address that is sent each step that failed for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_step_failed: Option<String>,
    /// Name of the organisation's secret that signs what is sent, as Standard Webhooks say. Absent: unsigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_secret: Option<String>,
}

impl ExecutionOptions {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn options_are_read_as_the_document_writes_them() {
        let written = json!({
            "hitl": {"requiredFor": ["analyze"], "confidenceThreshold": 0.9, "timeoutMs": 3_600_000,
                "notifyChannels": ["email", "dashboard", "slack", "webhook"],
                "escalation": {"afterMs": 60_000, "to": "lead@example.com"}},
            "options": {"timeoutMs": 300_000, "dryRun": true},
        });
        let options: RunOptions = serde_json::from_value(written.clone()).unwrap();
        let hitl = options.hitl.as_ref().unwrap();
        assert_eq!((hitl.threshold(), hitl.requires(&"analyze".into())), (0.9, true));
        assert_eq!(serde_json::to_value(&options).unwrap(), written);
        assert_eq!(Hitl::default().threshold(), 0.85);
        let odd = json!({"hitl": {"notifyChannels": ["pigeon"]}});
        assert!(serde_json::from_value::<RunOptions>(odd).is_err());
    }
}
