//! The lease of this process: what it owns in the database is its own as long as the lease is renewed.
//!
//! A lease is a row with an epoch that never comes back. It is renewed well before it ends, by the
//! clock of the database; a process that could not renew it for a while stops by its own monotonic
//! clock, before others may take over. Leases only spare work: fences keep results apart.
//!
//! It is renewed over a connection of its own, which shows when connections go dead without a word: while the database
//! answers over a new one and still does not over the old one, nobody waits for answers of old ones any longer.

use super::super::{StoreError, StoreResult, kept::Kept, patience::Breaks};
use super::Place;
use sqlx::{Connection, PgConnection, Postgres};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How soon again when that failed.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A renewal is answered within this time, or it has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How much longer an old connection may take when a new one has answered.
const GRACE: Duration = Duration::from_secs(1);
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
    pub(in super::super) async fn take(conn: &mut PgConnection) -> StoreResult<Self> {
        let (boot, asked) = (Uuid::new_v4(), Instant::now());
        let epoch = register(conn, boot).await?;
        let shared = Shared {
            boot,
            epoch: AtomicI64::new(epoch),
            renewed: Mutex::new(asked),
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

    /// Renews the lease until `stop`, over a connection of its own, or a new one when that breaks.
    pub(in super::super) async fn keep(
        self,
        conn: PgConnection,
        place: Place,
        breaks: Breaks,
        stop: CancellationToken,
    ) {
        let mut conn = Some(conn);
        loop {
            let renewed = tokio::select! {
                () = stop.cancelled() => break,
                renewed = self.renewed(conn.take(), &place, &breaks) => renewed,
            };
            let pause = match renewed {
                Ok(sound) => {
                    conn = Some(sound);
                    RENEW_EVERY
                }
                Err(error) => {
                    tracing::warn!(%error, "the lease of this server could not be renewed; trying again");
                    AGAIN_AFTER
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        if let Some(conn) = conn {
            let _ = timeout(AGAIN_AFTER, conn.close()).await; // it ends in any case
        }
    }

    /// The others may take over at once.
    pub(in super::super) async fn give_back(&self, pool: &Kept<Postgres>) {
        let ended = sqlx::query("DELETE FROM servers WHERE epoch = $1").bind(self.epoch());
        if let Err(error) = ended.execute(pool).await {
            tracing::warn!(%error, "the lease of this server ends by itself");
        }
    }

    /// Renews over a connection, or over a new one when it does not answer; gives the one that did.
    async fn renewed(
        &self,
        conn: Option<PgConnection>,
        place: &Place,
        breaks: &Breaks,
    ) -> StoreResult<PgConnection> {
        let Some(conn) = conn else { return self.renewed_anew(place).await };
        let mut renewing = Box::pin(self.renewed_over(conn));
        if let Ok(renewed) = timeout(ANSWER_WITHIN, &mut renewing).await {
            return renewed;
        }
        let anew = self.renewed_anew(place).await?;
        // The database is well. Where it only was slow, the old connection has its answer by now.
        match timeout(GRACE, &mut renewing).await {
            Ok(Ok(old)) => Ok(old),
            Ok(Err(_)) => Ok(anew),
            Err(_) => {
                tracing::warn!(
                    "a connection to the database is dead without a word; others are not waited for"
                );
                breaks.announce();
                Ok(anew)
            }
        }
    }

    async fn renewed_anew(&self, place: &Place) -> StoreResult<PgConnection> {
        let renewing = async { self.renewed_over(place.keeper().await?).await };
        timeout(ANSWER_WITHIN, renewing).await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable("it did not answer within 5 seconds".into()))
        })
    }

    async fn renewed_over(&self, mut conn: PgConnection) -> StoreResult<PgConnection> {
        self.renew(&mut conn).await?;
        Ok(conn)
    }

    async fn renew(&self, conn: &mut PgConnection) -> StoreResult<()> {
        // Just before the question, over a connection that is there: the lease lasts from a moment that is not earlier.
        let mut asked = Instant::now();
        let renewed = sqlx::query(
            "UPDATE servers SET expires_at = now() + make_interval(secs => $2)
             WHERE epoch = $1 AND expires_at > now()",
        )
        .bind(self.epoch())
        .bind(TTL_S)
        .execute(&mut *conn)
        .await?;
        let mut freed = false;
        if renewed.rows_affected() == 0 {
            // It ran out, so what it owned may be owned by others now.
            asked = Instant::now();
            let epoch = register(conn, self.shared.boot).await?;
            tracing::warn!(epoch, "the lease of this server had run out; it has a new one");
            self.shared.epoch.store(epoch, Ordering::SeqCst);
            freed = true;
        }
        self.note_renewed(asked);
        freed |= self.look_around(conn).await?;
        if freed {
            self.shared.freed.send_modify(|times| *times += 1);
        }
        Ok(())
    }

    /// An older renewal whose answer came later counts for nothing.
    fn note_renewed(&self, asked: Instant) {
        let mut renewed = self.shared.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        *renewed = (*renewed).max(asked);
    }

    /// Notes who else is there; true when somebody went.
    async fn look_around(&self, conn: &mut PgConnection) -> StoreResult<bool> {
        let alive: Vec<i64> = sqlx::query_scalar(
            "SELECT epoch FROM servers WHERE expires_at > now() AND epoch <> $1 LIMIT 10000",
        )
        .bind(self.epoch())
        .fetch_all(&mut *conn)
        .await?;
        sqlx::query("DELETE FROM servers WHERE expires_at < now() - make_interval(secs => $1)")
            .bind(KEPT_S)
            .execute(conn)
            .await?;
        let alive = BTreeSet::from_iter(alive);
        let mut others = self.others();
        let somebody_went = others.difference(&alive).next().is_some();
        *others = alive;
        Ok(somebody_went)
    }
}

async fn register(conn: &mut PgConnection, boot: Uuid) -> StoreResult<i64> {
    Ok(sqlx::query_scalar(
        "INSERT INTO servers (boot_id, expires_at) VALUES ($1, now() + make_interval(secs => $2))
         RETURNING epoch",
    )
    .bind(boot)
    .bind(TTL_S)
    .fetch_one(conn)
    .await?)
}
