/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * Private queues of /dev/mypoll. docs/interface.md describes plain reads, docs/queues.md has
 * examples of private queues; mypoll.rs is this header in Rust.
 *
 * A file configured with MYPOLL_CONFIGURE has a private queue, which gets every event that passes
 * its filter, regardless of other readers. read() then returns as many struct mypoll_event as are
 * available and fit; EINVAL if the buffer is too small for one.
 */
#ifndef MYPOLL_H
#define MYPOLL_H

#include <linux/const.h>
#include <linux/ioctl.h>
#include <linux/types.h>

/* Sources of events. A filter has them as bits: 1 << MYPOLL_SOURCE_GPIO. */
#define MYPOLL_SOURCE_MANUAL	1	/* a write of "trigger" */
#define MYPOLL_SOURCE_TIMER	2
#define MYPOLL_SOURCE_GPIO	3

/* Kinds of events. A filter has them as bits: 1 << MYPOLL_KIND_RISING. */
#define MYPOLL_KIND_TRIGGER	1	/* manual */
#define MYPOLL_KIND_TICK	2	/* timer */
#define MYPOLL_KIND_RISING	3	/* gpio: the line became active */
#define MYPOLL_KIND_FALLING	4	/* gpio: the line became inactive */
#define MYPOLL_KIND_REMOVED	5	/* gpio: the line was removed */
#define MYPOLL_KIND_ADDED	6	/* gpio: the line was added; private queues only */

/**
 * struct mypoll_event - an event, as returned by read() and stored in a slot of the mapped ring
 * @timestamp_ns: when, in nanoseconds of the configured clock; taken in the interrupt handler
 *	(MYPOLL_KIND_TRIGGER: in the write)
 * @sequence: 1 for the first event that this file reads, then incremented for each, without gaps;
 *	wraps at 2^32
 * @lost: how many events this queue lost just before this one, up to 2^32 - 1; the next record
 *	has the rest
 * @source: MYPOLL_SOURCE_*
 * @kind: MYPOLL_KIND_*
 * @line: the number of the GPIO line, 0 to 1023; 0 for other sources
 * @value: gpio: the logical level after the edge, 0 or 1 (MYPOLL_KIND_ADDED: the level now,
 *	MYPOLL_KIND_REMOVED: 0); timer: how many periods this tick covers; manual: 0
 * @line_sequence: gpio: 1 for the event that adds the line, then incremented for each event of
 *	this line, whichever queues take it; wraps at 2^32; 0 for other sources
 */
struct mypoll_event {
	__aligned_u64 timestamp_ns;
	__u32 sequence;
	__u32 lost;
	__u16 source;
	__u16 kind;
	__u32 line;
	__u32 value;
	__u32 line_sequence;
};

/* Which event a full queue drops. */
#define MYPOLL_OVERFLOW_DROP_NEWEST	0	/* the new one */
#define MYPOLL_OVERFLOW_DROP_OLDEST	1	/* the one that would be read next */

/* The clock of the time stamps. */
#define MYPOLL_CLOCK_MONOTONIC	0	/* CLOCK_MONOTONIC: stops during suspend */
#define MYPOLL_CLOCK_REALTIME	1	/* CLOCK_REALTIME: jumps when the time is set */
#define MYPOLL_CLOCK_BOOTTIME	2	/* CLOCK_BOOTTIME: continues during suspend */

#define MYPOLL_CAPACITY_DEFAULT	4096
#define MYPOLL_CAPACITY_MAX	65536
#define MYPOLL_WATERMARK_US_MAX	3600000000U	/* an hour */
#define MYPOLL_LINES_MAX	1024

/**
 * struct mypoll_config - the settings of a private queue; all 0 selects the defaults
 * @capacity: maximum number of events, 1 to MYPOLL_CAPACITY_MAX; 0 is MYPOLL_CAPACITY_DEFAULT
 * @overflow: MYPOLL_OVERFLOW_*
 * @clock: MYPOLL_CLOCK_*
 * @sources: which sources to accept, bits 1 << MYPOLL_SOURCE_*; 0 is all, including those of
 *	later versions
 * @watermark_events: number of events that makes the file readable, 1 to @capacity; 0 is 1
 * @watermark_us: time after the first event that makes it readable with fewer events, in
 *	microseconds, up to MYPOLL_WATERMARK_US_MAX; 0 is never
 * @flags: 0
 * @kinds: which kinds of events to accept, bits 1 << MYPOLL_KIND_*; 0 is all, including those of
 *	later versions
 * @lines: which GPIO lines to accept: line n is bit n % 64 of lines[n / 64]; all 0 is every line
 *
 * The file is readable when it has @watermark_events, when @watermark_us have passed, or when the
 * queue is full. poll and a blocking read wait for that; a read with O_NONBLOCK returns what is
 * available.
 */
