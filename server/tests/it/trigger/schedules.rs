//! Schedules in virtual time. The bench's clock begins at 2023-11-14T22:13:20Z, 23:13:20 in Berlin.

use super::support::*;
use crate::engine::support::*;
use chrono::TimeDelta;
use futures::FutureExt;
use serde_json::json;
use server::{engine::Clock, store::*, trigger};

// WF-04, WF-22
#[tokio::test]
async fn a_schedule_starts_a_run_at_each_of_its_times() {
    let bench = Bench::new(scheduled("0 9 * * *", json!({}))).await;
    live_until(&bench, at("2023-11-17T12:00:00Z")).await.unwrap();
    let expected = ["2023-11-15T09:00", "2023-11-16T09:00", "2023-11-17T09:00"];
    assert_eq!(times(&bench, bench.workflow).await, expected);
    let input = &inputs(&bench, bench.workflow).await[0];
    assert_eq!(input["scheduledAt"], "2023-11-15T08:00:00.000Z");
    assert_eq!((&input["timezone"], &input["missed"]), (&json!("Europe/Berlin"), &json!(0)));
    let run = run_list(&bench.store, bench.organization, &RunFilter::default(), None, 1).await;
    let run = &run.unwrap()[0];
    assert_eq!((run.started_by.as_str(), run.created_at), ("schedule", at("2023-11-17T08:00:00Z")));
    assert_eq!(row(&bench, bench.workflow).await.due_at, Some(at("2023-11-18T08:00:00Z")));
}

#[tokio::test]
async fn when_the_clocks_change_a_daily_time_comes_once() {
    for (begin, expected) in [
        ("2024-03-30T12:00:00Z", "2024-03-31T03:00"), // 02:30 is jumped over
        ("2024-10-26T12:00:00Z", "2024-10-27T02:30"), // and comes twice
    ] {
        let bench = Bench::new(graph(&[("t", trigger()), ("e", end())], "t>e")).await;
        bench.clock.advance_to(at(begin));
        republish(&bench, scheduled("30 2 * * *", json!({}))).await;
        live_until(&bench, at(begin) + TimeDelta::hours(26)).await.unwrap();
        assert_eq!(times(&bench, bench.workflow).await, [expected], "{begin}");
    }
}

#[tokio::test]
async fn missed_times_are_treated_as_the_rule_says() {
    for (rule, times_of, missed) in [
        (json!({}), vec!["05:00"], 4),
        (json!({ "misfire": "skip" }), vec![], 0),
        (json!({ "misfire": "all" }), vec!["01:00", "02:00", "03:00", "04:00", "05:00"], 0),
        (json!({ "misfire": "all", "max_lateness_ms": 7_200_000 }), vec!["04:00", "05:00"], 3),
        (json!({ "max_lateness_ms": 600_000 }), vec![], 0),
    ] {
        let mut bench = Bench::new(scheduled("0 * * * *", rule.clone())).await;
        live_until(&bench, at("2023-11-14T23:30:00Z")).await.unwrap(); // 00:30; midnight was in time
        bench.restart().await;
        bench.clock.advance_to(at("2023-11-15T04:20:00Z"));
        live_until(&bench, at("2023-11-15T04:30:00Z")).await.unwrap();
        let started = times(&bench, bench.workflow).await;
        let hours: Vec<&str> = started.iter().map(|time| &time[11..]).collect();
        assert_eq!(hours[0], "00:00", "{rule}");
        assert_eq!(hours[1..], times_of, "{rule}");
        let row = row(&bench, bench.workflow).await;
        assert_eq!(row.due_at, Some(at("2023-11-15T05:00:00Z")), "{rule}");
        match inputs(&bench, bench.workflow).await.get(1) {
            Some(input) => assert_eq!(input["missed"], missed, "{rule}"),
            None => assert!(row.note.contains("too late"), "{rule}: {}", row.note),
        }
        // A minute's grace: what comes now is in time whatever the rule.
        bench.clock.advance_to(at("2023-11-15T05:00:59Z"));
        live_until(&bench, at("2023-11-15T05:01:00Z")).await.unwrap();
        assert!(times(&bench, bench.workflow).await.contains(&"2023-11-15T06:00".to_owned()));
    }
}

#[tokio::test]
async fn no_more_than_a_hundred_times_are_made_up() {
    let bench = Bench::new(scheduled("* * * * *", json!({ "misfire": "all" }))).await;
    bench.clock.advance_to(epoch() + TimeDelta::days(40));
    trigger::look(&bench.engine).await.unwrap();
    let started = times(&bench, bench.workflow).await;
    assert_eq!((started.len(), started[99].as_str()), (100, "2023-12-24T23:13"));
}

#[tokio::test]
async fn a_time_is_left_out_while_the_run_before_is_going_on() {
    for (rule, expected) in [
        (json!({ "no_overlap": true }), vec!["00:00", "02:00"]),
        (json!({}), vec!["00:00", "01:00", "02:00", "03:00"]),
    ] {
        let trigger = json!({ "on": "schedule", "cron": "0 * * * *", "timezone": "Europe/Berlin" });
        let slow = [("w", wait_ms(90 * 60_000))];
        let graph = started_by(trigger, json!({ "schedule": rule }), &slow);
        let bench = Bench::new(graph).await;
        live_until(&bench, at("2023-11-15T02:30:00Z")).await.unwrap();
        let started = times(&bench, bench.workflow).await;
        let hours: Vec<&str> = started.iter().map(|time| &time[11..]).collect();
        assert_eq!(hours, expected, "{rule}");
        let note = row(&bench, bench.workflow).await.note;
        assert_eq!(note.contains("still going on"), rule["no_overlap"] == true, "{note}");
    }
}

