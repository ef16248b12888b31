// SPDX-License-Identifier: GPL-2.0-only

//! Structures that a program and the driver may know in different versions: later ones append.
//!
//! The kernel crate has no `copy_struct_from_user()`, whose rules these are.
//!
//! C header: [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)

use crate::uapi;
use core::{
    mem::size_of,
    slice, //
};
use kernel::{
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

/// A structure that programs get or give.
///
/// # Safety
///
/// It has no padding, and every value of its bytes is valid.
pub(crate) unsafe trait UserStruct: Sized {
    /// All 0.
    const ZERO: Self;

    /// Reads the structure of `size` bytes that a program has at `address`.
    ///
    /// `EINVAL` when it is too short to be any version, `E2BIG` when it has something that is not
    /// known here, `EFAULT` when it can't be read.
    fn read(address: usize, size: usize) -> Result<Self> {
        if size < size_of::<Self>() {
            return Err(EINVAL);
        }
        let mut value = Self::ZERO;
        let mut user = UserSlice::new(UserPtr::from_addr(address), size).reader();
        // SAFETY: By the safety requirements of the trait the bytes may have any value.
        user.read_slice(unsafe {
            slice::from_raw_parts_mut((&raw mut value).cast(), size_of::<Self>())
        })?;
        let mut unknown = [0; 64];
        while !user.is_empty() {
            let unknown = &mut unknown[..user.len().min(64)];
            user.read_slice(unknown)?;
            if unknown.iter().any(|byte| *byte != 0) {
                return Err(E2BIG);
            }
        }
        Ok(value)
    }

    /// Writes the structure to the `size` bytes that a program has at `address`, and 0 behind it.
    ///
    /// `EINVAL` when that is too short for any version, `EFAULT` when it can't be written.
    fn write(&self, address: usize, size: usize) -> Result {
        if size < size_of::<Self>() {
            return Err(EINVAL);
        }
        let mut user = UserSlice::new(UserPtr::from_addr(address), size).writer();
        // SAFETY: By the safety requirements of the trait there is no padding.
        user.write_slice(unsafe {
            slice::from_raw_parts((&raw const *self).cast(), size_of::<Self>())
        })?;
        while !user.is_empty() {
            user.write_slice(&[0; 64][..user.len().min(64)])?;
        }
        Ok(())
    }
}

macro_rules! user_struct {
    ($($name:ident),*) => {$(
        // SAFETY: All fields are integers and arrays of them, and uapi/mypoll.rs has no padding:
        // its sizes are the sums of the fields'.
        unsafe impl UserStruct for uapi::$name {
            // SAFETY: As above, 0 is valid.
            const ZERO: Self = unsafe { core::mem::zeroed() };
        }
    )*};
}

user_struct!(Config, Stats, Info, Line);
