// SPDX-License-Identifier: GPL-2.0-only

//! A spinlock for data shared with hard interrupt handlers.
//!
//! The kernel crate's [`SpinLock`](kernel::sync::SpinLock) leaves interrupts on: a handler that
//! takes the lock on the CPU that holds it would spin forever.
//!
//! C header: [`include/linux/spinlock.h`](srctree/include/linux/spinlock.h)

use kernel::{
    bindings,
    ffi,
    sync::lock, //
};

extern "C" {
    fn mypoll_spin_lock_irqsave(lock: *mut bindings::spinlock_t) -> ffi::c_ulong;
    fn mypoll_spin_trylock_irqsave(
        lock: *mut bindings::spinlock_t,
        flags: *mut ffi::c_ulong,
    ) -> bool;
    fn mypoll_spin_unlock_irqrestore(lock: *mut bindings::spinlock_t, flags: ffi::c_ulong);
}

/// A `spinlock_t` that is taken with `spin_lock_irqsave()`: usable in any context.
///
/// # Examples
///
/// ```
/// let counter: impl PinInit<SpinLockIrq<u32>> = new_spinlock_irq!(0, "counter");
/// ```
pub(crate) type SpinLockIrq<T> = lock::Lock<T, SpinLockIrqBackend>;

/// Creates a [`SpinLockIrq`] initialiser with the given value and name and its own lock class.
macro_rules! new_spinlock_irq {
    ($value:expr, $name:literal) => {
        $crate::kernel_ext::spinlock_irq::SpinLockIrq::new(
            $value,
            ::kernel::c_str!($name),
            ::kernel::static_lock_class!(),
        )
    };
}
pub(crate) use new_spinlock_irq;

/// The backend of [`SpinLockIrq`].
pub(crate) struct SpinLockIrqBackend;

// SAFETY: The underlying `spinlock_t` ensures mutual exclusion. `relock` is the default, which
// calls `lock`.
unsafe impl lock::Backend for SpinLockIrqBackend {
    type State = bindings::spinlock_t;
    /// The interrupt flags from before the lock was taken.
    type GuardState = ffi::c_ulong;

    unsafe fn init(
        ptr: *mut Self::State,
        name: *const ffi::c_char,
        key: *mut bindings::lock_class_key,
    ) {
        // SAFETY: By the safety requirements `ptr` is valid for writes, and `name` and `key` stay
        // valid.
        unsafe { bindings::__spin_lock_init(ptr, name, key) }
    }

    unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState {
        // SAFETY: By the safety requirements `ptr` points to an initialised lock.
        unsafe { mypoll_spin_lock_irqsave(ptr) }
    }

    unsafe fn try_lock(ptr: *mut Self::State) -> Option<Self::GuardState> {
        let mut flags = 0;
        // SAFETY: By the safety requirements `ptr` points to an initialised lock; `flags` is valid
        // for writes.
        unsafe { mypoll_spin_trylock_irqsave(ptr, &mut flags) }.then_some(flags)
    }

    unsafe fn unlock(ptr: *mut Self::State, flags: &Self::GuardState) {
        // SAFETY: By the safety requirements the caller owns the lock, and `flags` is from taking
        // it. A guard is not `Send`, so this runs on the thread that took the lock.
        unsafe { mypoll_spin_unlock_irqrestore(ptr, *flags) }
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // Called for each new guard; without lockdep nobody could tell.
        if cfg!(CONFIG_LOCKDEP) {
            // SAFETY: By the safety requirements `ptr` points to an initialised lock.
            unsafe { bindings::spin_assert_is_held(ptr) }
        }
    }
}
