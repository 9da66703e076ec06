//! Sockets at several servers on one PostgreSQL: each is told of what happens at all of them.

use super::{
    live::{Socket, connect, next, say},
    support::{As, Making, Server, document},
    workflows::published,
};
use crate::support::database::{Place, on_each_postgres};
use futures::future::{join, join_all};
use serde_json::json;
use signalbox::wire::Role;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(120);
const SOCKETS: u64 = 6;
/// Runs that are started at each of the two servers.
const RUNS_EACH: usize = 8;

/// When a socket is cut; repeatable from a printed seed.
struct Cuts(u64);

impl Cuts {
    /// How many frames the next socket lives for.
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % 9
    }
}

/// A socket that follows the organisation from a number on.
async fn following(server: &Server, token: &str, after: u64) -> Socket {
    let bearer = format!("Bearer {token}");
    loop {
        // The seat of one that was cut is free when its server has noticed.
        if let Ok(mut socket) = connect(server, &[("authorization", &bearer)]).await {
            say(&mut socket, &json!({ "type": "follow", "after": after }).to_string()).await;
            return socket;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The numbers that a client was shown, and the runs that it saw end: it goes on at the other server after each cut.
async fn watches(servers: &[Server; 2], token: String, seed: u64) -> (Vec<u64>, BTreeSet<String>) {
    let (mut cuts, mut at) = (Cuts(seed), seed.is_multiple_of(2));
    let (mut last, mut seen, mut ended) = (0, Vec::new(), BTreeSet::new());
    while ended.len() < 2 * RUNS_EACH {
        let mut socket = following(&servers[usize::from(at)], &token, last).await;
        at = !at;
        for _ in 0..cuts.next() {
            let frame = next(&mut socket).await.expect("the socket ended");
            let kind = frame["type"].as_str().unwrap();
            if kind == "hello" {
                continue;
            }
            assert!(!["resync", "error"].contains(&kind), "{frame}");
            let number = frame["cursor"].as_u64().unwrap();
            assert!(number > last, "after {last}: {frame}");
            last = number;
            seen.push(number);
            let (run, status) = match kind {
                "plan.created" => (&frame["run"]["id"], &frame["run"]["status"]["type"]),
                "plan.state.changed" => (&frame["run"], &frame["status"]["type"]),
                _ => continue,
            };
            if *status == "Completed" {
                ended.insert(run.as_str().unwrap().to_owned());
            }
            if ended.len() == 2 * RUNS_EACH {
                break;
            }
        }
    }
    (seen, ended)
}

/// Starts runs at one server and decides at the other what they ask.
async fn starts(here: &Server, there: &Server, owner: &As, path: &str) -> Vec<String> {
    let mut runs = Vec::new();
    for _ in 0..RUNS_EACH {
        let started = here.post(owner, &format!("{path}/runs"), &json!({ "input": {} })).await;
        let run = started.json()["id"].as_str().unwrap().to_owned();
        here.get(owner, &format!("/api/runs/{run}/wait?timeout_ms=20000")).await;
        let pending = there.get(owner, "/api/approvals?state=pending").await.json();
        let asked = pending["items"].as_array().unwrap().iter();
        for approval in asked.filter(|approval| approval["run"] == run.as_str()) {
            let path = format!("/api/approvals/{}/decide", approval["id"].as_str().unwrap());
            let decision = json!({ "decision": "approve", "revision": 1 });
            let decided = there.post(owner, &path, &decision).await;
            assert_eq!(decided.status, 200, "{}", decided.text);
        }
        runs.push(run);
    }
    runs
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_every_server_see_all_changes_once_and_in_order() {
    on_each_postgres(async || {
        let place = Place::new().await;
        let servers = [
            Making::over(place.open().await).start().await,
            Making::over(place.open().await).start().await,
        ];
        let [one, two] = &servers;
        let acme = one.organization("acme").await;
        let path = published(one, &acme, &document()).await;
        let owner = acme.owner();
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        println!("seed {seed}");
        let mut watching = Vec::new();
        for number in 0..SOCKETS {
            let token = one.token(acme.id, Role::Owner).await;
            watching.push(watches(&servers, token, seed.wrapping_add(number)));
        }
        let writing = join(starts(one, two, &owner, &path), starts(two, one, &owner, &path));
        let all = timeout(PATIENCE, join(join_all(watching), writing)).await;
        let (watched, (at_one, at_two)) = all.expect("each client sees each run end");
        let runs: BTreeSet<String> = at_one.into_iter().chain(at_two).collect();
        // What the database says there was to see.
        let entries = one.state.store().feed_after(acme.id, 0, 10_000).await.unwrap();
        let told = entries.iter().filter(|entry| ["run", "approval"].contains(&&*entry.topic));
        let told: Vec<u64> = told.map(|entry| u64::try_from(entry.number).unwrap()).collect();
        for (seen, ended) in watched {
            assert_eq!(ended, runs, "seed {seed}");
            let there_was: Vec<u64> =
                told.iter().copied().filter(|number| seen.last() >= Some(number)).collect();
            assert_eq!(seen, there_was, "seed {seed}");
        }
    })
    .await;
}
