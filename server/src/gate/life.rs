//! A message's life: which state may follow which.
//!
//! | from | to |
//! |---|---|
//! | PendingApproval | Held, Queued, Rejected, Expired, Cancelled, Refused, PendingApproval (edited) |
//! | Held | Queued, InFlight, PendingApproval (undone, stale), Expired, Cancelled, Refused |
//! | Queued, RetryWait | InFlight, PendingApproval (stale), Expired, Cancelled, Refused |
//! | InFlight | Accepted, RetryWait, FailedPermanent, Uncertain, Queued (sandbox only, after a crash) |
//! | Uncertain | Accepted (marked sent), Queued (sent again by a person), Cancelled (dropped) |
//! | Accepted | Delivered, Bounced |

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

/// The states that may follow a state.
pub fn followers(from: MessageState) -> &'static [MessageState] {
    use MessageState::*;
    match from {
        PendingApproval => &[PendingApproval, Held, Queued, Rejected, Expired, Cancelled, Refused],
        Held => &[Queued, InFlight, PendingApproval, Expired, Cancelled, Refused, Held],
        Approved | Queued | RetryWait => {
            &[InFlight, PendingApproval, Expired, Cancelled, Refused, Queued, RetryWait]
        }
        InFlight => &[Accepted, RetryWait, FailedPermanent, Uncertain, Queued],
        Uncertain => &[Accepted, Queued, Cancelled],
        Accepted => &[Delivered, Bounced],
        Delivered | Bounced | FailedPermanent | Rejected | Expired | Cancelled | Refused => &[],
    }
}

/// Whether a message may go from one state to another.
pub fn may_follow(from: MessageState, to: MessageState) -> bool {
    followers(from).contains(&to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use MessageState::*;

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
