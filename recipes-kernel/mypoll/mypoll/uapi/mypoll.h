/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * Private queues of /dev/mypoll. docs/interface.md has the plain way to read, docs/queues.md tells
 * this one by examples; mypoll.rs the same in Rust.
 *
 * A file that was configured with MYPOLL_CONFIGURE has a queue of its own, that gets every event
 * which its filter lets through, whoever else reads. read() then gives whole struct mypoll_event,
 * as many as there are and fit: EINVAL when not one fits.
 */
#ifndef MYPOLL_H
#define MYPOLL_H

#include <linux/const.h>
#include <linux/ioctl.h>
#include <linux/types.h>

/* Where an event comes from. A filter has them as bits: 1 << MYPOLL_SOURCE_GPIO. */
#define MYPOLL_SOURCE_MANUAL	1	/* a write of "trigger" */
#define MYPOLL_SOURCE_TIMER	2
#define MYPOLL_SOURCE_GPIO	3

/* What happened there. */
#define MYPOLL_KIND_TRIGGER	1	/* manual */
#define MYPOLL_KIND_TICK	2	/* timer */
#define MYPOLL_KIND_RISING	3	/* gpio: the line became active */
#define MYPOLL_KIND_FALLING	4	/* gpio: the line became inactive */
#define MYPOLL_KIND_REMOVED	5	/* gpio: the line went away, its driver was unbound */

/**
 * struct mypoll_event - what read() gives, and what a slot of the mapped ring holds
 * @timestamp_ns: when, in nanoseconds of the clock that was configured; taken in the interrupt
 *	handler (MYPOLL_KIND_TRIGGER: in the write)
 * @sequence: 1 for the first event that this file reads, then one more each, without a gap; wraps
 *	at 2^32
 * @lost: how many events this queue lost just before this one, up to 2^32 - 1; the next record
 *	tells of those beyond
 * @source: MYPOLL_SOURCE_*
 * @kind: MYPOLL_KIND_*
 * @line: the number of the GPIO line, 0 to 1023; 0 for other sources
 * @value: gpio: the logical level after the edge, 0 or 1; timer: how many periods this tick stands
 *	for; manual: 0
 * @reserved: 0
 */
struct mypoll_event {
	__aligned_u64 timestamp_ns;
	__u32 sequence;
	__u32 lost;
	__u16 source;
	__u16 kind;
	__u32 line;
	__u32 value;
	__u32 reserved;
};

/* What a full queue does with one more event. */
#define MYPOLL_OVERFLOW_DROP_NEWEST	0	/* loses that one */
#define MYPOLL_OVERFLOW_DROP_OLDEST	1	/* loses the one that would be read next */

/* The clock of the time stamps. */
#define MYPOLL_CLOCK_MONOTONIC	0	/* CLOCK_MONOTONIC: stands still in suspend */
#define MYPOLL_CLOCK_REALTIME	1	/* CLOCK_REALTIME: jumps when the time is set */
#define MYPOLL_CLOCK_BOOTTIME	2	/* CLOCK_BOOTTIME: goes on in suspend */

#define MYPOLL_CAPACITY_DEFAULT	4096
#define MYPOLL_CAPACITY_MAX	65536
#define MYPOLL_WATERMARK_US_MAX	3600000000U	/* an hour */
#define MYPOLL_LINES_MAX	1024

/**
 * struct mypoll_config - a queue of one's own; all 0 is a good one
 * @capacity: how many events it holds, 1 to MYPOLL_CAPACITY_MAX; 0 is MYPOLL_CAPACITY_DEFAULT
 * @overflow: MYPOLL_OVERFLOW_*
 * @clock: MYPOLL_CLOCK_*
 * @sources: which sources it takes, bits 1 << MYPOLL_SOURCE_*; 0 is all of them, those of later
 *	versions too
 * @watermark_events: how many events make the file readable, 1 to @capacity; 0 is 1
 * @watermark_us: or how many microseconds after the first of fewer events, up to
 *	MYPOLL_WATERMARK_US_MAX; 0 is never
 * @flags: 0
 * @reserved: 0
 * @lines: which GPIO lines it takes: line n is bit n % 64 of lines[n / 64]; all 0 is every line
 *
 * The file is readable when there are @watermark_events, or @watermark_us are over, or the queue is
 * full. poll and a blocking read wait for that; a read with O_NONBLOCK gives what there is.
 */
struct mypoll_config {
	__u32 capacity;
	__u32 overflow;
	__u32 clock;
	__u32 sources;
	__u32 watermark_events;
	__u32 watermark_us;
	__u32 flags;
	__u32 reserved;
	__aligned_u64 lines[MYPOLL_LINES_MAX / 64];
};

/**
 * struct mypoll_stats - the account of a file's queue since its first MYPOLL_CONFIGURE
 * @generated: events that its filter let through: @read + @lost + @depth, always
 * @read: events that were read, or taken from the mapped ring
 * @lost: events that were lost
 * @depth: events that wait
 * @high_water: the largest @depth there was
 * @capacity: how many it holds
 * @reserved: 0
 */
