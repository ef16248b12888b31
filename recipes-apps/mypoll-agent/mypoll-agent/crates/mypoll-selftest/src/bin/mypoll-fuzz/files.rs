// SPDX-License-Identifier: MIT OR Apache-2.0

//! Opening, reading, writing, passing on and closing.

use std::mem::{MaybeUninit, zeroed};
use std::ptr;

use nix::libc::{self, c_int, iovec};

use crate::worker::{BUFFER, Worker, close as close_file};

/// Lengths at which something changes.
const LENGTHS: &[usize] = &[
    0, 1, 7, 31, 32, 33, 64, 96, 255, 256, 1000, 4096, 8192, BUFFER,
];

pub(crate) fn open(worker: &mut Worker) -> bool {
    let rng = &mut worker.rng;
    let mode = rng.pick(&[
        libc::O_RDWR,
        libc::O_RDWR,
        libc::O_RDWR,
        libc::O_RDONLY,
        libc::O_WRONLY,
        libc::O_PATH,
    ]);
    let more = rng.pick(&[
        libc::O_NONBLOCK,
        libc::O_NONBLOCK,
        libc::O_NONBLOCK,
        0,
        libc::O_ASYNC,
        libc::O_DIRECT,
        libc::O_APPEND,
    ]);
    // SAFETY: The node is a string.
    let file = unsafe { libc::open(worker.pool.node.as_ptr(), mode | more | libc::O_CLOEXEC) };
    keep(worker, file)
}

/// A file with a queue, often one that is mapped.
pub(crate) fn queue(worker: &mut Worker) -> bool {
    let flags = libc::O_RDWR | libc::O_CLOEXEC | worker.rng.pick(&[libc::O_NONBLOCK, 0]);
    // SAFETY: The node is a string.
    let file = unsafe { libc::open(worker.pool.node.as_ptr(), flags) };
    let made = file >= 0 && crate::ioctls::configure_file(worker, file);
    if made && worker.rng.one_in(2) {
        crate::memory::map_ring(worker, file);
    }
    keep(worker, file) && made
}

/// Keeps the file that a call returned, if it succeeded.
fn keep(worker: &mut Worker, file: c_int) -> bool {
    if file < 0 {
        return false;
    }
    worker.pool.put(&mut worker.rng, file);
    true
}

/// Another open file of the same node.
pub(crate) fn reopen(worker: &mut Worker) -> bool {
    let path = format!("/proc/self/fd/{}\0", worker.file());
    // SAFETY: The path is a string.
    let file = unsafe { libc::open(path.as_ptr().cast(), libc::O_RDWR | libc::O_NONBLOCK) };
    keep(worker, file)
}

pub(crate) fn dup(worker: &mut Worker) -> bool {
    // SAFETY: It takes no pointer.
    let file = unsafe { libc::dup(worker.file()) };
    keep(worker, file)
}

pub(crate) fn close(worker: &mut Worker) -> bool {
    worker.pool.close_one(&mut worker.rng)
}

pub(crate) fn read(worker: &mut Worker) -> bool {
    let (file, length) = (worker.file(), worker.rng.pick(LENGTHS));
    let address = worker.address(length);
    // SAFETY: The kernel checks the address. A valid one has that many bytes, in an unused buffer or in the device's
    // memory.
    unsafe { libc::read(file, address, length) >= 0 }
}

/// A few buffers, some of them bad.
fn vectors(worker: &mut Worker) -> Vec<iovec> {
    let count = worker.rng.below(6);
    (0..count)
        .map(|_| {
            let length = worker.rng.pick(LENGTHS);
            iovec {
                iov_base: worker.address(length),
                iov_len: length,
            }
        })
        .collect()
}

pub(crate) fn readv(worker: &mut Worker) -> bool {
    let (file, vectors) = (worker.file(), vectors(worker));
    // SAFETY: Same as in `read`.
    unsafe { libc::readv(file, vectors.as_ptr(), vectors.len() as c_int) >= 0 }
}

pub(crate) fn read_nowait(worker: &mut Worker) -> bool {
    let (file, vectors) = (worker.file(), vectors(worker));
    let any = worker.rng.word() as c_int;
    let flags = worker.rng.pick(&[
        libc::RWF_NOWAIT,
        libc::RWF_NOWAIT,
        libc::RWF_HIPRI,
        libc::RWF_NOWAIT | libc::RWF_HIPRI,
        any,
    ]);
    let count = vectors.len() as c_int;
    // SAFETY: Same as in `read`.
    unsafe { libc::preadv2(file, vectors.as_ptr(), count, -1, flags) >= 0 }
}

pub(crate) fn pread(worker: &mut Worker) -> bool {
    let (file, length) = (worker.file(), worker.rng.pick(LENGTHS));
    let address = worker.address(length);
    let offset = i64::from(worker.rng.word());
    // SAFETY: Same as in `read`.
    unsafe { libc::pread(file, address, length, offset) >= 0 }
}

/// A command, good or bad.
pub(crate) fn command(worker: &mut Worker) -> Vec<u8> {
    let rng = &mut worker.rng;
    match rng.below(20) {
        0 => b"stop".to_vec(),
        1 => b"reset\n".to_vec(),
        2 => format!("start {}", 1 + rng.below(20)).into_bytes(),
        3 => format!("start {}\n", rng.word()).into_bytes(),
        4 => (0..rng.below(40)).map(|_| rng.number() as u8).collect(),
        5 => b"start".to_vec(),
        6 => b"\n".to_vec(),
        _ => rng.pick(&[&b"trigger"[..], b"1\n", b"trigger\n"]).to_vec(),
    }
}