#[tokio::test]
async fn what_is_put_away_or_published_anew_is_not_made_up() {
    let bench = Bench::new(scheduled("0 * * * *", json!({ "misfire": "all" }))).await;
    archive(&bench, true).await;
    assert_eq!(
        trigger::next_time(&bench.store, &row(&bench, bench.workflow).await).await,
        Ok(None)
    );
    live_until(&bench, at("2023-11-15T01:30:00Z")).await.unwrap();
    assert!(times(&bench, bench.workflow).await.is_empty());
    archive(&bench, false).await;
    live_until(&bench, at("2023-11-15T02:30:00Z")).await.unwrap();
    assert_eq!(times(&bench, bench.workflow).await, ["2023-11-15T03:00"]);
    // The same rule published again goes on where it was: what is due is not lost.
    bench.clock.advance_to(at("2023-11-15T03:10:00Z"));
    republish(&bench, scheduled("0 * * * *", json!({ "misfire": "all" }))).await;
    trigger::look(&bench.engine).await.unwrap();
    assert_eq!(times(&bench, bench.workflow).await.len(), 2);
    // Another rule counts from its publication.
    bench.clock.advance_to(at("2023-11-15T05:10:00Z"));
    republish(&bench, scheduled("0 */2 * * *", json!({ "misfire": "all" }))).await;
    trigger::look(&bench.engine).await.unwrap();
    assert_eq!(times(&bench, bench.workflow).await.len(), 2);
    // And without one nothing comes any more.
    republish(&bench, graph(&[("t", trigger()), ("e", end())], "t>e")).await;
    let gone = schedule_fetch(&bench.store, bench.organization, bench.workflow).await.unwrap();
    assert_eq!((gone, trigger::look(&bench.engine).await.unwrap()), (None, None));
}

#[tokio::test]
async fn without_a_zone_the_organisations_clocks_count() {
    let trigger = json!({ "on": "schedule", "cron": "0 9 * * *" });
    let bench = Bench::new(started_by(trigger, json!({}), &[("a", action())])).await;
    organization(&bench, "Asia/Tokyo").await;
    trigger::look(&bench.engine).await.unwrap();
    assert_eq!(row(&bench, bench.workflow).await.due_at, Some(at("2023-11-15T00:00:00Z")));
    let (organization, now) = (bench.organization, bench.clock.now());
    let moved = bench.store.write(move |tx| {
        async move { organization_update(tx, organization, "Acme", "America/New_York", now).await }
            .boxed()
    });
    moved.await.unwrap();
    trigger::look(&bench.engine).await.unwrap();
    assert_eq!(row(&bench, bench.workflow).await.due_at, Some(at("2023-11-15T14:00:00Z")));
}

#[tokio::test]
async fn times_are_made_anew_when_what_is_known_about_zones_has_changed() {
    let bench = Bench::new(scheduled("0 9 * * *", json!({}))).await;
    trigger::look(&bench.engine).await.unwrap();
    let wrong = row(&bench, bench.workflow).await;
    let stale = bench.store.write(move |tx| {
        async move {
            let due_at = wrong.due_at.unwrap() + TimeDelta::hours(1);
            schedule_advance(tx, &wrong, None, due_at, "").await?;
            schedules_remake(tx).await
        }
        .boxed()
    });
    stale.await.unwrap();
    trigger::look(&bench.engine).await.unwrap();
    assert_eq!(row(&bench, bench.workflow).await.due_at, Some(at("2023-11-15T08:00:00Z")));
}

#[tokio::test]
async fn two_servers_fire_a_time_once() {
    let bench = Bench::new(scheduled("0 * * * *", json!({}))).await;
    bench.clock.advance_to(at("2023-11-14T23:00:00Z"));
    let looks = (0..8).map(|_| trigger::look(&bench.engine));
    for look in futures::future::join_all(looks).await {
        look.unwrap();
    }
    assert_eq!(times(&bench, bench.workflow).await, ["2023-11-15T00:00"]);
}

#[tokio::test]
async fn a_version_that_cannot_run_does_not_stop_the_others() {
    let bench = Bench::new(scheduled("0 * * * *", json!({}))).await;
    let mut broken = scheduled("0 * * * *", json!({}));
    broken.edges.push(signalbox::graph::Edge::new("a", "success", "nowhere"));
    let other = publish(&bench.store, bench.organization, broken).await;
    live_until(&bench, at("2023-11-15T01:30:00Z")).await.unwrap();
    assert_eq!(times(&bench, bench.workflow).await.len(), 3);
    let broken = row(&bench, other).await;
    assert!(broken.note.contains("No run was started"), "{}", broken.note);
    assert_eq!(broken.due_at, Some(at("2023-11-15T02:00:00Z")));
}