struct mypoll_stats {
	__aligned_u64 generated;
	__aligned_u64 read;
	__aligned_u64 lost;
	__u32 depth;
	__u32 high_water;
	__u32 capacity;
	__u32 reserved;
};

/* What a driver can do. */
#define MYPOLL_FEATURE_QUEUES	_BITULL(0)	/* MYPOLL_CONFIGURE with all that is above */
#define MYPOLL_FEATURE_MMAP	_BITULL(1)	/* struct mypoll_ring */

/**
 * struct mypoll_info - the driver
 * @version: its version, major << 16 | minor << 8 | patch
 * @line_count: how many GPIO lines there are now
 * @features: MYPOLL_FEATURE_*
 * @lines: which they are, as in struct mypoll_config
 */
struct mypoll_info {
	__u32 version;
	__u32 line_count;
	__aligned_u64 features;
	__aligned_u64 lines[MYPOLL_LINES_MAX / 64];
};

#define MYPOLL_LABEL_MAX	64

#define MYPOLL_LINE_ACTIVE_LOW	_BITUL(0)	/* low is active, and 1 */
#define MYPOLL_LINE_RISING	_BITUL(1)	/* becoming active gives an event */
#define MYPOLL_LINE_FALLING	_BITUL(2)	/* becoming inactive gives an event */
#define MYPOLL_LINE_WAKEUP	_BITUL(3)	/* wakes the machine from suspend */
#define MYPOLL_LINE_DEBOUNCED	_BITUL(4)	/* the driver debounces it, not the chip */

/**
 * struct mypoll_line - a GPIO line
 * @number: which one is asked for, 0 to 1023; ENOENT when there is none
 * @offset: its number on its chip
 * @value: its logical level now, 0 or 1
 * @flags: MYPOLL_LINE_*
 * @debounce_us: for how long it has to be quiet, 0 when it is not debounced
 * @reserved: 0
 * @label: its label, cut to fit and ended by a 0
 */
struct mypoll_line {
	__u32 number;
	__u32 offset;
	__u32 value;
	__u32 flags;
	__u32 debounce_us;
	__u32 reserved;
	char label[MYPOLL_LABEL_MAX];
};

/*
 * The size of the structure is part of each number, and later versions append to it. A driver that
 * knows fewer fields takes what it does not know if that is 0, else E2BIG, and fills it with 0; one
 * that knows more takes 0 for what is not there. Less than the size here is EINVAL, as are unknown
 * bits, values out of range and reserved fields that are not 0; nothing is changed then.
 *
 * MYPOLL_CONFIGURE may be called again. Events that wait stay in their order, with their time
 * stamps, whatever the new filter and clock; those that the new capacity has no room for are lost
 * by the new policy. EBUSY once the ring was mapped, and for a file with O_ASYNC that has no queue
 * of its own yet. Who waits for the file since before the first one, or has it in an epoll set
 * since then, goes on to wait for the shared queue.
 *
 * MYPOLL_GET_STATS is EINVAL for a file without a queue of its own.
 */
#define MYPOLL_IOC_MAGIC	0xE6
#define MYPOLL_CONFIGURE	_IOW(MYPOLL_IOC_MAGIC, 0x01, struct mypoll_config)
#define MYPOLL_GET_STATS	_IOR(MYPOLL_IOC_MAGIC, 0x02, struct mypoll_stats)
#define MYPOLL_GET_INFO		_IOR(MYPOLL_IOC_MAGIC, 0x03, struct mypoll_info)
#define MYPOLL_GET_LINE		_IOWR(MYPOLL_IOC_MAGIC, 0x04, struct mypoll_line)

/*
 * The ring of a queue with MYPOLL_OVERFLOW_DROP_NEWEST, by mmap with MAP_SHARED: at
 * MYPOLL_OFF_RING a struct mypoll_ring, at MYPOLL_OFF_EVENTS its (mask + 1) slots, which can't be
 * mapped for writing (EPERM). Lengths are rounded up to pages; another length or offset is EINVAL,
 * as is mmap before MYPOLL_CONFIGURE and with MYPOLL_OVERFLOW_DROP_OLDEST.
 */
#define MYPOLL_OFF_RING		0x00000000
#define MYPOLL_OFF_EVENTS	0x01000000

/**
 * struct mypoll_ring - the two ends of a mapped ring
 * @head: the position of the next event to take; the program stores it with release order once it
 *	has read the slots before it
 * @tail: the position after the last event; the program loads it with acquire order
 * @mask: the event at position p is in slot p & @mask
 * @capacity: tail - head when the ring is full
 *
 * Positions wrap at 2^32: tail - head, modulo 2^32, events wait. The driver reads @head alone. One
 * that is not within @capacity of its own tail counts as tail - @capacity, a full ring: it costs
 * this file events, and nobody else anything.
 */
struct mypoll_ring {
	__u32 head;
	__u32 reserved1[15];
	__u32 tail;
	__u32 reserved2[15];
	__u32 mask;
	__u32 capacity;
	__u32 reserved3[14];
};

#endif
