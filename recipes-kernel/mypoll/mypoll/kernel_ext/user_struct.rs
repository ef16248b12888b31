// SPDX-License-Identifier: GPL-2.0-only

//! Structures that a program and the driver may know in different versions: later ones append.
//!
//! The kernel crate has no `copy_struct_from_user()` and `copy_struct_to_user()`, whose rules these
//! are.
//!
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

/// Reads the structure of `size` bytes that a program has at `address`. What a shorter one lacks is
/// 0.
///
/// `EINVAL` where it is shorter than `least` bytes, `E2BIG` where it has a field that is not known here
/// and not 0, `EFAULT` where it can't be read.
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

/// Writes `value` to the `size` bytes that a program has at `address`: its first fields to a shorter
/// structure, zeroes after it to a longer one.
///
/// `EINVAL` where that is shorter than `least` bytes, `EFAULT` where it can't be written.
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
