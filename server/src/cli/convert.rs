//! `signalbox convert`: a workflow from one format to another.

use super::{CommandError, check, print, source::Source};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use signalbox::{
    format::{self, Format, Imported, Notation},
    graph::{Problem, Severity},
};
use std::{path::PathBuf, process::ExitCode};

/// What is converted.
#[derive(clap::Args)]
pub struct ConvertArgs {
    /// A workflow file in any format Signalbox reads; - is standard input
    file: PathBuf,
    /// The format to write
    #[arg(long, value_name = "FORMAT", value_parser = target_parser())]
    to: Target,
    /// Write here instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write it although the new format loses something of what the workflow does
    #[arg(long)]
    lossy: bool,
}

/// A format and how it is written down.
#[derive(Clone, Copy)]
struct Target {
    format: Format,
    notation: Notation,
}

/// The formats by name; with `-yaml` behind it those that are also written in YAML.
fn target_parser() -> impl TypedValueParser<Value = Target> {
    let names = ["signalbox", "visual"].into_iter().chain(Format::ALL.map(Format::name));
    let yaml = ["signalbox-yaml", "dag-yaml"];
    PossibleValuesParser::new(names.chain(yaml)).try_map(|name| {
        let (format, notation) = match name.strip_suffix("-yaml") {
            Some(format) => (format, Notation::Yaml),
            None => (name.as_str(), Notation::Json),
        };
        let format = Format::from_name(format).ok_or("there is no such format")?;
        Ok::<Target, &str>(Target { format, notation })
    })
}

/// Converts. What the import had to decide and what the new format cannot say is told on stderr. What would lose
/// something of what the workflow does is not written, with exit code 1, unless that is asked for.
pub fn run(args: &ConvertArgs) -> Result<ExitCode, CommandError> {
    let source = Source::read(&args.file)?;
    let (_, imported) = check::read(&source).map_err(|complaint| source.refuse(&complaint))?;
    for problem in imported.problems.iter().filter(|problem| problem.severity > Severity::Info) {
        eprintln!("{}: note: {}", source.name, problem.message);
    }
    let Imported { graph, name, description, .. } = &imported;
    let refuse = |error| source.refuse(&source.complaint(&error));
    let written = format::write(graph, name, description, args.to.format).map_err(refuse)?;
    let is_lost = |problem: &Problem| problem.severity == Severity::Error;
    for problem in &written.problems {
        let word = if is_lost(problem) { "lost" } else { "note" };
        eprintln!("{}: {word}: {}", source.name, problem.message);
    }
    if !args.lossy && written.problems.iter().any(is_lost) {
        let text =
            "nothing was written, because something would be lost; --lossy writes it all the same";
        return Err(CommandError::new(text));
    }
    let text = format::to_text(graph, &written.document, args.to.notation).map_err(refuse)?;
    let mut text = text.trim_end_matches('\n').to_owned();
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
