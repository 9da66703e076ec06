//! What a cut of the power leaves: all that was synced, and of the rest what chance lets through.

use crate::Chance;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
/// Of a hundred writes that survive so many survive in parts.
const TORN_PERCENT: u64 = 25;
/// Not a part of the data: the test writes it.
const LOG: &str = "server.log";

/// Writes that were not synced, and how many of them survived, whole or in parts.
pub struct Left {
    pub records: u64,
    pub survived: u64,
}

/// Makes the folder of the data look as after the cut; of a hundred unsynced writes about `share` survive.
pub fn power(data: &Path, shadow: &Path, share: u64, chance: &mut Chance) -> io::Result<Left> {
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_name() != LOG {
            fs::remove_file(entry.path())?;
        }
    }
    copy(&shadow.join("kept"), data)?;
    let mut left = Left { records: 0, survived: 0 };
    let mut logs: Vec<_> = fs::read_dir(shadow.join("unsynced"))?.collect::<io::Result<_>>()?;
    logs.sort_by_key(fs::DirEntry::file_name); // chance must meet them in the same order
    for log in logs {
        let file = data.join(log.file_name());
        if !file.exists() {
            continue; // its name went at the moment of the kill
        }
        let file = File::options().write(true).open(file)?;
        for (at, what) in records(&fs::read(log.path())?) {
            left.records += 1;
            if chance.within(0..100) >= share {
                continue;
            }
            left.survived += 1;
            match what {
                None => file.set_len(at)?,
                Some(bytes) => write(&file, at, bytes, chance)?,
            }
        }
    }
    Ok(left)
}

/// Writes all of it, or some of its sectors.
fn write(file: &File, at: u64, bytes: &[u8], chance: &mut Chance) -> io::Result<()> {
    if chance.within(0..100) >= TORN_PERCENT {
        return file.write_all_at(bytes, at);
    }
    for (number, sector) in bytes.chunks(SECTOR).enumerate() {
        if chance.within(0..2) == 0 {
            file.write_all_at(sector, at + (number * SECTOR) as u64)?;
        }
    }
    Ok(())
}

/// What a log holds: bytes and where they were written, or a new length. What was being noted when the process was
/// killed is left out.
fn records(log: &[u8]) -> Vec<(u64, Option<&[u8]>)> {
    let mut found = Vec::new();
    let mut left = log;
    while let Some((head, rest)) = left.split_at_checked(16) {
        let (at, length) = head.split_at(8);
        let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let (at, length) = (number(at), number(length));
        if length == u64::MAX {
            found.push((at, None));
            left = rest;
            continue;
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some((bytes, rest)) = rest.split_at_checked(length) else { break };
        found.push((at, Some(bytes)));
        left = rest;
    }
    found
}

/// Copies the files of a folder into another one. Shared memory goes with the power; the log is the test's own.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != LOG && !name.to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

#[test]
fn what_was_half_noted_is_left_out() {
    let mut log = Vec::new();
    for (at, length, bytes) in [(7_u64, 3_u64, "abc"), (9, u64::MAX, ""), (4, 5, "de")] {
        log.extend(at.to_le_bytes());
        log.extend(length.to_le_bytes());
        log.extend(bytes.as_bytes());
    }
    assert_eq!(records(&log), [(7, Some(&b"abc"[..])), (9, None)]);
    assert!(records(&log[..15]).is_empty());
}
