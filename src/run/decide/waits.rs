//! Waiting for a time or an outside event, and what timers set off.

use super::edges::Completion;
use super::execute::step_error;
use super::{Machine, cannot_compute};
use crate::event_type::canonical;
use crate::expr::{Expression, Template};
use crate::graph::compile::{Program, Until};
use crate::id::NodeId;
use crate::run::{
    ActivationId, ActivationState, CallRequest, Decision, ErrorKind, EventBody, FrameId, Refusal,
    StepError, TimerId, TimerPurpose, heard,
};
use chrono::{
    DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, TimeDelta, TimeZone,
    Utc,
};
use chrono_tz::Tz;
use serde_json::Value;

impl Machine<'_> {
    /// A time that has come already does not wait.
    pub(super) fn start_wait(
        &mut self,
        id: ActivationId,
        frame: FrameId,
        until: &Until,
    ) -> Result<(), StepError> {
        if let Until::First(of) = until {
            return self.start_first(id, frame, of);
        }
        let (due_at, event) = match until {
            Until::Duration(duration_ms) => (Some(self.after_ms(*duration_ms)), None),
            Until::Time(at) => (Some(self.time(frame, at)?), None),
            Until::Event { event, limit_ms, .. } => {
                (limit_ms.map(|limit_ms| self.after_ms(limit_ms)), Some(event.clone()))
            }
            Until::First(_) => (None, None),
        };
        if event.is_none() && due_at.is_some_and(|due_at| due_at <= self.now) {
            self.complete_wait(id);
            return Ok(());
        }
        let timer = due_at.map(|_| TimerId::of(id, TimerPurpose::Wait));
        let (more, due_port) = (vec![], None);
        self.emit(EventBody::WaitStarted { activation: id, timer, due_at, event, more, due_port });
        self.end_wait_dry(id);
        Ok(())
    }

    /// One wait for whichever comes first: the earliest of its times, and all of its events.
    fn start_first(
        &mut self,
        id: ActivationId,
        frame: FrameId,
        of: &[(String, Until)],
    ) -> Result<(), StepError> {
        let mut due: Option<(DateTime<Utc>, &str)> = None;
        let mut events: Vec<String> = vec![];
        for (port, until) in of {
            let at = match until {
                Until::Duration(duration_ms) => self.after_ms(*duration_ms),
                Until::Time(at) => self.time(frame, at)?,
                Until::Event { event, .. } => {
                    if !events.contains(event) {
                        events.push(event.clone());
                    }
                    continue;
                }
                Until::First(_) => continue,
            };
            if due.is_none_or(|(earliest, _)| at < earliest) {
                due = Some((at, port));
            }
        }
        if let Some((at, port)) = due
            && at <= self.now
        {
            self.timed_out(id, port);
            return Ok(());
        }
        let mut events = events.into_iter();
        self.emit(EventBody::WaitStarted {
            activation: id,
            timer: due.map(|_| TimerId::of(id, TimerPurpose::Wait)),
            due_at: due.map(|(at, _)| at),
            event: events.next(),
            more: events.collect(),
            due_port: due.map(|(_, port)| port.to_owned()),
        });
        self.end_wait_dry(id);
        Ok(())
    }

    fn time(&self, frame: FrameId, at: &Template) -> Result<DateTime<Utc>, StepError> {
        let value = at
            .render(&self.scope(frame))
            .map_err(|error| cannot_compute("The time to wait for", &error))?;
        time_of(&value, self.context.zone)
    }

    /// It waits no longer, and leaves through this port.
    pub(super) fn pass_wait(&mut self, id: ActivationId, port: &str) {
        self.timed_out(id, port);
    }

    /// Time was first.
    fn timed_out(&mut self, id: ActivationId, port: &str) {
        let completion = Completion { logic: true, ..Completion::default() };
        self.complete(id, port, Value::Null, completion);
    }

    /// A wait gives nothing of its own: the last output stays what it was.
    fn complete_wait(&mut self, id: ActivationId) {
        let completion = Completion { logic: true, ..Completion::default() };
        self.complete(id, "success", Value::Null, completion);
    }

    pub(super) fn timer_fired(&mut self, timer: &TimerId) -> Result<(), Refusal> {
        let unknown = || Refusal::Unknown { what: format!("the timer {}", timer.0) };
        let (id, purpose) = timer.parts().ok_or_else(unknown)?;
        let activation = self.activation(id).ok_or_else(unknown)?;
        let mut timers = activation.timer.iter().chain(&activation.deadline).map(|(set, _)| set);
        let mut later = activation.escalation.iter().map(|(set, ..)| set);
        let is_set = timers.any(|set| set == timer) || later.any(|set| set == timer);
        if !is_set || activation.state == ActivationState::Blocked {
            return Err(unknown());
        }
        let due_port = activation.due_port.clone();
        let is_for_run = matches!(activation.request, Some(CallRequest::Run(_)));
        match purpose {
            // While nothing may start, a due retry waits in the state for the resume.
            TimerPurpose::Retry if self.is_stopped() => {}
            TimerPurpose::Retry => self.retry_call(id),
            TimerPurpose::Wait if due_port.is_some() => {
                self.timed_out(id, due_port.as_deref().unwrap_or("timeout"));
            }
            TimerPurpose::Wait if activation.awaited_event.is_some() => {
                self.timed_out(id, "timeout");
            }
            TimerPurpose::Wait => self.complete_wait(id),
            TimerPurpose::Expiry => {
                let approval = activation.approval.ok_or_else(unknown)?;
                return self.decide_approval(approval, &Decision::Expire, "the clock");
            }
            TimerPurpose::Escalate => self.escalate(id),
            TimerPurpose::Timeout if is_for_run => self.child_timer(id),
            TimerPurpose::Timeout | TimerPurpose::Claim | TimerPurpose::Lease => {
                self.task_timer(id, purpose);
            }
        }
        Ok(())
    }

    /// Ends every wait for this event whose condition holds. An event that ended a wait ends no later one.
    pub(super) fn outside_event(&mut self, name: &str, payload: &Value, event: Option<&str>) {
        self.hear(name, payload);
        if event.is_some_and(|event| self.state.consumed.contains(event)) {
            return;
        }
        let waiting: Vec<ActivationId> = self
            .state
            .living()
            .filter(|(_, activation)| activation.awaits(name))
            .map(|(id, _)| id)
            .collect();
        for id in waiting {
            match self.fits(id, name, payload) {
                Ok(None) => {}
                Ok(Some(port)) => {
                    let event = Some(event.unwrap_or_default().to_owned());
                    let completion = Completion { event, ..Completion::default() };
                    self.complete(id, &port, payload.clone(), completion);
                }
                Err(error) => self.give_up(id, error, None),
            }
        }
    }

    /// Notes what became of a message, once. An event that is about a message is a signal about it.
    fn hear(&mut self, name: &str, payload: &Value) {
        let Some((what, signal)) = heard::word(name) else { return };
        if let Some(message) = heard::message(self.state, payload) {
            // Of another run, or forgotten: then there is nothing to note.
            let _ = self.signal(message, signal, payload);
            return;
        }
        let node = payload.get("step").and_then(Value::as_str).map(NodeId::from);
        let known = |node: &NodeId| {
            self.state.heard.get(node).is_some_and(|heard| heard.contains(what))
                || self.graph.node_index(node).is_none()
        };
        if let Some(node) = node.filter(|node| !known(node)) {
            self.emit(EventBody::MessageHeard { node, what: what.to_owned() });
        }
    }

    /// The port that an event takes: of the first alternative of its name whose condition holds.
    fn fits(
        &self,
        id: ActivationId,
        name: &str,
        payload: &Value,
    ) -> Result<Option<String>, StepError> {
        let Some((node, frame)) = self.place(id) else { return Ok(None) };
        let Program::Wait(until) = &self.graph.node(node).program else { return Ok(None) };
        let holds = |condition: &Option<Expression>| match condition {
            Some(condition) => self.test_event(frame, condition, payload),
            None => Ok(true),
        };
        match until {
            Until::Event { condition, .. } => Ok(holds(condition)?.then(|| "success".to_owned())),
            Until::First(of) => {
                for (port, until) in of {
                    if let Until::Event { event, condition, .. } = until
                        && canonical(event) == canonical(name)
                        && holds(condition)?
                    {
                        return Ok(Some(port.clone()));
                    }
                }
                Ok(None)
            }
            Until::Duration(_) | Until::Time(_) => Ok(None),
        }
    }

    fn test_event(
        &self,
        frame: FrameId,
        condition: &Expression,
        payload: &Value,
    ) -> Result<bool, StepError> {
        let mut scope = self.scope(frame);
        scope.event = Some(payload);
        condition.test(&scope).map_err(|error| cannot_compute("The condition on the event", &error))
    }
}

