// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opens the device with a queue, and explains failures.

use std::{fs, io, os::unix::fs::FileTypeExt as _, path::Path};

use mypoll::{
    Device, Error, Queue,
    queue::{self, Overflow},
};
use nix::sys::resource::{Resource, getrlimit};
use tracing::warn;

use crate::reason::{permissions, words};

/// The smallest useful queue: with it the memory is 12 KiB.
const SMALLEST: u32 = 256;

/// Opens the device with a queue of `capacity` events, or of as many as the limits allow.
pub(super) fn open(path: &Path, capacity: u32) -> Result<Queue, Error> {
    let mut fitting = capacity;
    loop {
        let device = Device::options().nonblocking().open(path)?;
        let config = queue::Config::new()
            .capacity(fitting)
            // The newest events determine the state of the lines.
            .overflow(Overflow::DropOldest);
        match device.into_queue(&config) {
            Err(Error::MemoryLimit) if fitting > SMALLEST => fitting = (fitting / 2).max(SMALLEST),
            Err(error) => return Err(error),
            Ok(queue) => {
                if fitting < capacity {
                    warn!("{}", memory_limit(capacity, fitting));
                }
                return Ok(queue);
            }
        }
    }
}

fn memory_limit(capacity: u32, fitting: u32) -> String {
    let limit = getrlimit(Resource::RLIMIT_MEMLOCK).map_or(0, |(soft, _)| soft / 1024);
    format!(
        "the queue holds {fitting} events instead of {capacity}, which need {} KiB of the user's locked memory, \
         limited to {limit} KiB (RLIMIT_MEMLOCK): raise LimitMEMLOCK= of the unit or `ulimit -l`, or lower \
         device.queue",
        memory(capacity) / 1024
    )
}

/// The memory use of a queue, in bytes.
fn memory(capacity: u32) -> u64 {
    const PAGE: u64 = 4096;
    PAGE + (32 * u64::from(capacity).next_power_of_two()).next_multiple_of(PAGE)
}

/// Why the device is unavailable, and what to do.
pub(super) fn reason(path: &Path, error: &Error) -> String {
    match error {
        Error::Open { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            permissions(path)
        }
        Error::Unsupported => match fs::metadata(path) {
            Ok(metadata) if metadata.file_type().is_char_device() => format!(
                "the driver of {} is older than this agent: update it (private queues and levels are missing)",
                path.display()
            ),
            _ => format!("{} is not a mypoll device (device.path)", path.display()),
        },
        _ => words(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_matches_the_drivers_accounting() {
        assert_eq!(memory(4096), 33 * 4096);
        assert_eq!(memory(65536), 513 * 4096);
        assert_eq!(memory(100), 2 * 4096);
        assert!(memory_limit(65536, 1024).contains("need 2052 KiB"));
    }

    #[test]
    fn non_devices_are_explained() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = open(file.path(), 16).err().unwrap();
        let said = reason(file.path(), &error);
        assert!(
            said.ends_with("is not a mypoll device (device.path)"),
            "{said}"
        );
        let gone = Path::new("/nowhere/mypoll");
        let said = reason(gone, &open(gone, 16).err().unwrap());
        assert!(
            said.contains("is the module loaded (modprobe mypoll)?"),
            "{said}"
        );
    }
}
