//! Workflows: lists, drafts, versions.

use super::{check, hook_address, page, secrets};
use crate::{
    app_state::AppState,
    http::{
        body::Json,
        call::{Answer, Call, NoQuery},
        failure::Failure,
        idempotent,
        reply::{Created, Done, Found, Tagged},
    },
    store::{
        self, DraftChange, NewVersion, StoreError, StoreResult, Workflow, WorkflowFilter,
        WorkflowSummary,
    },
    trigger,
};
use axum::http::{HeaderMap, header};
use futures::FutureExt;
use serde_json::json;
use signalbox::{
    format::Format,
    graph::{self, CheckContext, Graph, NodeKind, Problem, TriggerKind},
    id::{OrganizationId, WorkflowId},
    tool::{self, ToolSpec},
    wire::{
        DraftSave, DraftSaved, ErrorCode, OutcomeCounts, Page, Publish, Published, VersionView,
        WorkflowDetail, WorkflowQuery, WorkflowView,
    },
};

/// Versions that a workflow's detail lists.
const VERSIONS_MAX: u32 = 200;
/// Workflows that a search looks through.
const SEARCHED_MAX: usize = 5_000;
const READ_AT_ONCE: u32 = 200;

/// `GET /api/workflows`.
pub async fn list(call: Call<(), WorkflowQuery>) -> Answer<Found<Page<WorkflowView>>> {
    let (store, organization) = (call.state.store(), call.organization());
    let limit = page::limit(call.query.limit)?;
    let mut before = page::cursor::<WorkflowId>(call.query.cursor.as_deref())?;
    let wanted = call.query.search.unwrap_or_default().to_lowercase();
    let tag = call.query.tag;
    let filter = WorkflowFilter {
        archived: call.query.archived.unwrap_or(false),
        is_template: call.query.template,
    };
    let (mut found, mut looked_at) = (Vec::new(), 0);
    while found.len() <= limit as usize && looked_at < SEARCHED_MAX {
        let rows = store::workflow_list(store, organization, &filter, before, READ_AT_ONCE).await?;
        let Some(last) = rows.last() else { break };
        before = Some(last.id);
        looked_at += rows.len();
        let exhausted = rows.len() < READ_AT_ONCE as usize;
        found.extend(rows.into_iter().filter(|row| fits(row, &wanted, tag.as_deref())));
        if exhausted {
            break;
        }
    }
    let page = page::of(found, limit, |row| row.id.to_string());
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        let workflow = store::workflow_fetch(store, organization, row.id).await?;
        items.push(view(&call.state, &workflow).await?);
    }
    Ok(Found(Page { items, next_cursor: page.next_cursor, total: None }))
}

fn fits(row: &WorkflowSummary, wanted: &str, tag: Option<&str>) -> bool {
    let has_words =
        row.name.to_lowercase().contains(wanted) || row.description.to_lowercase().contains(wanted);
    has_words && tag.is_none_or(|tag| row.labels.tags.iter().any(|known| known == tag))
}

/// A workflow as lists show it.
pub async fn view(state: &AppState, workflow: &Workflow) -> StoreResult<WorkflowView> {
    let (store, summary) = (state.store(), &workflow.summary);
    let (organization, id) = (summary.organization, summary.id);
    let newest = store::version_list(store, organization, id, None, 1).await?;
    let schedule = store::schedule_fetch(store, organization, id).await?;
    let trigger_note = match &schedule {
        Some(row) => row.note.clone(),
        None => store::event_trigger_note_fetch(store, organization, id).await?.unwrap_or_default(),
    };
    let next_run_at = match &schedule {
        Some(row) => trigger::next_time(store, row).await?,
        None => None,
    };
    Ok(WorkflowView {
        id,
        name: summary.name.clone(),
        description: summary.description.clone(),
        version: summary.published_version,
        draft_changed: newest.first().is_none_or(|newest| newest.draft_rev != summary.draft_rev),
        nodes: u32::try_from(workflow.draft.nodes.len()).unwrap_or(u32::MAX),
        trigger: trigger_word(&workflow.draft).to_owned(),
        next_run_at,
        trigger_note,
        updated_at: summary.updated_at,
        runs: store::run_counts(store, organization, id).await?,
        archived: summary.archived,
        tags: summary.labels.tags.clone(),
        template: summary.labels.is_template,
    })
}

fn trigger_word(graph: &Graph) -> &'static str {
    match trigger(graph) {
        Some(TriggerKind::Webhook { .. }) => "webhook",
        Some(TriggerKind::Schedule { .. }) => "schedule",
        Some(TriggerKind::Event { .. }) => "event",
        Some(TriggerKind::Manual) | None => "manual",
    }
}

/// How a graph's runs start.
pub fn trigger(graph: &Graph) -> Option<&TriggerKind> {
    graph.trigger().and_then(|node| match &node.kind {
        NodeKind::Trigger(settings) => Some(&settings.trigger),
        _ => None,
    })
}