/// A time that a template gave: RFC 3339, milliseconds since the epoch, or a local time in the zone.
fn time_of(value: &Value, zone: Tz) -> Result<DateTime<Utc>, StepError> {
    let read = match value {
        Value::Number(ms) => ms.as_i64().and_then(DateTime::from_timestamp_millis),
        Value::String(text) => time_in_text(text.trim(), zone),
        _ => None,
    };
    read.map(|time| time.trunc_subsecs(3)).ok_or_else(|| {
        let message = format!(
            "{value} is not a time. Write it as 2026-03-01T09:00:00Z, or as 2026-03-01T09:00 for a local time."
        );
        step_error(ErrorKind::InvalidInput, message)
    })
}

fn time_in_text(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    let formats =
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    local.or_else(|| Some(date()?.and_time(NaiveTime::MIN))).and_then(|local| in_zone(local, zone))
}

/// A local time in a zone. Twice there: the first. Not there: the end of the gap.
fn in_zone(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    // The longest gap on record is a skipped day.
    for minutes in 0..=24 * 60 {
        let time = local.checked_add_signed(TimeDelta::minutes(minutes))?;
        let (LocalResult::Single(time) | LocalResult::Ambiguous(time, _)) =
            zone.from_local_datetime(&time)
        else {
            continue;
        };
        let time = time.with_timezone(&Utc);
        let past_gap = minutes > 0;
        return Some(if past_gap { time.duration_trunc_minute() } else { time });
    }
    None
}

