//! A message's life: which state may follow which.
//!
//! Printed by [`life_table`]; a test lets the gate make every move on a real database, and no other. A message that
//! stays where it is was changed there: edited, or postponed. Only a person leads from `Uncertain` anywhere; `InFlight`
//! goes back to `Queued` in the sandbox alone, after a crash.
//!
//! ```text
//! (none) --> PendingApproval | Refused
//! PendingApproval --> PendingApproval | Held | Rejected | Expired | Cancelled
//! Held --> Held | InFlight | PendingApproval | Expired | Cancelled | Refused
//! Queued --> Queued | InFlight | PendingApproval | Expired | Cancelled | Refused
//! InFlight --> Accepted | RetryWait | FailedPermanent | Uncertain | Queued
//! Accepted --> Delivered | Bounced
//! RetryWait --> RetryWait | InFlight | PendingApproval | Expired | Cancelled | Refused
//! Uncertain --> Accepted | Queued | Cancelled
//! ```

use signalbox::wire::MessageState;

/// A move that the table does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message that is {from:?} cannot become {to:?}")]
pub struct IllegalMove {
    /// Where it is.
    pub from: MessageState,
    /// Where it should go.
    pub to: MessageState,
}

/// The states that may follow a state; those it may begin in for `None`.
pub fn followers(from: Option<MessageState>) -> &'static [MessageState] {
    use MessageState::*;
    let Some(from) = from else { return &[PendingApproval, Refused] };
    match from {
        PendingApproval => &[PendingApproval, Held, Rejected, Expired, Cancelled],
        Held => &[Held, InFlight, PendingApproval, Expired, Cancelled, Refused],
        Queued => &[Queued, InFlight, PendingApproval, Expired, Cancelled, Refused],
        RetryWait => &[RetryWait, InFlight, PendingApproval, Expired, Cancelled, Refused],
        InFlight => &[Accepted, RetryWait, FailedPermanent, Uncertain, Queued],
        Uncertain => &[Accepted, Queued, Cancelled],
        Accepted => &[Delivered, Bounced],
        Delivered | Bounced | FailedPermanent | Rejected | Expired | Cancelled | Refused => &[],
    }
}

/// Whether a message may go from one state to another.
pub fn may_follow(from: MessageState, to: MessageState) -> bool {
    followers(Some(from)).contains(&to)
}

/// The table as text, one line a state that has followers.
pub fn life_table() -> String {
    let mut table = String::new();
    for from in std::iter::once(None).chain(MessageState::ALL.into_iter().map(Some)) {
        let to: Vec<String> = followers(from).iter().map(|to| format!("{to:?}")).collect();
        let from = from.map_or("(none)".to_owned(), |from| format!("{from:?}"));
        if !to.is_empty() {
            table.push_str(&format!("{from} --> {}\n", to.join(" | ")));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use MessageState::*;

    #[test]
    fn the_page_shows_the_table_of_the_code() {
        let page: String = include_str!("life.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! "))
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(page.contains(&life_table()), "{}", life_table());
    }

    #[test]
    fn what_may_have_left_is_never_sent_again_without_a_person() {
        for state in [Accepted, Delivered, Bounced, FailedPermanent, Rejected, Expired, Cancelled] {
            assert!(!may_follow(state, InFlight) && !may_follow(state, Queued), "{state:?}");
        }
        // From Uncertain only a person leads to Queued; no state but the three unsent ones leads to InFlight.
        assert!(!may_follow(Uncertain, InFlight) && !may_follow(PendingApproval, InFlight));
        assert!(may_follow(Uncertain, Queued));
    }

    #[test]
    fn a_draft_cannot_skip_its_approval() {
        assert!(!may_follow(PendingApproval, InFlight) && !may_follow(PendingApproval, Accepted));
        assert!(may_follow(Held, PendingApproval));
    }
}
