// SPDX-License-Identifier: GPL-2.0-only

//! The driver's tracepoints; mypoll_trace.h describes their fields.

use crate::kernel_ext::trace::declare_tracepoint;

declare_tracepoint! {
    /// A line raised an interrupt.
    edge(line: u32, timestamp_ns: u64),
    __tracepoint_mypoll_edge,
    rust_do_trace_mypoll_edge
}

declare_tracepoint! {
    /// An event was delivered, to the shared queue and to `queues` private ones.
    queued(source: u16, kind: u16, line: u32, value: u32, timestamp_ns: u64, queues: u32),
    __tracepoint_mypoll_queued,
    rust_do_trace_mypoll_queued
}

declare_tracepoint! {
    /// `queues` full private queues lost an event, this one or their oldest.
    dropped(source: u16, kind: u16, line: u32, queues: u32),
    __tracepoint_mypoll_dropped,
    rust_do_trace_mypoll_dropped
}

declare_tracepoint! {
    /// A file read this many events.
    read(events: u32, private: bool),
    __tracepoint_mypoll_read,
    rust_do_trace_mypoll_read
}
