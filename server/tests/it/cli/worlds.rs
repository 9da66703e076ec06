//! `run` over the fixtures: each document in its world, through the real engine, the send gate, the tools and the
//! sandbox, as its world expects, to its end, and along every edge.

use super::{Said, root, signalbox};
use serde_json::{Value, json};
use signalbox::{
    format,
    run::{Event, world::ports_taken},
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Mutex,
};

/// A scenario of a world file.
struct Case {
    workflow: PathBuf,
    world: PathBuf,
    scenario: String,
    expect: Value,
}

/// What the scenarios of some documents came to.
#[derive(Default)]
struct Found {
    wrong: Vec<String>,
    /// Document, node and port.
    taken: BTreeSet<(PathBuf, String, String)>,
}

fn json_of(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    let read = format::parse(&text);
    read.unwrap_or_else(|error| panic!("{}: {error}", path.display())).0
}

fn documents(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_document = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "json" || extension == "yaml")
    };
    entries.filter(is_document).collect()
}

fn cases(workflow: &Path, worlds: &Path) -> Vec<Case> {
    let world = worlds.join(workflow.file_name().unwrap()).with_extension("json");
    let document = json_of(&world);
    let scenarios = document["scenarios"].as_array().unwrap();
    let case = |scenario: &Value| Case {
        workflow: workflow.to_owned(),
        world: world.clone(),
        scenario: scenario["name"].as_str().unwrap().to_owned(),
        expect: scenario["expect"].clone(),
    };
    scenarios.iter().map(case).collect()
}

fn played(case: &Case) -> Said {
    let (workflow, world) = (case.workflow.display().to_string(), case.world.display().to_string());
    let scenario = ["--scenario", &case.scenario];
    let arguments = ["run", &workflow, "--world", &world, "--virtual-time", "--json"];
    signalbox(&[&arguments[..], &scenario[..]].concat(), "")
}

/// Plays a scenario; gives the ports it took, or in words how it is not as it should be.
fn check(case: &Case) -> Result<BTreeSet<(String, String)>, String> {
    let said = played(case);
    let lines: Vec<Value> =
        said.out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let Some((last, events)) = lines.split_last() else { return Err(said.err) };
    let code = match case.expect["status"].as_str() {
        Some("Completed") => 0,
        Some("Failed") => 1,
        other => return Err(format!("a fixture must come to its end, not to {other:?}")),
    };
    let events: Result<Vec<Event>, _> =
        events.iter().map(|event| serde_json::from_value(event.clone())).collect();
    let events = events.map_err(|error| error.to_string())?;
    let is_dense = events.iter().map(|event| event.seq).eq(1..=events.len() as u64);
    if said.code != code || last["differences"] != json!([]) || !is_dense {
        return Err(format!("exit code {}, {last:#}\n{}", said.code, said.err));
    }
    Ok(ports_taken(&events))
}

/// Plays all scenarios of the documents, a few at a time.
fn play_all(documents: &[PathBuf], worlds: &Path) {
    let todo: Vec<Case> = documents.iter().flat_map(|path| cases(path, worlds)).collect();
    let (todo, found) = (Mutex::new(todo), Mutex::new(Found::default()));
    let work = || {
        while let Some(case) = { todo.lock().unwrap().pop() } {
            let checked = check(&case);
            let mut found = found.lock().unwrap();
            match checked {
                Ok(ports) => found.taken.extend(
                    ports.into_iter().map(|(node, port)| (case.workflow.clone(), node, port)),
                ),
                Err(why) => {
                    let Case { world, scenario, .. } = case;
                    found.wrong.push(format!("{}: {scenario}: {why}", world.display()));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let Found { mut wrong, taken } = found.into_inner().unwrap();
    for path in documents {
        let graph = format::import(&json_of(path)).unwrap().graph;
        for edge in &graph.edges {
            if !taken.contains(&(path.clone(), edge.from.0.clone(), edge.port.clone())) {
                wrong.push(format!("{}: {} is never taken", path.display(), edge.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn play_folder(folder: &str, expected: usize) {
    let fixtures = root().join("tests/fixtures");
    let documents = documents(&fixtures.join(folder));
    assert_eq!(documents.len(), expected, "{folder}");
    play_all(&documents, &fixtures.join("worlds").join(folder));
}

// WF-24
#[test]
fn the_guides_patterns_run_along_every_edge() {
    play_folder("guide-patterns", 5);
}

// OUT-06 OUT-07 OUT-08 OUT-09 OUT-10 DAG-03 DAG-04 DAG-05 DAG-11 CON-01
#[test]
fn the_plans_of_the_documents_run_along_every_edge() {
    play_folder("plans", 7);
}

#[test]
fn the_real_definitions_run_along_every_edge() {
    play_folder("visual-workflows", 18);
}

#[test]
fn the_starters_run_along_every_edge() {
    let folder = std::env::temp_dir().join(format!("signalbox-cli-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    for path in documents(&root().join("public/starters")) {
        let workflow = folder.join(path.file_name().unwrap());
        std::fs::write(workflow, json_of(&path)["workflow"].to_string()).unwrap();
    }
    let written = documents(&folder);
    assert!(written.len() >= 4, "{written:?}");
    play_all(&written, &root().join("tests/fixtures/worlds/starters"));
    std::fs::remove_dir_all(folder).unwrap();
}
