//! Names of events that are probably meant to be one of Signalbox's own and are none: nothing causes them here.

use super::draft::Draft;
use super::nearest::nearest;
use crate::event_type;
use crate::graph::{NodeKind, Problem, Severity, TriggerKind, WaitFor, WaitUntil};

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    for (index, node) in draft.nodes() {
        let does = match &node.kind {
            NodeKind::Trigger(_) => "is started by",
            _ => "waits for",
        };
        for (field, name) in names(&node.kind) {
            let Some(meant) = meant(name) else { continue };
            let (which, otherwise) = match event_type::is_own(name) {
                true => ("which is only noted at its message and never comes as an event", ""),
                false => (
                    "which is no event of Signalbox's own",
                    " An event of this name must be sent with POST /api/events or the step event.send.",
                ),
            };
            let message = format!(
                "{} {does} {name:?}, {which}. Did you mean {meant}?{otherwise}",
                draft.title(index)
            );
            let problem = Problem::new("unknown-event", Severity::Warning, message);
            problems.push(problem.at(&node.id).field(field));
        }
    }
}

/// The events that a step names, with the fields where they stand.
fn names(kind: &NodeKind) -> Vec<(String, &str)> {
    match kind {
        NodeKind::Trigger(settings) => match &settings.trigger {
            TriggerKind::Event { event_type } => {
                vec![("/trigger/event_type".to_owned(), event_type.as_str())]
            }
            _ => Vec::new(),
        },
        NodeKind::Wait(settings) => match &settings.until {
            WaitUntil::Event { event, .. } => vec![("/event".to_owned(), event.as_str())],
            WaitUntil::First { of } => {
                let named = of.iter().enumerate().filter_map(|(at, one)| match &one.what {
                    WaitFor::Event { event, .. } => {
                        Some((format!("/of/{at}/event"), event.as_str()))
                    }
                    _ => None,
                });
                named.collect()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The event of Signalbox's own that a name nearly is. One about something else, such as `order.completed`, is not.
fn meant(name: &str) -> Option<&'static str> {
    let name = name.trim();
    if name.is_empty() || event_type::find(name).is_some() {
        return None;
    }
    let names = event_type::ALL.iter().map(|event| event.name);
    let aliases = event_type::ALL.iter().flat_map(|event| event.aliases.iter().copied());
    let known: Vec<&'static str> = names.chain(aliases).collect();
    let meant = nearest(name, known.iter().copied())?;
    if let Some((about, _)) = name.split_once('.') {
        let ours = known.iter().filter_map(|name| Some(name.split_once('.')?.0));
        let is_ours = ours.clone().any(|ours| ours == about) || nearest(about, ours).is_some();
        if !is_ours {
            return None;
        }
    }
    Some(event_type::canonical(meant))
}
