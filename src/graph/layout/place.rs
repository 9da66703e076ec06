//! Where in its layer each node stands: as near to its neighbours' mean as the order and the room that
//! nodes need allow.

use super::ROW_STEP;
use super::order::Rows;

/// Room that an edge passing through takes.
const BEND_STEP: f64 = 32.0;
/// Rounds of placing forth and back.
const SWEEPS: usize = 4;

/// The top of each slot.
pub fn tops(rows: &Rows) -> Vec<f64> {
    let mut tops = vec![0.0; rows.left.len()];
    for row in &rows.rows {
        let mut top = 0.0;
        for slot in row {
            tops[*slot] = top;
            top += room(rows, *slot);
        }
    }
    for _ in 0..SWEEPS {
        (0..rows.rows.len()).rev().for_each(|row| settle(rows, row, &rows.right, &mut tops));
        (0..rows.rows.len()).for_each(|row| settle(rows, row, &rows.left, &mut tops));
    }
    tops
}

fn room(rows: &Rows, slot: usize) -> f64 {
    if slot < rows.nodes { ROW_STEP } else { BEND_STEP }
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
fn settle(rows: &Rows, row: usize, neighbours: &[Vec<usize>], tops: &mut [f64]) {
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
        offset += room(rows, *slot);
    }
    let means = blocks.iter().flat_map(|block| (0..block.count as usize).map(|_| block.mean()));
    for ((slot, offset), mean) in slots.iter().zip(offsets).zip(means) {
        tops[*slot] = mean + offset;
    }
}
