//! What a step that is under way must keep of its settings: what it waits for was written down when it began, so another
//! version cannot be told of it.

use crate::event_type::canonical;
use crate::graph::{NodeKind, WaitAlternative, WaitFor, WaitSettings, WaitUntil};
use std::collections::BTreeSet;

/// What keeps a step that is under way from going on with other settings, in words that follow its name. `None`: nothing.
pub(super) fn difference(before: &NodeKind, after: &NodeKind) -> Option<&'static str> {
    match (before, after) {
        (NodeKind::Wait(before), NodeKind::Wait(after)) => {
            (awaited(before) != awaited(after)).then_some("waits for something else there")
        }
        (NodeKind::Human(before), NodeKind::Human(after)) => {
            if before.mode != after.mode {
                return Some("asks for something else there");
            }
            (before.form != after.form).then_some("has another form there")
        }
        (NodeKind::Action(before), NodeKind::Action(after)) => {
            (before.tool != after.tool).then_some("does something else there")
        }
        _ => None,
    }
}

/// What can end a wait, each with the port that is taken then. A time that was set stays, however it was said.
fn awaited(wait: &WaitSettings) -> BTreeSet<(&str, Option<&str>)> {
    match &wait.until {
        WaitUntil::Duration { .. } | WaitUntil::Time { .. } => BTreeSet::from([("success", None)]),
        WaitUntil::Event { event, limit_ms, .. } => {
            let limit = limit_ms.map(|_| ("timeout", None));
            limit.into_iter().chain([("success", Some(canonical(event)))]).collect()
        }
        WaitUntil::First { of } => of.iter().map(alternative).collect(),
    }
}

fn alternative(of: &WaitAlternative) -> (&str, Option<&str>) {
    match &of.what {
        WaitFor::Duration { .. } | WaitFor::Time { .. } => (&of.port, None),
        WaitFor::Event { event, .. } => (&of.port, Some(canonical(event))),
    }
}
