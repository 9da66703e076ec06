//! A disk that can lose its power, put in front of the C library by `LD_PRELOAD`. It is no part of the test's crate:
//! the test compiles this file by itself, as a library without dependencies.
//!
//! For each file that is opened below the folder of `SIGNALBOX_DISK` it keeps, in the folder of
//! `SIGNALBOX_DISK_SHADOW`, what a cut of the power would leave: `kept/NAME` holds what was synced, `unsynced/NAME`
//! the writes since, in order. A write moves from one to the other when a sync that began after it has returned.
//! With `SIGNALBOX_DISK_LIES` nothing moves: a disk that says yes to a sync and does nothing.
//!
//! Taken as durable at once: that a file is made, removed or gets another name. Deliberately absent: shared memory
//! (SQLite's `-shm` needs not survive), what is written through a mapping, `copy_file_range`.

use std::{
    collections::{HashMap, VecDeque},
    ffi::{CStr, OsStr, c_char, c_int, c_uint, c_void},
    fs::{self, File},
    mem::transmute,
    os::unix::{ffi::OsStrExt, fs::FileExt},
    path::{Path, PathBuf},
    slice,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// File numbers that can be watched; one beyond ends the process, because its writes would be missed.
const NUMBERS: usize = 65_536;
/// In the place of a length: the record says how long the file is now.
const LENGTH: u64 = u64::MAX;

/// What a write did.
enum Record {
    Bytes { at: u64, data: Vec<u8> },
    Length(u64),
}

/// A file that is watched.
struct Watched {
    kept: File,
    unsynced: File,
    unsynced_len: u64,
    pending: VecDeque<Record>,
    /// Records that came before the first pending one.
    moved: u64,
    gone: bool,
}

type Handle = Arc<Mutex<Watched>>;

/// The watched folder and that of the shadows.
static FOLDERS: OnceLock<Option<(PathBuf, PathBuf)>> = OnceLock::new();
/// Files by their path. Held while a name changes.
static NAMES: LazyLock<Mutex<HashMap<PathBuf, Handle>>> = LazyLock::new(Mutex::default);
static OPEN: LazyLock<Mutex<HashMap<c_int, Handle>>> = LazyLock::new(Mutex::default);
/// Which numbers are in `OPEN`: every write of the process asks, sockets too. The library's own files are not, so
/// what it does itself goes straight through.
static WATCHED: [AtomicBool; NUMBERS] = [const { AtomicBool::new(false) }; NUMBERS];

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|_| std::process::abort())
}

/// A shadow that is wrong would make the test lie.
fn sure<T>(result: std::io::Result<T>) -> T {
    result.unwrap_or_else(|_| std::process::abort())
}

fn folders() -> Option<&'static (PathBuf, PathBuf)> {
    let found = FOLDERS.get_or_init(|| {
        let name = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Some((name("SIGNALBOX_DISK")?, name("SIGNALBOX_DISK_SHADOW")?))
    });
    found.as_ref()
}

fn lies() -> bool {
    static LIES: OnceLock<bool> = OnceLock::new();
    *LIES.get_or_init(|| std::env::var_os("SIGNALBOX_DISK_LIES").is_some())
}

/// The name of a file in the watched folder.
fn name_of(path: *const c_char) -> Option<PathBuf> {
    // SAFETY: callers of the C library give a text that ends with NUL.
    let path = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()));
    let name = path.strip_prefix(&folders()?.0).ok()?;
    let text = name.to_string_lossy();
    (!text.is_empty() && !text.contains('/') && !text.ends_with("-shm")).then(|| name.to_owned())
}

fn shadow(part: &str, name: &Path) -> PathBuf {
    folders().map(|(_, shadow)| shadow.join(part).join(name)).unwrap_or_default()
}

impl Watched {
    fn open(name: &Path) -> Self {
        let open = |part| {
            let path = shadow(part, name);
            sure(File::options().read(true).write(true).create(true).truncate(false).open(path))
        };
        let (kept, unsynced) = (open("kept"), open("unsynced"));
        sure(unsynced.set_len(0));
        let (unsynced_len, pending, moved, gone) = (0, VecDeque::new(), 0, false);
        Self { kept, unsynced, unsynced_len, pending, moved, gone }
    }

    fn note(&mut self, record: Record) {
        if self.gone {
            return;
        }
        let bytes = match &record {
            Record::Bytes { at, data } => {
                let mut bytes = Vec::with_capacity(16 + data.len());
                bytes.extend(at.to_le_bytes());
                bytes.extend((data.len() as u64).to_le_bytes());
                bytes.extend(data);
                bytes
            }
            Record::Length(length) => [length.to_le_bytes(), LENGTH.to_le_bytes()].concat(),
        };
        sure(self.unsynced.write_all_at(&bytes, self.unsynced_len));
        self.unsynced_len += bytes.len() as u64;
        self.pending.push_back(record);
    }

