//! Runs a target: on a small stack, within a time that only a hang takes, with findings kept.
//!
//! An input that gave a result or an error in words that were not met before is changed further, as fuzzers with
//! an eye on coverage do with new paths.

use super::mutate::{Rng, make};
use std::{
    collections::HashSet,
    fs,
    io::{Seek, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

/// The stack of the thread that reads: what a thread of the server has.
pub const STACK_BYTES: usize = 2 * 1024 * 1024;
/// No case takes so long on any machine unless it hangs.
const HANG: Duration = Duration::from_secs(60);
/// What the whole process may hold meanwhile.
const MEMORY_MAX_KIB: u64 = 1536 * 1024;
/// Inputs that are changed further.
const CORPUS_MAX: usize = 3_000;
/// Where each run begins unless it is told otherwise.
const SEED: u64 = 0x5163_a1b0;

/// What a reader made of an input.
pub enum Seen {
    /// Read.
    Taken,
    /// Refused, in these words.
    Refused(String),
}

/// What is fuzzed.
pub struct Target {
    pub name: &'static str,
    /// How many cases `make test` takes.
    pub cases: u64,
    /// What the changes begin with: texts that are read.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of its language.
    pub words: &'static [&'static str],
    /// Reads an input; an error is a promise that was broken.
    pub check: fn(&[u8]) -> Result<Seen, String>,
}

#[derive(Default)]
struct Count {
    cases: u64,
    taken: u64,
    kinds: HashSet<String>,
}

/// Replays what was found before, then runs the target.
pub fn run(target: &Target) {
    let seed = number("SIGNALBOX_FUZZ_SEED").unwrap_or(SEED);
    let until = number("SIGNALBOX_FUZZ_SECONDS")
        .map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let begun = Instant::now();
    let (beat, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let count = thread::scope(|scope| {
        let watched = (beat.clone(), done.clone());
        let watch = scope.spawn(move || watch(target.name, &watched.0, &watched.1));
        let work = || {
            let _ended = Ended(&done);
            replay(target);
            explore(target, seed, until, &beat)
        };
        let worker =
            thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work).unwrap();
        let count = worker.join();
        watch.join().unwrap();
        count.unwrap_or_else(|_| panic!("{}: see above", target.name))
    });
    let Count { cases, taken, kinds } = count;
    println!(
        "{}: {cases} cases from seed {seed} in {:.1} s, {taken} read, {} kinds of answer",
        target.name,
        begun.elapsed().as_secs_f64(),
        kinds.len()
    );
    // A driver that gives nothing readable, or nothing bad, looks at nothing.
    assert!(taken > cases / 200 && taken < cases, "{}: {taken} of {cases} were read", target.name);
    assert!(kinds.len() > 3, "{}: {kinds:?}", target.name);
}

/// Says that the worker has ended, in whatever way.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Ends the process when a case hangs or the memory runs away: no thread can be stopped from outside.
fn watch(name: &str, beat: &AtomicU64, done: &AtomicBool) {
    let (mut last, mut since) = (0, Instant::now());
    while !done.load(Relaxed) {
        thread::sleep(Duration::from_millis(20));
        let now = beat.load(Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        let hangs = since.elapsed() > HANG;
        if hangs || memory_kib() > MEMORY_MAX_KIB {
            let what = if hangs { "hangs" } else { "takes too much memory" };
            eprintln!("{name} {what} at case {now}; the input is in {}", now_file(name).display());
            std::process::abort();
        }
    }
}

/// What the process holds now; 0 where the system does not say.
fn memory_kib() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn explore(target: &Target, seed: u64, until: Option<Instant>, beat: &AtomicU64) -> Count {
    let mut rng = Rng::new(seed);
    let mut corpus = (target.seeds)();
    let good = corpus.len();
    assert!(!corpus.is_empty());
    for (at, good) in corpus.iter().enumerate() {
        let seen = (target.check)(good);
        let shown = String::from_utf8_lossy(good);
        assert!(matches!(seen, Ok(Seen::Taken)), "seed {at}: {}: {shown}", words(&seen));
    }
    let mut count = Count::default();
    let mut open = fs::File::create(now_file(target.name)).unwrap();
    while until.map_or(count.cases < target.cases, |end| Instant::now() < end) {
        let input = make(&mut rng, &corpus, good, target.words);
        // Kept before it is tried: an overflow of the stack leaves nobody to tell.
        open.set_len(0).and_then(|()| open.rewind()).and_then(|()| open.write_all(&input)).unwrap();
        let seen = tried(target, &input);
        let kind = match seen {
            Ok(Seen::Taken) => {
                count.taken += 1;
                format!("taken {}", input.len().max(16).ilog2())
            }
            Ok(Seen::Refused(why)) => outline(&why),
            Err(why) => panic!("{why}\n{}", keep(target, seed, count.cases, &input)),
        };
        if count.kinds.len() < CORPUS_MAX && count.kinds.insert(kind) && input.len() < 8_000 {
            corpus.push(input);
        }
        count.cases += 1;
        beat.store(count.cases, Relaxed);
    }
    drop(open);
    fs::remove_file(now_file(target.name)).unwrap();
    count
}

fn words(seen: &Result<Seen, String>) -> &str {
    match seen {
        Ok(Seen::Taken) => "read",
        Ok(Seen::Refused(why)) | Err(why) => why,
    }
}

fn tried(target: &Target, input: &[u8]) -> Result<Seen, String> {
    catch_unwind(AssertUnwindSafe(|| (target.check)(input)))
        .unwrap_or_else(|_| Err("it panicked".to_owned()))
}

/// An error's words without what it quotes and counts.
fn outline(why: &str) -> String {
    let mut quoted = false;
    let kept = why.chars().filter(|c| {
        let edge = matches!(c, '"' | '`' | '\u{201c}' | '\u{201d}');
        quoted ^= edge;
        !quoted && !edge && (c.is_ascii_alphabetic() || *c == ' ')
    });
    kept.take(30).collect()
}

/// Puts a finding where it is replayed for ever, as small as it could be made.
fn keep(target: &Target, seed: u64, case: u64, input: &[u8]) -> String {
    let small = smaller(target, input);
    let folder = findings(target.name);
    let file = folder.join(format!("seed-{seed}-case-{case}"));
    let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, &small));
    let shown: String = String::from_utf8_lossy(&small).chars().take(2_000).collect();
    format!(
        "{}: case {case} of seed {seed}, kept in {} ({kept:?}):\n{shown}",
        target.name,
        file.display()
    )
}

/// Takes out pieces as long as it is still a finding.
fn smaller(target: &Target, input: &[u8]) -> Vec<u8> {
    let (mut best, mut piece, mut tries) = (input.to_vec(), input.len() / 2, 0);
    while piece > 0 {
        let mut at = 0;
        while at < best.len() && tries < 2_000 {
            let mut shorter = best.clone();
            shorter.drain(at..(at + piece).min(best.len()));
            tries += 1;
            if tried(target, &shorter).is_err() {
                best = shorter;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    best
}

/// Every finding of the past, and the input at which an earlier run was cut off.
fn replay(target: &Target) {
    let kept = fs::read_dir(findings(target.name)).into_iter().flatten();
    let mut files: Vec<PathBuf> = kept.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.push(now_file(target.name));
    for file in files {
        if let Ok(input) = fs::read(&file) {
            let seen = (target.check)(&input);
            assert!(seen.is_ok(), "{}: {}", file.display(), words(&seen));
        }
    }
}

fn findings(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/fuzz").join(name)
}

fn now_file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}
