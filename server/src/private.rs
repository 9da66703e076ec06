//! Folders and files that only their owner may read: the data folder, the database, the server's key.
//!
//! Modes are a matter of Unix; elsewhere files are made as the system makes them.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    path::Path,
};

/// The owner reads and writes, nobody else does anything.
#[cfg(unix)]
const OWNER_ONLY: u32 = 0o600;

/// Makes a folder that only its owner may enter. One that is there already stays as it is; what is missing above it
/// is made as usual.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    // Without a name it is the one that the process stands in.
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        fs::create_dir_all(above)?;
    }
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        // Somebody else made it in between.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }
}

/// How a file is opened that only its owner may read if it is made by that.
pub fn options() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ONLY);
    options
}

/// Sees to it that only the owner of a database may read it and what SQLite puts beside it; an empty file is made if
/// there is none. SQLite gives the files beside it the mode of the database.
pub fn guard_database(file: &Path) -> io::Result<()> {
    // One that is there is not opened: closing it would give up the locks that this process has on it.
    match options().write(true).create_new(true).open(file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut name = OsString::from(file);
        name.push(suffix);
        close_to_others(Path::new(&name))?;
    }
    Ok(())
}

#[cfg(unix)]
fn close_to_others(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = match fs::metadata(file) {
        Ok(about) => about.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if mode & 0o077 == 0 {
        return Ok(());
    }
    if let Err(error) = fs::set_permissions(file, fs::Permissions::from_mode(OWNER_ONLY)) {
        // It is somebody else's, or its file system knows no modes: that is no reason not to work.
        let file = file.display();
        tracing::warn!(%file, %error, "others on this machine may read it; give it the mode 600");
    }
    Ok(())
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_for_its_owner_alone() {
        let above =
            std::env::temp_dir().join(format!("signalbox-private-{}", uuid::Uuid::new_v4()));
        let folder = above.join("deep/data");
        make_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        let file = folder.join("a.db");
        guard_database(&file).unwrap();
        assert_eq!(mode(&file), 0o600);

        // What others could read is closed to them, what stands in it stays. A folder that is there keeps its mode.
        fs::write(&file, "kept").unwrap();
        for (path, wide) in [(&file, 0o644), (&folder, 0o755)] {
            fs::set_permissions(path, fs::Permissions::from_mode(wide)).unwrap();
        }
        make_folder(&folder).unwrap();
        guard_database(&file).unwrap();
        assert_eq!((mode(&folder), mode(&file)), (0o755, 0o600));
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
        fs::remove_dir_all(above).unwrap();
    }
}
