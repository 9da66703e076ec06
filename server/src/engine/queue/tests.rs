//! Who goes when, who is kept out, what is given up.

use super::*;
use serde_json::Value;
use signalbox::run::{ActivationId, CallRequest};
use uuid::Uuid;

fn call(organization: u128, number: u128, attempt: u32) -> OpenCall {
    OpenCall {
        organization: OrganizationId(Uuid::from_u128(organization)),
        run: RunId(Uuid::from_u128(organization * 1_000 + number)),
        call: CallId(Uuid::from_u128(number)),
        activation: ActivationId(1),
        node: "a".into(),
        attempt,
        request: CallRequest::Tool { tool: "t".into(), parameters: Value::Null },
        timeout_ms: None,
        route: Default::default(),
    }
}

#[test]
fn urgent_calls_go_first_and_a_queue_takes_so_many_at_once() {
    let queue = Queue::new(&EngineConfig::default(), false);
    let routes = [("slow", 5), ("slow", 5), ("", 5), ("", 9), ("other", 1), ("slow", 10)];
    for (number, (name, priority)) in routes.into_iter().enumerate() {
        let mut call = call(1, number as u128, 1);
        call.route.queue = Some(name.to_owned()).filter(|name| !name.is_empty());
        call.route.priority = Some(priority);
        queue.push_fresh(call, 1, None);
    }
    let number = |job: &Job| job.call.call.0.as_u128();
    let unnamed = queue.pop(Instant::now()).unwrap();
    assert_eq!(number(&unnamed), 3, "limits are not known yet: named queues wait");
    let organization = OrganizationId(Uuid::from_u128(1));
    assert_eq!(queue.gates_wanted(), [organization]);
    assert!(queue.gates_wanted().is_empty(), "they are read once");
    queue.gates_set(organization, Some(limits(1, None)));
    let first: Vec<Job> = std::iter::from_fn(|| queue.pop(Instant::now())).collect();
    assert_eq!(first.iter().map(number).collect::<Vec<_>>(), [5, 2, 4]);
    queue.done(&first[1].call);
    assert!(queue.pop(Instant::now()).is_none(), "the queue is full");
    queue.done(&first[0].call);
    assert_eq!(queue.pop(Instant::now()).as_ref().map(number), Some(0));
    assert!(queue.pop(Instant::now()).is_none());
    // More room, without a restart.
    queue.gates_changed(organization);
    assert_eq!(queue.gates_wanted(), [organization]);
    queue.gates_set(organization, Some(limits(2, None)));
    assert_eq!(queue.pop(Instant::now()).as_ref().map(number), Some(1));
}

fn limits(concurrency: u32, per_minute: Option<u32>) -> BTreeMap<String, QueueLimit> {
    BTreeMap::from([("slow".to_owned(), QueueLimit { concurrency, per_minute })])
}

#[test]
fn a_queue_with_a_rate_lets_so_many_through_in_a_minute() {
    let (queue, start) = (Queue::new(&EngineConfig::default(), false), Instant::now());
    for number in 0..5 {
        let mut call = call(1, number, 1);
        call.route.queue = Some("slow".to_owned());
        queue.push_fresh(call, 1, None);
    }
    queue.gates_set(OrganizationId(Uuid::from_u128(1)), Some(limits(100, Some(2))));
    let at = |seconds: u64| start + Duration::from_secs(seconds);
    let begin = |seconds: u64| {
        queue.minute_over();
        let job = queue.pop(at(seconds));
        job.map(|job| queue.done(&job.call)).is_some()
    };
    assert_eq!([0, 20, 30, 59].map(begin), [true, true, false, false]);
    assert_eq!(queue.next_minute(at(59)), Some(at(60)), "the first one leaves the minute");
    assert_eq!([60, 79, 80, 81].map(begin), [true, false, true, false]);
}

fn queue(calls_max: usize, per_organization: usize, queued: usize) -> Queue {
    let config = EngineConfig {
        calls_max,
        calls_per_organization_max: per_organization,
        calls_queued_max: queued,
        ..EngineConfig::default()
    };
    Queue::new(&config, false)
}

fn organization_of(job: &Job) -> u128 {
    job.call.organization.0.as_u128()
}

#[test]
fn organisations_take_turns_and_none_takes_all() {
    let queue = queue(3, 2, 100);
    (0..10).for_each(|number| queue.push_fresh(call(1, number, 1), 1, None));
    queue.push_fresh(call(2, 0, 1), 1, None);
    let jobs: Vec<Job> = std::iter::from_fn(|| queue.pop(Instant::now())).collect();
    assert_eq!(jobs.iter().map(organization_of).collect::<Vec<_>>(), [1, 2, 1]);
    queue.done(&jobs[1].call);
    assert!(queue.pop(Instant::now()).is_none(), "organisation 1 is at its limit");
    queue.done(&jobs[0].call);
    assert_eq!(queue.pop(Instant::now()).map(|job| organization_of(&job)), Some(1));
}