    /// How many records there were up to now.
    fn count(&self) -> u64 {
        self.moved + self.pending.len() as u64
    }

    /// A sync that began when there were so many records has returned.
    fn synced(&mut self, count: u64) {
        if self.gone || lies() || count <= self.moved {
            return;
        }
        while self.moved < count
            && let Some(record) = self.pending.pop_front()
        {
            match record {
                Record::Bytes { at, data } => sure(self.kept.write_all_at(&data, at)),
                Record::Length(length) => sure(self.kept.set_len(length)),
            }
            self.moved += 1;
        }
        sure(self.unsynced.set_len(0));
        self.unsynced_len = 0;
        for record in std::mem::take(&mut self.pending) {
            self.note(record);
        }
    }
}

fn watched(fd: c_int) -> Option<Handle> {
    let flag = WATCHED.get(usize::try_from(fd).ok()?)?;
    if !flag.load(Ordering::Acquire) {
        return None;
    }
    lock(&OPEN).get(&fd).cloned()
}

/// Opens with the name held, and watches what was opened.
fn opened(path: *const c_char, flags: c_int, open: impl FnOnce() -> c_int) -> c_int {
    let Some(name) = name_of(path) else { return open() };
    let mut names = lock(&NAMES);
    let fd = open();
    if fd < 0 || flags & O_DIRECTORY != 0 {
        return fd;
    }
    let file =
        names.entry(name.clone()).or_insert_with(|| Arc::new(Mutex::new(Watched::open(&name))));
    if flags & O_TRUNC != 0 {
        lock(file).note(Record::Length(0));
    }
    let flag = usize::try_from(fd).ok().and_then(|fd| WATCHED.get(fd));
    let Some(flag) = flag else { std::process::abort() };
    lock(&OPEN).insert(fd, file.clone());
    flag.store(true, Ordering::Release);
    fd
}

/// Writes with the file held, so that records stand in the order of the writes.
fn wrote(fd: c_int, at: Option<i64>, data: &[u8], write: impl FnOnce() -> isize) -> isize {
    let Some(file) = watched(fd) else { return write() };
    let mut file = lock(&file);
    let written = write();
    let Ok(length) = usize::try_from(written) else { return written };
    // SAFETY: it only asks where the file stands.
    let at = at.unwrap_or_else(|| unsafe { lseek(fd, 0, SEEK_CUR) } - written as i64);
    let Ok(at) = u64::try_from(at) else { std::process::abort() };
    file.note(Record::Bytes { at, data: data[..length].to_vec() });
    written
}

fn cut(fd: c_int, length: i64, cut: impl FnOnce() -> c_int) -> c_int {
    let Some(file) = watched(fd) else { return cut() };
    let mut file = lock(&file);
    let done = cut();
    if let (0, Ok(length)) = (done, u64::try_from(length)) {
        file.note(Record::Length(length));
    }
    done
}

fn sync(fd: c_int, sync: impl FnOnce() -> c_int) -> c_int {
    let Some(file) = watched(fd) else { return sync() };
    let count = lock(&file).count();
    let done = sync();
    if done == 0 {
        lock(&file).synced(count);
    }
    done
}

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn lseek(fd: c_int, offset: i64, whence: c_int) -> i64;
}

/// The next library that has a function, which is the C library.
const RTLD_NEXT: *mut c_void = -1_isize as *mut c_void;
const SEEK_CUR: c_int = 1;
const O_TRUNC: c_int = 0o1000;
#[cfg(target_arch = "x86_64")]
const O_DIRECTORY: c_int = 0o200000;
#[cfg(not(target_arch = "x86_64"))]
const O_DIRECTORY: c_int = 0o40000;

fn found(cache: &AtomicUsize, name: &CStr) -> usize {
    let known = cache.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    // SAFETY: the name ends with NUL, and nothing is written.
    let address = unsafe { dlsym(RTLD_NEXT, name.as_ptr()) } as usize;
    if address == 0 {
        std::process::abort();
    }
    cache.store(address, Ordering::Relaxed);
    address
}

/// The C library's own function.
macro_rules! real {
    ($name:literal as $kind:ty) => {{
        static FOUND: AtomicUsize = AtomicUsize::new(0);
        // SAFETY: the function of this name has these arguments.
        unsafe { transmute::<usize, $kind>(found(&FOUND, $name)) }
    }};
}

type Open = extern "C" fn(*const c_char, c_int, c_uint) -> c_int;
type OpenAt = extern "C" fn(c_int, *const c_char, c_int, c_uint) -> c_int;
type Write = extern "C" fn(c_int, *const c_void, usize) -> isize;
type WriteAt = extern "C" fn(c_int, *const c_void, usize, i64) -> isize;
type Cut = extern "C" fn(c_int, i64) -> c_int;
type OfNumber = extern "C" fn(c_int) -> c_int;
type OfName = extern "C" fn(*const c_char) -> c_int;
type OfNames = extern "C" fn(*const c_char, *const c_char) -> c_int;

