//! Puts a private engine together for one run, with the world's records in its store, and starts the run.

use super::{
    Plan,
    agenda::Due,
    player::{Player, Scene},
    room::{BY, Room, broken},
};
use crate::{
    assemble::{self, Services},
    cli::CommandError,
    egress::{Allowed, Egress},
    engine::{Clock, EngineConfig, EngineHandle, StartRun, SystemClock, Timekeeping, VirtualClock},
    gate::Gate,
    secret::Vault,
    setting::General,
    store::{self, NewVersion, NewWorkflow, Store},
    tool::{Tools, contact_input},
};
use chrono::{DateTime, SubsecRound, Utc};
use futures::FutureExt;
use serde_json::{Map, Value};
use signalbox::{
    id::{ContactId, OrganizationId, RunId, WorkflowId},
    run::{
        World,
        world::{Stage, StubbedTools},
    },
};
use std::{collections::HashSet, sync::Arc};
use uuid::Uuid;

/// Starts the run of a plan over a store of its own.
pub async fn open(store: &Store, plan: &Plan) -> Result<Room, CommandError> {
    let begins = match plan.has_world {
        true => plan.scenario.begins_at(),
        false => Utc::now().trunc_subsecs(3),
    };
    let virtual_clock = plan.virtual_time.then(|| VirtualClock::at(begins));
    let clock: Arc<dyn Clock> = match &virtual_clock {
        Some(clock) => Arc::new(clock.clone()),
        None => Arc::new(SystemClock),
    };
    let scene = Scene::new(Stage::new(&plan.world, &plan.scenario));
    let Services { engine, gate } = start_engine(store, &clock, &scene, plan)?;
    let organization = add_organization(&engine, &gate, clock.now()).await?;
    for template in &plan.world.templates {
        let settings = gate.channels().settings();
        let made = settings.template_create(organization, template, BY.to_owned(), clock.now());
        made.await.map_err(|error| {
            CommandError::usage(format!("the template {} of the world: {error}", template.id))
        })?;
    }
    let records = plan.world.contacts.iter().chain(&plan.scenario.contacts);
    for (number, record) in records.enumerate() {
        if let Some((named, id)) = add_contact(&gate, organization, number, record).await? {
            scene.props().contacts.insert(named, id);
        }
    }
    let run = start_run(&engine, organization, plan, clock.now()).await?;
    let now = clock.now();
    {
        let mut props = scene.props();
        for fact in props.stage.facts() {
            props.agenda.put(now, fact.after_ms, Due::Fact(fact));
        }
    }
    Ok(Room {
        engine,
        gate,
        clock,
        virtual_clock,
        scene,
        organization,
        run,
        approve: plan.approve,
        graph: Arc::new(plan.imported.graph.clone()),
        asked: HashSet::new(),
    })
}

/// The engine, with timers by whoever moves the clock when waits cost no time. The gate's messages are moved on
/// by the room in both cases, so that it knows when nothing is left to do.
fn start_engine(
    store: &Store,
    clock: &Arc<dyn Clock>,
    scene: &Scene,
    plan: &Plan,
) -> Result<Services, CommandError> {
    let egress = Egress::new(Allowed::default()).map_err(said)?;
    let config = EngineConfig {
        timekeeping: match plan.virtual_time {
            true => Timekeeping::Driven,
            false => Timekeeping::Automatic,
        },
        tools: Arc::new(StubbedTools),
        ..EngineConfig::default()
    };
    let vault = Arc::new(Vault::ephemeral());
    Ok(assemble::start(store.clone(), vault, clock.clone(), config, |gate| {
        Arc::new(Player {
            tools: Tools::new(store.clone(), gate, egress, clock.clone()),
            scene: scene.clone(),
            graph: Arc::new(plan.imported.graph.clone()),
            clock: clock.clone(),
            virtual_time: plan.virtual_time,
        })
    }))
}

/// The organisation that owns the run. Nobody could take an approval back here, so nothing is held.
async fn add_organization(
    engine: &EngineHandle,
    gate: &Gate,
    now: DateTime<Utc>,
) -> Result<OrganizationId, CommandError> {
    let id = OrganizationId(Uuid::now_v7());
    let made = engine.store().write(move |tx| {
        async move { store::organization_create(tx, id, "Here", "UTC", now).await }.boxed()
    });
    made.await?;
    let general = General { email_hold_ms: 0, ..General::default() };
    gate.channels().settings().general_set(id, &general, now).await.map_err(said)?;
    Ok(id)
}

fn said(error: impl std::fmt::Display) -> CommandError {
    CommandError::new(error.to_string())
}

/// A contact of the world. Its id there is its external id here, unless it has another one or is one of ours; then
/// the two ids are given. Without name and address it is called by its id. Lists come in the world's order.
async fn add_contact(
    gate: &Gate,
    organization: OrganizationId,
    number: usize,
    record: &Map<String, Value>,
) -> Result<Option<(String, ContactId)>, CommandError> {
    let number = number + 1;
    let wrong = |why: String| CommandError::usage(format!("contact {number} of the world: {why}"));
    let named = record.get("id").or(record.get("_id")).and_then(|id| match id {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    let id = match named.as_deref().map(str::parse::<ContactId>) {
        Some(Ok(id)) => id,
        _ => nth_contact(organization, number),
    };
    let mut input =
        contact_input(Value::Object(record.clone())).map_err(|error| wrong(error.message))?;
    let named = named.unwrap_or_else(|| format!("contact_{number}"));
    let names = [&input.name, &input.email, &input.external_id].into_iter().flatten();
    let name = names.chain([&named]).find(|text| !text.trim().is_empty()).cloned();
    input.name = name;
    let translation = input.external_id.is_some().then(|| (named.clone(), id));
    input.external_id = input.external_id.or(Some(named));
    gate.contact_create_as(organization, id, &input)
        .await
        .map_err(|error| wrong(error.to_string()))?;
    Ok(translation)
}

/// An id that sorts by its number: lists of contacts are ordered by id.
fn nth_contact(organization: OrganizationId, number: usize) -> ContactId {
    let seed = ContactId::derive(organization.0, &["world", &number.to_string()]);
    let [_, _, _, _, _, _, rest @ ..] = seed.0.into_bytes();
    let made = uuid::Builder::from_unix_timestamp_millis(number as u64, &rest);
    ContactId(made.into_uuid())
}

async fn start_run(
    engine: &EngineHandle,
    organization: OrganizationId,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Result<RunId, CommandError> {
    let workflow = WorkflowId(Uuid::now_v7());
    let graph = plan.imported.graph.clone();
    let new = NewWorkflow {
        organization,
        id: workflow,
        name: plan.imported.name.clone(),
        description: String::new(),
        draft: graph.clone(),
        created_by: BY.to_owned(),
        labels: Default::default(),
    };
    let version = NewVersion {
        organization,
        workflow,
        draft_rev: 1,
        graph,
        note: String::new(),
        published_by: BY.to_owned(),
    };
    let published = engine.store().write(move |tx| {
        async move {
            store::workflow_create(tx, &new, now).await?;
            store::version_publish(tx, &version, now).await
        }
        .boxed()
    });
    let published = published.await?;
    let scenario = &plan.scenario;
    let start = StartRun {
        input: scenario.input.clone(),
        contacts: scenario.run_contacts.clone(),
        thread_id: scenario.thread_id.clone(),
        started_by: BY.to_owned(),
        idempotency_key: None,
        link: None,
        options: Default::default(),
    };
    let started = engine.start_run(organization, workflow, published, start).await;
    Ok(started.map_err(broken)?.run)
}
