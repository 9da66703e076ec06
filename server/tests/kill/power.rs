//! The power goes while the real binary works on SQLite: what a client was told, or saw, is there afterwards.
//!
//! A library that is preloaded (`power/disk.rs`) keeps what was synced apart from what was only written. After
//! `kill -9` the data folder is made to look as after a cut of the power (`power/cut.rs`), and the server starts on
//! that. A disk that says yes to a sync and does nothing must be found out by the same looks.
//!
//! `SIGNALBOX_CUTS` says how often, `SIGNALBOX_SEED` makes it repeatable. It needs Linux, `rustc`, and a binary that
//! is linked to the C library dynamically; elsewhere it passes only if nobody asked for a number of cuts.

mod clients;
mod cut;

use crate::documents::{self, chain, none_in, unended};
use crate::server_process::ServerProcess;
use crate::{Chance, STUCK_AFTER, number};
use clients::{Clients, Doors, Ledger};
use signalbox::id::RunId;
use signalbox::run::RunPhase;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// In so long the person has decided whatever the cuts left open.
const DECIDED_MAX: Duration = Duration::from_secs(300);

/// A folder that goes with the test, unless it failed.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// The server behind the disk, and its clients.
struct Bench {
    server: ServerProcess,
    doors: Doors,
    library: PathBuf,
    folder: Folder,
}

