// SPDX-License-Identifier: MIT OR Apache-2.0
//! Safe client of the `mypoll` event device.
//!
//! The driver collects events of GPIO buttons, a timer and software triggers, and delivers each to exactly one reader
//! of `/dev/mypoll`. [`Device`] reads them and sends commands to the driver, [`Sysfs`] reads its statistics and the
//! labels of its GPIO lines. A file may also have a private [`Queue`], which gets every event: see [`queue`].
//!
//! # Examples
//!
//! Print each event, with the label of its line:
//!
//! ```no_run
//! use mypoll::{Device, Sysfs};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let lines = Sysfs::default().lines()?;
//! let device = Device::open()?;
//! loop {
//!     let event = device.read_event()?;
//!     println!("{event} {}", lines.label_of(&event).unwrap_or_default());
//! }
//! # }
//! ```
//!
//! An event loop opens the device non-blocking, waits until it is readable, and takes events until the queue is empty:
//!
//! ```no_run
//! # fn main() -> Result<(), mypoll::Error> {
//! let device = mypoll::Device::options().nonblocking().open("/dev/mypoll")?;
//! // ... epoll reports EPOLLIN ...
//! while let Some(event) = device.try_read_event()? {
//!     println!("{event}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The programs in `examples/` use SIGIO, or a private queue: with read, with tokio, and through a mapped ring.
#![deny(unsafe_code)]

mod device;
mod error;
mod event;
mod info;
pub mod ioctl;
mod keys;
mod levels;
mod lines;
pub mod queue;
mod sys;
mod sysfs;
pub mod uapi;

pub use device::{Device, Options, PERIOD_MS};
pub use error::Error;
pub use event::{Event, Kind, ParseEventError, Source};
pub use info::{Info, LineInfo};
pub use keys::KeyError;
pub use levels::Levels;
pub use lines::{Line, Lines, ParseLineError};
pub use queue::Queue;
pub use sys::clock_is_synchronized;
pub use sysfs::{Stats, Sysfs, SysfsError};