/// What is wrong with a draft, as its organisation has it.
pub async fn problems(
    state: &AppState,
    organization: OrganizationId,
    graph: &Graph,
) -> Result<Vec<Problem>, Failure> {
    let names = secrets::names(state, organization).await?;
    let templates = state.gate().channels().settings().template_ids(organization).await?;
    let context = CheckContext {
        secrets: Some(&names),
        templates: Some(&templates),
        // Scripts are kept among the message templates.
        scripts: Some(&templates),
        plan_steps_max: state.plan_steps_max(),
        ..CheckContext::default()
    };
    Ok(graph::check(graph, &context))
}

/// `GET /api/workflows/{id}`.
pub async fn fetch(call: Call<WorkflowId>) -> Answer<Tagged<WorkflowDetail>> {
    let (store, organization, id) = (call.state.store(), call.organization(), call.path);
    let workflow = store::workflow_fetch(store, organization, id).await?;
    let versions = store::version_list(store, organization, id, None, VERSIONS_MAX).await?;
    let versions = versions.into_iter().map(|version| VersionView {
        number: version.number,
        published_at: version.published_at,
        published_by: version.published_by,
        note: version.note,
    });
    let revision = revision_of(&workflow.summary);
    Ok(Tagged(
        revision,
        WorkflowDetail {
            workflow: view(&call.state, &workflow).await?,
            draft_revision: revision,
            problems: problems(&call.state, organization, &workflow.draft).await?,
            hook_url: hook_address::url(&call.state, &call.caller, id, &workflow.draft),
            versions: versions.collect(),
            graph: workflow.draft,
            plan_steps_max: call.state.plan_steps_max(),
        },
    ))
}

fn revision_of(summary: &WorkflowSummary) -> u64 {
    u64::try_from(summary.draft_rev).unwrap_or(0)
}

/// `PUT /api/workflows/{id}`: saves the draft if nobody else did meanwhile.
pub async fn save(call: Call<WorkflowId, NoQuery, Json<DraftSave>>) -> Answer<Tagged<DraftSaved>> {
    let expected = if_match(&call.headers)?;
    let Json(mut draft) = call.body;
    check_size(&draft.graph)?;
    let name = check::name("name", &draft.name)?;
    if draft.description.chars().count() > 2_000 {
        return Err(Failure::value("description", "The description has at most 2,000 characters."));
    }
    let (organization, id, now) = (call.caller.organization(), call.path, call.state.now());
    secrets::seal(&call.state, organization, &mut draft.graph)?;
    let problems = problems(&call.state, organization, &draft.graph).await?;
    let change = DraftChange {
        name: Some(name),
        description: Some(draft.description),
        draft: Some(draft.graph),
    };
    let saved = call.state.store().write(move |tx| {
        async move { store::workflow_save(tx, organization, id, expected, &change, now).await }
            .boxed()
    });
    let revision = match saved.await {
        Ok(revision) => u64::try_from(revision).unwrap_or(0),
        Err(StoreError::Conflict { .. }) => {
            return Err(changed(&call.state, organization, id).await);
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Tagged(revision, DraftSaved { draft_revision: revision, problems }))
}

/// Larger graphs are refused before anything looks at them.
pub fn check_size(graph: &Graph) -> Result<(), Failure> {
    let (nodes, edges) = (graph.nodes.len(), graph.edges.len());
    if nodes <= graph::NODES_MAX && edges <= graph::EDGES_MAX {
        return Ok(());
    }
    let text = format!(
        "A workflow has at most {} nodes and {} edges; this one has {nodes} and {edges}.",
        graph::NODES_MAX,
        graph::EDGES_MAX
    );
    Err(Failure::value("graph", text).help("Split it into several workflows."))
}

/// The revision that `If-Match` names.
fn if_match(headers: &HeaderMap) -> Result<i64, Failure> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Err(Failure::new(
            ErrorCode::PreconditionRequired,
            "The If-Match header is missing.",
        )
        .help("Send the draft's revision in quotes, as the ETag of GET gave it."));
    };
    let text = value.to_str().unwrap_or_default().trim();
    let number = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    number.and_then(|number| number.parse().ok()).ok_or_else(|| {
        Failure::new(
            ErrorCode::InvalidParameter,
            format!("If-Match is `{text}`, which is no revision."),
        )
        .help("Send the draft's revision in quotes, such as \"7\".")
    })
}

/// Somebody else saved first: with the revision that is there now.
async fn changed(state: &AppState, organization: OrganizationId, id: WorkflowId) -> Failure {
    match store::workflow_fetch(state.store(), organization, id).await {
        Ok(workflow) => {
            let summary = workflow.summary;
            Failure::new(
                ErrorCode::Conflict,
                "The draft was saved by somebody else in the meantime.",
            )
            .help("Fetch it, look at what changed, and save again with its revision.")
            .details(json!({
                "draft_revision": revision_of(&summary),
                "updated_at": summary.updated_at,
            }))
        }
        Err(error) => error.into(),
    }
}

