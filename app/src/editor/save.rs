//! Whether the draft is on the server: the states, and which follows which. The page does the
//! saving ([`super::autosave`]); this only knows what it means.

use serde::{Deserialize, Serialize};
use signalbox::graph::Graph;
use signalbox::wire::{ApiError, ErrorCode};

/// Whether the draft is on the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SaveState {
    /// It is.
    #[default]
    Saved,
    /// Changes wait for a moment of rest.
    Changed,
    /// It is on its way.
    Saving,
    /// The server cannot be reached; the changes are kept in this browser and it is tried again.
    Offline,
    /// Somebody else saved meanwhile.
    Conflict,
    /// The server refused, and why. The changes are kept in this browser.
    Refused(String),
}

impl SaveState {
    /// The state after a save that failed.
    pub fn after(error: &ApiError) -> Self {
        match error.code {
            ErrorCode::Conflict => Self::Conflict,
            ErrorCode::Unreachable | ErrorCode::Unavailable | ErrorCode::RateLimited => {
                Self::Offline
            }
            _ => Self::Refused(error.message.clone()),
        }
    }

    /// What the toolbar says.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Saved => "Saved",
            Self::Changed => "Unsaved changes",
            Self::Saving => "Saving",
            Self::Offline => "Offline, changes kept",
            Self::Conflict => "Changed by someone else",
            Self::Refused(_) => "Not saved",
        }
    }

    /// Whether a moment of rest starts a save. A conflict waits for a person's choice.
    pub fn saves_by_itself(&self) -> bool {
        !matches!(self, Self::Saving | Self::Conflict)
    }

    /// Whether leaving now would leave the server without the newest changes.
    pub fn is_behind(&self) -> bool {
        *self != Self::Saved
    }
}

/// A copy of a draft that the server does not have, kept in the browser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptDraft {
    /// The revision the changes were made on.
    pub revision: u64,
    /// The name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The graph.
    pub graph: Graph,
    /// When it was kept, in milliseconds since 1970.
    pub at_ms: i64,
}

impl KeptDraft {
    /// The key in the browser's storage.
    pub fn key(workflow: &str) -> String {
        format!("signalbox.draft.{workflow}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_lead_to_the_state_that_says_what_to_do() {
        let after = |code| SaveState::after(&ApiError::new(code, "words"));
        assert_eq!(after(ErrorCode::Conflict), SaveState::Conflict);
        assert_eq!(after(ErrorCode::Unreachable), SaveState::Offline);
        assert_eq!(after(ErrorCode::Unavailable), SaveState::Offline);
        assert_eq!(after(ErrorCode::TooLarge), SaveState::Refused("words".into()));
        assert!(!SaveState::Conflict.saves_by_itself() && SaveState::Offline.saves_by_itself());
        assert!(SaveState::Refused(String::new()).is_behind() && !SaveState::Saved.is_behind());
    }

    #[test]
    fn a_kept_draft_reads_back() {
        let kept = KeptDraft {
            revision: 4,
            name: "Welcome".into(),
            description: String::new(),
            graph: crate::canvas::model::fixture::small(),
            at_ms: 17,
        };
        let text = serde_json::to_string(&kept).expect("json");
        assert_eq!(serde_json::from_str::<KeptDraft>(&text).expect("read"), kept);
    }
}
