//! The list's data: what waits and what was decided lately, kept up by live frames. Pure but for
//! the signal it lives in.

use signalbox::id::ApprovalId;
use signalbox::wire::{ApprovalState, ApprovalView};

/// Decided items that stay in the list; older ones are fetched by the other tab.
const DECIDED_MAX: usize = 200;

/// Which part of the inbox is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// What waits for a person, oldest first.
    #[default]
    Waiting,
    /// What was decided, newest first.
    Decided,
}

/// Everything the list knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Items {
    all: Vec<ApprovalView>,
}

impl Items {
    /// The items that were fetched.
    pub fn new(all: Vec<ApprovalView>) -> Self {
        Self { all }
    }

    /// Takes in an item that is new or has changed.
    pub fn put(&mut self, approval: ApprovalView) {
        match self.all.iter_mut().find(|item| item.id == approval.id) {
            Some(item) => *item = approval,
            None => self.all.push(approval),
        }
        self.forget_oldest_decided();
    }

    /// Drops an item.
    pub fn remove(&mut self, id: ApprovalId) {
        self.all.retain(|item| item.id != id);
    }

    /// The item of an id.
    pub fn get(&self, id: ApprovalId) -> Option<&ApprovalView> {
        self.all.iter().find(|item| item.id == id)
    }

    /// The items of a part, in its order.
    pub fn of(&self, part: Part) -> Vec<ApprovalView> {
        let waiting = |item: &&ApprovalView| item.state == ApprovalState::Pending;
        let mut items: Vec<ApprovalView> = match part {
            Part::Waiting => self.all.iter().filter(waiting).cloned().collect(),
            Part::Decided => self.all.iter().filter(|item| !waiting(item)).cloned().collect(),
        };
        match part {
            Part::Waiting => items.sort_by_key(|item| (item.created_at, item.id)),
            Part::Decided => {
                items.sort_by_key(|item| (item.decided_at.unwrap_or(item.created_at), item.id));
                items.reverse();
            }
        }
        items
    }

    /// How many wait.
    pub fn waiting(&self) -> u64 {
        self.all.iter().filter(|item| item.state == ApprovalState::Pending).count() as u64
    }

    fn forget_oldest_decided(&mut self) {
        let decided = self.of(Part::Decided);
        for item in decided.iter().skip(DECIDED_MAX) {
            self.remove(item.id);
        }
    }
}

/// The item that j (`forward`) or k leads to from `from`; the first when nothing is open.
pub fn neighbour(
    items: &[ApprovalView],
    from: Option<ApprovalId>,
    forward: bool,
) -> Option<ApprovalId> {
    let at = from.and_then(|id| items.iter().position(|item| item.id == id));
    let next = match (at, forward) {
        (None, _) => 0,
        (Some(at), true) => (at + 1).min(items.len().saturating_sub(1)),
        (Some(at), false) => at.saturating_sub(1),
    };
    items.get(next).map(|item| item.id)
}

/// Where the focus goes when `gone` leaves the waiting `items` (or has left them already: the live
/// stream may be quicker than the answer): the next one, else the one before.
pub fn successor(items: &[ApprovalView], gone: &ApprovalView) -> Option<ApprovalId> {
    let place = |item: &ApprovalView| (item.created_at, item.id);
    let after = items.iter().find(|item| place(item) > place(gone));
    after.or_else(|| items.iter().rev().find(|item| place(item) < place(gone))).map(|i| i.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};
    use signalbox::run::ApprovalKind;

    fn item(number: u128, state: ApprovalState) -> ApprovalView {
        let at = DateTime::<Utc>::from_timestamp(number as i64 * 60, 0).expect("a time");
        ApprovalView {
            id: ApprovalId(uuid::Uuid::from_u128(number)),
            kind: ApprovalKind::Message,
            state,
            title: format!("Item {number}"),
            recipient: String::new(),
            excerpt: String::new(),
            run: None,
            workflow: None,
            revision: 1,
            priority: "medium".into(),
            stale: false,
            created_at: at,
            expires_at: None,
            decided_at: (state != ApprovalState::Pending).then_some(at),
            decided_by: None,
            held_until: None,
            message_state: None,
            escalated_to: None,
        }
    }

    fn ids(items: &[ApprovalView]) -> Vec<u128> {
        items.iter().map(|item| item.id.0.as_u128()).collect()
    }

    #[test]
    fn waiting_items_come_oldest_first_and_decided_ones_newest_first() {
        let mut items = Items::default();
        for number in [3, 1, 2] {
            items.put(item(number, ApprovalState::Pending));
            items.put(item(number + 10, ApprovalState::Approved));
        }
        assert_eq!(ids(&items.of(Part::Waiting)), [1, 2, 3]);
        assert_eq!(ids(&items.of(Part::Decided)), [13, 12, 11]);
        items.put(item(2, ApprovalState::Rejected));
        assert_eq!((ids(&items.of(Part::Waiting)), items.waiting()), (vec![1, 3], 2));
    }

    #[test]
    fn j_and_k_stop_at_the_ends() {
        let items: Vec<_> = [1, 2, 3].map(|n| item(n, ApprovalState::Pending)).into();
        let step = |from: Option<u128>, forward| {
            let from = from.map(|n| ApprovalId(uuid::Uuid::from_u128(n)));
            neighbour(&items, from, forward).map(|id| id.0.as_u128())
        };
        assert_eq!(step(None, true), Some(1));
        assert_eq!(step(Some(1), true), Some(2));
        assert_eq!(step(Some(3), true), Some(3));
        assert_eq!(step(Some(1), false), Some(1));
        assert_eq!(neighbour(&[], None, true), None);
    }

    #[test]
    fn after_a_decision_the_next_item_opens() {
        let items: Vec<_> = [1, 2, 3].map(|n| item(n, ApprovalState::Pending)).into();
        let after = |items: &[ApprovalView], n: u128| {
            successor(items, &item(n, ApprovalState::Approved)).map(|id| id.0.as_u128())
        };
        assert_eq!((after(&items, 1), after(&items, 3)), (Some(2), Some(2)));
        // It has left already.
        assert_eq!((after(&items[1..], 1), after(&items[..2], 3)), (Some(2), Some(2)));
        assert_eq!(after(&[], 1), None);
    }

    #[test]
    fn the_list_does_not_grow_without_bound() {
        let mut items = Items::default();
        for number in 0..500 {
            items.put(item(number, ApprovalState::Approved));
        }
        assert_eq!(items.of(Part::Decided).len(), DECIDED_MAX);
    }
}
