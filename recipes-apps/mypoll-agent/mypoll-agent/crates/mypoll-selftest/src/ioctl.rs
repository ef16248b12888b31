// SPDX-License-Identifier: MIT OR Apache-2.0

//! Raw ioctls, including wrong sizes and bad addresses.

use std::os::fd::{AsFd, AsRawFd};

use mypoll::uapi::{Config, Event, Info, Levels, Line, Stats};
use nix::errno::Errno;
use nix::libc::{self, c_void};

use crate::handle::Handle;

/// A structure of the uapi.
///
/// # Safety
///
/// It consists of integers and has no padding.
pub(crate) unsafe trait Plain: Copy {
    /// Its bytes.
    fn bytes(&self) -> Vec<u8> {
        // SAFETY: By the trait's requirements all bytes of the value are initialised.
        unsafe { std::slice::from_raw_parts((&raw const *self).cast(), size_of::<Self>()) }.to_vec()
    }

    /// The value stored in the first of these bytes.
    fn from_bytes(bytes: &[u8]) -> Self {
        assert!(bytes.len() >= size_of::<Self>(), "too few bytes");
        // SAFETY: There are that many bytes, and by the trait's requirements any bytes are valid.
        unsafe { bytes.as_ptr().cast::<Self>().read_unaligned() }
    }
}

// SAFETY: The client crate's tests compare each with the C header, field by field.
unsafe impl Plain for Config {}
// SAFETY: As above.
unsafe impl Plain for Event {}
// SAFETY: As above.
unsafe impl Plain for Stats {}
// SAFETY: As above.
unsafe impl Plain for Info {}
// SAFETY: As above.
unsafe impl Plain for Line {}
// SAFETY: As above.
unsafe impl Plain for Levels {}

/// The number of an ioctl like `request`, but with a structure of another size.
pub(crate) fn with_size(request: u32, size: usize) -> u32 {
    let size = u32::try_from(size).expect("a small size");
    assert!(size < 1 << 14, "an ioctl's number has 14 bits for the size");
    request & !(0x3fff << 16) | size << 16
}

impl Handle {
    /// One ioctl(2) at an address that may be invalid.
    pub(crate) fn ioctl_at(&self, request: u32, address: *mut c_void) -> nix::Result<()> {
        // SAFETY: The kernel checks the address, and accesses as many bytes as the number says. The tests reserve that
        // memory, or pass an invalid address.
        let result = unsafe { libc::ioctl(self.as_fd().as_raw_fd(), request as _, address) };
        Errno::result(result).map(drop)
    }

    /// One ioctl(2) with all of `bytes`.
    pub(crate) fn ioctl_bytes(&self, request: u32, bytes: &mut [u8]) -> nix::Result<()> {
        self.ioctl_at(
            with_size(request, bytes.len()),
            bytes.as_mut_ptr().cast::<c_void>(),
        )
    }

    /// One ioctl(2) with a structure of the uapi; returns the structure afterwards.
    pub(crate) fn ioctl<T: Plain>(&self, request: u32, value: T) -> nix::Result<T> {
        let mut bytes = value.bytes();
        self.ioctl_bytes(request, &mut bytes)?;
        Ok(T::from_bytes(&bytes))
    }
}