/// `DELETE /api/workflows/{id}`: archives it; its runs go on.
pub async fn archive(call: Call<WorkflowId>) -> Answer<Done> {
    set_archived(&call, true).await?;
    Ok(Done)
}

/// `POST /api/workflows/{id}/restore`: takes it out of the archive; what starts its runs counts from now on.
pub async fn restore(call: Call<WorkflowId>) -> Answer<Found<WorkflowView>> {
    set_archived(&call, false).await?;
    let workflow =
        store::workflow_fetch(call.state.store(), call.organization(), call.path).await?;
    Ok(Found(view(&call.state, &workflow).await?))
}

async fn set_archived(call: &Call<WorkflowId>, archived: bool) -> StoreResult<()> {
    let (organization, id, now) = (call.organization(), call.path, call.state.now());
    let write = call.state.store().write(move |tx| {
        async move { store::workflow_set_archived(tx, organization, id, archived, now).await }
            .boxed()
    });
    write.await
}

/// `POST /api/workflows/{id}/publish`.
pub async fn publish(call: Call<WorkflowId, NoQuery, Json<Publish>>) -> Answer<Created<Published>> {
    let request = (call.path, &call.body.0);
    let (state, organization) = (&call.state, call.organization());
    let work = publish_now(&call);
    idempotent::once(state, organization, "publish", &call.headers, &request, work)
        .await
        .map(Created)
}

async fn publish_now(
    call: &Call<WorkflowId, NoQuery, Json<Publish>>,
) -> Result<Published, Failure> {
    let (organization, id, now) = (call.organization(), call.path, call.state.now());
    let workflow = store::workflow_fetch(call.state.store(), organization, id).await?;
    let summary = workflow.summary;
    let looked_at = call.body.0.draft_revision;
    if looked_at.is_some_and(|revision| revision != revision_of(&summary)) {
        return Err(changed(&call.state, organization, id).await);
    }
    if summary.archived {
        return Err(Failure::new(ErrorCode::WrongState, "The workflow is archived."));
    }
    let note = check::text_of("note", &call.body.0.note, 0, 500)?;
    let mut draft = workflow.draft;
    secrets::seal(&call.state, organization, &mut draft)?;
    let problems = problems(&call.state, organization, &draft).await?;
    if !graph::is_publishable(&problems) {
        return Err(graph_problems(&problems));
    }
    let hook = hook_address::of(&call.state, organization, id, &draft);
    let new = NewVersion {
        organization,
        workflow: id,
        draft_rev: summary.draft_rev,
        graph: draft,
        note,
        published_by: call.caller.label(),
    };
    let made = call.state.store().write(move |tx| {
        async move {
            let number = store::version_publish(tx, &new, now).await?;
            if let Some(hook) = hook {
                store::hook_put(tx, organization, id, &hook.hash, now).await?;
            }
            Ok(number)
        }
        .boxed()
    });
    match made.await {
        Ok(version) => Ok(Published { version, problems }),
        Err(StoreError::Conflict { .. }) => Err(changed(&call.state, organization, id).await),
        Err(error) => Err(error.into()),
    }
}

/// The draft cannot be published as it is.
fn graph_problems(problems: &[Problem]) -> Failure {
    let errors = problems.iter().filter(|problem| problem.severity == graph::Severity::Error);
    let text = match errors.count() {
        1 => "One problem keeps the draft from being published.".to_owned(),
        count => format!("{count} problems keep the draft from being published."),
    };
    Failure::new(ErrorCode::GraphProblems, text)
        .help("Mend what `details.problems` lists; many have a quick fix.")
        .details(json!({ "problems": problems }))
}

/// `GET /api/workflows/{id}/versions/{number}`.
pub async fn version(call: Call<(WorkflowId, u32)>) -> Answer<Found<Graph>> {
    let (id, number) = call.path;
    let (store, organization) = (call.state.store(), call.organization());
    store::workflow_summary(store, organization, id).await?;
    Ok(Found(store::version_fetch(store, organization, id, number).await?.graph))
}

/// `GET /api/workflows/{id}/outcomes`.
pub async fn outcomes(call: Call<WorkflowId>) -> Answer<Found<OutcomeCounts>> {
    let (store, organization, id) = (call.state.store(), call.organization(), call.path);
    store::workflow_summary(store, organization, id).await?;
    Ok(Found(OutcomeCounts { items: store::outcome_counts(store, organization, id).await? }))
}

/// There is no such format.
pub fn unknown_format(name: &str) -> Failure {
    let known = Format::ALL.map(Format::name).join(", ");
    Failure::new(ErrorCode::InvalidParameter, format!("There is no format `{name}`."))
        .help(format!("The formats are {known}."))
}

/// `GET /api/tools`.
pub async fn tools(_: Call) -> Answer<Found<Vec<ToolSpec>>> {
    Ok(Found(tool::catalogue().to_vec()))
}