/// What the cuts came to.
#[derive(Default)]
struct Tally {
    acknowledged: usize,
    steps_seen: usize,
    unsynced: u64,
    survived: u64,
    lost: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_cut_of_the_power() {
    let folder = std::env::temp_dir().join(format!("signalbox-power-{}", uuid::Uuid::new_v4()));
    fs::create_dir_all(&folder).expect("a folder");
    let folder = Folder(folder.canonicalize().expect("a folder"));
    let library = match compile(&folder.0) {
        Ok(library) => library,
        Err(why) => return cannot(&why),
    };
    let (cuts, seed) =
        (number("SIGNALBOX_CUTS", 3), number("SIGNALBOX_SEED", u64::from(std::process::id())));
    println!("power test: {cuts} cuts, seed {seed}");
    let mut chance = Chance(seed);
    let mut bench = Bench::new(library, folder).await;
    bench.start(false).await;
    if !bench.is_watched() {
        return cannot("the binary does not load it");
    }
    let mut tally = Tally::default();
    let mut started = BTreeSet::new();
    for round in 0..cuts {
        let ledger = bench.work(round, &mut chance).await;
        bench.cut(&mut chance, &mut tally, true).await;
        bench.start(false).await;
        tally.count(&ledger, ledger.lost(&bench.doors.client).await);
        started.extend(ledger.runs());
    }
    bench.drain().await;
    tally.lost.extend(bench.missing(&started).await);
    println!(
        "{cuts} cuts: {} answers with 2xx, {} events seen, {} unsynced writes of which {} survived; {} lost",
        tally.acknowledged,
        tally.steps_seen,
        tally.unsynced,
        tally.survived,
        tally.lost.len()
    );
    assert!(tally.lost.is_empty(), "lost with the power: {:#?}", tally.lost);
    assert!(tally.acknowledged > 0 && tally.steps_seen > 0, "nothing was at stake");
    bench.a_lying_disk_is_found_out(cuts, &mut chance).await;
}

/// Says why the test cannot be made here; a failure where it was asked for.
fn cannot(why: &str) {
    let text = format!("the power test is not made here: {why}");
    assert!(std::env::var_os("SIGNALBOX_CUTS").is_none(), "{text}");
    println!("{text}");
}

/// Compiles the library that is preloaded.
fn compile(folder: &Path) -> Result<PathBuf, String> {
    if !cfg!(all(target_os = "linux", target_pointer_width = "64")) {
        return Err("it needs Linux".into());
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kill/power/disk.rs");
    let library = folder.join("libdisk.so");
    let output = Command::new("rustc")
        .args(["--edition", "2024", "--crate-type", "cdylib", "-O", "-o"])
        .arg(&library)
        .arg(source)
        .output()
        .map_err(|error| format!("rustc does not run: {error}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(library) } else { Err(format!("rustc: {errors}")) }
}

impl Bench {
    /// A server that is set up and stopped; from here on its disk is watched.
    async fn new(library: PathBuf, folder: Folder) -> Self {
        let mut server = ServerProcess::start(None).await;
        let client = server.client_with(&server.token());
        let steps = [
            documents::set("number", "{{input.body.number}}"),
            documents::call(),
            documents::ask(),
            documents::set("asked", true),
        ];
        let by_webhook = chain("Cut, webhook", documents::by_webhook(), &steps);
        let by_hand = chain("Cut, by hand", documents::by_hand(), &steps);
        let hooked = documents::publish(&client, by_webhook).await;
        let by_hand = documents::publish(&client, by_hand).await.workflow.id;
        let hook = hooked.hook_url.expect("a webhook's address");
        server.stop().await;
        let doors = Doors { client, hook, by_webhook: hooked.workflow.id, by_hand };
        Self { server, doors, library, folder }
    }

    fn shadow(&self) -> PathBuf {
        self.folder.0.join("shadow")
    }

    /// Starts it; what lies in its folder is on the disk.
    async fn start(&mut self, lies: bool) {
        let shadow = self.shadow();
        let _ = fs::remove_dir_all(&shadow); // there is none at first
        fs::create_dir_all(shadow.join("unsynced")).expect("a folder");
        let data = self.server.data().canonicalize().expect("the data folder");
        cut::copy(&data, &shadow.join("kept")).expect("the data is copied");
        let mut environment: Vec<(&'static str, OsString)> = vec![
            ("LD_PRELOAD", self.library.clone().into()),
            ("SIGNALBOX_DISK", data.into()),
            ("SIGNALBOX_DISK_SHADOW", shadow.into()),
        ];
        if lies {
            environment.push(("SIGNALBOX_DISK_LIES", "1".into()));
        }
        self.server.environment_set(environment);
        self.server.restart().await;
    }

    /// Whether the library is in the server and sees its database.
    fn is_watched(&self) -> bool {
        self.shadow().join("unsynced/signalbox.db-wal").exists()
    }

    /// Clients work until the server is killed, for a while that is left to chance.
    async fn work(&mut self, round: u64, chance: &mut Chance) -> Ledger {
        let clients = Clients::start(&self.doors, round);
        tokio::time::sleep(Duration::from_millis(chance.within(200..900))).await;
        self.server.kill();
        clients.stop().await
    }

    /// The power goes: the folder is as the disk has it. `some`: chance decides what became of unsynced writes.
    async fn cut(&mut self, chance: &mut Chance, tally: &mut Tally, some: bool) {
        let share = if some { [0, 50, 50, 100][chance.within(0..4) as usize] } else { 0 };
        let left = cut::power(self.server.data(), &self.shadow(), share, chance);
        let left = left.expect("the folder is made as after a cut");
        tally.unsynced += left.records;
        tally.survived += left.survived;
        if let Err(damage) = self.integrity().await {
            tally.lost.push(format!("the database is damaged: {damage}"));
        }
    }

    /// Looks at a copy: what opens a database first mends it from its log, and that is the server's to do.
    async fn integrity(&self) -> Result<(), String> {
        let copy = self.folder.0.join("copy");
        let _ = fs::remove_dir_all(&copy); // there is none at first
        cut::copy(self.server.data(), &copy).expect("the data is copied");
        let options = SqliteConnectOptions::new().filename(copy.join("signalbox.db"));
        let mut conn =
            SqliteConnection::connect_with(&options).await.map_err(|error| error.to_string())?;
        let sql = "PRAGMA integrity_check";
        let found: String = sqlx::query_scalar(sql)
            .fetch_one(&mut conn)
            .await
            .map_err(|error| error.to_string())?;
        let _ = conn.close().await; // only a copy
        if found == "ok" { Ok(()) } else { Err(found) }
    }

    /// Everything that was begun ends.
    async fn drain(&self) {
        let (client, slack) = (&self.doors.client, self.server.slack());
        let person = Clients::person_only(&self.doors);
        // What the person has not come to is not stuck.
        let asked = none_in(client, &[RunPhase::AwaitingInput], DECIDED_MAX * slack).await;
        let ended = none_in(client, &unended(), STUCK_AFTER * slack).await;
        person.stop().await;
        assert!(asked && ended, "runs are stuck after the cuts; all decided: {asked}");
    }

    /// Runs that were acknowledged in any round and are not there, or did not complete.
    async fn missing(&self, started: &BTreeSet<RunId>) -> Vec<String> {
        let mut there = BTreeSet::new();
        let mut wrong = Vec::new();
        for workflow in [self.doors.by_webhook, self.doors.by_hand] {
            let (runs, not_well) = documents::runs_of(&self.doors.client, workflow).await;
            there.extend(runs);
            wrong.extend(not_well);
        }
        wrong.extend(started.difference(&there).map(|run| format!("{run} is gone in the end")));
        wrong
    }

    /// With a disk that lies about syncs the same looks must find losses, or they look at nothing.
    async fn a_lying_disk_is_found_out(&mut self, round: u64, chance: &mut Chance) {
        self.server.stop().await;
        self.start(true).await;
        let ledger = self.work(round, chance).await;
        let mut tally = Tally::default();
        self.cut(chance, &mut tally, false).await;
        self.start(false).await;
        tally.count(&ledger, ledger.lost(&self.doors.client).await);
        println!(
            "a disk that lies: {} answers with 2xx, {} looks found something lost",
            tally.acknowledged,
            tally.lost.len()
        );
        assert!(tally.acknowledged > 0, "nothing was at stake");
        assert!(!tally.lost.is_empty(), "a disk that lies about syncs was not found out");
    }
}

impl Tally {
    fn count(&mut self, ledger: &Ledger, lost: Vec<String>) {
        self.acknowledged += ledger.acknowledged();
        self.steps_seen += ledger.steps_seen();
        self.lost.extend(lost);
    }
}
