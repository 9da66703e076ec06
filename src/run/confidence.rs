//! How much an output can be trusted: four dimensions, weighed.
//!
//! A triage signal and no guarantee: it decides who looks, not whether the output is right. Deliberately absent:
//! asking the model (that is a call).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a scoring model says of an output; each from 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Confidence {
    /// The weighed sum.
    pub value: f64,
    /// With at least this nobody is asked.
    pub threshold: f64,
    /// Whether it agrees with what it was given. Weighs 30 %.
    pub factual_consistency: f64,
    /// Whether it does what was asked. Weighs 25 %.
    pub prompt_adherence: f64,
    /// Whether nothing is missing. Weighs 25 %.
    pub completeness: f64,
    /// Whether it has the form that was asked for. Weighs 20 %.
    pub formatting: f64,
}

impl Confidence {
    /// Reads a scoring model's answer: an object with the four dimensions. `None`: one is missing or no number.
    pub fn read(answer: &Value, threshold: f64) -> Option<Self> {
        let dimension = |name: &str| Some(answer.get(name)?.as_f64()?.clamp(0.0, 1.0));
        let mut read = Self {
            value: 0.0,
            threshold,
            factual_consistency: dimension("factualConsistency")?,
            prompt_adherence: dimension("promptAdherence")?,
            completeness: dimension("completeness")?,
            formatting: dimension("formatting")?,
        };
        let weighed = 30.0 * read.factual_consistency
            + 25.0 * read.prompt_adherence
            + 25.0 * read.completeness
            + 20.0 * read.formatting;
        // Cut to what a person can read, so that what is shown and what decides are the same.
        read.value = (weighed * 100.0).round() / 10_000.0;
        Some(read)
    }

    /// Whether nobody needs to look.
    pub fn is_enough(&self) -> bool {
        self.value >= self.threshold
    }

    /// Who looks, in words.
    pub fn band(&self) -> &'static str {
        match self.value {
            value if value >= 0.95 => "very high",
            value if value >= 0.85 => "high",
            value if value >= 0.70 => "a reviewer should look",
            value if value >= 0.50 => "an experienced reviewer should look",
            _ => "an experienced reviewer should look first",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_four_dimensions_are_weighed_and_the_threshold_itself_is_enough() {
        let of = |f: f64, p: f64, c: f64, s: f64| {
            let answer = json!({"factualConsistency": f, "promptAdherence": p, "completeness": c, "formatting": s});
            Confidence::read(&answer, 0.85).unwrap()
        };
        for (dimensions, value, enough) in [
            ((1.0, 1.0, 1.0, 1.0), 1.0, true),
            ((0.0, 1.0, 1.0, 1.0), 0.7, false),
            ((1.0, 0.0, 1.0, 1.0), 0.75, false),
            ((1.0, 1.0, 1.0, 0.0), 0.8, false),
            ((0.85, 0.85, 0.85, 0.85), 0.85, true),
            ((7.0, -1.0, 0.0, 0.0), 0.3, false),
        ] {
            let (f, p, c, s) = dimensions;
            let read = of(f, p, c, s);
            assert_eq!((read.value, read.is_enough()), (value, enough), "{dimensions:?}");
        }
        assert_eq!(Confidence::read(&json!({"factualConsistency": 1}), 0.85), None);
        assert_eq!(Confidence::read(&json!("very good"), 0.85), None);
    }
}
