//! A copy of the database before a newer Signalbox changes its schema: there is no other way back.

use super::super::{StoreError, StoreResult};
use super::{MIGRATIONS, Place};
use crate::private;
use sqlx::SqliteConnection;
use std::{
    fmt::Display,
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// How many copies stay.
const KEPT: usize = 3;

/// Copies a database that has an older schema to `backup-<its version>-<number>.db` beside it.
pub(super) async fn before_migrations(
    conn: &mut SqliteConnection,
    place: &Place,
) -> StoreResult<()> {
    let Some(folder) = place.file.parent().filter(|_| place.durable) else { return Ok(()) };
    // Without a name it is the one that the process stands in.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Some(version) = outdated(conn).await? else { return Ok(()) };
    let file = copy(conn, folder, version).await?;
    tracing::info!(
        file = %file.display(),
        "the database was copied before its schema is brought up to date"
    );
    for (_, old) in backups(folder).iter().rev().skip(KEPT) {
        if let Err(error) = fs::remove_file(old) {
            tracing::warn!(file = %old.display(), %error, "an old copy of the database stays");
        }
    }
    Ok(())
}

/// The version of a schema that is to be brought up to date; none where there is no schema yet or it is the newest.
async fn outdated(conn: &mut SqliteConnection) -> StoreResult<Option<i64>> {
    let tables: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations'",
    )
    .fetch_one(&mut *conn)
    .await?;
    if tables == 0 {
        return Ok(None);
    }
    let applied: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version")
            .fetch_all(&mut *conn)
            .await?;
    let pending = MIGRATIONS.iter().any(|migration| !applied.contains(&migration.version));
    Ok(applied.last().copied().filter(|_| pending))
}

/// It gets its name when it is whole and on disk.
async fn copy(conn: &mut SqliteConnection, folder: &Path, version: i64) -> StoreResult<PathBuf> {
    let number = backups(folder).last().map_or(1, |(newest, _)| newest + 1);
    let file = folder.join(format!("backup-{version}-{number}.db"));
    let part = folder.join("backup.part");
    let failed = |error: &dyn Display| {
        StoreError::Setup(format!(
            "the database cannot be copied to {} before its schema is brought up to date: {error}. Make room for \
             the copy and leave to write there, and start again",
            file.display()
        ))
    };
    match fs::remove_file(&part) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&error)),
        _ => {}
    }
    // SQLite fills an empty file, which keeps its mode.
    private::options().write(true).create_new(true).open(&part).map_err(|error| failed(&error))?;
    let name = part.to_str().ok_or_else(|| failed(&"the folder\u{2019}s name is not UTF-8"))?;
    let copied = sqlx::query("VACUUM INTO $1").bind(name).execute(&mut *conn).await;
    if let Err(error) = copied {
        let _ = fs::remove_file(&part); // half a copy is of no use
        return Err(failed(&error));
    }
    let kept = File::options().write(true).open(&part).and_then(|part| part.sync_all());
    kept.and_then(|()| fs::rename(&part, &file)).map_err(|error| failed(&error))?;
    Ok(file)
}

/// The copies in a folder by their numbers, the newest last.
fn backups(folder: &Path) -> Vec<(u64, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(u64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((number_of(entry.file_name().to_str()?)?, entry.path())))
        .collect();
    found.sort();
    found
}

fn number_of(name: &str) -> Option<u64> {
    let (version, number) = name.strip_prefix("backup-")?.strip_suffix(".db")?.split_once('-')?;
    version.parse::<u64>().ok()?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::open_writer;
    use super::*;
    use sqlx::{Connection, sqlite::SqliteConnectOptions};

    /// The folder of a test, gone with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = format!("signalbox-backup-{}", uuid::Uuid::new_v4());
            Self(std::env::temp_dir().join(name))
        }

        fn copies(&self) -> Vec<String> {
            let names = backups(&self.0).into_iter();
            names.map(|(_, file)| file.file_name().unwrap().to_str().unwrap().to_owned()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// The version of its schema, and its one setting.
    async fn holds(conn: &mut SqliteConnection) -> (i64, String) {
        let version = "SELECT max(version) FROM _sqlx_migrations";
        let version: i64 = sqlx::query_scalar(version).fetch_one(&mut *conn).await.unwrap();
        let value = "SELECT value FROM settings WHERE name = 'general'";
        (version, sqlx::query_scalar(value).fetch_one(&mut *conn).await.unwrap())
    }

    #[tokio::test]
    async fn an_older_database_is_copied_before_its_schema_changes() {
        let folder = Folder::new();
        let place = Place::folder(&folder.0).unwrap();
        let mut conn = place.clone_path().connect().await.unwrap();
        MIGRATIONS.run_to(3, &mut conn).await.unwrap();
        let row = "INSERT INTO settings (organization_id, name, value, updated_at) VALUES (x'00', 'general', '{}', 1)";
        sqlx::query(row).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        for name in ["backup-1-5.db", "backup-1-6.db", "backup-2-7.db", "backup-mine.db"] {
            fs::write(folder.0.join(name), "").unwrap();
        }

        let mut conn = open_writer(&place).await.unwrap();
        let newest = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap();
        assert_eq!(holds(&mut conn).await, (newest, "{}".to_owned()));
        conn.close().await.unwrap();
        assert_eq!(folder.copies(), ["backup-1-6.db", "backup-2-7.db", "backup-3-8.db"]);
        assert!(folder.0.join("backup-mine.db").exists(), "it is somebody else\u{2019}s");
        let copy = folder.0.join("backup-3-8.db");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let options = SqliteConnectOptions::new().filename(&copy);
        let mut copied = SqliteConnection::connect_with(&options).await.unwrap();
        assert_eq!(holds(&mut copied).await, (3, "{}".to_owned()));
        copied.close().await.unwrap();

        // Nothing is pending now.
        open_writer(&place).await.unwrap().close().await.unwrap();
        assert_eq!(folder.copies().len(), 3);
    }

    #[tokio::test]
    async fn a_new_database_is_not_copied() {
        let folder = Folder::new();
        let place = Place::folder(&folder.0).unwrap();
        open_writer(&place).await.unwrap().close().await.unwrap();
        assert!(folder.copies().is_empty());
    }
}
