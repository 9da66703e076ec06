//! What live frames do to the rows of the list. Pure.

use super::filter::Filter;
use crate::live::RunChange;
use signalbox::wire::RunView;

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// The list says so, or has nothing to say.
    Settled,
    /// The run came into the filter, and has no row yet.
    Unknown,
}

/// Takes a run's change in: its row changes, or leaves the list where the filter has no place for it any more.
pub fn change(rows: &mut Vec<RunView>, filter: &Filter, change: RunChange) -> Became {
    let keeps = filter.has_place_for(change.status.phase());
    let Some(at) = rows.iter().position(|row| row.id == change.run) else {
        let came_in = keeps && filter.may_come_in();
        return if came_in { Became::Unknown } else { Became::Settled };
    };
    if !keeps {
        rows.remove(at);
        return Became::Settled;
    }
    let row = &mut rows[at];
    row.status = change.status;
    row.seq = change.seq;
    row.current_title = change.step;
    row.current_node = None;
    row.updated_at = change.at.unwrap_or(row.updated_at);
    Became::Settled
}

/// Puts rows that were fetched into the list, newest first.
pub fn merge(rows: &mut Vec<RunView>, fetched: Vec<RunView>) {
    for row in fetched {
        match rows.iter_mut().find(|known| known.id == row.id) {
            // The live stream may have told of more meanwhile.
            Some(known) if row.seq < known.seq => {}
            Some(known) => *known = row,
            None => rows.push(row),
        }
    }
    // The ids of runs follow the time.
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use serde_json::json;
    use signalbox::id::RunId;

    fn id(number: u128) -> RunId {
        RunId(uuid::Uuid::from_u128(number))
    }

    fn row(number: u128) -> RunView {
        serde_json::from_value(json!({
            "id": id(number), "workflow": id(0), "workflow_name": "Orders", "version": 1,
            "status": { "type": "Executing" }, "started_by": "Ada", "started_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z", "ended_at": null, "current_node": "a", "contacts": [], "seq": 3,
        }))
        .expect("a run")
    }

    fn failed(number: u128, at: Option<&str>) -> RunChange {
        serde_json::from_value(json!({
            "run": id(number), "status": { "type": "Failed", "error_message": "no" }, "seq": 9, "at": at,
        }))
        .expect("a change")
    }

    fn numbers(rows: &[RunView]) -> Vec<u128> {
        rows.iter().map(|row| row.id.0.as_u128()).collect()
    }

    #[test]
    fn a_row_says_when_it_changed_last() {
        let mut rows = vec![row(2), row(1)];
        let became = change(&mut rows, &Filter::default(), failed(1, Some("2026-01-02T00:00:00Z")));
        assert_eq!((became, rows[1].seq), (Became::Settled, 9));
        let at = DateTime::parse_from_rfc3339("2026-01-02T00:00:00Z").expect("a time");
        assert_eq!(rows[1].updated_at, at);
        change(&mut rows, &Filter::default(), failed(2, None));
        assert_eq!(rows[0].updated_at, row(2).updated_at, "an older server does not say");
        assert_eq!(change(&mut rows, &Filter::default(), failed(7, None)), Became::Settled);
        merge(&mut rows, vec![row(2), row(1)]);
        assert_eq!((rows.len(), rows[1].seq), (2, 9), "no row twice, none older than it was");
    }

    #[test]
    fn a_row_that_leaves_the_filter_goes_and_one_that_enters_is_fetched() {
        let executing = Filter { state: "Executing".into(), ..Filter::default() };
        let mut rows = vec![row(3), row(1)];
        assert_eq!(change(&mut rows, &executing, failed(1, None)), Became::Settled);
        assert_eq!(numbers(&rows), [3]);
        assert_eq!(change(&mut rows, &executing, failed(7, None)), Became::Settled);
        let only_failed = Filter { state: "Failed".into(), ..Filter::default() };
        assert_eq!(change(&mut rows, &only_failed, failed(7, None)), Became::Unknown);
        merge(&mut rows, vec![row(7), row(3), row(2)]);
        assert_eq!(numbers(&rows), [7, 3, 2]);
        assert_eq!(change(&mut rows, &Filter::default(), failed(9, None)), Became::Settled);
        let of_ada = Filter { contact: "ada".into(), ..Filter::default() };
        assert_eq!(change(&mut rows, &of_ada, failed(9, None)), Became::Unknown, "it may write");
        let named = |q: &str| Filter { q: q.into(), ..Filter::default() };
        let lets_through =
            [named("orders"), named("news"), of_ada].map(|f| f.lets_through(&row(9)));
        assert_eq!(lets_through, [Some(true), Some(false), None], "the row has no contact's id");
    }
}
