//! Who started a run, where that was another run.

use crate::id::RunId;

/// What stands in `started_by`, and in who ended it, when a run does it.
pub fn by_run(run: RunId) -> String {
    format!("run {run}")
}

/// The run that such words mean; none when they mean a person or anything else.
pub fn run_of(by: &str) -> Option<RunId> {
    by.strip_prefix("run ")?.parse().ok()
}

/// Who did something, as people read it.
pub(super) fn said(by: &str) -> &str {
    if run_of(by).is_some() { "another run" } else { by }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_starts_another_is_found_in_the_words() {
        let run = RunId(uuid::Uuid::from_u128(7));
        assert_eq!(run_of(&by_run(run)), Some(run));
        assert_eq!(said(&by_run(run)), "another run");
        for by in ["Ada", "run", "run along", "schedule", ""] {
            assert_eq!((run_of(by), said(by)), (None, by));
        }
    }
}