trait TruncateMinute {
    fn duration_trunc_minute(self) -> Self;
}

impl TruncateMinute for DateTime<Utc> {
    /// Gaps end on whole minutes.
    fn duration_trunc_minute(self) -> Self {
        let seconds = self.timestamp().rem_euclid(60);
        let nanos = i64::from(self.timestamp_subsec_nanos());
        self - TimeDelta::seconds(seconds) - TimeDelta::nanoseconds(nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_read_in_the_zone_with_gaps_and_folds() {
        let cases = [
            ("2026-03-01T09:00:00Z", "2026-03-01T09:00:00+00:00"),
            ("2026-03-01T09:00", "2026-03-01T14:00:00+00:00"),
            ("2026-03-01 09:00:30", "2026-03-01T14:00:30+00:00"),
            ("2026-07-01", "2026-07-01T04:00:00+00:00"),
            ("2026-03-08T02:30:15", "2026-03-08T07:00:00+00:00"),
            ("2026-11-01T01:30", "2026-11-01T05:30:00+00:00"),
        ];
        for (text, expected) in cases {
            let time = time_of(&json!(text), chrono_tz::America::New_York).unwrap();
            assert_eq!(time.to_rfc3339(), expected, "{text}");
        }
        let ms = time_of(&json!(1_000), chrono_tz::UTC).unwrap();
        assert_eq!(ms.timestamp_millis(), 1_000);
        for bad in [json!("soon"), json!(null), json!([1])] {
            assert_eq!(time_of(&bad, chrono_tz::UTC).unwrap_err().kind, ErrorKind::InvalidInput);
        }
    }
}
