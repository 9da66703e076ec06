//! `steps.x`: what a node gave, in the own frame, then outwards, then in the last finished turn of its region.

use super::{Found, RunScope, owned};
use crate::run::{Activation, ActivationState, Frame, FrameId};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;

impl RunScope<'_> {
    /// All steps with what they gave: for computed names.
    pub(super) fn steps(&self) -> Value {
        let mut steps = Map::new();
        for node in &self.graph.graph().nodes {
            if let Some((value, _)) = self.step(node.id.as_str(), &[]) {
                steps.insert(node.id.0.clone(), value.into_owned());
            }
        }
        Value::Object(steps)
    }

    /// A step by name and the members after it. `None`: there is no such step. A step that has not run, or
    /// was skipped, is null.
    pub(super) fn step(&self, name: &str, members: &[&str]) -> Found<'_> {
        let node = self.graph.node_index(&name.into())?;
        if let Some((ending, output)) = self.ending
            && ending == node
        {
            return self.member(members, output, None);
        }
        let Some(activation) = self.visible(node) else { return owned(Value::Null, 1) };
        if activation.state == ActivationState::Skipped {
            return owned(Value::Null, 1);
        }
        let is_trigger = node == self.graph.trigger();
        let output = if is_trigger { &self.state.input } else { &activation.output };
        self.member(members, output, Some(activation))
    }

    /// What happened to the message of a step. `None`: there is no such step; inside: it sent none here.
    pub(super) fn signals(&self, name: &str) -> Option<Option<&BTreeSet<String>>> {
        let node = self.graph.node_index(&name.into())?;
        Some(self.visible(node).map(|activation| &activation.signals))
    }

    /// Whether a step's sending ended so: a call by its own output (`{"status": "answered"}`, `{"status": "voicemail"}`),
    /// a message that the far side refused for good by the step's failure.
    pub(super) fn ended_as(&self, name: &str, signal: &str) -> bool {
        let node = self.graph.node_index(&name.into());
        let Some(activation) = node.and_then(|node| self.visible(node)) else { return false };
        let status = activation.output.get("status").and_then(Value::as_str);
        match signal {
            "answered" | "voicemail" => status == Some(signal),
            "failed" => activation.error.is_some() && activation.message.is_some(),
            _ => false,
        }
    }

    /// `output`, `output.data` (which is the output itself unless it has such a field), `error`, or all of it.
    fn member<'s>(
        &'s self,
        members: &[&str],
        output: &'s Value,
        activation: Option<&Activation>,
    ) -> Found<'s> {
        let error = || activation.and_then(|a| a.error.as_ref());
        match members.first() {
            Some(&"output") => {
                // Text may be JSON with such a field: evaluation looks.
                let wraps = members.get(1) == Some(&"data")
                    && !output.is_string()
                    && output.get("data").is_none();
                Some((Cow::Borrowed(output), if wraps { 3 } else { 2 }))
            }
            Some(&"error") => owned(error().map_or(Value::Null, |error| json!(error)), 2),
            _ => owned(
                json!({
                    "output": output,
                    "error": error(),
                    "state": activation.map(|a| a.state),
                    "port": activation.and_then(|a| a.port.as_ref()),
                }),
                1,
            ),
        }
    }

    /// The activation that a name means here. Only those that are over count: a step that is written again
    /// shows its last text until the new one is there.
    fn visible(&self, node: usize) -> Option<&Activation> {
        let home = self.graph.regions().home[node]?;
        let around = || {
            let first = self.state.frames.get(&self.frame).map(|frame| (self.frame, frame));
            std::iter::successors(first, |(_, frame)| {
                let parent = frame.parent?;
                Some((parent, self.state.frames.get(&parent)?))
            })
        };
        let mut outwards = around();
        let own = outwards.find_map(|(_, frame)| self.finished(frame, node));
        own.or_else(|| around().find_map(|(id, frame)| self.in_last_turn(id, frame, node, home)))
    }

    fn finished(&self, frame: &Frame, node: usize) -> Option<&Activation> {
        let id = frame.latest.get(&self.graph.source(node).id)?;
        self.state.activations.get(id).filter(|activation| activation.state.is_terminal())
    }

    /// Follows the last finished turns from a frame inwards to the region that a node stands in.
    fn in_last_turn(
        &self,
        from: FrameId,
        frame: &Frame,
        node: usize,
        home: usize,
    ) -> Option<&Activation> {
        let level = match &frame.header {
            Some(header) => self.graph.region_of_header(header)?,
            None if from == FrameId(0) => 0,
            None => return None,
        };
        let mut inwards = vec![];
        let mut region = home;
        while region != level {
            inwards.push(self.graph.region(region).header?);
            region = self.graph.region(region).parent?;
        }
        let mut frame = frame;
        for header in inwards.iter().rev() {
            let turns = frame.regions.get(&self.graph.source(*header).id)?;
            frame = self.state.frames.get(&turns.last?)?;
        }
        self.finished(frame, node)
    }
}
