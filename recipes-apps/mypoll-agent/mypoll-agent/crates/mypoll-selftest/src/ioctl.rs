// SPDX-License-Identifier: MIT OR Apache-2.0

//! Raw ioctls, with wrong sizes and at bad addresses too.

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

    /// The value that the first of these bytes are.
    fn from_bytes(bytes: &[u8]) -> Self {
        assert!(bytes.len() >= size_of::<Self>(), "too few bytes");
        // SAFETY: There are that many bytes, and by the trait's requirements any of them will do.
        unsafe { bytes.as_ptr().cast::<Self>().read_unaligned() }
    }
}

// SAFETY: They do; the client crate's tests compare each with the C header, field by field.
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
    /// One ioctl(2) at an address that may be a bad one.
    pub(crate) fn ioctl_at(&self, request: u32, address: *mut c_void) -> nix::Result<()> {
        // SAFETY: The kernel checks the address, and accesses as much as the number says, which is
        // memory that the tests set aside for it, or none.
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

    /// One ioctl(2) with a structure of the uapi; gives back what it is then.
    pub(crate) fn ioctl<T: Plain>(&self, request: u32, value: T) -> nix::Result<T> {
        let mut bytes = value.bytes();
        self.ioctl_bytes(request, &mut bytes)?;
        Ok(T::from_bytes(&bytes))
    }
}
