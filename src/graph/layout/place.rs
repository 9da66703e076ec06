//! Where in its layer each node stands: as near to its neighbours' mean as the order and the room that
//! nodes need allow.

use super::ROW_STEP;
use super::order::Rows;

/// Room that an edge passing through takes.
const BEND_STEP: f64 = 32.0;
/// Rounds of placing forth and back.
const SWEEPS: usize = 4;

/// The top of each slot. `extra` is how much taller than the least each node is.
pub fn tops(rows: &Rows, extra: &[f64]) -> Vec<f64> {
    let mut tops = vec![0.0; rows.left.len()];
    for row in &rows.rows {
        let mut top = 0.0;
        for slot in row {
            tops[*slot] = top;
            top += room(extra, *slot);
        }
    }
    for _ in 0..SWEEPS {
        (0..rows.rows.len()).rev().for_each(|row| settle(rows, extra, row, &rows.right, &mut tops));
        (0..rows.rows.len()).for_each(|row| settle(rows, extra, row, &rows.left, &mut tops));
    }
    tops
}

/// Slots beyond the nodes are bends.
fn room(extra: &[f64], slot: usize) -> f64 {
    extra.get(slot).map_or(BEND_STEP, |extra| ROW_STEP + extra)
}

/// A run of slots that touch, with the mean of what they want.
struct Block {
    wish: f64,
    count: f64,
}

impl Block {
    fn mean(&self) -> f64 {
        self.wish / self.count
    }
}

/// Places one layer: the least squares of the distances to what each slot wants, in order and without
/// overlap (pooling of neighbours that want to overlap).
fn settle(rows: &Rows, extra: &[f64], row: usize, neighbours: &[Vec<usize>], tops: &mut [f64]) {
    let slots = &rows.rows[row];
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(slots.len());
    let mut blocks: Vec<Block> = Vec::new();
    for slot in slots {
        let around = &neighbours[*slot];
        let sum: f64 = around.iter().map(|slot| tops[*slot]).sum();
        let wish = if around.is_empty() { tops[*slot] } else { sum / around.len() as f64 };
        let mut block = Block { wish: wish - offset, count: 1.0 };
        while let Some(last) = blocks.pop_if(|last| last.mean() > block.mean()) {
            block = Block { wish: last.wish + block.wish, count: last.count + block.count };
        }
        blocks.push(block);
        offsets.push(offset);
        offset += room(extra, *slot);
    }
    let means = blocks.iter().flat_map(|block| (0..block.count as usize).map(|_| block.mean()));
    for ((slot, offset), mean) in slots.iter().zip(offsets).zip(means) {
        tops[*slot] = mean + offset;
    }
}
