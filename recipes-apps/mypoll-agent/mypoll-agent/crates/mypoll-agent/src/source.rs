// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where events come from.

use std::{
    future::Future,
    io,
    path::{Path, PathBuf},
};

use mypoll::{Device, Event};
use thiserror::Error;
use tokio::io::{Interest, unix::AsyncFd};

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
pub struct DeviceSource(AsyncFd<Device>);

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
        device.map(Self).map_err(|error| SourceError::NotPollable {
            path: path.into(),
            source: error.into_parts().1,
        })
    }
}

impl EventSource for DeviceSource {
    async fn next(&mut self) -> Result<Event, SourceError> {
        loop {
            // Stays ready, without another epoll_wait, until the queue was seen empty.
            let mut ready = self.0.readable().await?;
            match self.0.get_ref().try_read_event()? {
                Some(event) => return Ok(event),
                None => ready.clear_ready(),
            }
        }
    }

    fn try_next(&mut self) -> Result<Option<Event>, SourceError> {
        Ok(self.0.get_ref().try_read_event()?)
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
