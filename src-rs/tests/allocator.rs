//! An allocator that counts what a thread asks for, and looks at memory before it is freed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
    static FREED: Cell<usize> = const { Cell::new(0) };
    static WATCHED: Cell<usize> = const { Cell::new(0) };
    static WIPED: Cell<Option<bool>> = const { Cell::new(None) };
}

struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATED.try_with(|bytes| bytes.set(bytes.get() + layout.size()));
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        let _ = FREED.try_with(|bytes| bytes.set(bytes.get() + layout.size()));
        let _ = WATCHED.try_with(|watched| {
            if watched.get() == start as usize {
                watched.set(0);
                // SAFETY: the block is still allocated; volatile, so that the wipe cannot be assumed.
                let wiped = (0..layout.size()).all(|at| unsafe { start.add(at).read_volatile() } == 0);
                WIPED.with(|result| result.set(Some(wiped)));
            }
        });
        // SAFETY: the caller's.
        unsafe { System.dealloc(start, layout) }
    }
}

/// Bytes that this thread allocates in `work`.
pub fn allocated_by<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATED.get();
    let result = work();
    (result, ALLOCATED.get() - before)
}

/// Bytes of what this thread allocates in `work` that are not freed in it.
pub fn kept_by<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let freed_before = FREED.get();
    let (result, allocated) = allocated_by(work);
    (result, allocated - (FREED.get() - freed_before))
}

/// Whether the block at `start` holds only zeros when dropping `owner` frees it.
pub fn is_wiped_by_drop<T, B: ?Sized>(owner: T, start: impl FnOnce(&T) -> *const B) -> bool {
    WIPED.set(None);
    WATCHED.set(start(&owner).cast::<u8>() as usize);
    drop(owner);
    WIPED.get().expect("dropping frees the block")
}
