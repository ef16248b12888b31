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

/* What happened there. A filter has them as bits: 1 << MYPOLL_KIND_RISING. */
#define MYPOLL_KIND_TRIGGER	1	/* manual */
#define MYPOLL_KIND_TICK	2	/* timer */
#define MYPOLL_KIND_RISING	3	/* gpio: the line became active */
#define MYPOLL_KIND_FALLING	4	/* gpio: the line became inactive */
#define MYPOLL_KIND_REMOVED	5	/* gpio: the line went away */
#define MYPOLL_KIND_ADDED	6	/* gpio: the line came; private queues only */

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
 * @value: gpio: the logical level after the edge, 0 or 1 (MYPOLL_KIND_ADDED: the level now,
 *	MYPOLL_KIND_REMOVED: 0); timer: how many periods this tick stands for; manual: 0
 * @line_sequence: gpio: 1 for the event that adds the line, then one more for each event of this
 *	line, whichever queues take it; wraps at 2^32; 0 for other sources
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
 * struct mypoll_config - the settings of a private queue; all 0 are the defaults
 * @capacity: how many events it holds, 1 to MYPOLL_CAPACITY_MAX; 0 is MYPOLL_CAPACITY_DEFAULT
 * @overflow: MYPOLL_OVERFLOW_*
 * @clock: MYPOLL_CLOCK_*
 * @sources: which sources it takes, bits 1 << MYPOLL_SOURCE_*; 0 is all of them, those of later
 *	versions too
 * @watermark_events: how many events make the file readable, 1 to @capacity; 0 is 1
 * @watermark_us: or how many microseconds after the first of fewer events, up to
 *	MYPOLL_WATERMARK_US_MAX; 0 is never
 * @flags: 0
 * @kinds: which kinds of events it takes, bits 1 << MYPOLL_KIND_*; 0 is all of them, those of later
 *	versions too
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
	__u32 kinds;
	__aligned_u64 lines[MYPOLL_LINES_MAX / 64];
};

#define MYPOLL_CONFIG_SIZE_VER0	160	/* sizeof the first published struct */

/**
 * struct mypoll_stats - the account of a file's queue since its first MYPOLL_CONFIGURE
 * @generated: events that its filter let through. It is @read + @lost + @depth, as long as no
 *	program stores an impossible head in the mapped page; @read is a guess after that
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

#define MYPOLL_STATS_SIZE_VER0	40

/* What a driver can do. */
#define MYPOLL_FEATURE_QUEUES	_BITULL(0)	/* MYPOLL_CONFIGURE with all that is above */
#define MYPOLL_FEATURE_MMAP	_BITULL(1)	/* struct mypoll_ring */
#define MYPOLL_FEATURE_LEVELS	_BITULL(2)	/* struct mypoll_levels, line_sequence */
#define MYPOLL_FEATURE_COUNTERS	_BITULL(3)	/* struct mypoll_line from @line_sequence on */

/**
 * struct mypoll_info - the driver
 * @queues_max: how many private queues there may be at a time
 * @line_count: how many GPIO lines there are now
 * @features: MYPOLL_FEATURE_*
 * @lines: which they are, as in struct mypoll_config
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
 * @line_sequence: that of its newest event, see struct mypoll_event
 * @reserved2: 0
 * @edges: how many interrupts it raised
 * @reported: how many events of it were reported
 * @bounced: how many of @edges gave no event, as the contact was bouncing
 * @dropped: how many events of it full private queues lost, those of all queues together
 * @chip: the name of its chip, such as "gpiochip0", ended by a 0
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
 * @position: how many events the file's queue was offered until then, whether it lost them or not.
 *	The position of an event that is read is its sequence, plus the lost of all events read up
 *	to and with it: the levels contain each event whose position is not higher
 * @sequence: the sequence number of the last event that the queue took, 0 before the first. With
 *	MYPOLL_OVERFLOW_DROP_OLDEST it is lower by what is dropped before it is read: use @position
 * @reserved: 0
 * @lines: which lines there are, as in struct mypoll_config
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
 * may use an older or a newer structure than the driver, down to its SIZE_VER0: fields that the
 * program lacks count as 0 and are not returned. Fields that the driver does not know must be 0
 * (E2BIG), and are returned as 0. EINVAL: a structure below SIZE_VER0, unknown bits, values out
 * of range, reserved fields that are not 0. A call that fails changes nothing.
 *
 * MYPOLL_CONFIGURE: EUSERS if there are queues_max private queues, EPERM if the memory of the
 * user's queues would exceed RLIMIT_MEMLOCK (CAP_IPC_LOCK lifts that), ENOMEM; EBUSY if the ring
 * was mapped, or if the file has O_ASYNC but no private queue yet. It may be called again: events
 * that wait stay in their order, with their time stamps, whatever the new filter and clock. The
 * new overflow policy decides which are lost if the new capacity is too small. A waiter that
 * polled the file before the first MYPOLL_CONFIGURE, or an epoll set that holds it since then,
 * goes on to wait for the shared queue.
 *
 * MYPOLL_GET_STATS: EINVAL for a file without a private queue. MYPOLL_GET_LEVELS: for such a file
 * the queue is the shared one.
 */
#define MYPOLL_IOC_MAGIC	0xE6
#define MYPOLL_CONFIGURE	_IOW(MYPOLL_IOC_MAGIC, 0x01, struct mypoll_config)
#define MYPOLL_GET_STATS	_IOR(MYPOLL_IOC_MAGIC, 0x02, struct mypoll_stats)
#define MYPOLL_GET_INFO		_IOR(MYPOLL_IOC_MAGIC, 0x03, struct mypoll_info)
#define MYPOLL_GET_LINE		_IOWR(MYPOLL_IOC_MAGIC, 0x04, struct mypoll_line)
#define MYPOLL_GET_LEVELS	_IOR(MYPOLL_IOC_MAGIC, 0x05, struct mypoll_levels)

/*
 * The ring of a queue with MYPOLL_OVERFLOW_DROP_NEWEST, by mmap with MAP_SHARED: at
 * MYPOLL_OFF_RING a struct mypoll_ring, at MYPOLL_OFF_EVENTS its (mask + 1) slots, which can't be
 * mapped for writing (EPERM). Neither can be mapped for execution (EPERM). Lengths are rounded up
 * to pages; another length or offset is EINVAL, as is mmap before MYPOLL_CONFIGURE and with
 * MYPOLL_OVERFLOW_DROP_OLDEST.
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
 * that is not within @capacity of its own tail counts as tail - @capacity, a full ring: this file
 * loses events then, and nobody else does.
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
