//! SQLite: where the file is, how connections are opened, who else may have it.

mod backup;

use super::{StoreError, StoreResult, kept::Kept, patience::Patience, space::DiskSpace};
use crate::private;
use sqlx::{
    ConnectOptions, Connection, Sqlite, SqliteConnection,
    migrate::Migrator,
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions,
        SqliteSynchronous,
    },
};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// The file of the database in its folder.
const FILE: &str = "signalbox.db";

/// Before 3.51.3 a reset of the write-ahead log could corrupt the file.
const VERSION_MIN: (u32, u32, u32) = (3, 51, 3);

/// Answers that wait for their reader: what a text of several statements gives, so that its thread need not wait.
const ANSWERS_MAX: usize = 256;

/// What `PRAGMA auto_vacuum` says when space is given back on demand.
const AUTO_VACUUM_INCREMENTAL: i64 = 2;

/// Where the database lives, and the lock that keeps others out. Dropped with the last handle.
pub(super) struct Place {
    file: PathBuf,
    durable: bool,
    lock: Mutex<Option<File>>,
    _folder: Option<TemporaryFolder>,
}

struct TemporaryFolder(PathBuf);

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the writer needs to open its connection again.
#[derive(Clone)]
pub(super) struct Reopen {
    file: Arc<Path>,
    durable: bool,
}

impl Place {
    pub(super) fn folder(folder: &Path) -> StoreResult<Self> {
        let name = folder.display();
        private::make_folder(folder)
            .map_err(|error| StoreError::Setup(format!("{name} cannot be made: {error}")))?;
        refuse_network_folder(folder)?;
        let lock = private::options()
            .write(true)
            .create(true)
            .truncate(true)
            .open(folder.join("data.lock"))
            .map_err(|error| StoreError::Setup(format!("{name} cannot be written: {error}")))?;
        lock.try_lock().map_err(|_| {
            StoreError::Setup(format!(
                "another Signalbox uses {name}; stop it, or give this one another folder with --data"
            ))
        })?;
        Ok(Self {
            file: folder.join(FILE),
            durable: true,
            lock: Mutex::new(Some(lock)),
            _folder: None,
        })
    }

    /// Without the lock: SQLite lets two processes take turns writing. Nothing is made where there is no database.
    pub(super) fn beside(folder: &Path) -> StoreResult<Self> {
        let file = folder.join(FILE);
        if !file.exists() {
            let name = folder.display();
            return Err(StoreError::Setup(format!(
                "there is no database in {name}; name the server\u{2019}s folder with --data, or start the server on \
                 this one first: signalbox serve --data {name}"
            )));
        }
        match Self::folder(folder) {
            Err(_) => Ok(Self { file, durable: true, lock: Mutex::new(None), _folder: None }),
            alone => alone,
        }
    }

    pub(super) fn temporary() -> StoreResult<Self> {
        let folder = std::env::temp_dir().join(format!("signalbox-{}", uuid::Uuid::new_v4()));
        private::make_folder(&folder).map_err(|error| {
            StoreError::Setup(format!("{} cannot be made: {error}", folder.display()))
        })?;
        let file = folder.join(FILE);
        Ok(Self {
            file,
            durable: false,
            lock: Mutex::new(None),
            _folder: Some(TemporaryFolder(folder)),
        })
    }

    /// Whether no other process can have the file.
    fn is_alone(&self) -> bool {
        self._folder.is_some() || self.lock.lock().is_ok_and(|lock| lock.is_some())
    }

    pub(super) fn is_durable(&self) -> bool {
        self.durable
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Lets another process have the folder; for the end of this one.
    pub(super) fn unlock(&self) {
        let lock = self.lock.lock().ok().and_then(|mut lock| lock.take());
        // Said outright: a process that is being started at this moment still has the file, and would hold the lock
        // until its program runs.
        if let Some(Err(error)) = lock.map(|lock| lock.unlock()) {
            tracing::warn!(%error, "the data folder may stay locked for a moment");
        }
    }

    pub(super) fn clone_path(&self) -> Reopen {
        Reopen { file: self.file.clone().into(), durable: self.durable }
    }
}

impl Reopen {
    pub(super) async fn connect(&self) -> StoreResult<SqliteConnection> {
        Ok(options(&self.file, self.durable).create_if_missing(true).connect().await?)
    }
}

fn options(file: &Path, durable: bool) -> SqliteConnectOptions {
    // FULL: an acknowledged write survives a power cut. A temporary database need not survive anything.
    let synchronous = if durable { SqliteSynchronous::Full } else { SqliteSynchronous::Off };
    SqliteConnectOptions::new()
        .filename(file)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("journal_size_limit", "67108864")
        .pragma("trusted_schema", "OFF")
        .pragma("temp_store", "MEMORY") // what a savepoint keeps would be a file otherwise
        .statement_cache_capacity(256)
        .row_buffer_size(ANSWERS_MAX)
        .disable_statement_logging() // it costs more than most statements; slow ones show in the writer's log
}

/// Opens the one connection that writes, and brings the schema up to date.
pub(super) async fn open_writer(place: &Place) -> StoreResult<SqliteConnection> {
    let unusable = |error: &dyn std::fmt::Display| {
        StoreError::Setup(format!("{} cannot be opened: {error}", place.file.display()))
    };
    private::guard_database(&place.file).map_err(|error| unusable(&error))?;
    let mut conn = place.clone_path().connect().await.map_err(|error| unusable(&error))?;
    let version: String =
        sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut conn).await?;
    if parse_version(&version) < VERSION_MIN {
        return Err(StoreError::Setup(format!(
            "SQLite {version} can corrupt its write-ahead log; 3.51.3 or newer is needed"
        )));
    }
    if place.is_alone() {
        let_it_shrink(&mut conn, place).await?;
    }
    backup::before_migrations(&mut conn, place).await?;
    MIGRATIONS.run(&mut conn).await.map_err(|error| {
        StoreError::Setup(format!(
            "the schema of {} cannot be brought up to date: {error}. A newer Signalbox may have written it",
            place.file.display()
        ))
    })?;
    Ok(conn)
}