pub(crate) fn write(worker: &mut Worker) -> bool {
    let (file, command) = (worker.file(), command(worker));
    let address = if worker.rng.one_in(30) {
        worker.address(command.len()).cast_const()
    } else {
        command.as_ptr().cast()
    };
    // SAFETY: The kernel checks the address, and reads from it alone.
    unsafe { libc::write(file, address, command.len()) >= 0 }
}

pub(crate) fn writev(worker: &mut Worker) -> bool {
    let (file, mut command) = (worker.file(), command(worker));
    let middle = command.len() / 2;
    let (one, other) = command.split_at_mut(middle);
    let vectors = [one, other].map(|part| iovec {
        iov_base: part.as_mut_ptr().cast(),
        iov_len: part.len(),
    });
    let flags = worker.rng.pick(&[0, libc::RWF_NOWAIT]);
    // SAFETY: The parts outlive the call, which only reads them.
    unsafe { libc::pwritev2(file, vectors.as_ptr(), 2, -1, flags) >= 0 }
}

/// From the device into a pipe, or the other way.
pub(crate) fn splice(worker: &mut Worker) -> bool {
    let file = worker.file();
    let mut pipe = [-1; 2];
    // SAFETY: The call writes two numbers to the array.
    if unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_NONBLOCK) } != 0 {
        return false;
    }
    let flags = libc::SPLICE_F_NONBLOCK;
    // SAFETY: All pointers are null or point to a string.
    let moved = unsafe {
        match worker.rng.below(3) {
            0 => libc::splice(file, ptr::null_mut(), pipe[1], ptr::null_mut(), 256, flags),
            1 => libc::sendfile(pipe[1], file, ptr::null_mut(), 256),
            _ => {
                libc::write(pipe[1], b"trigger".as_ptr().cast(), 7);
                libc::splice(pipe[0], ptr::null_mut(), file, ptr::null_mut(), 7, flags)
            }
        }
    };
    close_file(pipe[0]);
    close_file(pipe[1]);
    moved >= 0
}

/// Calls that the device does not implement itself.
pub(crate) fn calls(worker: &mut Worker) -> bool {
    let file = worker.file();
    let number = worker.rng.word();
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: The only pointer is that of a structure that the call may fill in.
    unsafe {
        match worker.rng.below(8) {
            0 => libc::lseek(file, number.into(), libc::SEEK_SET) >= 0,
            1 => libc::fsync(file) == 0,
            2 => libc::ftruncate(file, number.into()) == 0,
            3 => libc::flock(file, libc::LOCK_EX | libc::LOCK_NB) == 0,
            4 => libc::flock(file, libc::LOCK_UN) == 0,
            5 => libc::fstat(file, stat.as_mut_ptr()) == 0,
            6 => libc::posix_fadvise(file, 0, 0, (number % 8) as c_int) == 0,
            _ => libc::fallocate(file, 0, 0, number.into()) == 0,
        }
    }
}

/// Room for one descriptor besides a message.
#[repr(align(8))]
struct Control([u8; 64]);

fn send(socket: c_int, file: c_int) -> bool {
    let mut byte = [0u8];
    let mut vector = iovec {
        iov_base: byte.as_mut_ptr().cast(),
        iov_len: 1,
    };
    let mut control = Control([0; 64]);
    let size = size_of::<c_int>() as u32;
    // SAFETY: All zeros is an empty header. The data that it points to outlives the call, and the buffer has room for
    // one descriptor.
    unsafe {
        let mut message: libc::msghdr = zeroed();
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(size) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() {
            return false;
        }
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size) as _;
        libc::CMSG_DATA(header)
            .cast::<c_int>()
            .write_unaligned(file);
        libc::sendmsg(socket, &raw const message, libc::MSG_DONTWAIT) >= 0
    }
}

/// Sends a descriptor to any receiver.
pub(crate) fn pass(worker: &mut Worker) -> bool {
    let file = worker.file();
    let socket = worker.rng.pick(&worker.pool.sockets);
    send(socket, file)
}

pub(crate) fn receive(worker: &mut Worker) -> bool {
    let socket = worker.rng.pick(&worker.pool.sockets);
    let mut byte = [0u8];
    let mut vector = iovec {
        iov_base: byte.as_mut_ptr().cast(),
        iov_len: 1,
    };
    let mut control = Control([0; 64]);
    // SAFETY: All zeros is an empty header. The data that it points to outlives the call.
    let file = unsafe {
        let mut message: libc::msghdr = zeroed();
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = control.0.len() as _;
        if libc::recvmsg(socket, &raw mut message, libc::MSG_DONTWAIT) < 0 {
            return false;
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() || (*header).cmsg_type != libc::SCM_RIGHTS {
            return false;
        }
        libc::CMSG_DATA(header).cast::<c_int>().read_unaligned()
    };
    keep(worker, file)
}

/// Sends a descriptor that nobody receives: it is closed with the socket.
pub(crate) fn drop_passed(worker: &mut Worker) -> bool {
    let file = worker.file();
    let mut sockets = [-1; 2];
    // SAFETY: The call writes two numbers to the array.
    let made = unsafe {
        libc::socketpair(
            libc::AF_UNIX,
            libc::SOCK_DGRAM | libc::SOCK_NONBLOCK,
            0,
            sockets.as_mut_ptr(),
        )
    };
    if made != 0 {
        return false;
    }
    let sent = send(sockets[0], file);
    if worker.rng.one_in(2) {
        // A cycle, which the kernel must find.
        send(sockets[0], sockets[1]);
    }
    close_file(sockets[0]);
    close_file(sockets[1]);
    sent
}
