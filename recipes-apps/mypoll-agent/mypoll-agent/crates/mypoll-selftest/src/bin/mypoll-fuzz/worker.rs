// SPDX-License-Identifier: MIT OR Apache-2.0

//! A thread, the files that it shares with others, and the operations that it draws from.

use std::ffi::CString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::libc::{self, c_int, c_void};

use crate::memory::Mappings;
use crate::rng::Rng;
use crate::shared::Shared;
use crate::{children, files, ioctls, memory, signals, system, waiting};

/// Number of files shared by the threads of a process.
const SLOTS: usize = 24;

/// State shared by all threads of a process.
pub(crate) struct Pool {
    /// Descriptors; -1 if there is none. Other threads may close one while it is used.
    files: [AtomicI32; SLOTS],
    /// An epoll set.
    pub(crate) epoll: c_int,
    /// The two ends of a socket for descriptors.
    pub(crate) sockets: [c_int; 2],
    /// The device's node.
    pub(crate) node: CString,
    /// Whether it runs as root.
    pub(crate) root: bool,
    /// The simulated chip of the device tree, if there is one.
    pub(crate) chip: Option<PathBuf>,
}

impl Pool {
    /// A pool without files.
    pub(crate) fn new(node: CString, root: bool) -> Self {
        let mut sockets = [-1; 2];
        // SAFETY: The call writes two numbers to the array.
        unsafe {
            libc::socketpair(
                libc::AF_UNIX,
                libc::SOCK_DGRAM | libc::SOCK_NONBLOCK,
                0,
                sockets.as_mut_ptr(),
            );
        }
        Self {
            files: [const { AtomicI32::new(-1) }; SLOTS],
            // SAFETY: It takes no pointer.
            epoll: unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) },
            sockets,
            node,
            root,
            chip: system::devicetree_chip(),
        }
    }

    /// Any of the files, or sometimes an invalid descriptor.
    pub(crate) fn file(&self, rng: &mut Rng) -> c_int {
        if rng.one_in(200) {
            return rng.word() as c_int | 1 << 20;
        }
        for _ in 0..4 {
            let file = self.files[rng.below(SLOTS as u64) as usize].load(Ordering::Relaxed);
            if file >= 0 {
                return file;
            }
        }
        -1
    }

    /// Puts a file in a slot and closes the previous one.
    pub(crate) fn put(&self, rng: &mut Rng, file: c_int) {
        let slot = &self.files[rng.below(SLOTS as u64) as usize];
        close(slot.swap(file, Ordering::Relaxed));
    }

    /// Closes the file in a slot.
    pub(crate) fn close_one(&self, rng: &mut Rng) -> bool {
        let slot = &self.files[rng.below(SLOTS as u64) as usize];
        // Sometimes keep the number, which another file may reuse.
        if rng.one_in(10) {
            close(slot.load(Ordering::Relaxed))
        } else {
            close(slot.swap(-1, Ordering::Relaxed))
        }
    }

    /// Closes all files.
    pub(crate) fn close_all(&self) {
        for slot in &self.files {
            close(slot.swap(-1, Ordering::Relaxed));
        }
    }
}

/// Closes a file, unless the process itself needs it.
pub(crate) fn close(file: c_int) -> bool {
    // SAFETY: It takes no pointer. Nothing in this process relies on descriptors from 3 on: reused numbers are what
    // this program tests.
    file > 2 && unsafe { libc::close(file) } == 0
}

/// The largest buffer that is passed to calls.
pub(crate) const BUFFER: usize = 1 << 16;

/// The state of one thread.
pub(crate) struct Worker {
    pub(crate) rng: Rng,
    pub(crate) pool: &'static Pool,
    pub(crate) shared: &'static Shared,
    pub(crate) mappings: Mappings,
    pub(crate) uring: crate::Uring,
    /// Never freed, because io_uring requests may use it after the thread has ended.
    pub(crate) buffer: &'static mut [u8; BUFFER],
    /// Whether it may fork.
    pub(crate) may_fork: bool,
}

