//! What the disk gives without an engine. Every figure of the engine is to be read beside it.

use super::{broken, report::Report};
use crate::cli::CommandError;
use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::Path,
    time::Instant,
};
use uuid::Uuid;

const WRITES: u32 = 1_000;
const BLOCK: [u8; 4096] = [7; 4096];

/// Appends and overwrites with a sync each.
pub fn measure(folder: &Path, report: &mut Report) -> Result<(), CommandError> {
    let path = folder.join(format!("signalbox-bench-{}", Uuid::now_v7()));
    let measured = (|| -> std::io::Result<(f64, f64)> {
        let mut file = File::options().create_new(true).write(true).open(&path)?;
        let appends = rate(&mut file, |_| Ok(()))?;
        let overwrites = rate(&mut file, |file| file.seek(SeekFrom::Start(0)).map(|_| ()))?;
        Ok((appends, overwrites))
    })();
    let _ = std::fs::remove_file(&path);
    let (appends, overwrites) = measured.map_err(|error| broken("writing to the folder", error))?;
    report.add("limit", "fdatasync, appending 4 KiB", appends, "/s");
    report.add("limit", "fdatasync, overwriting 4 KiB", overwrites, "/s");
    Ok(())
}

fn rate(
    file: &mut File,
    mut before: impl FnMut(&mut File) -> std::io::Result<()>,
) -> std::io::Result<f64> {
    let begin = Instant::now();
    for _ in 0..WRITES {
        before(file)?;
        file.write_all(&BLOCK)?;
        file.sync_data()?;
    }
    Ok(f64::from(WRITES) / begin.elapsed().as_secs_f64())
}
