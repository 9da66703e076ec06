//! The lease of this process: what it owns in the database is its own as long as the lease is renewed.
//!
//! A lease is a row with an epoch that never comes back. It is renewed well before it ends, by the
//! clock of the database; a process that could not renew it for a while stops by its own monotonic
//! clock, before others may take over. Leases only spare work: fences keep results apart.

use super::super::StoreResult;
use sqlx::PgPool;
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How long it lasts without being renewed.
const TTL_S: f64 = 20.0;
/// Without a renewal for so long this process stops taking work.
const HOLD: Duration = Duration::from_secs(12);
/// Rows of ended leases are kept so long, for whoever looks into the database.
const KEPT_S: f64 = 3_600.0;

/// A handle on the lease; cheap to clone.
#[derive(Clone)]
pub(in super::super) struct Lease {
    shared: Arc<Shared>,
}

struct Shared {
    boot: Uuid,
    epoch: AtomicI64,
    renewed: Mutex<Instant>,
    others: Mutex<BTreeSet<i64>>,
    /// Rises when work may have become free: another server went, or this one has a new lease.
    freed: watch::Sender<u64>,
}

impl Lease {
    /// Takes a lease.
    pub(in super::super) async fn take(pool: &PgPool) -> StoreResult<Self> {
        let boot = Uuid::new_v4();
        let epoch = register(pool, boot).await?;
        let shared = Shared {
            boot,
            epoch: AtomicI64::new(epoch),
            renewed: Mutex::new(Instant::now()),
            others: Mutex::default(),
            freed: watch::Sender::new(0),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The number that marks what this process owns.
    pub(in super::super) fn epoch(&self) -> i64 {
        self.shared.epoch.load(Ordering::SeqCst)
    }

    /// Whether this process may take work.
    pub(in super::super) fn is_held(&self) -> bool {
        let renewed = *self.shared.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.elapsed() < HOLD
    }

    /// How many other servers are at work, as far as the last heartbeat saw.
    pub(in super::super) fn others_count(&self) -> u32 {
        u32::try_from(self.others().len()).unwrap_or(u32::MAX)
    }

    /// Changes when work may have become free.
    pub(in super::super) fn freed(&self) -> watch::Receiver<u64> {
        self.shared.freed.subscribe()
    }

    fn others(&self) -> std::sync::MutexGuard<'_, BTreeSet<i64>> {
        self.shared.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews the lease until `stop`, over a pool of its own.
    pub(in super::super) async fn keep(self, pool: PgPool, stop: CancellationToken) {
        loop {
            if let Err(error) = self.renew(&pool).await {
                tracing::warn!(%error, "the lease of this server could not be renewed; trying again");
            }
            tokio::select! {
                () = stop.cancelled() => return pool.close().await,
                () = tokio::time::sleep(RENEW_EVERY) => {}
            }
        }
    }

    /// The others may take over at once.
    pub(in super::super) async fn give_back(&self, pool: &PgPool) {
        let ended = sqlx::query("DELETE FROM servers WHERE epoch = $1").bind(self.epoch());
        if let Err(error) = ended.execute(pool).await {
            tracing::warn!(%error, "the lease of this server ends by itself");
        }
    }

    async fn renew(&self, pool: &PgPool) -> StoreResult<()> {
        // Before the question: the lease lasts from a moment that is not earlier.
        let asked = Instant::now();
        let renewed = sqlx::query(
            "UPDATE servers SET expires_at = now() + make_interval(secs => $2)
             WHERE epoch = $1 AND expires_at > now()",
        )
        .bind(self.epoch())
        .bind(TTL_S)
        .execute(pool)
        .await?;
        let mut freed = false;
        if renewed.rows_affected() == 0 {
            // It ran out, so what it owned may be owned by others now.
            let epoch = register(pool, self.shared.boot).await?;
            tracing::warn!(epoch, "the lease of this server had run out; it has a new one");
            self.shared.epoch.store(epoch, Ordering::SeqCst);
            freed = true;
        }
        *self.shared.renewed.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        freed |= self.look_around(pool).await?;
        if freed {
            self.shared.freed.send_modify(|times| *times += 1);
        }
        Ok(())
    }

    /// Notes who else is there; true when somebody went.
    async fn look_around(&self, pool: &PgPool) -> StoreResult<bool> {
        let alive: Vec<i64> = sqlx::query_scalar(
            "SELECT epoch FROM servers WHERE expires_at > now() AND epoch <> $1 LIMIT 10000",
        )
        .bind(self.epoch())
        .fetch_all(pool)
        .await?;
        sqlx::query("DELETE FROM servers WHERE expires_at < now() - make_interval(secs => $1)")
            .bind(KEPT_S)
            .execute(pool)
            .await?;
        let alive = BTreeSet::from_iter(alive);
        let mut others = self.others();
        let somebody_went = others.difference(&alive).next().is_some();
        *others = alive;
        Ok(somebody_went)
    }
}

async fn register(pool: &PgPool, boot: Uuid) -> StoreResult<i64> {
    Ok(sqlx::query_scalar(
        "INSERT INTO servers (boot_id, expires_at) VALUES ($1, now() + make_interval(secs => $2))
         RETURNING epoch",
    )
    .bind(boot)
    .bind(TTL_S)
    .fetch_one(pool)
    .await?)
}
