// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where events come from.

use std::{
    collections::HashSet,
    future::Future,
    io,
    mem::{self, Discriminant},
    path::{Path, PathBuf},
};

use mypoll::{Device, Event, ParseEventError};
use thiserror::Error;
use tokio::io::{Interest, unix::AsyncFd};
use tracing::warn;

/// Gives events one by one: the device, or what a test puts in its place.
pub trait EventSource {
    /// Waits for the next event. Dropping the future loses none.
    fn next(&mut self) -> impl Future<Output = Result<Event, SourceError>>;

    /// The next event, if it is already there.
    ///
    /// # Errors
    ///
    /// As [`EventSource::next`].
    fn try_next(&mut self) -> Result<Option<Event>, SourceError>;
}

/// Why there are no more events.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The device says so.
    #[error(transparent)]
    Device(#[from] mypoll::Error),
    /// The file is none that epoll takes.
    #[error("{} can't be waited for with epoll; this is not a mypoll device", path.display())]
    NotPollable {
        /// The device file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The event loop ended.
    #[error("cannot wait for events")]
    Wait(#[from] io::Error),
}

/// `/dev/mypoll` in the event loop.
///
/// Events of a source or a kind that this version doesn't know are passed over, and the first of either is warned of: a
/// newer driver has more to tell, and what is known goes on.
pub struct DeviceSource {
    device: AsyncFd<Device>,
    /// Of which of the two it warned.
    warned: HashSet<Discriminant<ParseEventError>>,
}

impl DeviceSource {
    /// Opens the device at `path` for reading. To be called within a runtime.
    ///
    /// # Errors
    ///
    /// The device can't be opened, or is something that epoll doesn't take.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let device = Device::options().read_only().nonblocking().open(path)?;
        #[expect(unsafe_code, reason = "AsyncFd's safe constructors are deprecated")]
        // SAFETY: `Device` owns its file, opened just now, for as long as it lives, and `as_raw_fd` always returns it.
        let device = unsafe { AsyncFd::register_with_interest(device, Interest::READABLE) };
        device
            .map(|device| Self {
                device,
                warned: HashSet::new(),
            })
            .map_err(|error| SourceError::NotPollable {
                path: path.into(),
                source: error.into_parts().1,
            })
    }
}

impl EventSource for DeviceSource {
    async fn next(&mut self) -> Result<Event, SourceError> {
        loop {
            // Stays ready, without another epoll_wait, until the queue was seen empty.
            let mut ready = self.device.readable().await?;
            match next_known(ready.get_inner(), &mut self.warned)? {
                Some(event) => return Ok(event),
                None => ready.clear_ready(),
            }
        }
    }

    fn try_next(&mut self) -> Result<Option<Event>, SourceError> {
        Ok(next_known(self.device.get_ref(), &mut self.warned)?)
    }
}

/// The next event that is known, if it is already there.
fn next_known(
    device: &Device,
    warned: &mut HashSet<Discriminant<ParseEventError>>,
) -> Result<Option<Event>, mypoll::Error> {
    loop {
        match device.try_read_event() {
            Err(mypoll::Error::Line {
                line,
                source: error @ (ParseEventError::Source { .. } | ParseEventError::Kind { .. }),
            }) => {
                if warned.insert(mem::discriminant(&error)) {
                    warn!("passed over `{line}` and the like: {error}");
                }
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_epoll_does_not_take_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let Err(error) = DeviceSource::open(file.path()) else {
            panic!("a regular file was taken");
        };
        let expected = "can't be waited for with epoll; this is not a mypoll device";
        assert!(error.to_string().ends_with(expected), "{error}");
    }
}