struct mypoll_config {
	__u32 capacity;
	__u32 overflow;
	__u32 clock;
	__u32 sources;
	__u32 watermark_events;
	__u32 watermark_us;
	__u32 flags;
	__u32 kinds;
	__aligned_u64 lines[MYPOLL_LINES_MAX / 64];
};

#define MYPOLL_CONFIG_SIZE_VER0	160	/* size of the first published struct */

/**
 * struct mypoll_stats - statistics of a file's queue since its first MYPOLL_CONFIGURE
 * @generated: events that passed the filter. Equal to @read + @lost + @depth unless a program
 *	stores an invalid head in the mapped page, after which @read is an estimate
 * @read: events that were read, or taken from the mapped ring
 * @lost: lost events
 * @depth: events in the queue
 * @high_water: maximum of @depth so far
 * @capacity: maximum number of events
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

#define MYPOLL_STATS_SIZE_VER0	40

/* Features of the driver. */
#define MYPOLL_FEATURE_QUEUES	_BITULL(0)	/* MYPOLL_CONFIGURE with everything above */
#define MYPOLL_FEATURE_MMAP	_BITULL(1)	/* struct mypoll_ring */
#define MYPOLL_FEATURE_LEVELS	_BITULL(2)	/* struct mypoll_levels, line_sequence */
#define MYPOLL_FEATURE_COUNTERS	_BITULL(3)	/* struct mypoll_line from @line_sequence on */

/**
 * struct mypoll_info - the driver
 * @queues_max: maximum number of private queues
 * @line_count: current number of GPIO lines
 * @features: MYPOLL_FEATURE_*
 * @lines: the existing lines, as in struct mypoll_config
 */
struct mypoll_info {
	__u32 queues_max;
	__u32 line_count;
	__aligned_u64 features;
	__aligned_u64 lines[MYPOLL_LINES_MAX / 64];
};

#define MYPOLL_INFO_SIZE_VER0	144

#define MYPOLL_LABEL_MAX	64
#define MYPOLL_CHIP_MAX		32

#define MYPOLL_LINE_ACTIVE_LOW	_BITUL(0)	/* a low level is active, and 1 */
#define MYPOLL_LINE_RISING	_BITUL(1)	/* becoming active is reported */
#define MYPOLL_LINE_FALLING	_BITUL(2)	/* becoming inactive is reported */
#define MYPOLL_LINE_WAKEUP	_BITUL(3)	/* wakes the machine from suspend */
#define MYPOLL_LINE_DEBOUNCED	_BITUL(4)	/* the driver, not the chip, debounces it */

/**
 * struct mypoll_line - a GPIO line
 * @number: the requested line, 0 to 1023; ENOENT if it does not exist
 * @offset: its number on its chip
 * @value: its logical level now, 0 or 1
 * @flags: MYPOLL_LINE_*
 * @debounce_us: the debounce time, 0 if it is not debounced
 * @reserved: 0
 * @label: its label, cut to fit and NUL-terminated
 * @line_sequence: that of its newest event, see struct mypoll_event
 * @reserved2: 0
 * @edges: number of interrupts
 * @reported: number of reported events
 * @bounced: number of @edges without an event because the contact was bouncing
 * @dropped: number of its events lost by full private queues, summed over the queues
 * @chip: the name of its chip, such as "gpiochip0", NUL-terminated
 */
struct mypoll_line {
	__u32 number;
	__u32 offset;
	__u32 value;
	__u32 flags;
	__u32 debounce_us;
	__u32 reserved;
	char label[MYPOLL_LABEL_MAX];
	__u32 line_sequence;
	__u32 reserved2;
	__aligned_u64 edges;
	__aligned_u64 reported;
	__aligned_u64 bounced;
	__aligned_u64 dropped;
	char chip[MYPOLL_CHIP_MAX];
};