/// A file gives space back only when that was said before its first table, or when it is written anew. Files of
/// earlier versions are written anew once, where there is room for the copy.
async fn let_it_shrink(conn: &mut SqliteConnection, place: &Place) -> StoreResult<()> {
    let mode: i64 = sqlx::query_scalar("PRAGMA auto_vacuum").fetch_one(&mut *conn).await?;
    if mode == AUTO_VACUUM_INCREMENTAL {
        return Ok(());
    }
    let size = fs::metadata(&place.file).map_or(0, |file| file.len());
    let room = place.file.parent().and_then(DiskSpace::at);
    if room.is_some_and(|room| room.free_bytes / 3 < size) {
        tracing::warn!(
            megabytes = size >> 20,
            "the database cannot be written anew, which it must once before it can shrink: free three times its size"
        );
        return Ok(());
    }
    if size > 64 << 20 {
        tracing::info!(
            megabytes = size >> 20,
            "the database is written anew, once, so that it can shrink"
        );
    }
    sqlx::query("PRAGMA auto_vacuum = INCREMENTAL").execute(&mut *conn).await?;
    sqlx::query("VACUUM").execute(&mut *conn).await?;
    Ok(())
}

/// Opens the connections that read. They cannot write, whatever they are asked.
pub(super) async fn open_readers(place: &Place, readers: u32) -> StoreResult<Kept<Sqlite>> {
    let options = options(&place.file, place.durable).pragma("query_only", "ON");
    let readers = if readers == 0 { 4 } else { readers };
    let pool = SqlitePoolOptions::new()
        .max_connections(readers)
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire(false)
        .connect_lazy_with(options);
    // A connection to a file does not break while it is idle.
    Ok(Kept::new(pool, readers, Duration::MAX, Patience::endless()))
}

/// Tidies up before the process ends: the log is folded into the file.
pub(super) async fn close(conn: SqliteConnection) {
    let mut conn = conn;
    if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut conn).await {
        tracing::warn!(%error, "the write-ahead log stays for the next start");
    }
    let _ = conn.close().await;
}

fn parse_version(text: &str) -> (u32, u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

/// File locks do not hold on network file systems, and without them two processes corrupt the file.
fn refuse_network_folder(folder: &Path) -> StoreResult<()> {
    let (Ok(folder), Ok(mounts)) = (folder.canonicalize(), fs::read_to_string("/proc/mounts"))
    else {
        return Ok(()); // not Linux, or not readable: nothing is known against it
    };
    match file_system(&folder, &mounts) {
        Some(kind) if ["nfs", "nfs4", "cifs", "smb3", "smbfs"].contains(&kind) => {
            Err(StoreError::Setup(format!(
                "{} is on a network file system ({kind}), where SQLite is not safe; \
                 give a local folder with --data",
                folder.display()
            )))
        }
        _ => Ok(()),
    }
}

/// The kind of the file system that holds a path: that of the longest mount point above it.
fn file_system<'m>(path: &Path, mounts: &'m str) -> Option<&'m str> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (_, point, kind) = (fields.next()?, fields.next()?, fields.next()?);
            path.starts_with(point).then_some((point.len(), kind))
        })
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    // `.cargo/config.toml` gives the flags of SQLite's build. The one that counts, `HAVE_FDATASYNC`, is not listed.
    #[tokio::test]
    async fn sqlite_was_built_with_the_projects_flags() {
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.expect("a database");
        let options: Vec<String> = sqlx::query_scalar("PRAGMA compile_options")
            .fetch_all(&mut conn)
            .await
            .expect("the options");
        assert!(options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"), "{options:?}");
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(parse_version("3.51.2") < VERSION_MIN);
        assert!(parse_version("3.9.0") < VERSION_MIN);
        assert!(parse_version("3.51.3") >= VERSION_MIN);
        assert!(parse_version("3.100.0") >= VERSION_MIN);
    }

    #[test]
    fn the_longest_mount_point_decides() {
        let mounts = "/dev/a / ext4 rw 0 0\nserver:/x /mnt/share nfs4 rw 0 0\n";
        let kind = |path: &str| file_system(Path::new(path), mounts);
        assert_eq!(kind("/mnt/share/data"), Some("nfs4"));
        assert_eq!(kind("/mnt/shared"), Some("ext4"));
        assert_eq!(kind("/home/me"), Some("ext4"));
    }
}
