//! The five formats in both notations, and world files.

use super::driver::Seen;
use signalbox::{
    format::{self, Format, FormatError, Notation},
    graph::{AnyTool, CheckContext, CompiledGraph, check},
    run::world::WorldFile,
};
use std::{fs, path::Path};

pub const WORDS: &[&str] = &[
    "id",
    "name",
    "steps",
    "type",
    "stepSlug",
    "stepType",
    "config",
    "nextSteps",
    "success",
    "error",
    "trigger",
    "action",
    "condition",
    "loop",
    "llm",
    "wait",
    "delay",
    "end",
    "sendEmail",
    "sendVoice",
    "branch",
    "conditions",
    "when",
    "goto",
    "default",
    "transitions",
    "linear",
    "from",
    "to",
    "duration",
    "outcome",
    "templateId",
    "metadata",
    "prompt",
    "dependsOn",
    "requiresApproval",
    "retry",
    "maxAttempts",
    "backoffMs",
    "timeoutMs",
    "hitl",
    "queue",
    "model",
    "nodes",
    "edges",
    "schemas",
    "entryNodeIds",
    "executorType",
    "owner",
    "inputSchemaRef",
    "map",
    "signalbox",
    "settings",
    "positions",
    "format",
    "signalbox/v1",
    "graph",
    "kind",
    "port",
    "policy",
    "workflowConfig",
    "stepsConfig",
    "exitConditions",
    "events.hasReply(\"intro-email\")",
    "{{input.x}}",
    "{{steps.a.output}}",
    "intro-email",
    "- ",
    ": ",
    "&a ",
    "*a",
    "<<",
    "|\n",
    "!!str ",
    "---\n",
    "# ",
    "? ",
    "\n  ",
    "true",
    "null",
    "0x1f",
    "1_000",
    ".inf",
    "~",
];

fn fixtures(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(folder);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|ending| ending != "md"));
    let mut found: Vec<(String, String)> = files
        .filter(|path| path.is_file())
        .filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some((name, fs::read_to_string(&path).ok()?))
        })
        .collect();
    found.sort();
    found
}

/// The texts of a format, each also in the other notation.
fn seeds(folder: &str, format: Format) -> Vec<Vec<u8>> {
    let mut seeds = vec![];
    for (_, text) in fixtures(folder) {
        let Ok(imported) = format::import_text(&text) else { continue };
        if imported.format != format || text.len() > 6_000 {
            continue;
        }
        let (document, notation) = format::parse(&text).unwrap();
        let other = if notation == Notation::Json { Notation::Yaml } else { Notation::Json };
        seeds.push(format::to_text(&Default::default(), &document, other).unwrap().into_bytes());
        seeds.push(text.into_bytes());
    }
    assert!(seeds.len() >= 2, "{folder} {format:?}");
    seeds
}

pub fn outbound() -> Vec<Vec<u8>> {
    seeds("plans", Format::Outbound)
}

pub fn dag() -> Vec<Vec<u8>> {
    seeds("plans", Format::Dag)
}

pub fn contract() -> Vec<Vec<u8>> {
    seeds("plans", Format::Contract)
}

pub fn visual() -> Vec<Vec<u8>> {
    let guides = seeds("guide-patterns", Format::VisualWorkflow);
    guides.into_iter().chain(seeds("visual-workflows", Format::VisualWorkflowConfig)).collect()
}

/// Our own words for what the other formats say.
pub fn own() -> Vec<Vec<u8>> {
    let mut seeds = vec![];
    for folder in ["plans", "guide-patterns"] {
        for (_, text) in fixtures(folder) {
            let mut imported = format::import_text(&text).unwrap();
            imported.graph.origin = None;
            let document = format::export(&imported.graph, "x", "y", Format::SignalboxV1).unwrap();
            for notation in [Notation::Json, Notation::Yaml] {
                let text = format::to_text(&imported.graph, &document, notation).unwrap();
                seeds.push(text.into_bytes());
            }
        }
    }
    seeds
}

pub fn worlds() -> Vec<Vec<u8>> {
    let worlds =
        fixtures("worlds/guide-patterns").into_iter().chain(fixtures("worlds/visual-workflows"));
    worlds.map(|(_, text)| text.into_bytes()).filter(|text| text.len() < 4_000).collect()
}

