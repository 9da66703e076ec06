//! What events do to a state. Total: on foreign input it changes what it can and never panics.

mod activation;
mod again;
mod frame;
mod task;

use super::{ActivationState, Event, EventBody, RunState, Usage};
use crate::id::NodeId;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// Applies one event. An event that was applied already changes nothing.
pub fn apply(state: &mut RunState, event: &Event) {
    if event.seq <= state.seq {
        return;
    }
    count_working_time(state, event.at);
    state.seq = event.seq;
    if !run_event(state, event) && !frame::apply(state, &event.body) {
        activation::apply(state, event);
    }
}

/// Time counts as working time while something works and nobody paused the run.
fn count_working_time(state: &mut RunState, at: DateTime<Utc>) {
    if let Some(since) = state.worked_until
        && state.running > 0
        && !state.paused
        && state.end.is_none()
    {
        let elapsed = u64::try_from((at - since).num_milliseconds()).unwrap_or(0);
        state.working_ms = state.working_ms.saturating_add(elapsed);
        if elapsed > 0 {
            let RunState { alive, activations, .. } = state;
            for id in alive.iter() {
                if let Some(activation) = activations.get_mut(id)
                    && activation.state == ActivationState::Running
                {
                    activation.working_ms = activation.working_ms.saturating_add(elapsed);
                }
            }
        }
    }
    state.worked_until = Some(at);
}

/// Events about the run as a whole. False: it is about something else.
fn run_event(state: &mut RunState, event: &Event) -> bool {
    match &event.body {
        EventBody::RunStarted {
            input,
            contacts,
            thread_id,
            variables,
            started_by,
            slot,
            options,
        } => {
            state.options = options.as_ref().clone();
            state.awaits_slot = slot.is_some();
            state.slot = slot.clone();
            state.input = input.clone();
            state.contacts = contacts.clone();
            state.thread_id = thread_id.clone();
            state.variables = variables.clone();
            state.started_by = started_by.clone();
            state.started_at = Some(event.at);
        }
        EventBody::VariablesSet { values, secure, .. } => {
            set_variables(&mut state.variables, values);
            state.hidden.retain(|name| !values.contains_key(name));
            state.hidden.extend(secure.iter().cloned());
        }
        EventBody::MessageHeard { node, what } => {
            state.heard.entry(node.clone()).or_default().insert(what.clone());
        }
        EventBody::Paused { .. } => state.paused = true,
        EventBody::Resumed { .. } => state.paused = false,
        EventBody::Blocked { reason, activation: None, .. } => {
            state.halted = true;
            state.blocked = Some(reason.clone());
        }
        EventBody::Unblocked { activation: None, .. } => {
            state.halted = false;
            state.grants = state.grants.saturating_add(1);
            activation::recount_blocked(state);
        }
        EventBody::SlotGranted {} => state.awaits_slot = false,
        EventBody::RunReopened { .. } | EventBody::Forked { .. } | EventBody::Migrated { .. } => {
            again::apply(state, &event.body);
        }
        EventBody::RunEnded { end } => {
            state.end = Some(end.clone());
            state.ended_at = Some(event.at);
            state.alive.clear();
            state.running = 0;
            state.awaits_slot = false;
        }
        _ => return false,
    }
    true
}

fn set_variables(variables: &mut Map<String, Value>, values: &Map<String, Value>) {
    for (name, value) in values {
        variables.insert(name.clone(), value.clone());
    }
}

/// Adds what a model cost to what the run cost.
fn add_usage(total: &mut Usage, usage: &Usage) {
    total.model.clone_from(&usage.model);
    total.input_tokens = total.input_tokens.saturating_add(usage.input_tokens);
    total.output_tokens = total.output_tokens.saturating_add(usage.output_tokens);
    total.cost_micros = total.cost_micros.saturating_add(usage.cost_micros);
    total.sandbox |= usage.sandbox;
    total.unpriced |= usage.unpriced;
}

/// How a node ended, for the counts that outlive forgotten turns.
fn tally(state: &mut RunState, node: &NodeId, count: impl FnOnce(&mut super::Tally) -> &mut u32) {
    if !state.tallies.contains_key(node) {
        state.tallies.insert(node.clone(), super::Tally::default());
    }
    if let Some(tally) = state.tallies.get_mut(node) {
        let counter = count(tally);
        *counter = counter.saturating_add(1);
    }
}