#define MYPOLL_LINE_SIZE_VER0	88	/* up to @label */
#define MYPOLL_LINE_SIZE_VER1	128	/* up to @dropped */
#define MYPOLL_LINE_SIZE_VER2	160

/**
 * struct mypoll_levels - the levels of all lines at one moment in the order of events
 * @position: number of events that the file's queue has been offered so far, including lost ones.
 *	The position of an event that is read is its sequence, plus the sum of lost of all events up
 *	to and including it: the levels include each event whose position is not higher
 * @sequence: the sequence number of the last event that the queue accepted, 0 before the first.
 *	Too low with MYPOLL_OVERFLOW_DROP_OLDEST if events are dropped before a read: use @position
 * @reserved: 0
 * @lines: the existing lines, as in struct mypoll_config
 * @levels: the lines whose logical level is 1
 */
struct mypoll_levels {
	__aligned_u64 position;
	__u32 sequence;
	__u32 reserved;
	__aligned_u64 lines[MYPOLL_LINES_MAX / 64];
	__aligned_u64 levels[MYPOLL_LINES_MAX / 64];
};

#define MYPOLL_LEVELS_SIZE_VER0	272

/*
 * The size of the structure is part of each number, and later versions append fields. A program
 * may use an older or a newer structure than the driver, down to SIZE_VER0: fields that the
 * program lacks count as 0 and are not returned. Fields unknown to the driver must be 0 (E2BIG),
 * and are returned as 0. EINVAL: a structure smaller than SIZE_VER0, unknown bits, values out of
 * range, nonzero reserved fields. A call that fails changes nothing.
 *
 * MYPOLL_CONFIGURE: EUSERS if there are queues_max private queues, EPERM if the memory of the
 * user's queues would exceed RLIMIT_MEMLOCK (without CAP_IPC_LOCK), ENOMEM; EBUSY if the ring was
 * mapped, or if the file has O_ASYNC but no private queue yet. It may be called again: waiting
 * events keep their order and time stamps, regardless of the new filter and clock. The new
 * overflow policy decides which are lost if the new capacity is too small. A waiter that polled
 * the file before the first MYPOLL_CONFIGURE, or an epoll set that has held it since then,
 * continues to wait for the shared queue.
 *
 * MYPOLL_GET_STATS: EINVAL for a file without a private queue. MYPOLL_GET_LEVELS: for such a file
 * it uses the shared queue.
 */
#define MYPOLL_IOC_MAGIC	0xE6
#define MYPOLL_CONFIGURE	_IOW(MYPOLL_IOC_MAGIC, 0x01, struct mypoll_config)
#define MYPOLL_GET_STATS	_IOR(MYPOLL_IOC_MAGIC, 0x02, struct mypoll_stats)
#define MYPOLL_GET_INFO		_IOR(MYPOLL_IOC_MAGIC, 0x03, struct mypoll_info)
#define MYPOLL_GET_LINE		_IOWR(MYPOLL_IOC_MAGIC, 0x04, struct mypoll_line)
#define MYPOLL_GET_LEVELS	_IOR(MYPOLL_IOC_MAGIC, 0x05, struct mypoll_levels)

/*
 * The ring of a queue with MYPOLL_OVERFLOW_DROP_NEWEST, for mmap with MAP_SHARED: at
 * MYPOLL_OFF_RING a struct mypoll_ring, at MYPOLL_OFF_EVENTS its (mask + 1) slots, which can't be
 * mapped for writing (EPERM). Neither can be mapped for execution (EPERM). Lengths are rounded up
 * to pages; other lengths and offsets are EINVAL, as is mmap before MYPOLL_CONFIGURE and with
 * MYPOLL_OVERFLOW_DROP_OLDEST.
 */
#define MYPOLL_OFF_RING		0x00000000
#define MYPOLL_OFF_EVENTS	0x01000000

/**
 * struct mypoll_ring - the two ends of a mapped ring
 * @head: the position of the next event to take; the program stores it with release order after
 *	reading the slots before it
 * @tail: the position after the last event; the program loads it with acquire order
 * @mask: the event at position p is in slot p & @mask
 * @capacity: tail - head when the ring is full
 *
 * Positions wrap at 2^32; tail - head, modulo 2^32, is the number of waiting events. The driver
 * reads only @head. If it is not within @capacity of the driver's own tail, the driver uses
 * tail - @capacity, a full ring: only this file then loses events.
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
