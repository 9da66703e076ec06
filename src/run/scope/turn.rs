//! `loop`: the turn of the nearest for-each region, its item and index, and the turns around it.

use super::{Found, RunScope, owned};
use crate::graph::compile::Program;
use crate::run::Frame;
use serde_json::{Value, json};
use std::borrow::Cow;

/// Deepest `loop.parent` that is written out.
const PARENTS_MAX: usize = 8;

impl RunScope<'_> {
    /// `loop` and what follows it. `None`: the workflow has no loops. Outside of a loop the item is null.
    pub(super) fn turn(&self, path: &[&str]) -> Found<'_> {
        if self.graph.regions().regions.len() < 2 {
            return None;
        }
        let mut used = 1;
        let mut turn = self.nearest(self.state.frames.get(&self.frame));
        while path.get(used) == Some(&"parent") {
            turn = turn.and_then(|turn| self.nearest(self.around(turn)));
            used += 1;
            if turn.is_none() {
                return owned(Value::Null, used);
            }
        }
        let Some(turn) = turn else { return owned(self.outside(), used) };
        match path.get(used) {
            Some(&"item") => Some((Cow::Borrowed(&turn.item), used + 1)),
            Some(&"index") => owned(json!(turn.index), used + 1),
            _ => owned(self.view(turn, 0), used),
        }
    }

    /// The item under the name that its loop gives it.
    pub(super) fn item_variable(&self, name: &str) -> Option<&Value> {
        let mut turn = self.nearest(self.state.frames.get(&self.frame));
        while let Some(frame) = turn {
            let header = frame.header.as_ref().and_then(|header| self.graph.node_index(header))?;
            if let Program::Loop { item_variable: Some(item_variable), .. } =
                &self.graph.node(header).program
                && item_variable == name
            {
                return Some(&frame.item);
            }
            turn = self.nearest(self.around(frame));
        }
        None
    }

    fn around(&self, frame: &Frame) -> Option<&Frame> {
        self.state.frames.get(&frame.parent?)
    }

    /// The frame itself or the nearest one around it that is a turn of a for-each region.
    fn nearest<'s>(&'s self, from: Option<&'s Frame>) -> Option<&'s Frame> {
        let mut frame = from?;
        while frame.owner.is_none() {
            frame = self.around(frame)?;
        }
        Some(frame)
    }

    /// Outside of every for-each turn: the turn of a while region where there is one.
    fn outside(&self) -> Value {
        let frame = self.state.frames.get(&self.frame);
        let index = frame.filter(|frame| frame.header.is_some()).map_or(-1, |f| i64::from(f.index));
        json!({"item": null, "index": index})
    }

    fn view(&self, turn: &Frame, depth: usize) -> Value {
        let region = turn.header.as_ref().and_then(|header| self.around(turn)?.regions.get(header));
        let total = region.map_or(0, |region| region.items.len());
        let done = region.map_or(0, |region| region.turns - region.live.min(region.turns));
        let parent = self.nearest(self.around(turn)).filter(|_| depth < PARENTS_MAX);
        let state = json!({
            "currentIndex": turn.index,
            "totalItems": total,
            "isComplete": turn.index as usize + 1 >= total,
            "iterations": turn.index + 1,
            "batchesProcessed": done,
        });
        let mut view = json!({
            "item": turn.item,
            "index": turn.index,
            "parent": parent.map(|parent| self.view(parent, depth + 1)),
            "state": state.clone(),
        });
        if let (Value::Object(fields), Value::Object(state)) = (&mut view, state) {
            fields.extend(state);
        }
        view
    }
}
