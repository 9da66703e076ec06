//! Puts the engine and the send gate together on a store.

use crate::{
    channel::Channels,
    engine::{
        CallExecutor, Clock, Engine, EngineConfig, EngineError, EngineHandle, Organizations,
        Timekeeping, WriteOp,
    },
    gate::{Gate, Letter, Ride, Runs, TellError, Written},
    secret::Vault,
    setting::Settings,
    store::{self, Remembered, Store, StoreError},
    trigger,
};
use chrono_tz::Tz;
use futures::{FutureExt, future::BoxFuture};
use signalbox::{
    id::{OrganizationId, RunId},
    run::{ActivationId, Command, ErrorKind, StepError, TemplateScope},
    wire::QueueSettings,
};
use std::{sync::Arc, time::Duration};

/// What runs workflows.
#[derive(Clone)]
pub struct Services {
    /// Runs them.
    pub engine: EngineHandle,
    /// Lets their messages out.
    pub gate: Gate,
}

/// Starts the engine with what its calls do, and a gate that it and people speak to. The gate's sender
/// is the caller's to run.
pub fn start(
    store: Store,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    config: EngineConfig,
    executor: impl FnOnce(&Gate) -> Arc<dyn CallExecutor>,
) -> Services {
    let settings = Settings::new(store.clone(), vault);
    let channels = Channels::new(settings.clone());
    let time = clock.clone();
    let gate = Gate::new(store.clone(), channels, Arc::new(move || time.now()));
    let timekeeping = config.timekeeping;
    let config = EngineConfig { organizations: Arc::new(Known::of(settings)), ..config };
    let engine = Engine::prepare(store, executor(&gate), clock, config);
    // Before the first call of an earlier process is made again: it may need the gate.
    gate.attach(Arc::new(EngineRuns(engine.clone())));
    engine.begin();
    if timekeeping == Timekeeping::Automatic {
        trigger::start(&engine);
    }
    Services { engine, gate }
}

/// The engine, as the gate tells it things.
struct EngineRuns(EngineHandle);

impl Runs for EngineRuns {
    fn tell(
        &self,
        organization: OrganizationId,
        run: RunId,
        command: Command,
        ride: Ride,
    ) -> BoxFuture<'_, Result<(), TellError>> {
        async move {
            let extra: WriteOp = Box::new(move |tx| ride(tx));
            let told = self.0.command_with(organization, run, command, extra).await;
            told.map(|_| ()).map_err(|error| match error {
                EngineError::Refused(refusal) => refusal.into(),
                EngineError::Store(error) => error.into(),
                other => StoreError::Unavailable(other.to_string()).into(),
            })
        }
        .boxed()
    }

    fn write(
        &self,
        organization: OrganizationId,
        run: RunId,
        activation: ActivationId,
        mut letter: Letter,
    ) -> BoxFuture<'_, Result<Written, StepError>> {
        async move {
            let about = std::mem::take(&mut letter.about);
            let read = |scope: &TemplateScope<'_>| letter.write(scope, &scope.of_step());
            match self.0.read_in(organization, run, activation, about, read).await {
                Ok(Some(written)) => written,
                Ok(None) => {
                    let text = "the step that sends the message is gone";
                    Err(StepError::new(ErrorKind::Internal, text))
                }
                Err(error) => Err(StepError::new(ErrorKind::ExecutorError, error.to_string())),
            }
        }
        .boxed()
    }
}

/// Zones that are remembered.
const ZONES_MAX: usize = 10_000;
/// How late another server's change of a zone may be.
const ZONES_LATE: Duration = Duration::from_secs(1);

/// What the engine asks about organisations.
struct Known {
    settings: Settings,
    zones: Remembered<OrganizationId, Tz>,
}

impl Known {
    fn of(settings: Settings) -> Self {
        Self { settings, zones: Remembered::new(ZONES_MAX).may_be_late(ZONES_LATE) }
    }
}

impl Organizations for Known {
    fn zone(&self, organization: OrganizationId) -> BoxFuture<'_, Tz> {
        async move {
            let store = self.settings.store();
            let read = async {
                let view = store::organization_fetch(store, organization).await?;
                Ok(Some(view.timezone.parse().unwrap_or(Tz::UTC)))
            };
            match self.zones.get(store, organization, read).await {
                Ok(zone) => zone.unwrap_or(Tz::UTC),
                Err(error) => {
                    tracing::warn!(%organization, %error, "the zone is not known; UTC is used");
                    Tz::UTC
                }
            }
        }
        .boxed()
    }

    fn queues(&self, organization: OrganizationId) -> BoxFuture<'_, Result<QueueSettings, String>> {
        async move { self.settings.queues(organization).await.map_err(|error| error.to_string()) }
            .boxed()
    }
}
