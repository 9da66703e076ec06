//! `signalbox check`: what is wrong with workflow files, with the place of each problem.

use super::{
    CommandError,
    place::Places,
    print,
    source::{Complaint, Place, Source},
};
use serde::Serialize;
use serde_json::Value;
use signalbox::{
    format::{self, Imported},
    graph::{self, AnyTool, CheckContext, CompiledGraph, Problem, Severity},
};
use std::{path::PathBuf, process::ExitCode};

/// What is checked.
#[derive(clap::Args)]
pub struct CheckArgs {
    /// Workflow files in any format Signalbox reads; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// What was found in all files. In JSON: `{"ok", "errors", "warnings", "files": […], "problems": […]}`.
#[derive(Default, Serialize)]
struct Report {
    ok: bool,
    errors: usize,
    warnings: usize,
    files: Vec<FileReport>,
    problems: Vec<Finding>,
}

/// One file: what it is, and how many problems of which severity it has.
#[derive(Serialize)]
struct FileReport {
    file: String,
    format: Option<&'static str>,
    name: Option<String>,
    nodes: usize,
    errors: usize,
    warnings: usize,
}

/// A problem with its file, and where in it.
#[derive(Serialize)]
struct Finding {
    file: String,
    #[serde(flatten)]
    place: Option<Place>,
    #[serde(flatten)]
    problem: Problem,
}

/// Checks the files. Exit code 1 when one has errors, 2 when one cannot be read at all.
pub fn run(args: &CheckArgs) -> Result<ExitCode, CommandError> {
    let mut report = Report::default();
    let mut unreadable = false;
    for path in &args.files {
        match Source::read(path) {
            Ok(source) => {
                let first = report.problems.len();
                check(&source, &mut report);
                if !args.json {
                    report.problems[first..].iter().for_each(|found| show(&source, found));
                }
            }
            Err(error) => {
                unreadable = true;
                eprintln!("signalbox: {error}");
                let problem = Problem::new("unreadable-file", Severity::Error, error.to_string());
                report.add(path.display().to_string(), None, vec![(None, problem)]);
            }
        }
    }
    report.ok = report.errors == 0;
    if args.json {
        print::json(&report)?;
    } else {
        print::line(&summary(&report))?;
    }
    Ok(match (unreadable, report.ok) {
        (true, _) => ExitCode::from(2),
        (false, false) => ExitCode::FAILURE,
        (false, true) => ExitCode::SUCCESS,
    })
}

fn check(source: &Source, report: &mut Report) {
    match read(source) {
        Ok((document, imported)) => {
            let problems = problems_of(&imported, &CheckContext::default());
            let (places, mut locator) = (Places::new(&document, &imported.graph), source.locator());
            let placed = problems.into_iter().map(|problem| {
                let pointer = places.pointer_of(&problem);
                (pointer.and_then(|pointer| locator.locate(&pointer)), problem)
            });
            report.add(source.name.clone(), Some(&imported), placed.collect());
        }
        Err(complaint) => {
            let problem = Problem::new(complaint.code, Severity::Error, complaint.message);
            report.add(source.name.clone(), None, vec![(complaint.place, problem)]);
        }
    }
}

/// The document of a text and the workflow in it.
pub fn read(source: &Source) -> Result<(Value, Imported), Complaint> {
    let complain = |error| source.complaint(&error);
    let (document, _) = format::parse(&source.text).map_err(complain)?;
    let imported = format::import_text(&source.text).map_err(complain)?;
    Ok((document, imported))
}

/// What the import noted and what the check finds. What compiling alone would refuse is found too, so that a
/// workflow without errors can be published.
pub fn problems_of(imported: &Imported, context: &CheckContext) -> Vec<Problem> {
    let mut problems = imported.problems.clone();
    problems.extend(graph::check(&imported.graph, context));
    if graph::is_publishable(&problems)
        && let Err(errors) = CompiledGraph::compile(imported.graph.clone(), &AnyTool)
    {
        problems.extend(errors.into_iter().map(|error| {
            let mut problem = Problem::new(error.code, Severity::Error, error.message);
            (problem.node, problem.edge, problem.field) = (error.node, error.edge, error.field);
            problem
        }));
    }
    problems
}

impl Report {
    fn add(
        &mut self,
        file: String,
        imported: Option<&Imported>,
        problems: Vec<(Option<Place>, Problem)>,
    ) {
        let count = |severity| problems.iter().filter(|(_, p)| p.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        self.errors += errors;
        self.warnings += warnings;
        self.files.push(FileReport {
            file: file.clone(),
            format: imported.map(|imported| imported.format.name()),
            name: imported.map(|imported| imported.name.clone()),
            nodes: imported.map_or(0, |imported| imported.graph.nodes.len()),
            errors,
            warnings,
        });
        let found = problems.into_iter();
        self.problems.extend(found.map(|(place, problem)| Finding {
            file: file.clone(),
            place,
            problem,
        }));
    }
}

/// One problem as text: place, severity, code, sentence, the line, and what mends it.
fn show(source: &Source, found: &Finding) {
    let Finding { place, problem, .. } = found;
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    let at = problem.node.as_ref().map(|node| {
        let field = problem.field.as_deref().unwrap_or_default();
        format!(" (step {node}{}{field})", if field.is_empty() { "" } else { " " })
    });
    let (label, code) = (source.label(*place), &problem.code);
    let mut text =
        format!("{label}: {severity}[{code}]: {}{}", problem.message, at.unwrap_or_default());
    if let Some(place) = place {
        text.push('\n');
        text.push_str(&source.excerpt(*place));
    }
    if let Some(fix) = &problem.fix {
        text.push_str(&format!("\n   = help: {}", fix.label));
    }
    // A reader that went away is no problem of the file's.
    let _ = print::line(&text);
}

fn summary(report: &Report) -> String {
    let counted = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    };
    let files = counted(report.files.len(), "file");
    match (report.errors, report.warnings) {
        (0, 0) => format!("{files} checked, no problems"),
        (errors, warnings) => {
            format!(
                "{files} checked: {}, {}",
                counted(errors, "error"),
                counted(warnings, "warning")
            )
        }
    }
}
