//! What came of it, and whether that is sound.

use crate::approver::Doubts;
use crate::sink::Sink;
use crate::workload::is_well;
use signalbox::client::Client;
use signalbox::id::RunId;
use signalbox::run::{ActivationId, Event, EventBody};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

#[derive(Debug, Default)]
pub struct Report {
    runs: u64,
    unended: Vec<RunId>,
    lost: Vec<RunId>,
    not_well: Vec<String>,
    gaps: Vec<RunId>,
    repeated_steps: Vec<String>,
    doubled_mails: Vec<String>,
    missing_mails: Vec<String>,
    mails: u64,
    doubts_arrived: u64,
    doubts_resent: u64,
}

impl Report {
    pub async fn gather(
        client: &Client,
        ids: &[RunId],
        sink: &Sink,
        doubts: &Doubts,
        unended: Vec<RunId>,
    ) -> Self {
        let unique: BTreeSet<RunId> = ids.iter().copied().collect();
        let mut report = Self {
            runs: unique.len() as u64,
            unended,
            mails: sink.all().values().sum(),
            doubts_arrived: doubts.arrived,
            doubts_resent: doubts.resent.values().sum(),
            ..Default::default()
        };
        for (number, id) in ids.iter().enumerate() {
            report.look_at(client, *id).await;
            report.count_mails(sink, doubts, &format!("Run {number}"));
        }
        report
    }

    async fn look_at(&mut self, client: &Client, id: RunId) {
        let Ok(detail) = client.run(id).await else { return self.lost.push(id) };
        if !is_well(detail.run.status.phase()) {
            self.not_well.push(format!("{id}: {:?}", detail.run.status));
        }
        let Ok(page) = client.run_events(id, 0).await else { return self.lost.push(id) };
        let dense = page.events.iter().zip(1..).all(|(event, number)| event.seq == number);
        if !dense || page.events.is_empty() {
            self.gaps.push(id);
        }
        self.repeated_steps
            .extend(repeated(&page.events).into_iter().map(|a| format!("{id} a{a}")));
    }

    fn count_mails(&mut self, sink: &Sink, doubts: &Doubts, subject: &str) {
        let accepted = sink.accepted(subject);
        let resent = doubts.resent.get(subject).copied().unwrap_or(0);
        if accepted == 0 {
            self.missing_mails.push(subject.to_owned());
        }
        if accepted > 1 + resent {
            self.doubled_mails.push(format!("{subject}: {accepted} times, {resent} by a person"));
        }
    }

    pub fn assert_sound(&self, runs: u64) {
        assert_eq!(self.runs, runs, "every start gave a run of its own");
        assert!(self.lost.is_empty(), "lost runs: {:?}", self.lost);
        assert!(self.unended.is_empty(), "stuck runs: {:?}", self.unended);
        assert!(self.not_well.is_empty(), "runs that did not complete: {:?}", self.not_well);
        assert!(self.gaps.is_empty(), "gaps in the events of {:?}", self.gaps);
        assert!(self.repeated_steps.is_empty(), "repeated steps: {:?}", self.repeated_steps);
        assert!(self.doubled_mails.is_empty(), "doubled mails: {:?}", self.doubled_mails);
        assert!(
            self.missing_mails.is_empty(),
            "mails that never arrived: {:?}",
            self.missing_mails
        );
    }
}

/// Activations that were committed as completed more than once.
pub fn repeated(events: &[Event]) -> Vec<u32> {
    let mut completed: BTreeMap<ActivationId, u32> = BTreeMap::new();
    for event in events {
        if let EventBody::NodeCompleted { activation, .. } = &event.body {
            *completed.entry(*activation).or_default() += 1;
        }
    }
    completed.into_iter().filter(|(_, times)| *times > 1).map(|(a, _)| a.0).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs, {} lost, {} stuck, {} steps repeated, {} mails accepted, {} doubled by itself; \
             doubtful mails shown in the inbox: {} had arrived, {} were sent again by the person",
            self.runs,
            self.lost.len(),
            self.unended.len(),
            self.repeated_steps.len(),
            self.mails,
            self.doubled_mails.len(),
            self.doubts_arrived,
            self.doubts_resent,
        )
    }
}
