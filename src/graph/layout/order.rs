//! The order of nodes within their layers, with few crossings: each node is drawn towards the mean place
//! of its neighbours, layer by layer, forth and back.

use super::layers::Layered;

/// Rounds of sorting forth and back.
const SWEEPS: usize = 6;
/// Edges that pass through layers get a place in each, unless there are more than this in all.
const BENDS_MAX: usize = 20_000;

/// Layers of slots in order. Slots past the group's own stand for edges that pass through a layer.
pub struct Rows {
    /// Slots of each layer, from top to bottom.
    pub rows: Vec<Vec<usize>>,
    /// Neighbours to the left, by slot.
    pub left: Vec<Vec<usize>>,
    /// Neighbours to the right, by slot, in the order of ports.
    pub right: Vec<Vec<usize>>,
}

impl Rows {
    pub fn new(layered: &Layered) -> Self {
        let nodes = layered.nodes.len();
        let depth = layered.layer.iter().max().map_or(0, |last| last + 1);
        let mut rows = Self {
            rows: vec![Vec::new(); depth],
            left: vec![Vec::new(); nodes],
            right: vec![Vec::new(); nodes],
        };
        let span = |(from, to): &(usize, usize)| layered.layer[*to] - layered.layer[*from];
        let bends: usize = layered.forward.iter().map(|edge| span(edge).saturating_sub(1)).sum();
        let bend = bends <= BENDS_MAX;
        let mut row_of = layered.layer.clone();
        for (from, to) in &layered.forward {
            let mut last = *from;
            if bend {
                for row in layered.layer[*from] + 1..layered.layer[*to] {
                    let slot = rows.left.len();
                    rows.left.push(Vec::new());
                    rows.right.push(Vec::new());
                    row_of.push(row);
                    rows.join(last, slot);
                    last = slot;
                }
            }
            rows.join(last, *to);
        }
        for slot in rows.walk() {
            rows.rows[row_of[slot]].push(slot);
        }
        rows
    }

    fn join(&mut self, from: usize, to: usize) {
        self.right[from].push(to);
        self.left[to].push(from);
    }

    /// All slots, depth first by ports: a good order to begin with.
    fn walk(&self) -> Vec<usize> {
        let mut seen = vec![false; self.left.len()];
        let mut order = Vec::with_capacity(seen.len());
        let starts = (0..seen.len()).filter(|slot| self.left[*slot].is_empty());
        for start in starts {
            let mut rest = vec![start];
            while let Some(slot) = rest.pop() {
                if !std::mem::replace(&mut seen[slot], true) {
                    order.push(slot);
                    rest.extend(self.right[slot].iter().rev());
                }
            }
        }
        order
    }

    /// Sorts the layers. The best order that was seen stays.
    pub fn untangle(&mut self) {
        let mut best = (self.crossings(), self.rows.clone());
        for _ in 0..SWEEPS {
            if best.0 == 0 {
                break;
            }
            for row in 1..self.rows.len() {
                self.sort(row, row - 1, true);
            }
            for row in (0..self.rows.len().saturating_sub(1)).rev() {
                self.sort(row, row + 1, false);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
    }

    fn sort(&mut self, row: usize, beside: usize, leftwards: bool) {
        let mut place = vec![0.0; self.left.len()];
        for (index, slot) in self.rows[beside].iter().enumerate() {
            place[*slot] = index as f64;
        }
        let neighbours = if leftwards { &self.left } else { &self.right };
        let keyed = self.rows[row].iter().enumerate().map(|(index, slot)| {
            let around = &neighbours[*slot];
            let sum: f64 = around.iter().map(|slot| place[*slot]).sum();
            let key = if around.is_empty() { index as f64 } else { sum / around.len() as f64 };
            (key, *slot)
        });
        let mut keyed: Vec<(f64, usize)> = keyed.collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.rows[row] = keyed.into_iter().map(|(_, slot)| slot).collect();
    }

    /// Pairs of edges between neighbouring layers that cross.
    fn crossings(&self) -> usize {
        let mut place = vec![0; self.left.len()];
        for row in &self.rows {
            row.iter().enumerate().for_each(|(index, slot)| place[*slot] = index);
        }
        self.rows.iter().map(|row| crossings_after(row, &self.right, &place)).sum()
    }
}

/// Inversions of the edges' ends, counted in a tree of sums.
fn crossings_after(row: &[usize], right: &[Vec<usize>], place: &[usize]) -> usize {
    let mut ends: Vec<usize> = Vec::new();
    for slot in row {
        let from = ends.len();
        ends.extend(right[*slot].iter().map(|to| place[*to]));
        ends[from..].sort_unstable();
    }
    let width = ends.iter().max().map_or(0, |last| last + 1);
    let mut sums = vec![0_usize; width + 1];
    let mut crossings = 0;
    for (seen, end) in ends.iter().enumerate() {
        let mut at = end + 1;
        let mut not_after = 0;
        while at > 0 {
            not_after += sums[at];
            at &= at - 1;
        }
        crossings += seen - not_after;
        at = end + 1;
        while at <= width {
            sums[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    crossings
}
