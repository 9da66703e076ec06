//! New workflows: empty, from a document, from a starter.

use super::{check, labels, samples, secrets, workflows};
use crate::{
    app_state::AppState,
    auth::Caller,
    http::{
        body::Json,
        call::{Answer, Call, NoQuery},
        failure::Failure,
        idempotent,
        reply::{Created, Found},
    },
    store::{self, NewWorkflow, WorkflowLabels},
};
use futures::FutureExt;
use serde_json::Value;
use signalbox::{
    format::{self, Format, FormatError},
    graph::{Graph, Node, NodeKind, Problem, TriggerSettings},
    id::WorkflowId,
    starter,
    wire::{ErrorCode, ImportOutcome, ImportRequest, StarterView},
};
use uuid::Uuid;

/// A name for a workflow that has none.
const UNNAMED: &str = "New workflow";

/// `POST /api/workflows`: an empty one, or what the document says.
pub async fn create(
    call: Call<(), NoQuery, Json<ImportRequest>>,
) -> Answer<Created<ImportOutcome>> {
    let Json(wanted) = &call.body;
    let work = async {
        if !wanted.document.is_null() {
            return import_document(&call.state, &call.caller, wanted).await;
        }
        let trigger = Node::new("start", NodeKind::Trigger(TriggerSettings::default()));
        let draft = Draft {
            name: wanted.name.clone().unwrap_or_else(|| UNNAMED.to_owned()),
            description: String::new(),
            graph: Graph { nodes: vec![trigger], ..Graph::default() },
            format: Format::SignalboxV1,
            notes: Vec::new(),
            labels: WorkflowLabels::default(),
        };
        keep(&call.state, &call.caller, draft).await
    };
    once(&call, "workflow_create", work).await
}

/// `POST /api/workflows/import`.
pub async fn import(
    call: Call<(), NoQuery, Json<ImportRequest>>,
) -> Answer<Created<ImportOutcome>> {
    let work = import_document(&call.state, &call.caller, &call.body.0);
    once(&call, "workflow_import", work).await
}

async fn once<F>(
    call: &Call<(), NoQuery, Json<ImportRequest>>,
    operation: &'static str,
    work: F,
) -> Answer<Created<ImportOutcome>>
where
    F: Future<Output = Result<ImportOutcome, Failure>>,
{
    let (organization, request) = (call.organization(), &call.body.0);
    idempotent::once(&call.state, organization, operation, &call.headers, request, work)
        .await
        .map(Created)
}

/// What becomes a workflow.
struct Draft {
    name: String,
    description: String,
    graph: Graph,
    format: Format,
    notes: Vec<Problem>,
    labels: WorkflowLabels,
}

async fn import_document(
    state: &AppState,
    caller: &Caller,
    wanted: &ImportRequest,
) -> Result<ImportOutcome, Failure> {
    let parsed;
    let (document, text) = match &wanted.document {
        Value::String(text) => {
            parsed = format::parse(text).map_err(|error| not_read(&error))?.0;
            (&parsed, Some(text))
        }
        other => (other, None),
    };
    if let Some(name) = &wanted.format {
        let named = Format::from_name(name).ok_or_else(|| workflows::unknown_format(name))?;
        if let Some(found) = format::detect(document).filter(|found| *found != named) {
            let text = format!("The document is in the format {}, not {name}.", found.name());
            return Err(Failure::new(ErrorCode::InvalidDocument, text)
                .help("Leave `format` out; it is recognised."));
        }
    }
    let read = match text {
        Some(text) => format::import_text(text),
        None => format::import(document),
    };
    let read = read.map_err(|error| not_read(&error))?;
    let draft = Draft {
        name: wanted.name.clone().unwrap_or_else(|| tidy_name(&read.name)),
        description: read.description,
        labels: labels::of_document(&read.graph),
        graph: read.graph,
        format: read.format,
        notes: read.problems,
    };
    keep(state, caller, draft).await
}

/// A document's own name on one line and not too long; what a person gives is checked instead.
fn tidy_name(name: &str) -> String {
    let line: String =
        name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect();
    let line = line.trim();
    if line.is_empty() { UNNAMED.to_owned() } else { line.to_owned() }
}

fn not_read(error: &FormatError) -> Failure {
    let details = serde_json::to_value(error).unwrap_or_default();
    Failure::new(ErrorCode::InvalidDocument, format!("The document cannot be read: {error}."))
        .details(details)
}

/// Makes the copy of a workflow.
pub(super) async fn keep_copy(
    state: &AppState,
    caller: &Caller,
    name: String,
    description: String,
    graph: Graph,
    labels: WorkflowLabels,
) -> Result<ImportOutcome, Failure> {
    let named = graph.origin.as_ref().and_then(|origin| Format::from_name(&origin.format));
    let format = named.unwrap_or(Format::SignalboxV1);
    keep(state, caller, Draft { name, description, graph, format, notes: Vec::new(), labels }).await
}

async fn keep(
    state: &AppState,
    caller: &Caller,
    mut draft: Draft,
) -> Result<ImportOutcome, Failure> {
    workflows::check_size(&draft.graph)?;
    secrets::seal(state, caller.organization(), &mut draft.graph)?;
    let new = NewWorkflow {
        organization: caller.organization(),
        id: WorkflowId(Uuid::now_v7()),
        name: check::name("name", &draft.name)?,
        description: draft.description.chars().take(2_000).collect(),
        draft: draft.graph,
        created_by: caller.label(),
        labels: draft.labels,
    };
    let mut problems = draft.notes;
    problems.extend(workflows::problems(state, new.organization, &new.draft).await?);
    let (organization, id, now) = (new.organization, new.id, state.now());
    let made = state
        .store()
        .write(move |tx| async move { store::workflow_create(tx, &new, now).await }.boxed());
    made.await?;
    let workflow = store::workflow_fetch(state.store(), organization, id).await?;
    Ok(ImportOutcome {
        workflow: workflows::view(state, &workflow).await?,
        format: draft.format.name().to_owned(),
        problems,
    })
}

/// `GET /api/starters`.
pub async fn starters(_: Call) -> Answer<Found<Vec<StarterView>>> {
    let views = starter::starters().iter().map(|starter| {
        let read =
            starter.import().map_err(|error| Failure::internal("a starter is broken", &error))?;
        Ok(StarterView {
            slug: starter.slug.clone(),
            name: starter.name().to_owned(),
            description: starter.description().to_owned(),
            graph: read.graph,
            example_input: starter.example_input.clone(),
        })
    });
    views.collect::<Result<_, Failure>>().map(Found)
}

/// `POST /api/starters/{slug}`: a workflow from a starter, and sample contacts where there are none.
pub async fn starter_use(call: Call<String>) -> Answer<Created<ImportOutcome>> {
    let Some(starter) = starter::find(&call.path) else {
        return Err(Failure::not_found("starter"));
    };
    let request = ImportRequest { document: starter.workflow.clone(), name: None, format: None };
    let organization = call.organization();
    let work = async {
        samples::add(&call.state, organization).await?;
        import_document(&call.state, &call.caller, &request).await
    };
    idempotent::once(&call.state, organization, "starter_use", &call.headers, &request, work)
        .await
        .map(Created)
}
