// SPDX-License-Identifier: GPL-2.0-only

//! Structures whose versions may differ between a program and the driver: later versions append
//! fields.
//!
//! The kernel crate lacks `copy_struct_from_user()` and `copy_struct_to_user()`; these follow their
//! rules.
//! C header: [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)

use core::mem::{
    size_of,
    zeroed, //
};
use kernel::{
    prelude::*,
    transmute::{
        AsBytes,
        FromBytes, //
    },
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

/// Reads the structure of `size` bytes at the program's `address`. Missing fields of a shorter one
/// are 0.
///
/// `EINVAL` if it is shorter than `least` bytes, `E2BIG` if it has an unknown field that is not 0,
/// `EFAULT` if it can't be read.
pub(crate) fn read<T>(address: usize, size: usize, least: usize) -> Result<T>
where
    T: AsBytes + FromBytes,
{
    if size < least {
        return Err(EINVAL);
    }
    // SAFETY: Zeroes are valid, as all bytes are for a `FromBytes`.
    let mut value: T = unsafe { zeroed() };
    let known = size.min(size_of::<T>());
    let mut user = UserSlice::new(UserPtr::from_addr(address), size).reader();
    user.read_slice(&mut value.as_bytes_mut()[..known])?;
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

/// Writes `value` to the `size` bytes at the program's `address`: its first fields to a shorter
/// structure, zeroes after it to a longer one.
///
/// `EINVAL` if the structure is shorter than `least` bytes, `EFAULT` if it can't be written.
pub(crate) fn write<T>(value: &T, address: usize, size: usize, least: usize) -> Result
where
    T: AsBytes,
{
    if size < least {
        return Err(EINVAL);
    }
    let known = size.min(size_of::<T>());
    let mut user = UserSlice::new(UserPtr::from_addr(address), size).writer();
    user.write_slice(&value.as_bytes()[..known])?;
    while !user.is_empty() {
        user.write_slice(&[0; 64][..user.len().min(64)])?;
    }
    Ok(())
}
