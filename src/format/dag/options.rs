//! What a DAG plan's run may be told: `executePlan(planId, {input, hitl, options})`.
//!
//! Callbacks are events on the live stream here, so they have no field.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a run of a plan is told. In JSON: `{"input": {…}, "hitl": {…}, "options": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ExecutePlanOptions {
    /// What all steps can read as `{{input.…}}`.
    pub input: Map<String, Value>,
    /// People in this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hitl: Option<Hitl>,
    /// The run as a whole.
    pub options: ExecutionOptions,
}

/// People in a run. In JSON: `{"requiredFor": ["analyze"], "confidenceThreshold": 0.85, …}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
}

/// Where people are told of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum NotifyChannel {
    Email,
    Dashboard,
    Slack,
    Webhook,
}

/// Whom to ask when nobody answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Escalation {
    /// After so many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
    /// A member or an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// The run as a whole. In JSON: `{"timeoutMs": 300000, "dryRun": true}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ExecutionOptions {
    /// Working time after which the run fails, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Shows the whole path; asks no model and sends nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn options_are_read_as_the_document_writes_them() {
        let written = json!({
            "input": {"data": "a,b", "schema": {}},
            "hitl": {"requiredFor": ["analyze"], "confidenceThreshold": 0.9, "timeoutMs": 3_600_000,
                "notifyChannels": ["email", "dashboard", "slack", "webhook"],
                "escalation": {"afterMs": 60_000, "to": "lead@example.com"}},
            "options": {"timeoutMs": 300_000, "dryRun": true},
        });
        let options: ExecutePlanOptions = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(options.hitl.as_ref().unwrap().threshold(), 0.9);
        assert_eq!(serde_json::to_value(&options).unwrap(), written);
        assert_eq!(Hitl::default().threshold(), 0.85);
        let odd = json!({"hitl": {"notifyChannels": ["pigeon"]}});
        assert!(serde_json::from_value::<ExecutePlanOptions>(odd).is_err());
    }
}
