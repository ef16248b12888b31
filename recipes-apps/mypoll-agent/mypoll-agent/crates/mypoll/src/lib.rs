// SPDX-License-Identifier: MIT OR Apache-2.0
//! Safe client of the `mypoll` event device.
//!
//! The driver collects events of GPIO buttons, a timer and software triggers, and hands each one to exactly one reader
//! of `/dev/mypoll`. [`Device`] reads them and gives the driver its commands, [`Sysfs`] reads its statistics and the
//! labels of its GPIO lines. A file may also have a [`Queue`] of its own, which gets every event: [`queue`] is about
//! those.
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
//! An event loop opens the device non-blocking, waits until it is readable, and takes events until there is none:
//!
//! ```no_run
//! # fn main() -> Result<(), mypoll::Error> {
//! let device = mypoll::Device::options().nonblocking().open("/dev/mypoll")?;
//! // ... epoll says EPOLLIN ...
//! while let Some(event) = device.try_read_event()? {
//!     println!("{event}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The programs in `examples/` are woken by SIGIO, or read a queue of their own: with read, in tokio, and from a mapped
//! ring.
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
