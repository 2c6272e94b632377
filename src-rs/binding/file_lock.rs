//! A lock between processes: the operating system gives it back when its holder ends, however it ends.

use std::cell::RefCell;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::status::{exception, guard};

const LOCKED: i32 = 1;
const BUSY: i32 = 0;
const REMOVED: i32 = -1;

/// A lock on a file that stays empty. What fails throws, with the system's name for it as `code`.
#[napi]
pub struct FileLock {
    file: RefCell<Option<File>>,
}

#[napi]
impl FileLock {
    /// Opens the file, which is made for its owner only when it is missing.
    #[napi(constructor, catch_unwind)]
    pub fn new(path: String) -> Result<Self, String> {
        attempt("FileLock", || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            Ok(Self { file: RefCell::new(Some(options.open(path)?)) })
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
            Ok(())
        })
    }
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
