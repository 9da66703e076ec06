//! Workflows as documents: the draft or a version, in a format and a notation.

use super::{labels, workflows};
use crate::{
    http::{
        call::{Answer, Call, ExportQuery},
        failure::Failure,
        reply::Document,
    },
    store::{self, WorkflowSummary},
};
use serde_json::{Value, json};
use signalbox::{
    format::{self, Format, FormatError, Notation, Written},
    graph::{Graph, Origin},
    id::WorkflowId,
    wire::{ErrorCode, ExportReport},
};

/// `GET /api/workflows/{id}/export?format=&version=&notation=&report=`.
pub async fn export(call: Call<WorkflowId, ExportQuery>) -> Answer<Document> {
    let (store, organization, id) = (call.state.store(), call.organization(), call.path);
    let workflow = store::workflow_fetch(store, organization, id).await?;
    let (summary, draft) = (workflow.summary, workflow.draft);
    let query = &call.query;
    let graph = match query.version {
        Some(number) => store::version_fetch(store, organization, id, number).await?.graph,
        None => draft,
    };
    let format = format_of(&graph, query.format.as_deref())?;
    let notation = notation_of(format, query.notation.as_deref())?;
    let reports = query.report.unwrap_or(false);
    let written = write(&graph, &summary, format, reports).map_err(|error| not_written(&error))?;
    let Written { mut document, problems } = written;
    match format {
        Format::Dag => labels::write(&mut document, &summary.labels),
        Format::Outbound => {
            let number = match query.version {
                Some(number) => number,
                None => draft_number(&call, &summary).await?,
            };
            number_plan(&mut document, &graph, number);
        }
        _ => {}
    }
    let text = match notation {
        Notation::Json => None,
        Notation::Yaml => {
            let text = format::to_text(&graph, &document, notation);
            Some(text.map_err(|error| not_written(&error))?)
        }
    };
    Ok(match (text, reports) {
        (None, false) => Document::Json(document),
        (Some(text), false) => Document::Yaml(text),
        (text, true) => {
            let document = text.map_or(document, Value::String);
            Document::Json(json!(ExportReport { document, problems }))
        }
    })
}

fn format_of(graph: &Graph, wanted: Option<&str>) -> Result<Format, Failure> {
    let own = graph.origin.as_ref().map(|origin| origin.format.as_str());
    match wanted.or(own) {
        None => Ok(Format::SignalboxV1),
        Some(name) => Format::from_name(name).ok_or_else(|| workflows::unknown_format(name)),
    }
}

fn notation_of(format: Format, wanted: Option<&str>) -> Result<Notation, Failure> {
    let refuse =
        |text: String, help: &str| Err(Failure::new(ErrorCode::InvalidParameter, text).help(help));
    match wanted {
        None | Some("json") => Ok(Notation::Json),
        Some("yaml") if format.has_yaml() => Ok(Notation::Yaml),
        Some("yaml") => refuse(
            format!("The format {} is written in JSON only.", format.name()),
            "Leave `notation` out, or take a format that has YAML: signalbox/v1 or dag.",
        ),
        Some(other) => {
            refuse(format!("There is no notation `{other}`."), "The notations are json, yaml.")
        }
    }
}

/// The document. What the format cannot say is looked for only where somebody asks: it takes another reading.
fn write(
    graph: &Graph,
    summary: &WorkflowSummary,
    format: Format,
    reports: bool,
) -> Result<Written, FormatError> {
    let (name, description) = (&summary.name, &summary.description);
    if reports {
        return format::write(graph, name, description, format);
    }
    let document = format::export(graph, name, description, format)?;
    Ok(Written { document, problems: Vec::new() })
}

fn not_written(error: &FormatError) -> Failure {
    let text = format!("The workflow cannot be written: {error}.");
    Failure::new(ErrorCode::InvalidDocument, text)
}

/// The number of the version that the draft is, or would become.
async fn draft_number(
    call: &Call<WorkflowId, ExportQuery>,
    summary: &WorkflowSummary,
) -> Result<u32, Failure> {
    let (store, organization) = (call.state.store(), call.organization());
    let newest = store::version_list(store, organization, call.path, None, 1).await?;
    Ok(match newest.first() {
        Some(newest) if newest.draft_rev == summary.draft_rev => newest.number,
        newest => newest.map_or(0, |newest| newest.number).saturating_add(1),
    })
}

/// Outbound plans never change: one that is not to the letter what was read bears a version of its own. It is the one
/// that was read, and the number of the workflow's version added to it, so it rises with each that is published.
fn number_plan(document: &mut Value, graph: &Graph, number: u32) {
    let is_plan = |origin: &&Origin| origin.format == Format::Outbound.name();
    let read = match graph.origin.as_ref().filter(is_plan) {
        Some(origin) if origin.document == *document => return,
        Some(origin) => origin.document["version"].as_u64().unwrap_or(1),
        None => 0,
    };
    let version = read.saturating_add(u64::from(number)).min(u64::from(u32::MAX));
    document["version"] = json!(version);
}