pub fn own_is_read_and_written(input: &[u8]) -> Result<Seen, String> {
    document(input, Format::Dag)
}

pub fn visual_is_read_and_written(input: &[u8]) -> Result<Seen, String> {
    document(input, Format::SignalboxV1)
}

pub fn outbound_is_read_and_written(input: &[u8]) -> Result<Seen, String> {
    document(input, Format::VisualWorkflow)
}

pub fn dag_is_read_and_written(input: &[u8]) -> Result<Seen, String> {
    document(input, Format::Contract)
}

pub fn contract_is_read_and_written(input: &[u8]) -> Result<Seen, String> {
    document(input, Format::Outbound)
}

/// An error has its code, and its place in the text.
pub fn refused(text: &str, error: &FormatError) -> Result<Seen, String> {
    let code = serde_json::to_value(error).map_err(|error| error.to_string())?["code"].clone();
    let lines = text.lines().count() + 1;
    let place = error.place().ok_or_else(|| format!("an error without a place: {error}"))?;
    if !(1..=lines).contains(&place.line) || place.column == 0 || !code.is_string() {
        return Err(format!("an error out of place: {error:?}"));
    }
    Ok(Seen::Refused(error.to_string()))
}

/// Reads, checks, compiles, writes and reads again; and writes it in another format, too.
fn document(input: &[u8], other: Format) -> Result<Seen, String> {
    let text = String::from_utf8_lossy(input);
    let imported = match format::import_text(&text) {
        Err(error) => return refused(&text, &error),
        Ok(imported) => imported,
    };
    let (graph, name, description) = (&imported.graph, &imported.name, &imported.description);
    let problems = check(graph, &CheckContext::default());
    if problems
        .iter()
        .chain(&imported.problems)
        .any(|problem| problem.code.is_empty() || problem.message.is_empty())
    {
        return Err("a problem without words".to_owned());
    }
    let _ = CompiledGraph::compile(graph.clone(), &AnyTool);
    let once = format::export(graph, name, description, imported.format)
        .map_err(|error| format!("not written: {error}"))?;
    let again =
        format::import(&once).map_err(|error| format!("written, then refused: {error}\n{once}"))?;
    let twice = format::export(&again.graph, &again.name, &again.description, again.format)
        .map_err(|error| format!("not written again: {error}"))?;
    if once != twice || again.graph.nodes != graph.nodes || again.graph.edges != graph.edges {
        return Err(format!("written as\n{once}\nand again as\n{twice}"));
    }
    match format::to_text(&again.graph, &once, Notation::Yaml) {
        Ok(yaml) => match format::parse(&yaml) {
            Ok((document, _)) if document == once => {}
            other => return Err(format!("{other:?} from\n{yaml}")),
        },
        // YAML is held to tighter bounds than JSON, and not written beyond them.
        Err(_) if depth(&once) > 40 => {}
        Err(error) => return Err(format!("no YAML: {error}")),
    }
    match format::write(graph, name, description, other) {
        Ok(written) => drop(format::import(&written.document)),
        Err(error) if error.to_string().is_empty() => {
            return Err("a refusal without words".to_owned());
        }
        Err(_) => {}
    }
    Ok(Seen::Taken)
}

fn depth(value: &serde_json::Value) -> usize {
    let inner = match value {
        serde_json::Value::Array(items) => items.iter().map(depth).max(),
        serde_json::Value::Object(fields) => fields.values().map(depth).max(),
        _ => None,
    };
    1 + inner.unwrap_or(0)
}

pub fn world(input: &[u8]) -> Result<Seen, String> {
    let text = String::from_utf8_lossy(input);
    match WorldFile::parse(&text) {
        // World files are told by their own pointers, without places.
        Err(FormatError::Invalid { message, .. }) if !message.is_empty() => {
            Ok(Seen::Refused(message))
        }
        Err(error) => refused(&text, &error),
        Ok(file) => {
            let printed = serde_json::to_string(&file).map_err(|error| error.to_string())?;
            match WorldFile::parse(&printed) {
                Ok(again) if again == file => Ok(Seen::Taken),
                other => Err(format!("printed as {printed}: {other:?}")),
            }
        }
    }
}
