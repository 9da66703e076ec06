//! Tools and models in real runs.

mod approvals;
mod customers;
mod kill;
mod mail;
mod models;
mod web;

use server::tool::IMPLEMENTED;
use signalbox::tool::catalogue;
use std::collections::BTreeSet;

#[test]
fn what_the_catalogue_offers_is_what_is_carried_out() {
    let offered: BTreeSet<&str> = catalogue().iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(offered, BTreeSet::from(IMPLEMENTED));
}
