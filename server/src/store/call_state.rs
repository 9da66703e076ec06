//! The machine of a call as a table: where an intent may go from where it is. What is not listed changes nothing.
//!
//! Printed by [`call_table`]; the stores' conformance suite tries every pair of a state and a step on each store. A
//! later attempt takes the earlier one's place, wherever that was: `Opened`, and `Offered` to outside workers.
//!
//! ```text
//! (none) --Opened--> Open
//! (none) --Offered--> Offered
//! Open --Opened--> Open
//! Open --Offered--> Offered
//! Open --Begun--> Open
//! Open --Rested--> Parked
//! Open --Queued--> Waiting
//! Open --Parked--> Parked
//! Open --Held--> Held
//! Open --Closed--> (none)
//! Parked --Opened--> Open
//! Parked --Offered--> Offered
//! Parked --Parked--> Parked
//! Parked --Closed--> (none)
//! Held --Opened--> Open
//! Held --Offered--> Offered
//! Held --Parked--> Parked
//! Held --Released--> Open
//! Held --Closed--> (none)
//! Offered --Opened--> Open
//! Offered --Offered--> Offered
//! Offered --Claimed--> Claimed
//! Offered --Closed--> (none)
//! Claimed --Opened--> Open
//! Claimed --Offered--> Offered
//! Claimed --Freed--> Offered
//! Claimed --Closed--> (none)
//! Waiting --Opened--> Open
//! Waiting --Offered--> Offered
//! Waiting --Admitted--> Open
//! Waiting --Closed--> (none)
//! ```

/// Where an open call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallState {
    /// It must be made.
    Open,
    /// The send gate holds it, or another run works on it, and will tell the run.
    Parked,
    /// It was begun too often without a result, or its run is set aside; a person must look.
    Held,
    /// A task that no worker has.
    Offered,
    /// A task that a worker has.
    Claimed,
    /// It would start a run, and its queue has no place for one.
    Waiting,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallStep {
    /// An attempt is to be made.
    Opened,
    /// An attempt is to be made by an outside worker.
    Offered,
    /// The attempt is begun once more.
    Begun,
    /// The attempt waits for another run from now on.
    Rested,
    /// Its queue is full of runs.
    Queued,
    /// Its queue has a place for its run.
    Admitted,
    /// The send gate has it from now on.
    Parked,
    /// A person must look first.
    Held,
    /// A person looked.
    Released,
    /// A worker takes it.
    Claimed,
    /// The worker gave it back, or its lease ran out.
    Freed,
    /// It has a result, or is not wanted any more.
    Closed,
}

impl CallState {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Parked, Self::Held, Self::Offered, Self::Claimed, Self::Waiting];

    /// Its word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Parked => "parked",
            Self::Held => "held",
            Self::Offered => "offered",
            Self::Claimed => "claimed",
            Self::Waiting => "waiting",
        }
    }

    /// The state of a word in the database.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl CallStep {
    /// All steps.
    pub const ALL: [Self; 12] = [
        Self::Opened,
        Self::Offered,
        Self::Begun,
        Self::Rested,
        Self::Queued,
        Self::Admitted,
        Self::Parked,
        Self::Held,
        Self::Released,
        Self::Claimed,
        Self::Freed,
        Self::Closed,
    ];
}

/// Where a call goes, `None` for no row: where it is if nothing changes.
pub fn call_next(from: Option<CallState>, step: CallStep) -> Option<CallState> {
    listed(from, step).unwrap_or(from)
}

fn listed(from: Option<CallState>, step: CallStep) -> Option<Option<CallState>> {
    use CallState as At;
    let to = match (from, step) {
        (_, CallStep::Opened) => At::Open,
        (_, CallStep::Offered) => At::Offered,
        (Some(_), CallStep::Closed) => return Some(None),
        (Some(At::Open), CallStep::Begun) => At::Open,
        (Some(At::Open), CallStep::Rested) => At::Parked,
        (Some(At::Open), CallStep::Queued) => At::Waiting,
        (Some(At::Waiting), CallStep::Admitted) => At::Open,
        (Some(At::Open), CallStep::Held) => At::Held,
        (Some(At::Open | At::Parked | At::Held), CallStep::Parked) => At::Parked,
        (Some(At::Held), CallStep::Released) => At::Open,
        (Some(At::Offered), CallStep::Claimed) => At::Claimed,
        (Some(At::Claimed), CallStep::Freed) => At::Offered,
        _ => return None,
    };
    Some(Some(to))
}

/// The table as text, one line a pair.
pub fn call_table() -> String {
    let name = |state: Option<CallState>| match state {
        Some(state) => format!("{state:?}"),
        None => "(none)".to_owned(),
    };
    let mut table = String::new();
    for from in std::iter::once(None).chain(CallState::ALL.into_iter().map(Some)) {
        for step in CallStep::ALL {
            if let Some(to) = listed(from, step) {
                table.push_str(&format!("{} --{step:?}--> {}\n", name(from), name(to)));
            }
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_the_table_of_the_code() {
        let page: String = include_str!("call_state.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! "))
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(page.contains(&call_table()), "{}", call_table());
        assert_eq!(page.matches("-->").count(), call_table().lines().count());
    }

    #[test]
    fn words_are_read_back() {
        assert!(
            CallState::ALL.into_iter().all(|state| CallState::of(state.as_str()) == Some(state))
        );
        assert_eq!(CallState::of("gone"), None);
    }
}
