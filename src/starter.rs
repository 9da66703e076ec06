//! The starter gallery: workflows that come with the product, ready to run and meant to be changed.
//!
//! The documents are files under `public/starters`, in the visual form, built into the program. Deliberately
//! absent: creating a workflow from one (that is an ordinary import).

use crate::format::{self, FormatError, Imported};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::LazyLock;

/// A workflow to start from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Starter {
    /// Stable, for links and the API: `welcome-email`.
    #[serde(default)]
    pub slug: String,
    /// What it shows, in a word or two each: `approval`, `loop`.
    pub shows: Vec<String>,
    /// An input to try it with. Customers are named by external id.
    pub example_input: Value,
    /// The document to import; it has the name and the description.
    pub workflow: Value,
}

impl Starter {
    /// The workflow's name.
    pub fn name(&self) -> &str {
        self.workflow["name"].as_str().unwrap_or(&self.slug)
    }

    /// What it does, in a sentence or two.
    pub fn description(&self) -> &str {
        self.workflow["description"].as_str().unwrap_or_default()
    }

    /// The workflow as a graph.
    pub fn import(&self) -> Result<Imported, FormatError> {
        format::import(&self.workflow)
    }
}

const DOCUMENTS: [(&str, &str); 6] = [
    ("welcome-email", include_str!("../public/starters/welcome-email.json")),
    ("win-back", include_str!("../public/starters/win-back.json")),
    ("vip-offer", include_str!("../public/starters/vip-offer.json")),
    ("follow-up", include_str!("../public/starters/follow-up.json")),
    ("reply-draft", include_str!("../public/starters/reply-draft.json")),
    ("health-check", include_str!("../public/starters/health-check.json")),
];

/// All starters, the simplest first.
pub fn starters() -> &'static [Starter] {
    static STARTERS: LazyLock<Vec<Starter>> = LazyLock::new(|| {
        let read = |(slug, text): &(&str, &str)| {
            let mut starter: Starter = serde_json::from_str(text).ok()?;
            starter.slug = (*slug).to_owned();
            Some(starter)
        };
        DOCUMENTS.iter().filter_map(read).collect()
    });
    &STARTERS
}

/// The starter of a slug.
pub fn find(slug: &str) -> Option<&'static Starter> {
    starters().iter().find(|starter| starter.slug == slug)
}

#[cfg(test)]
mod tests;
