//! `signalbox run`: plays a workflow from a file, with the real engine in a private store that is gone
//! afterwards. What is outside comes from a world file, else from the sandbox; nothing leaves the machine.

mod agenda;
mod inbox;
mod people;
mod player;
mod report;
mod room;
mod setup;

use super::{CommandError, check, source::Source};
use people::Approve;
use serde_json::{Map, Value};
use signalbox::{
    format::{FormatError, Imported},
    graph::{CheckContext, CompiledGraph, Severity},
    run::world::{Scenario, StubbedTools, WorldFile},
};
use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What is run, and in what world.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 completed, 1 failed, 2 the arguments or a file cannot be used,\n\
                        3 stopped or rejected, or a person is needed, 4 it did not end."
)]
pub struct RunArgs {
    /// A workflow file in any format Signalbox reads; - is standard input
    file: PathBuf,
    /// The run's input: JSON, or @ and the name of a file that holds it
    #[arg(long, value_name = "JSON|@FILE")]
    input: Option<String>,
    /// A world file: contacts, answers of tools and models, decisions, events from outside
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Which of the world's scenarios; the first one unless given
    #[arg(long, value_name = "NAME", requires = "world")]
    scenario: Option<String>,
    /// Who decides approvals: all = the world file, and what it leaves open is approved; none = nobody;
    /// ask = you. Without it: all with a world file, else ask on a terminal, else none
    #[arg(long, value_enum)]
    approve: Option<Approve>,
    /// Let waits cost no time
    #[arg(long)]
    virtual_time: bool,
    /// Print each event as a line of JSON, then a line with the outcome
    #[arg(long)]
    json: bool,
}

/// All that is known before the run begins.
struct Plan {
    /// The workflow.
    pub imported: Imported,
    /// What is outside.
    pub world: WorldFile,
    /// How this run begins.
    pub scenario: Scenario,
    /// Whether a world file was given.
    pub has_world: bool,
    /// Who decides.
    pub approve: Approve,
    /// Waits cost no time.
    pub virtual_time: bool,
    /// Events as JSON.
    pub json: bool,
}

/// Runs the workflow; the exit code says how it ended.
pub async fn run(args: RunArgs) -> Result<ExitCode, CommandError> {
    let plan = plan(&args)?;
    room::play(plan).await
}

fn plan(args: &RunArgs) -> Result<Plan, CommandError> {
    let source = Source::read(&args.file)?;
    let (_, mut imported) = check::read(&source).map_err(|complaint| source.refuse(&complaint))?;
    if imported.name.trim().is_empty() {
        imported.name = stem(&args.file);
    }
    let world = args.world.as_deref().map(read_world).transpose()?;
    let has_world = world.is_some();
    let world = world.unwrap_or_default();
    let mut scenario = scenario(&world, args.scenario.as_deref())?;
    imported.graph.settings.variables.extend(scenario.variables.clone());
    look_over(&source, &imported, &world)?;
    if let Some(input) = &args.input {
        let text = Source::option("--input", input)?;
        scenario.input = text.json().map_err(|complaint| text.refuse(&complaint))?;
    }
    if scenario.input.is_null() {
        scenario.input = Value::Object(Map::new());
    }
    let is_terminal = std::io::stdin().is_terminal() && args.file != Path::new("-");
    let approve = args.approve.unwrap_or(match (has_world, is_terminal) {
        (true, _) => Approve::All,
        (false, true) => Approve::Ask,
        (false, false) => Approve::None,
    });
    let RunArgs { virtual_time, json, .. } = *args;
    Ok(Plan { imported, world, scenario, has_world, approve, virtual_time, json })
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.filter(|stem| stem != "-").unwrap_or_else(|| "workflow".to_owned())
}

fn read_world(path: &Path) -> Result<WorldFile, CommandError> {
    let source = Source::read(path)?;
    WorldFile::parse(&source.text).map_err(|error| {
        let mut complaint = source.complaint(&error);
        if matches!(error, FormatError::Invalid { .. }) {
            complaint.message = format!("this is not a world file: {}", complaint.message);
        }
        source.refuse(&complaint)
    })
}

/// Refuses what cannot run; says what could not be published.
fn look_over(source: &Source, imported: &Imported, world: &WorldFile) -> Result<(), CommandError> {
    if let Err(errors) = CompiledGraph::compile(imported.graph.clone(), &StubbedTools) {
        let lines = errors.iter().map(|error| {
            let at = error.node.as_ref().map(|node| format!(" (step {node})")).unwrap_or_default();
            format!("  [{}] {}{at}", error.code, error.message)
        });
        let lines: Vec<String> = lines.collect();
        let text = format!("{} cannot run:\n{}", source.name, lines.join("\n"));
        return Err(CommandError::usage(text));
    }
    let rules = world.tools.iter().chain(world.scenarios.iter().flat_map(|s| &s.tools));
    let stubs: Vec<&str> = rules.map(|rule| rule.tool.as_str()).collect();
    let is_stub = |node: &signalbox::graph::Node| match &node.kind {
        signalbox::graph::NodeKind::Action(action) => stubs.contains(&action.tool.as_str()),
        _ => false,
    };
    let mut problems = check::problems_of(imported, &CheckContext::default());
    problems.retain(|problem| {
        let node = problem.node.as_ref().and_then(|id| imported.graph.node(id));
        problem.severity == Severity::Error
            && !(problem.code == "unknown-tool" && node.is_some_and(is_stub))
    });
    if !problems.is_empty() {
        eprintln!(
            "note: {} could not be published as it is ({} to be seen with `signalbox check`), for example: {}",
            source.name,
            problems.len(),
            problems[0].message
        );
    }
    Ok(())
}

fn scenario(world: &WorldFile, name: Option<&str>) -> Result<Scenario, CommandError> {
    let scenarios = world.scenarios();
    let names: Vec<&str> = scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    let found = match name {
        Some(name) => scenarios.iter().find(|scenario| scenario.name == name),
        None => {
            if let [first, .., _] = names.as_slice() {
                eprintln!(
                    "note: the world has the scenarios {}; this is {first}",
                    names.join(", ")
                );
            }
            scenarios.first()
        }
    };
    found.cloned().ok_or_else(|| {
        let wanted = name.unwrap_or_default();
        let names = names.join(", ");
        CommandError::usage(format!("the world has no scenario {wanted}; there are: {names}"))
    })
}