#[test]
fn a_call_is_here_once_and_a_new_attempt_cancels_the_old() {
    let queue = queue(10, 10, 10);
    queue.push_fresh(call(1, 1, 1), 1, None);
    queue.push(call(1, 1, 1));
    let first = queue.pop(Instant::now()).unwrap();
    assert!(queue.pop(Instant::now()).is_none());
    queue.push_fresh(call(1, 1, 2), 1, None);
    assert!(first.cancelled.is_cancelled());
    let second = queue.pop(Instant::now()).unwrap();
    queue.done(&first.call);
    queue.push(call(1, 1, 2));
    assert!(queue.pop(Instant::now()).is_none(), "the second attempt still runs");
    queue.done(&second.call);
    queue.push(call(1, 1, 2));
    assert!(queue.pop(Instant::now()).is_some());
}

#[test]
fn what_does_not_fit_is_asked_for_later() {
    let queue = queue(1, 1, 4);
    assert_eq!(queue.begin_refill(), Some((4, vec![])), "at the start nothing is known");
    assert_eq!(queue.begin_refill(), None, "one at a time");
    queue.refilled(false);
    (0..6).for_each(|number| queue.push_fresh(call(1, number, 1), 1, None));
    assert_eq!(queue.begin_refill(), None, "it is full");
    for _ in 0..4 {
        let job = queue.pop(Instant::now()).unwrap();
        queue.done(&job.call);
    }
    assert!(queue.pop(Instant::now()).is_none());
    assert_eq!(queue.begin_refill(), Some((4, vec![])));
    queue.refilled(false);
    assert_eq!(queue.begin_refill(), None, "there was nothing more");
}

#[test]
fn a_line_that_stands_still_keeps_nobody_out() {
    let queue = queue(100, 100, 40);
    let slow = |number: u128| {
        let mut call = call(1, number, 1);
        call.route.queue = Some("slow".to_owned());
        call
    };
    assert!(queue.begin_refill().is_some());
    queue.refilled(false);
    (0..100).for_each(|number| queue.push_fresh(slow(number), 1, None));
    queue.gates_set(OrganizationId(Uuid::from_u128(1)), Some(limits(1, None)));
    let first = queue.pop(Instant::now()).unwrap();
    assert_eq!(queue.waiting(), 39);
    (100..102).for_each(|number| queue.push_fresh(slow(number), 1, None));
    assert_eq!(queue.waiting(), 40, "it has all the room there is");
    // Others of the same organisation and of another one come in, and go.
    (200..220).for_each(|number| queue.push_fresh(call(1, number, 1), 1, None));
    (200..203).for_each(|number| queue.push_fresh(call(2, number, 1), 1, None));
    let others: Vec<u128> =
        std::iter::from_fn(|| queue.pop(Instant::now())).map(|job| organization_of(&job)).collect();
    assert_eq!(others.iter().filter(|organization| **organization == 1).count(), 10);
    assert_eq!(others.iter().filter(|organization| **organization == 2).count(), 3);
    // What was left out of the other line is read, and none of the one that is full.
    let full = vec![(OrganizationId(Uuid::from_u128(1)), Some("slow".to_owned()))];
    assert_eq!(queue.begin_refill().map(|(_, full)| full), Some(full));
    queue.refilled(false);
    assert_eq!(queue.begin_refill(), None);
    queue.done(&first.call);
}

#[test]
fn behind_a_full_line_others_are_looked_for_at_once_and_only_once() {
    let queue = queue(1, 1, 40);
    assert_eq!(queue.begin_refill(), Some((40, vec![])));
    (0..40).for_each(|number| queue.push(call(1, number, 1)));
    queue.refilled(true);
    let full = vec![(OrganizationId(Uuid::from_u128(1)), None)];
    assert_eq!(queue.begin_refill(), Some((80, full)), "there may be others");
    queue.push(call(2, 0, 1));
    queue.refilled(true);
    assert_eq!(queue.begin_refill(), None, "not before there is room");
}

#[test]
fn a_run_that_is_over_has_its_calls_cancelled() {
    let queue = queue(10, 10, 10);
    queue.push_fresh(call(1, 1, 1), 3, None);
    queue.push_fresh(call(1, 2, 1), 3, None);
    let (one, two) = (queue.pop(Instant::now()).unwrap(), queue.pop(Instant::now()).unwrap());
    assert!(queue.cancel_run(one.call.run, 3).is_empty());
    assert!(one.cancelled.is_cancelled() && !two.cancelled.is_cancelled());
}

#[test]
fn what_a_run_asks_for_after_its_end_is_not_cancelled_with_it() {
    let queue = queue(10, 10, 10);
    let of_one_run =
        |number: u128| OpenCall { run: RunId(Uuid::from_u128(1)), ..call(1, number, 1) };
    queue.push_fresh(of_one_run(1), 3, None);
    queue.push_fresh(of_one_run(2), 6, None);
    queue.push(of_one_run(3));
    let jobs: Vec<Job> = std::iter::from_fn(|| queue.pop(Instant::now())).collect();
    // The news of its end, at event 4, comes when it was taken up again.
    let unsure = queue.cancel_run(RunId(Uuid::from_u128(1)), 4);
    let cancelled = || jobs.iter().map(|job| job.cancelled.is_cancelled()).collect::<Vec<_>>();
    assert_eq!(cancelled(), [true, false, false]);
    assert_eq!(
        unsure.len(),
        1,
        "whether the run wants the one that was read back must be looked up"
    );
    unsure.iter().for_each(CancellationToken::cancel);
    assert_eq!(cancelled(), [true, false, true]);
}

