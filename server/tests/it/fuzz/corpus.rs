//! The bad input that is kept (`tests/fixtures/bad_input`): thousands of files, each with a name for what is wrong
//! with it. Each is refused with a typed error and its place, or stands in `accepted.txt`, which says why what looks
//! bad is taken. `SIGNALBOX_BLESS=1` writes that list anew; what changed in it is then to be looked at.

use super::{
    documents,
    driver::{STACK_BYTES, Seen},
    language, outside, requests,
};
use server::http::body;
use signalbox::{
    format,
    graph::{AnyTool, CheckContext, CompiledGraph, check, is_publishable},
    wire::ErrorCode,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

type Reader = fn(&[u8]) -> Result<Seen, String>;

const READERS: &[(&str, Reader)] = &[
    ("expression", language::expression),
    ("template", language::template),
    ("cron", language::cron),
    ("own", documents::own_is_read_and_written),
    ("visual", documents::visual_is_read_and_written),
    ("outbound", documents::outbound_is_read_and_written),
    ("dag", documents::dag_is_read_and_written),
    ("contract", documents::contract_is_read_and_written),
    ("live", requests::frame),
    ("cursor", requests::cursor),
    ("webhook", requests::webhook),
    ("address", outside::address),
    ("mail", outside::field),
];

/// Classes of which nothing is ever taken.
const NEVER: &[&str] = &[
    "expression/nothing",
    "own/truncated",
    "visual/truncated",
    "outbound/truncated",
    "dag/truncated",
    "contract/truncated",
    "own/duplicate-key",
    "visual/duplicate-key",
    "outbound/duplicate-key",
    "dag/duplicate-key",
    "contract/duplicate-key",
    "own/nesting",
    "visual/nesting",
    "outbound/nesting",
    "dag/nesting",
    "contract/nesting",
    "live/truncated",
    "live/type",
    "mail/line",
    "address/scheme",
    "address/port",
    "address/sign-in",
    "address/private",
    "address/private-v6",
];

/// Classes of which what is read cannot be published.
const NEVER_PUBLISHED: &[&str] = &[
    "dag/cyclic",
    "outbound/cyclic",
    "contract/cyclic",
    "dag/dangling",
    "outbound/dangling",
    "contract/dangling",
    "dag/duplicate-id",
    "outbound/duplicate-id",
    "outbound/no-default",
    "outbound/unreachable",
    "contract/entry",
];

/// No file takes so long, in a debug build on a busy machine.
const LIMIT: Duration = Duration::from_secs(10);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/bad_input")
}

/// The files of a reader: their names with the folder, and what is in them.
pub fn files(target: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder().join(target)).unwrap();
    let mut files: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (format!("{target}/{name}"), fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// The names of what is taken.
pub fn accepted() -> BTreeSet<String> {
    let text = fs::read_to_string(folder().join("accepted.txt")).unwrap_or_default();
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

fn class(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// What a reader makes of a file. Documents come inside a request's body, which must be text.
fn read(target: &str, reader: Reader, content: &[u8]) -> Result<Seen, String> {
    let is_document = ["own", "visual", "outbound", "dag", "contract", "live"].contains(&target);
    if !is_document || std::str::from_utf8(content).is_ok() {
        return reader(content);
    }
    match body::parse_json::<serde_json::Value>(content) {
        Err(failure) if failure.error.code == ErrorCode::InvalidBody => {
            Ok(Seen::Refused(failure.error.message))
        }
        other => Err(format!("{other:?}")),
    }
}

fn published(content: &[u8]) -> bool {
    let Ok(imported) = format::import_text(&String::from_utf8_lossy(content)) else { return false };
    is_publishable(&check(&imported.graph, &CheckContext::default()))
        && CompiledGraph::compile(imported.graph, &AnyTool).is_ok()
}

/// What is wrong with how files were read, and which were taken.
fn read_all() -> (Vec<String>, BTreeSet<String>, BTreeMap<&'static str, usize>) {
    let (mut broken, mut taken, mut counts) = (vec![], BTreeSet::new(), BTreeMap::new());
    for (target, reader) in READERS {
        for (name, content) in files(target) {
            *counts.entry(*target).or_insert(0) += 1;
            let begun = Instant::now();
            match read(target, *reader, &content) {
                Ok(Seen::Refused(_)) => {}
                Ok(Seen::Taken) => {
                    if NEVER.contains(&class(&name)) {
                        broken.push(format!("{name} is taken"));
                    }
                    taken.insert(name.clone());
                }
                Err(why) => {
                    broken.push(format!("{name}: {}", why.chars().take(500).collect::<String>()))
                }
            }
            if NEVER_PUBLISHED.contains(&class(&name)) && published(&content) {
                broken.push(format!("{name} could be published"));
            }
            if begun.elapsed() > LIMIT {
                broken.push(format!("{name} takes {:?}", begun.elapsed()));
            }
        }
    }
    (broken, taken, counts)
}

#[test]
fn every_bad_file_is_refused_or_known_to_be_taken() {
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(read_all).unwrap();
    let (broken, taken, counts) = thread.join().unwrap();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    if std::env::var("SIGNALBOX_BLESS").is_ok_and(|word| word == "1") {
        bless(&taken);
    }
    let known = accepted();
    let new: Vec<&String> = taken.difference(&known).collect();
    let gone: Vec<&String> =
        known.difference(&taken).filter(|name| !name.starts_with("script/")).collect();
    assert!(new.is_empty() && gone.is_empty(), "taken now: {new:#?}\nrefused now: {gone:#?}");
    let files: usize = counts.values().sum();
    assert!(files >= 4_000 && counts.values().all(|count| *count >= 60), "{files}: {counts:?}");
}

/// Keeps the comments, and each name under the comment of its class.
fn bless(taken: &BTreeSet<String>) {
    let path = folder().join("accepted.txt");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let mut why: BTreeMap<&str, &str> = BTreeMap::new();
    for line in old.lines() {
        if let Some((class, reason)) =
            line.strip_prefix("# ").and_then(|line| line.split_once(": "))
        {
            why.insert(class, reason);
        }
    }
    let mut text = String::new();
    let mut last = "";
    for name in taken {
        if class(name) != last {
            last = class(name);
            text.push_str(&format!("# {last}: {}\n", why.get(last).unwrap_or(&"?")));
        }
        text.push_str(&format!("{name}\n"));
    }
    fs::write(path, text).unwrap();
}

#[test]
fn whatever_is_taken_has_a_reason() {
    let text = fs::read_to_string(folder().join("accepted.txt")).unwrap();
    let classes: BTreeSet<&str> =
        text.lines().filter(|line| !line.starts_with('#')).map(class).collect();
    for class in classes {
        let reason = text.lines().find_map(|line| line.strip_prefix(&format!("# {class}: ")));
        assert!(
            reason.is_some_and(|reason| reason.len() > 10),
            "say in accepted.txt why {class} is taken"
        );
    }
}

/// Names of this machine, which only resolving shows to be private.
#[tokio::test]
async fn localhost_is_never_asked() {
    let mut seen = 0;
    for (name, content) in files("address") {
        let text = String::from_utf8(content).unwrap();
        if class(&name) == "address/localhost"
            && let Ok(url) = reqwest::Url::parse(&text)
        {
            let why =
                outside::asked(url).await.unwrap_or_else(|| panic!("{name}: {text} was asked"));
            // Not every resolver knows every spelling.
            seen += usize::from(why.contains("public internet"));
        }
    }
    assert!(seen >= 5, "{seen}");
}
