//! For tests: the documents under `tests/fixtures`, each played in its world along every edge.

use super::{StubbedTools, WorldFile, coverage};
use crate::format;
use crate::graph::CompiledGraph;
use std::path::Path;

/// Plays the documents of a folder; gives how many there were.
fn play_folder(folder: &str) -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut played = 0;
    for entry in std::fs::read_dir(root.join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json" && extension != "yaml") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let document = format::parse(&std::fs::read_to_string(&path).unwrap()).unwrap().0;
        let graph = format::import(&document).unwrap().graph;
        let graph = CompiledGraph::compile(graph, &StubbedTools)
            .unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        let world = std::fs::read_to_string(
            root.join("worlds").join(folder).join(&name).with_extension("json"),
        );
        let world = WorldFile::parse(&world.unwrap_or_else(|error| panic!("{name}: {error}")));
        coverage::assert_all_edges_taken(
            &name,
            &graph,
            &world.unwrap_or_else(|error| panic!("{name}: {error}")),
        );
        played += 1;
    }
    played
}

// WF-24
#[test]
fn the_guides_five_patterns_run_as_written() {
    assert_eq!(play_folder("guide-patterns"), 5);
}

#[test]
fn the_plans_of_the_documents_run_along_every_edge() {
    assert_eq!(play_folder("plans"), 7);
}

#[test]
fn the_real_definitions_run_along_every_edge() {
    assert_eq!(play_folder("visual-workflows"), 18);
}
