//! What who runs the server meets: settings that make no sense, the key that belongs to the database, who may read
//! the files, the log.

use super::binary::{Running, signalbox, text};
use crate::support::folder::Folder;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    fs::{self, File},
    path::Path,
    process::Output,
};

fn serve(data: &Path) -> Output {
    signalbox(data).args(["serve", "--addr", "127.0.0.1:0"]).output().unwrap()
}

#[test]
fn settings_that_make_no_sense_are_refused_with_what_would() {
    let folder = Folder::new();
    let data = folder.0.join("data");
    for (arguments, expected) in [
        (["--addr", "localhost:3000"], "127.0.0.1:3000"),
        (["--metrics-addr", "9464"], "127.0.0.1:3000"),
        (["--allow-hosts", "10.0.0.5,http://db.internal"], "db.internal:8080"),
        (["--database-url", "mysql://user:hush-hush@host/box"], "postgresql://"),
    ] {
        let mut command = signalbox(&data);
        command.env("SIGNALBOX_ADDR", "127.0.0.1:0").arg("serve").args(arguments);
        let refused = command.output().unwrap();
        let (said, errors) = text(&refused);
        assert!(!refused.status.success() && said.is_empty(), "{arguments:?}: {said}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
        assert!(!data.exists(), "{arguments:?}: nothing was made");
    }
}

#[test]
fn a_token_is_not_made_where_there_is_no_database() {
    let folder = Folder::new();
    let typo = folder.0.join("typo");
    let refused = signalbox(&typo).args(["token", "create", "--role", "viewer"]).output().unwrap();
    let (said, errors) = text(&refused);
    assert!(!refused.status.success() && said.is_empty(), "{said}");
    assert!(errors.contains("there is no database in") && errors.contains("--data"), "{errors}");
    assert!(!typo.exists(), "nothing was made");
}

#[tokio::test]
async fn a_database_is_served_with_its_own_key_alone() {
    let folder = Folder::new();
    let key = folder.0.join("secret.key");
    assert!(Running::start(&folder.0).stop());
    let own = fs::read(&key).unwrap();
    let other = "0".repeat(64);

    fs::remove_file(&key).unwrap();
    let (_, errors) = text(&serve(&folder.0));
    assert!(errors.contains("there is no key in") && errors.contains("--key-file"), "{errors}");
    assert!(!key.exists(), "no other key takes its place");
    fs::write(&key, &other).unwrap();
    let (_, errors) = text(&serve(&folder.0));
    assert!(errors.contains("is not the one that this database was set up with"), "{errors}");

    // A database that has no note of its key yet takes the one that is there, and keeps to it.
    fs::write(&key, &own).unwrap();
    let file = SqliteConnectOptions::new().filename(folder.0.join("signalbox.db"));
    let mut conn = SqliteConnection::connect_with(&file).await.unwrap();
    let forget = "DELETE FROM settings WHERE name = 'server_key'";
    assert_eq!(sqlx::query(forget).execute(&mut conn).await.unwrap().rows_affected(), 1);
    conn.close().await.unwrap();
    assert!(Running::start(&folder.0).stop());
    fs::write(&key, &other).unwrap();
    assert!(!serve(&folder.0).status.success());
    fs::write(&key, &own).unwrap();
    assert!(Running::start(&folder.0).stop());
}

#[cfg(unix)]
#[test]
fn what_the_server_keeps_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let data = folder.0.join("data");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let database = ["signalbox.db", "signalbox.db-wal", "signalbox.db-shm"];
    let server = Running::start(&data);
    assert_eq!(mode(&data), 0o700);
    for name in database.into_iter().chain(["secret.key", "data.lock"]) {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    // Killed, so that the log stays beside the file; then opened to everybody, as it used to be.
    drop(server);
    for name in database {
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let _server = Running::start(&data);
    for name in database {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
}

#[test]
fn a_log_in_a_file_has_no_colours() {
    let folder = Folder::new();
    let log = folder.0.join("log");
    let mut command = signalbox(&folder.0.join("data"));
    command.env("RUST_LOG", "info").args(["serve", "--addr", "127.0.0.1:0"]);
    command.stderr(File::create(&log).unwrap());
    assert!(Running::of(command).stop());
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("stopped") && !log.contains('\u{1b}'), "{log}");
}
