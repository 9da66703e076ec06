//! `signalbox serve`: opens the store, starts everything, listens until it is told to stop.

use super::CommandError;
use crate::{
    app_state::{AppState, Parts},
    assemble::{self, Services},
    auth::ServerKey,
    config::ServeConfig,
    egress::Egress,
    engine::{Clock, EngineConfig, SystemClock},
    gate::Links,
    live::LiveHub,
    maintenance, metrics, router,
    secret::Vault,
    step_hooks::Teller,
    store::{self, Store, StoreOptions},
    telemetry,
    time_travel::Guard,
    tool::Tools,
    web,
};
use chrono::{TimeDelta, Utc};
use futures::FutureExt;
use signalbox::graph::Catalogue;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch};

/// Requests in flight get so long to end after the signal.
const DRAIN: Duration = Duration::from_secs(10);

pub async fn serve(config: ServeConfig) -> Result<(), CommandError> {
    let telemetry = telemetry::start(&config).map_err(CommandError::new)?;
    let public_origin = config.public_origin()?;
    // The port first: a second server should say so before it touches anything.
    let listener = TcpListener::bind(config.addr).await.map_err(|error| {
        CommandError::new(format!(
            "cannot listen on {}: {error}; give another address with --addr",
            config.addr
        ))
    })?;
    let addr = listener.local_addr().unwrap_or(config.addr);
    let (store, key) = open(&config).await?;
    // Before anything can leave: whether time and the database just went on.
    let guard = guard_of(&config, &store);
    guard.at_boot(Utc::now()).await?;
    let vault = Arc::new(Vault::of(&key));
    let base_url = public_origin.clone().unwrap_or_else(|| format!("http://{}", reachable(addr)));
    let egress = Egress::new(config.allow_hosts.clone())
        .map_err(|error| CommandError::new(error.to_string()))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let engine_config = EngineConfig { tools: Arc::new(Catalogue), ..EngineConfig::default() };
    let (tools_store, tools_clock) = (store.clone(), clock.clone());
    let tools_egress = egress.clone();
    let links = Links::new(base_url.clone(), key.clone());
    let Services { engine, gate } = assemble::start(store, vault, clock, engine_config, |gate| {
        gate.link_with(links);
        Arc::new(Tools::new(tools_store, gate, tools_egress, tools_clock))
    });
    Teller::start(&engine, gate.channels().settings(), &egress);
    let clock = Arc::new(|| SystemClock.now());
    let plan_steps_max = config.plan_steps_max;
    let sweep_every = Duration::from_secs(config.sweep_seconds.into());
    let parts = Parts { engine, gate, key, public_origin, base_url, clock, plan_steps_max };
    let state = AppState::new(parts);
    LiveHub::start(&state);
    maintenance::start(&state, sweep_every);
    guard.start(&state);
    let (sender_stop, stopped) = watch::channel(false);
    let sender = tokio::spawn({
        let gate = state.gate().clone();
        async move { gate.run_sender(stopped).await }
    });
    if let Some(addr) = config.metrics_addr {
        let bound = metrics::listen(&state, addr).await.map_err(|error| {
            CommandError::new(format!(
                "cannot serve metrics on {addr}: {error}; give another address with --metrics-addr"
            ))
        })?;
        println!("Metrics are on http://{bound}/metrics");
    }
    // Before it is said that the server is there: whoever hears of it may stop it at once.
    let asked_to_stop = stop_signal().map_err(|error| {
        CommandError::new(format!("signals that stop the server cannot be heard: {error}"))
    })?;
    announce(&state).await?;
    listen(listener, &state, asked_to_stop).await;
    // What is being sent gets its outcome noted before the store closes.
    let _ = sender_stop.send(true);
    state.gate().wake();
    if tokio::time::timeout(DRAIN, sender).await.is_err() {
        tracing::warn!(
            "a message was still being sent; its outcome is looked at after the next start"
        );
    }
    state.engine().shutdown().await;
    state.store().close().await;
    tracing::info!("stopped");
    telemetry.close().await;
    Ok(())
}

/// The database and the key that belongs to it.
async fn open(config: &ServeConfig) -> Result<(Store, ServerKey), CommandError> {
    let file = config.key_file.clone().unwrap_or_else(|| config.data.join("secret.key"));
    let store = match &config.database_url {
        Some(url) => Store::connect(url, StoreOptions::default()).await?,
        None => Store::open(&config.data).await?,
    };
    let name = file.display();
    if !file.exists() && store::key_is_noted(&store).await? {
        store.close().await;
        return Err(CommandError::new(format!(
            "there is no key in {name}, but this database was set up with one; restore the key file from the backup or \
             from another server of this database, or name it with --key-file"
        )));
    }
    let key = ServerKey::open(&file).map_err(CommandError::new)?;
    // Secrets and addresses are made with the key: a server with another one could read neither.
    let mark = key.derive("database", &[]);
    let adopted =
        store.write(move |tx| async move { store::key_adopt(tx, &mark, Utc::now()).await }.boxed());
    if !adopted.await? {
        store.close().await;
        return Err(CommandError::new(format!(
            "the key in {name} is not the one that this database was set up with; copy the key file of its \
             first server there, or name it with --key-file"
        )));
    }
    Ok((store, key))
}

/// Watches over time and the database; told never to pause anything, it only notes what there is.
fn guard_of(config: &ServeConfig, store: &Store) -> Guard {
    let folder = config.database_url.is_none().then(|| config.data.clone());
    let of = |after_ms| Guard::new(store.clone(), folder, TimeDelta::milliseconds(after_ms));
    match i64::try_from(config.outbound_pause_after_ms).unwrap_or(i64::MAX) {
        0 => of(0).only_noting(),
        after_ms => of(after_ms),
    }
}

/// An address that a browser here can open: all interfaces are reached by the loopback one.
fn reachable(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        ip if !ip.is_unspecified() => addr,
        IpAddr::V4(_) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), addr.port()),
        IpAddr::V6(_) => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), addr.port()),
    }
}

/// Says where to go; with the link that sets up the owner while there is none.
async fn announce(state: &AppState) -> Result<(), CommandError> {
    println!("Signalbox serves on {}", state.base_url());
    if !store::owner_exists(state.store()).await? {
        println!("Set up the owner: {}/setup?token={}", state.base_url(), state.setup_token());
    }
    Ok(())
}

async fn listen(
    listener: TcpListener,
    state: &AppState,
    asked_to_stop: impl Future<Output = ()> + Send + 'static,
) {
    let service = router::whole(state, web::Site::discover());
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    let shutdown = state.shutdown().clone();
    let signalled = shutdown.clone();
    tokio::spawn(async move {
        asked_to_stop.await;
        tracing::info!("stopping");
        signalled.cancel();
    });
    let drained = shutdown.clone();
    let serving = axum::serve(listener, service)
        .with_graceful_shutdown(async move { drained.cancelled().await });
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        result = serving => {
            if let Err(error) = result {
                tracing::error!(%error, "the server ended");
            }
        }
        () = overdue => tracing::warn!("some requests were still open and are given up"),
    }
    shutdown.cancel();
}

/// SIGINT or SIGTERM from now on, also one that comes before it is waited for.
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
