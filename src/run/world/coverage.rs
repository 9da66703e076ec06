//! For tests: plays all scenarios of a world and holds them to take every edge.

use super::{WorldFile, play, tests::context};
use crate::graph::CompiledGraph;
use crate::run::Stop;
use std::collections::BTreeSet;

/// Every scenario is as expected and every edge is taken in one of them.
#[track_caller]
pub fn assert_all_edges_taken(name: &str, graph: &CompiledGraph, world: &WorldFile) {
    let mut taken = BTreeSet::new();
    let mut reports = Vec::new();
    for scenario in world.scenarios() {
        let played = play(graph, &context(), world, &scenario);
        for difference in &played.differences {
            reports.push(format!("{}: {difference}", scenario.name));
        }
        if played.outcome.stop != Stop::Ended {
            reports.push(format!("{}: {:?}, not ended", scenario.name, played.outcome.stop));
        }
        if scenario.expect.status.is_none() {
            reports.push(format!("{}: expects no status", scenario.name));
        }
        let stray = played.unanswered.iter();
        reports.extend(stray.map(|message| format!("{}: {message}", scenario.name)));
        taken.extend(played.ports);
    }
    for edge in &graph.graph().edges {
        if !taken.contains(&(edge.from.0.clone(), edge.port.clone())) {
            reports.push(format!("{} is never taken", edge.id));
        }
    }
    assert!(reports.is_empty(), "{name}:\n{}", reports.join("\n"));
}
