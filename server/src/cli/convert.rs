//! `signalbox convert`: a workflow from one format to another.

use super::{CommandError, check, print, source::Source};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use signalbox::{
    format::{self, Format, Imported},
    graph::{Graph, Severity},
};
use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

/// What is converted.
#[derive(clap::Args)]
pub struct ConvertArgs {
    /// A workflow file in any format Signalbox reads; - is standard input
    file: PathBuf,
    /// The format to write
    #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
    to: Format,
    /// Write here instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name))
        .try_map(|name| Format::from_name(&name).ok_or("there is no such format"))
}

/// Converts. What the import had to decide and what the new format cannot say is told on stderr.
pub fn run(args: &ConvertArgs) -> Result<ExitCode, CommandError> {
    let source = Source::read(&args.file)?;
    let (_, imported) = check::read(&source).map_err(|complaint| source.refuse(&complaint))?;
    for problem in imported.problems.iter().filter(|problem| problem.severity > Severity::Info) {
        eprintln!("{}: note: {}", source.name, problem.message);
    }
    let Imported { graph, name, description, .. } = &imported;
    let written = format::export(graph, name, description, args.to)
        .map_err(|error| source.refuse(&source.complaint(&error)))?;
    if let Ok(again) = format::import(&written) {
        for loss in losses(graph, &again.graph) {
            eprintln!("{}: note: {} cannot say this: {loss}", source.name, args.to.name());
        }
    }
    let mut text = print::pretty(&written)?;
    match &args.out {
        None => print::line(&text)?,
        Some(path) => {
            text.push('\n');
            std::fs::write(path, text).map_err(|error| {
                CommandError::usage(format!("cannot write {}: {error}", path.display()))
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is not the same when the written document is read again, in words.
fn losses(graph: &Graph, again: &Graph) -> Vec<String> {
    let mut losses = Vec::new();
    for node in &graph.nodes {
        match again.node(&node.id) {
            None => losses.push(format!("the step {} as it is", node.id)),
            Some(other) if other.kind != node.kind => {
                losses.push(format!("all settings of the step {}", node.id));
            }
            Some(other) if other.policy != node.policy => {
                losses.push(format!("the policy of the step {}", node.id));
            }
            Some(_) => {}
        }
    }
    let ways = |graph: &Graph| -> BTreeSet<String> {
        let way =
            |edge: &signalbox::graph::Edge| format!("{}.{} to {}", edge.from, edge.port, edge.to);
        graph.edges.iter().map(way).collect()
    };
    let kept = ways(again);
    losses.extend(
        ways(graph)
            .into_iter()
            .filter(|way| !kept.contains(way))
            .map(|way| format!("the connection {way}")),
    );
    losses
}