/// Functions of one shape. `open` is variadic in C; a third argument comes in the same register all the same.
macro_rules! functions {
    (open $($name:ident $text:literal),*) => {$(
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
            opened(path, flags, || real!($text as Open)(path, flags, mode))
        }
    )*};
    (open_at $($name:ident $text:literal),*) => {$(
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(at: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
            opened(path, flags, || real!($text as OpenAt)(at, path, flags, mode))
        }
    )*};
    (write_at $($name:ident $text:literal),*) => {$(
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(fd: c_int, data: *const c_void, length: usize, at: i64) -> isize {
            // SAFETY: callers give so many bytes.
            let bytes = unsafe { slice::from_raw_parts(data.cast(), length) };
            wrote(fd, Some(at), bytes, || real!($text as WriteAt)(fd, data, length, at))
        }
    )*};
    (cut $($name:ident $text:literal),*) => {$(
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(fd: c_int, length: i64) -> c_int {
            cut(fd, length, || real!($text as Cut)(fd, length))
        }
    )*};
    (sync $($name:ident $text:literal),*) => {$(
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(fd: c_int) -> c_int {
            sync(fd, || real!($text as OfNumber)(fd))
        }
    )*};
}

functions!(open open c"open", open64 c"open64");
functions!(open_at openat c"openat", openat64 c"openat64");
functions!(write_at pwrite c"pwrite", pwrite64 c"pwrite64");
functions!(cut ftruncate c"ftruncate", ftruncate64 c"ftruncate64");
functions!(sync fsync c"fsync", fdatasync c"fdatasync");

#[unsafe(no_mangle)]
pub extern "C" fn write(fd: c_int, data: *const c_void, length: usize) -> isize {
    let write = || real!(c"write" as Write)(fd, data, length);
    if length == 0 {
        return write();
    }
    // SAFETY: callers give so many bytes.
    wrote(fd, None, unsafe { slice::from_raw_parts(data.cast(), length) }, write)
}

/// A part of what is written at once.
#[repr(C)]
pub struct Part {
    data: *const c_void,
    length: usize,
}

#[unsafe(no_mangle)]
pub extern "C" fn writev(fd: c_int, parts: *const Part, count: c_int) -> isize {
    type WriteParts = extern "C" fn(c_int, *const Part, c_int) -> isize;
    let write = || real!(c"writev" as WriteParts)(fd, parts, count);
    if watched(fd).is_none() {
        return write();
    }
    let mut bytes = Vec::new();
    // SAFETY: callers give so many parts of so many bytes.
    for part in unsafe { slice::from_raw_parts(parts, usize::try_from(count).unwrap_or(0)) } {
        if part.length > 0 {
            bytes
                .extend_from_slice(unsafe { slice::from_raw_parts(part.data.cast(), part.length) });
        }
    }
    wrote(fd, None, &bytes, write)
}

#[unsafe(no_mangle)]
pub extern "C" fn close(fd: c_int) -> c_int {
    // Before the number is free for another file.
    if watched(fd).is_some() {
        WATCHED[fd as usize].store(false, Ordering::Release);
        lock(&OPEN).remove(&fd);
    }
    real!(c"close" as OfNumber)(fd)
}

#[unsafe(no_mangle)]
pub extern "C" fn unlink(path: *const c_char) -> c_int {
    let unlink = || real!(c"unlink" as OfName)(path);
    let Some(name) = name_of(path) else { return unlink() };
    let mut names = lock(&NAMES);
    let done = unlink();
    if done == 0 {
        forget(&mut names, &name);
    }
    done
}

#[unsafe(no_mangle)]
pub extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let rename = || real!(c"rename" as OfNames)(from, to);
    let (Some(old), Some(new)) = (name_of(from), name_of(to)) else { return rename() };
    let mut names = lock(&NAMES);
    let done = rename();
    if done == 0 {
        forget(&mut names, &new);
        for part in ["kept", "unsynced"] {
            let _ = fs::rename(shadow(part, &old), shadow(part, &new)); // one that was never opened has none
        }
        if let Some(file) = names.remove(&old) {
            names.insert(new, file);
        }
    }
    done
}

/// A name that is free again. Who has the file open writes into nothing.
fn forget(names: &mut HashMap<PathBuf, Handle>, name: &Path) {
    if let Some(file) = names.remove(name) {
        lock(&file).gone = true;
    }
    for part in ["unsynced", "kept"] {
        let _ = fs::remove_file(shadow(part, name)); // may have none
    }
}
