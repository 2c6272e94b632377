//! A lock between processes: the operating system gives it back when its holder ends, however it ends.

use std::cell::RefCell;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use napi::bindgen_prelude::*;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

use super::status::{exception, guard};

const LOCKED: i32 = 1;
const BUSY: i32 = 0;
const REMOVED: i32 = -1;

/// A lock on a file that stays empty. What fails throws, with the system's name for it as `code`.
#[napi]
pub struct FileLock {
    file: RefCell<Option<File>>,
    path: String,
    waiting: RefCell<Option<Arc<Mutex<Waiting>>>>,
}

/// What a thread waits for, which the system serves in the order in which threads came.
enum Waiting {
    /// It does not have the lock yet.
    Waits,
    /// It has, or could not get it.
    Over(io::Result<File>),
    /// Nobody wants it any more.
    Abandoned,
}

#[napi]
impl FileLock {
    /// Opens the file, which is made for its owner only when it is missing.
    #[napi(constructor, catch_unwind)]
    pub fn new(path: String) -> Result<Self, String> {
        attempt("FileLock", || {
            let file = RefCell::new(Some(open(&path)?));
            Ok(Self { file, path, waiting: RefCell::default() })
        })
    }

    /// Waits for the lock, alone, on a thread of its own, behind those that wait already; then calls `done`, after which
    /// `endWait` says what came of it. One wait at a time. It keeps no process alive.
    #[napi(catch_unwind)]
    pub fn wait(&self, done: Function<(), ()>) -> Result<(), String> {
        let told = done.build_threadsafe_function().weak::<true>().build();
        attempt("FileLock.wait", || {
            let told = told.map_err(|_| io::ErrorKind::Unsupported)?;
            let waiting = Arc::new(Mutex::new(Waiting::Waits));
            let (shared, path) = (Arc::clone(&waiting), self.path.clone());
            let wait = move || {
                let locked = open(&path).and_then(|file| file.lock().map(|()| file));
                let mut waiting = shared.lock().unwrap_or_else(PoisonError::into_inner);
                if matches!(*waiting, Waiting::Waits) {
                    *waiting = Waiting::Over(locked);
                    drop(waiting);
                    told.call((), ThreadsafeFunctionCallMode::NonBlocking);
                }
            };
            thread::Builder::new().name("cachekit-lock".into()).spawn(wait)?;
            self.abandon(self.waiting.replace(Some(waiting)));
            Ok(())
        })
    }

    /// Ends a wait, whether it is over or not: 1 when it holds the lock now, 0 when not, -1 when the file has been removed.
    #[napi(catch_unwind)]
    pub fn end_wait(&self) -> Result<i32, String> {
        attempt("FileLock.endWait", || match self.abandon(self.waiting.take()) {
            Some(Ok(file)) if is_removed(&file)? => Ok(REMOVED),
            Some(Ok(file)) => {
                self.file.replace(Some(file));
                Ok(LOCKED)
            }
            Some(Err(error)) => Err(error),
            None => Ok(BUSY),
        })
    }

    /// Never waits: 1 when it holds the lock now, alone or together with others that do not want it `exclusive`; 0 when
    /// another one holds it; -1 when the file has been removed, so that others lock a new one.
    #[napi(catch_unwind)]
    pub fn try_lock(&self, exclusive: bool) -> Result<i32, String> {
        attempt("FileLock.tryLock", || {
            let file = self.file.borrow();
            let file = file.as_ref().ok_or(io::ErrorKind::NotFound)?;
            match if exclusive { file.try_lock() } else { file.try_lock_shared() } {
                Ok(()) if is_removed(file)? => file.unlock().map(|()| REMOVED),
                Ok(()) => Ok(LOCKED),
                Err(TryLockError::WouldBlock) if is_removed(file)? => Ok(REMOVED),
                Err(TryLockError::WouldBlock) => Ok(BUSY),
                Err(TryLockError::Error(error)) => Err(error),
            }
        })
    }

    /// Whether the file has been removed, so that no other process can find it.
    #[napi(catch_unwind)]
    pub fn is_removed(&self) -> Result<bool, String> {
        attempt("FileLock.isRemoved", || is_removed(self.file.borrow().as_ref().ok_or(io::ErrorKind::NotFound)?))
    }

    /// Harmless without the lock.
    #[napi(catch_unwind)]
    pub fn unlock(&self) -> Result<(), String> {
        attempt("FileLock.unlock", || self.file.borrow().as_ref().map_or(Ok(()), File::unlock))
    }

    /// Gives the lock back, and the file.
    #[napi(catch_unwind)]
    pub fn close(&self) -> Result<(), String> {
        attempt("FileLock.close", || {
            self.file.replace(None);
            self.abandon(self.waiting.take());
            Ok(())
        })
    }
}

impl FileLock {
    // What a wait has come to; a thread that still waits gives the lock back as soon as it has it.
    fn abandon(&self, waiting: Option<Arc<Mutex<Waiting>>>) -> Option<io::Result<File>> {
        let waiting = waiting?;
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *waiting, Waiting::Abandoned) {
            Waiting::Over(locked) => Some(locked),
            _ => None,
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        self.abandon(self.waiting.take());
    }
}

/// Makes the file for its owner only when it is missing.
fn open(path: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn is_removed(file: &File) -> io::Result<bool> {
    Ok(std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) == 0)
}

/// Elsewhere a file that is open is not removed.
#[cfg(not(unix))]
fn is_removed(_: &File) -> io::Result<bool> {
    Ok(false)
}

fn attempt<T>(name: &str, work: impl FnOnce() -> io::Result<T>) -> Result<T, String> {
    let mut failed = None;
    let done = guard(name, || Ok(work().map_err(|error| failed = Some(code_of(&error))).ok())).map_err(exception)?;
    done.ok_or_else(|| Error::new(failed.unwrap_or("EIO").to_string(), "a lock file cannot be used"))
}

fn code_of(error: &io::Error) -> &'static str {
    // Of these the library has no kinds.
    #[cfg(unix)]
    match error.raw_os_error() {
        Some(23) => return "ENFILE",
        Some(24) => return "EMFILE",
        _ => {}
    }
    match error.kind() {
        io::ErrorKind::NotFound => "ENOENT",
        io::ErrorKind::NotADirectory => "ENOTDIR",
        io::ErrorKind::IsADirectory => "EISDIR",
        io::ErrorKind::PermissionDenied => "EACCES",
        io::ErrorKind::ReadOnlyFilesystem => "EROFS",
        io::ErrorKind::StorageFull => "ENOSPC",
        io::ErrorKind::QuotaExceeded => "EDQUOT",
        io::ErrorKind::Unsupported => "ENOTSUP",
        _ => "EIO",
    }
}