impl Worker {
    /// A thread whose operations are determined by a seed.
    pub(crate) fn new(seed: u64, pool: &'static Pool, shared: &'static Shared) -> Self {
        Self {
            rng: Rng::new(seed),
            pool,
            shared,
            mappings: Mappings::default(),
            uring: crate::Uring::default(),
            buffer: Box::leak(Box::new([0; BUFFER])),
            may_fork: true,
        }
    }

    /// Runs one operation.
    pub(crate) fn step(&mut self) {
        let all: u64 = OPERATIONS.iter().map(|operation| operation.weight).sum();
        let mut drawn = self.rng.below(all);
        for (number, operation) in OPERATIONS.iter().enumerate() {
            if drawn < operation.weight {
                self.shared.tried(number);
                if (operation.run)(self) {
                    self.shared.succeeded(number);
                }
                return;
            }
            drawn -= operation.weight;
        }
    }

    /// Any of the files.
    pub(crate) fn file(&mut self) -> c_int {
        self.pool.file(&mut self.rng)
    }

    /// Memory of `size` bytes for a call: mostly valid, sometimes the device's own, or none.
    pub(crate) fn address(&mut self, size: usize) -> *mut c_void {
        debug_assert!(size <= BUFFER, "no such buffer");
        match self.rng.below(40) {
            0 => std::ptr::null_mut(),
            1 => std::ptr::without_provenance_mut(self.rng.number() as usize),
            2 | 3 => self
                .mappings
                .any(&mut self.rng)
                .unwrap_or(std::ptr::null_mut()),
            _ => self.buffer.as_mut_ptr().cast(),
        }
    }
}

/// An operation, with its frequency and function.
pub(crate) struct Operation {
    /// Its name.
    pub(crate) name: &'static str,
    weight: u64,
    run: fn(&mut Worker) -> bool,
}

macro_rules! operations {
    ($($name:literal $weight:literal $run:expr),+ $(,)?) => {
        &[$(Operation { name: $name, weight: $weight, run: $run }),+]
    };
}

/// All operations.
pub(crate) const OPERATIONS: &[Operation] = operations! {
    "open" 40 files::open,
    "queue" 15 files::queue,
    "reopen" 4 files::reopen,
    "dup" 15 files::dup,
    "close" 45 files::close,
    "read" 80 files::read,
    "readv" 20 files::readv,
    "read nowait" 30 files::read_nowait,
    "pread" 3 files::pread,
    "write" 120 files::write,
    "writev" 5 files::writev,
    "splice" 4 files::splice,
    "file calls" 6 files::calls,
    "pass" 8 files::pass,
    "receive" 8 files::receive,
    "drop passed" 4 files::drop_passed,
    "configure" 60 ioctls::configure,
    "configure wrong" 15 ioctls::configure_wrong,
    "get" 50 ioctls::get,
    "ioctl" 8 ioctls::any,
    "mmap" 30 memory::map,
    "munmap" 20 memory::unmap,
    "mprotect" 8 memory::protect,
    "mremap" 4 memory::remap,
    "madvise" 4 memory::advise,
    "store" 40 memory::store,
    "take" 40 memory::take,
    "poll" 30 waiting::poll,
    "epoll_ctl" 30 waiting::change,
    "epoll_wait" 20 waiting::wait,
    "owner" 12 signals::owner,
    "signal" 6 signals::signal,
    "flags" 25 signals::flags,
    "fork" 2 children::fork,
    "memlock" 4 system::memlock,
    "sysfs" 10 system::read_file,
    "fdinfo" 10 system::fdinfo,
    "press" 30 system::press,
    "configfs folder" 6 system::folder,
    "configfs file" 12 system::attribute,
    "configfs live" 8 system::live,
    "bind" 2 system::bind,
    "chip" 1 system::chip,
    "parameter" 1 system::parameter,
    "trace" 1 system::trace,
    "uring submit" 40 crate::Uring::submit_any,
    "uring reap" 30 crate::Uring::reap,
    "uring renew" 1 crate::Uring::renew,
    "yield" 5 waiting::give_way,
};
