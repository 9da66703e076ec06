//! Random sequences of operations: the model and a database are told the same, step by step, and must answer alike; in the
//! end all that both can list must be the same. A sequence that shows a difference is cut as far as it still shows one, and
//! told with its seed.
//!
//! `SIGNALBOX_SEQUENCES` says how many seeds each database plays, `SIGNALBOX_SEQUENCE` plays one alone. The model that the
//! simulation of the engine stands on is so held to the databases, and they to one another. Reading order: `ops` → `side` →
//! `player` → `looks`.
//!
//! Left out, because the model has none of it: messages, schedules and what else starts runs, workflows and versions,
//! contacts, accounts, settings, retention, step hooks, escalation and edits of approvals, runs that wait for nothing (it
//! knows no messages). Left out, because answers may rightly differ: the numbers of outside events (where several servers
//! may work, those of runs that ended come later), all but the oldest event of each name that a run was not told (the model
//! gives no others), the order of what comes at the same time, and who of several servers owns what (the suite beside this
//! holds that).

mod looks;
mod ops;
mod player;
mod side;

use super::model::Wrong;
use super::*;
use ops::{Op, RUNS, generate};
use side::{Made, Side, servers};

/// Sequences that each database plays unless said otherwise, and operations of one.
const SEQUENCES: u64 = 60;
const OPERATIONS: usize = 40;
/// A wrong model is found out within so many.
const FOUND_WITHIN: u64 = 400;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Two that are told the same: a model, and a database.
struct Pair<'a> {
    database: &'a Store,
    wrong: Option<Wrong>,
}

impl Pair<'_> {
    /// Plays a sequence on both; says where they differ.
    async fn difference(&self, ops: &[Op]) -> Option<String> {
        let model = Side::model(self.database.is_shared(), self.wrong);
        let database = Side::database(self.database).await;
        for (at, op) in ops.iter().enumerate() {
            let answers = (model.play(op, at).await, database.play(op, at).await);
            if answers.0 != answers.1 {
                return Some(told(&format!("operation {at}, {op:?}"), answers));
            }
        }
        let dumps = (model.dump().await, database.dump().await);
        let mut differs = first_difference(dumps);
        // Everything comes to its end, so that nothing is left for the sequences after this one.
        for (at, op) in (0..RUNS).flat_map(Op::over).enumerate() {
            let at = OPERATIONS + at;
            let answers = (model.play(&op, at).await, database.play(&op, at).await);
            if answers.0 != answers.1 {
                differs = differs.or_else(|| Some(told(&format!("in the end {op:?}"), answers)));
            }
        }
        let looks = (model.look().await, database.look().await);
        differs.or_else(|| first_difference(looks))
    }

    /// The shortest sequence that cutting leads to and that shows a difference, and the difference.
    async fn shortened(&self, mut ops: Vec<Op>, mut shown: String) -> (Vec<Op>, String) {
        let mut size = ops.len().div_ceil(2);
        loop {
            let mut from = 0;
            while from < ops.len() {
                let mut fewer = ops.clone();
                fewer.drain(from..(from + size).min(ops.len()));
                match self.difference(&fewer).await {
                    Some(difference) => (ops, shown) = (fewer, difference),
                    None => from += size,
                }
            }
            if size <= 1 {
                return (ops, shown);
            }
            size /= 2;
        }
    }
}

fn told(what: &str, (model, database): (String, String)) -> String {
    format!("{what}:\n  the model says    {model}\n  the database says {database}")
}

fn first_difference((model, database): (Vec<String>, Vec<String>)) -> Option<String> {
    let lines = model.len().max(database.len());
    let line = |dump: &[String], at: usize| dump.get(at).cloned().unwrap_or_default();
    let lines = (0..lines).map(|at| (line(&model, at), line(&database, at)));
    let mut differing = lines.filter(|(one, other)| one != other);
    differing.next().map(|pair| told("what is there in the end", pair))
}

/// Plays seeds on a database and the model.
async fn play(database: &Store) {
    let pair = Pair { database, wrong: None };
    let seeds = match number("SIGNALBOX_SEQUENCE") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIGNALBOX_SEQUENCES").unwrap_or(SEQUENCES),
    };
    for seed in seeds {
        let ops = generate(seed, OPERATIONS);
        if let Some(shown) = pair.difference(&ops).await {
            let (ops, shown) = pair.shortened(ops, shown).await;
            panic!("sequence {seed}: {shown}\nafter these {} operations: {ops:#?}", ops.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_sequences_give_the_same_on_sqlite_and_on_the_model() {
    play(&Store::in_memory().await.expect("a database")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_sequences_give_the_same_on_postgresql_and_on_the_model() {
    for server in servers() {
        println!("on {server}"); // shown when it fails
        let made = Made::on(&server).await;
        let store = Store::connect(&made.url(), StoreOptions::default()).await.expect("a database");
        play(&store).await;
        store.close().await;
    }
}

/// Models that are wrong on purpose are found out, and a sequence that shows it is short.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_model_is_found_out_by_a_short_sequence() {
    let database = Store::in_memory().await.expect("a database");
    for wrong in [
        Wrong::NoFence,
        Wrong::NotesUnfenced,
        Wrong::NoIntent,
        Wrong::NoRevision,
        Wrong::NoKey,
        Wrong::NoClaimKey,
    ] {
        let pair = Pair { database: &database, wrong: Some(wrong) };
        let mut found = None;
        for seed in 0..FOUND_WITHIN {
            let ops = generate(seed, OPERATIONS);
            found = pair.difference(&ops).await.map(|shown| (ops, shown));
            if found.is_some() {
                break;
            }
        }
        let (ops, shown) = found.unwrap_or_else(|| panic!("{wrong:?} was not found out"));
        if !matches!(wrong, Wrong::NoRevision | Wrong::NoKey) {
            continue; // cutting takes its time
        }
        let (ops, shown) = pair.shortened(ops, shown).await;
        assert!(ops.len() <= 6, "{wrong:?}: {shown}\n{ops:#?}");
    }
}
