//! Every starter is clean, and runs to its end along every branch.

use super::*;
use crate::graph::{CheckContext, CompiledGraph, check};
use crate::run::world::{StubbedTools, WorldFile, coverage};
use crate::tool;
use std::path::Path;

#[test]
fn all_documents_are_read() {
    assert_eq!(starters().len(), DOCUMENTS.len());
    for starter in starters() {
        assert!(!starter.name().is_empty() && starter.description().len() > 60, "{}", starter.slug);
        assert!(starter.example_input.is_object() && !starter.shows.is_empty(), "{}", starter.slug);
        assert_eq!(find(&starter.slug), Some(starter));
    }
}

// WF-26
#[test]
fn every_starter_is_clean_and_compiles_with_the_tools_there_are() {
    for starter in starters() {
        let imported = starter.import().unwrap();
        assert_eq!(imported.problems, [], "{}", starter.slug);
        let problems = check(&imported.graph, &CheckContext::default());
        assert_eq!(problems, [], "{}", starter.slug);
        let compiled = CompiledGraph::compile(imported.graph, &tool::catalogue().to_vec());
        assert!(compiled.is_ok(), "{}: {:?}", starter.slug, compiled.err());
    }
}

#[test]
fn every_starter_runs_to_its_end_along_every_branch() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/worlds/starters");
    for starter in starters() {
        let text = std::fs::read_to_string(folder.join(format!("{}.json", starter.slug))).unwrap();
        let world =
            WorldFile::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", starter.slug));
        let graph = CompiledGraph::compile(starter.import().unwrap().graph, &StubbedTools).unwrap();
        coverage::assert_all_edges_taken(&starter.slug, &graph, &world);
        assert!(
            world.scenarios.iter().any(|scenario| scenario.input == starter.example_input),
            "{}: no scenario plays the example input",
            starter.slug
        );
    }
}
