//! At which rows a run may be retried or forked. Pure.

use super::fold::RunFold;
use signalbox::run::{EventBody, RunEnd, begun_anew};
use std::collections::BTreeSet;

/// What the rows offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// Rows of steps that failed and that a retry does again.
    pub retry: BTreeSet<u64>,
    /// The last row from which a fork can be made: the run had not ended there.
    pub fork: Option<u64>,
}

impl Offers {
    /// What a run offers.
    pub fn of(fold: &RunFold) -> Self {
        // Whether it has ended is not known yet.
        if fold.is_behind() {
            return Self::default();
        }
        let ending = |body: &EventBody| matches!(body, EventBody::RunEnded { .. });
        let ended = || fold.events.iter().rev().find(|event| ending(&event.body));
        let fork = match fold.state.end {
            Some(_) => ended().map(|event| event.seq - 1),
            None => Some(fold.seq()),
        };
        Self { retry: if can_retry(fold) { failed(fold) } else { BTreeSet::new() }, fork }
    }
}

/// Whether the run's end is one that a retry can take back.
pub fn can_retry(fold: &RunFold) -> bool {
    matches!(
        fold.state.end,
        Some(RunEnd::Failed { .. } | RunEnd::Stopped { replaced_by: None, .. })
    )
}

fn failed(fold: &RunFold) -> BTreeSet<u64> {
    let again: BTreeSet<_> = begun_anew(&fold.state).into_iter().collect();
    let rows = fold.events.iter().filter_map(|event| match &event.body {
        EventBody::NodeFailed { activation, .. } if again.contains(activation) => Some(event.seq),
        _ => None,
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use signalbox::id::RunId;
    use signalbox::run::{ActivationId, ErrorKind, Event, FrameId, StepError};

    fn fold(bodies: Vec<EventBody>) -> RunFold {
        let mut fold = RunFold::new(RunId(uuid::Uuid::nil()));
        let events = bodies.into_iter().zip(1..);
        let event = |(body, seq)| Event { seq, at: DateTime::UNIX_EPOCH, body };
        fold.take(&events.map(event).collect::<Vec<_>>());
        fold
    }

    fn story() -> Vec<EventBody> {
        let (activation, error) = (ActivationId(1), StepError::new(ErrorKind::NotFound, "no"));
        let failed = serde_json::json!({ "type": "node_failed", "activation": 1, "error": &error });
        vec![
            serde_json::from_value(serde_json::json!({ "type": "run_started", "input": null }))
                .unwrap(),
            EventBody::NodeStarted { activation, node: "a".into(), frame: FrameId(0) },
            serde_json::from_value(failed).unwrap(),
            EventBody::RunEnded { end: RunEnd::Failed { node: Some("a".into()), error } },
        ]
    }

    #[test]
    fn a_failed_step_offers_a_retry_once_the_run_has_ended() {
        let ended = Offers::of(&fold(story()));
        assert_eq!((ended.retry.into_iter().collect::<Vec<_>>(), ended.fork), (vec![3], Some(3)));
        let lives = Offers::of(&fold(story()[..3].to_vec()));
        assert_eq!((lives.retry.len(), lives.fork), (0, Some(3)));
        let mut again = story();
        let reopened = serde_json::json!({ "type": "run_reopened", "by": "Ada",
            "again": [{ "activation": 1, "edges": [] }] });
        again.push(serde_json::from_value(reopened).unwrap());
        let again = Offers::of(&fold(again));
        assert_eq!((again.retry.len(), again.fork), (0, Some(5)));
    }
}