#[test]
fn when_all_rooms_are_full_nothing_is_read_in_circles() {
    let queue = queue(1, 1, 4);
    assert!(queue.begin_refill().is_some());
    queue.refilled(false);
    (1..=65).for_each(|organization| queue.push_fresh(call(organization, 0, 1), 1, None));
    assert_eq!(queue.waiting(), 64);
    assert_eq!(queue.begin_refill(), None, "there is no room for it");
    assert!(queue.pop(Instant::now()).is_some());
    assert!(queue.begin_refill().is_some(), "now there is");
}

#[test]
fn a_call_that_found_its_queue_full_of_runs_does_not_count_in_the_rate() {
    let (queue, now) = (Queue::new(&EngineConfig::default(), false), Instant::now());
    for number in 0..3 {
        let mut call = call(1, number, 1);
        call.route.queue = Some("slow".to_owned());
        queue.push_fresh(call, 1, None);
    }
    queue.gates_set(OrganizationId(Uuid::from_u128(1)), Some(limits(100, Some(1))));
    let stands = queue.pop(now).unwrap();
    assert!(queue.pop(now).is_none(), "one a minute");
    queue.not_begun(&stands.call);
    queue.done(&stands.call);
    let begins = queue.pop(now).unwrap();
    queue.done(&begins.call);
    assert!(queue.pop(now).is_none(), "now one has begun");
}

#[test]
fn beside_other_servers_one_call_of_a_queue_asks_at_a_time_and_waits_where_it_stood() {
    let (queue, now) = (Queue::new(&EngineConfig::default(), true), Instant::now());
    let organization = OrganizationId(Uuid::from_u128(1));
    for (number, name) in ["slow", "slow", "slow", "free", ""].into_iter().enumerate() {
        let mut call = call(1, number as u128, 1);
        call.route.queue = Some(name.to_owned()).filter(|name| !name.is_empty());
        queue.push_fresh(call, 1, None);
    }
    queue.gates_set(organization, Some(limits(2, Some(9))));
    let popped_at = |at| -> Vec<Job> { std::iter::from_fn(|| queue.pop(at)).collect() };
    let popped = || popped_at(now);
    let number = |job: &Job| job.call.call.0.as_u128();
    let numbers = |jobs: &[Job]| jobs.iter().map(number).collect::<Vec<_>>();
    let mut first = popped();
    assert_eq!(numbers(&first), [0, 3, 4], "one of the queue with a limit");
    let asks = first.iter().map(|job| job.ask.map(|ask| (ask.places, ask.per_minute, ask.mine)));
    assert_eq!(asks.collect::<Vec<_>>(), [Some((2, Some(9), 0)), None, None]);

    // It gives way, comes out first again, and does not give way for ever.
    let mut again = first.remove(0);
    for times in 1..=10 {
        assert!(again.ask.is_some_and(|ask| ask.gives_way), "{times}");
        queue.put_back(again, true);
        assert!(popped().is_empty(), "its queue is closed");
        queue.open_queue(organization, Some("slow"));
        let mut next = popped();
        assert_eq!(numbers(&next), [0]);
        again = next.remove(0);
    }
    assert!(again.ask.is_some_and(|ask| !ask.gives_way));

    // It has its place: the next one may ask, and knows of it.
    queue.placed(&again.call, true);
    assert_eq!(queue.with_places(), [(again.call.run, again.call.call, 1)]);
    let second = popped();
    assert_eq!((numbers(&second), second[0].ask.map(|ask| ask.mine)), (vec![1], Some(1)));
    assert!(second[0].ask.is_some_and(|ask| !ask.gives_way), "nobody took what was left to them");
    queue.placed(&second[0].call, false);
    assert!(popped().is_empty(), "two at once on this server alone");
    queue.done(&again.call);
    assert!(queue.with_places().is_empty());
    let third = popped_at(now + INSISTS_FOR);
    assert!(third[0].ask.is_some_and(|ask| ask.gives_way), "not for ever");
    assert_eq!(numbers(&third), [2]);

    // Runs that calls start are counted elsewhere.
    let mut run = call(1, 9, 1);
    let request = serde_json::json!({"of": "run", "workflow": "w", "input": {}});
    run.request = serde_json::from_value(request).unwrap();
    run.route.queue = Some("other".to_owned());
    queue.push_fresh(run, 1, None);
    let limit = QueueLimit { concurrency: 1, per_minute: None };
    queue.gates_set(organization, Some(BTreeMap::from([("other".to_owned(), limit)])));
    assert_eq!(popped()[0].ask, None);
}
