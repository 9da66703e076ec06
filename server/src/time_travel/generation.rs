//! The file beside an embedded database that holds the same random id as the database, and for a moment the next one.

use crate::private;
use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

const FILE: &str = "generation";

/// The ids in the file; none when it is missing or cannot be read, as beside a database that was put there.
pub(super) fn read(folder: &Path) -> Vec<String> {
    match fs::read_to_string(folder.join(FILE)) {
        Ok(text) => {
            text.lines().map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
        }
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(%error, "the file that tells a restored database cannot be read");
            }
            Vec::new()
        }
    }
}

/// Replaces the file as a whole; it is on disk afterwards.
pub(super) fn write(folder: &Path, ids: &[String]) -> io::Result<()> {
    let part = folder.join(format!("{FILE}.part"));
    let mut file = private::options().write(true).create(true).truncate(true).open(&part)?;
    file.write_all(ids.join("\n").as_bytes())?;
    file.sync_all()?;
    drop(file);
    fs::rename(&part, folder.join(FILE))?;
    // The new name too; not every system lets a folder be opened for that.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = std::env::temp_dir().join(format!("signalbox-{}", uuid::Uuid::new_v4()));
        private::make_folder(&folder).unwrap();
        assert_eq!(read(&folder), Vec::<String>::new());
        for ids in [vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]] {
            write(&folder, &ids).unwrap();
            assert_eq!(read(&folder), ids);
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
