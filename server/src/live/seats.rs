//! Who is connected: bounds the sockets of one person or token, and knows which organisations have
//! listeners at all.

use signalbox::id::OrganizationId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Sockets that one person or token may have open.
pub const SOCKETS_MAX: u32 = 20;

/// Counts of open sockets.
#[derive(Clone, Default)]
pub struct Seats(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    owners: HashMap<String, u32>,
    organizations: HashMap<OrganizationId, u32>,
}

/// One open socket; its place is free again when this is dropped.
pub struct Seat {
    seats: Seats,
    organization: OrganizationId,
    owner: String,
}

impl Seats {
    /// A seat, or none when the owner has too many.
    pub fn take(&self, organization: OrganizationId, owner: String) -> Option<Seat> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = counts.owners.entry(owner.clone()).or_default();
        if *mine >= SOCKETS_MAX {
            return None;
        }
        *mine += 1;
        *counts.organizations.entry(organization).or_default() += 1;
        Some(Seat { seats: self.clone(), organization, owner })
    }

    /// How many are taken.
    pub fn taken(&self) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.organizations.values().map(|count| u64::from(*count)).sum()
    }

    /// Whether anybody of an organisation listens.
    pub fn anybody(&self, organization: OrganizationId) -> bool {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.organizations.contains_key(&organization)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        release(&mut counts.owners, &self.owner);
        release(&mut counts.organizations, &self.organization);
    }
}

fn release<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_bounded_and_given_back() {
        let (seats, organization) = (Seats::default(), OrganizationId(uuid::Uuid::now_v7()));
        let take = || seats.take(organization, "ada".into());
        let mut taken: Vec<_> = (0..SOCKETS_MAX).map(|_| take().unwrap()).collect();
        assert!(take().is_none());
        assert!(seats.take(organization, "bob".into()).is_some(), "others have their own");
        taken.pop();
        assert!(take().is_some());
        assert!(seats.anybody(organization));
        taken.clear();
        assert!(!seats.anybody(organization));
    }
}
