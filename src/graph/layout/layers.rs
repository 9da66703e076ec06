//! Which layer each node stands in: one more than the furthest of those that lead to it.

use super::Net;
use std::collections::HashMap;

/// A group of nodes with their layers; nodes are slots of the group from here on.
pub struct Layered {
    /// The graph's index of each slot.
    pub nodes: Vec<usize>,
    /// The layer of each slot.
    pub layer: Vec<usize>,
    /// Edges from a lower layer to a higher one, by slot. Edges back are left out.
    pub forward: Vec<(usize, usize)>,
}

pub fn assign(net: &Net, group: &[usize]) -> Layered {
    let slot: HashMap<usize, usize> =
        group.iter().enumerate().map(|(slot, node)| (*node, slot)).collect();
    let out: Vec<Vec<usize>> = group
        .iter()
        .map(|node| net.out[*node].iter().filter_map(|to| slot.get(to).copied()).collect())
        .collect();
    let starts: Vec<usize> = net.starts.iter().filter_map(|node| slot.get(node).copied()).collect();
    let (forward, back) = split(&out, &roots_first(&out, starts));
    // What comes when a loop is done stands behind the loop's body.
    let mut after = Vec::new();
    for (from, header) in back {
        let done = net.done[group[header]].iter().filter_map(|to| slot.get(to).copied());
        after.extend(done.filter(|done| *done != from).map(|done| (from, done)));
    }
    let with_loops = [forward.as_slice(), after.as_slice()].concat();
    let layer = longest_paths(group.len(), &with_loops)
        .or_else(|| longest_paths(group.len(), &forward))
        .unwrap_or_else(|| vec![0; group.len()]);
    let forward = forward.into_iter().filter(|(from, to)| layer[*from] < layer[*to]).collect();
    Layered { nodes: group.to_vec(), layer, forward }
}

/// Nodes that nothing leads to come first, so that a cycle is cut where it is entered.
fn roots_first(out: &[Vec<usize>], starts: Vec<usize>) -> Vec<usize> {
    let mut entered = vec![false; out.len()];
    out.iter().flatten().for_each(|to| entered[*to] = true);
    let (inner, roots): (Vec<usize>, Vec<usize>) =
        starts.into_iter().partition(|node| entered[*node]);
    [roots, inner].concat()
}

type Edges = Vec<(usize, usize)>;

/// Edges forward, and those that lead back to a node that is still being walked through.
fn split(out: &[Vec<usize>], starts: &[usize]) -> (Edges, Edges) {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Closed,
    }
    let mut mark = vec![Mark::New; out.len()];
    let (mut forward, mut back) = (Vec::new(), Vec::new());
    for &start in starts {
        if mark[start] != Mark::New {
            continue;
        }
        mark[start] = Mark::Open;
        let mut path = vec![(start, 0)];
        while let Some((node, next)) = path.last_mut() {
            let from = *node;
            let Some(&to) = out[from].get(*next) else {
                mark[from] = Mark::Closed;
                path.pop();
                continue;
            };
            *next += 1;
            if mark[to] == Mark::Open {
                back.push((from, to));
                continue;
            }
            forward.push((from, to));
            if mark[to] == Mark::New {
                mark[to] = Mark::Open;
                path.push((to, 0));
            }
        }
    }
    (forward, back)
}

/// The length of the longest path to each node; none if there is a cycle.
fn longest_paths(count: usize, edges: &[(usize, usize)]) -> Option<Vec<usize>> {
    let mut out = vec![Vec::new(); count];
    let mut waiting = vec![0_usize; count];
    for (from, to) in edges {
        out[*from].push(*to);
        waiting[*to] += 1;
    }
    let mut ready: Vec<usize> = (0..count).filter(|node| waiting[*node] == 0).collect();
    let (mut layer, mut done) = (vec![0; count], 0);
    while let Some(node) = ready.pop() {
        done += 1;
        for &to in &out[node] {
            layer[to] = layer[to].max(layer[node] + 1);
            waiting[to] -= 1;
            if waiting[to] == 0 {
                ready.push(to);
            }
        }
    }
    (done == count).then_some(layer)
}
