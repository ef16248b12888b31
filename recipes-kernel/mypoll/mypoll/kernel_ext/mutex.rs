// SPDX-License-Identifier: GPL-2.0-only

//! A mutex for hot paths.
//!
//! The kernel crate's [`Mutex`](kernel::sync::Mutex) calls a C function for each new guard to check
//! that it is held, which only lockdep can check.
//!
//! C header: [`include/linux/mutex.h`](srctree/include/linux/mutex.h)

use kernel::{
    bindings,
    ffi,
    sync::lock, //
};

/// A `struct mutex`.
pub(crate) type LeanMutex<T> = lock::Lock<T, LeanMutexBackend>;

/// Creates a [`LeanMutex`] initialiser with the given value and name and its own lock class.
macro_rules! new_lean_mutex {
    ($value:expr, $name:literal) => {
        $crate::kernel_ext::mutex::LeanMutex::new(
            $value,
            ::kernel::c_str!($name),
            ::kernel::static_lock_class!(),
        )
    };
}
pub(crate) use new_lean_mutex;

/// The backend of [`LeanMutex`].
pub(crate) struct LeanMutexBackend;

// SAFETY: The underlying `struct mutex` ensures mutual exclusion. `relock` is the default, which
// calls `lock`.
unsafe impl lock::Backend for LeanMutexBackend {
    type State = bindings::mutex;
    type GuardState = ();

    unsafe fn init(
        ptr: *mut Self::State,
        name: *const ffi::c_char,
        key: *mut bindings::lock_class_key,
    ) {
        // SAFETY: By the safety requirements `ptr` is valid for writes, and `name` and `key` stay
        // valid.
        unsafe { bindings::__mutex_init(ptr, name, key) }
    }

    #[inline]
    unsafe fn lock(ptr: *mut Self::State) {
        // SAFETY: By the safety requirements `ptr` points to an initialised mutex.
        unsafe { bindings::mutex_lock(ptr) }
    }

    unsafe fn try_lock(ptr: *mut Self::State) -> Option<()> {
        // SAFETY: By the safety requirements `ptr` points to an initialised mutex.
        (unsafe { bindings::mutex_trylock(ptr) } != 0).then_some(())
    }

    #[inline]
    unsafe fn unlock(ptr: *mut Self::State, (): &()) {
        // SAFETY: By the safety requirements the caller owns the mutex.
        unsafe { bindings::mutex_unlock(ptr) }
    }

    #[inline]
    unsafe fn assert_is_held(ptr: *mut Self::State) {
        if cfg!(CONFIG_LOCKDEP) {
            // SAFETY: By the safety requirements `ptr` points to an initialised mutex.
            unsafe { bindings::mutex_assert_is_held(ptr) }
        }
    }
}
