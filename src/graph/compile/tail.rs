//! Dead-end tails: steps that only a loop's body reaches and from which nothing leads on.

use super::wiring::Wiring;

/// The members of the level that only the component reaches and that lead to no end and nowhere else.
/// Of a loop node only the `next` side counts as its body.
pub(super) fn tail(
    wiring: &Wiring,
    header: usize,
    core: &[bool],
    inside: &[bool],
    claimed: &[bool],
) -> Vec<usize> {
    let hangs = |edge: usize| {
        let edge = &wiring.edges[edge];
        edge.from != header || !wiring.is_loop(header) || edge.port == "next"
    };
    let may = |node: usize| inside[node] && !core[node] && !claimed[node] && !wiring.is_end(node);
    let mut candidate = vec![false; core.len()];
    let mut candidates = vec![];
    let mut open: Vec<usize> = (0..core.len()).filter(|node| core[*node]).collect();
    while let Some(node) = open.pop() {
        for edge in wiring.outs[node].iter().filter(|edge| hangs(**edge)) {
            let to = wiring.edges[*edge].to;
            if may(to) && !std::mem::replace(&mut candidate[to], true) {
                candidates.push(to);
                open.push(to);
            }
        }
    }
    discard(wiring, core, &mut candidate, &candidates, &hangs);
    candidates.retain(|node| candidate[*node]);
    candidates
}

/// Takes out, until nothing changes, what is reached from elsewhere or leads elsewhere.
fn discard(
    wiring: &Wiring,
    core: &[bool],
    candidate: &mut [bool],
    candidates: &[usize],
    hangs: &dyn Fn(usize) -> bool,
) {
    let mut open: Vec<usize> = candidates.to_vec();
    while let Some(node) = open.pop() {
        if !candidate[node] {
            continue;
        }
        let is_from_body = |edge: &usize| {
            let from = wiring.edges[*edge].from;
            (core[from] || candidate[from]) && hangs(*edge)
        };
        let leads_on = |edge: &usize| !candidate[wiring.edges[*edge].to];
        if wiring.ins[node].iter().all(is_from_body) && !wiring.outs[node].iter().any(leads_on) {
            continue;
        }
        candidate[node] = false;
        open.extend(wiring.ins[node].iter().map(|edge| wiring.edges[*edge].from));
        open.extend(wiring.outs[node].iter().map(|edge| wiring.edges[*edge].to));
    }
}
