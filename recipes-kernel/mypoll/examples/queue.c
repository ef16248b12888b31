// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A private queue in C: configures it, waits for it with epoll, and reads many events at a time.
 * Tracks the levels of all lines, and fetches them again after lost events.
 *
 *	cc -std=c11 -Wall -Wextra -I../mypoll/uapi -o queue queue.c
 *	./queue 3
 *
 * prints three events, one per line, then the levels and the statistics of the queue.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "mypoll.h"

#define DEVICE "/dev/mypoll"
#define BATCH 64

struct reader {
	int fd;
	/* Number of events that the queue was offered, up to the last one read. */
	uint64_t position;
	/* The levels after all events up to levels.position, and those read since. */
	struct mypoll_levels levels;
};

static void die(const char *what)
{
	fprintf(stderr, "queue: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void print_event(const struct mypoll_event *event)
{
	printf("event=%" PRIu32 " source=%u kind=%u line=%" PRIu32 " value=%" PRIu32
	       " lost=%" PRIu32 " timestamp_ns=%" PRIu64 " line_sequence=%" PRIu32 "\n",
	       event->sequence, event->source, event->kind, event->line, event->value,
	       event->lost, (uint64_t)event->timestamp_ns, event->line_sequence);
}

static void fetch_levels(struct reader *reader)
{
	if (ioctl(reader->fd, MYPOLL_GET_LEVELS, &reader->levels) < 0)
		die("cannot get the levels");
}

static void put_bit(__u64 *bits, uint32_t number, int value)
{
	__u64 bit = (__u64)1 << (number % 64);

	if (value)
		bits[number / 64] |= bit;
	else
		bits[number / 64] &= ~bit;
}

static int bit_is_set(const __u64 *bits, uint32_t number)
{
	return (int)(bits[number / 64] >> (number % 64) & 1);
}

/* Updates the levels with the next event. */
static void follow(struct reader *reader, const struct mypoll_event *event)
{
	reader->position += 1 + (uint64_t)event->lost;
	/* Events that were not read yet may be older than the levels. */
	if (reader->position <= reader->levels.position)
		return;
	if (event->lost > 0) {
		fetch_levels(reader);
		return;
	}
	if (event->source != MYPOLL_SOURCE_GPIO)
		return;
	put_bit(reader->levels.lines, event->line, event->kind != MYPOLL_KIND_REMOVED);
	put_bit(reader->levels.levels, event->line, event->value != 0);
}

static void print_levels(const struct mypoll_levels *levels)
{
	for (uint32_t number = 0; number < MYPOLL_LINES_MAX; number++) {
		if (bit_is_set(levels->lines, number))
			fprintf(stderr, "line %" PRIu32 " is %d\n", number,
				bit_is_set(levels->levels, number));
	}
}

/* Reads waiting events, at most @left, and returns their number. */
static unsigned long read_events(struct reader *reader, unsigned long left)
{
	struct mypoll_event events[BATCH];
	size_t room = left < BATCH ? left : BATCH;
	ssize_t length = read(reader->fd, events, room * sizeof(events[0]));
	size_t count;

	if (length < 0) {
		/* Nothing to read after all, or a signal arrived: continue with epoll_wait. */
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		die("cannot read " DEVICE);
	}
	count = (size_t)length / sizeof(events[0]);
	for (size_t i = 0; i < count; i++) {
		print_event(&events[i]);
		follow(reader, &events[i]);
	}
	fflush(stdout);
	return count;
}

int main(int argc, char **argv)
{
	/* Fields that are 0 select the driver's defaults. */
	struct mypoll_config config = {
		.capacity = 1024,
		.overflow = MYPOLL_OVERFLOW_DROP_OLDEST,
		.watermark_events = 16,
		.watermark_us = 20 * 1000,
	};
	struct epoll_event wanted = { .events = EPOLLIN };
	struct reader reader = { .position = 0 };
	struct mypoll_stats stats;
	unsigned long left;
	char *end;
	int epoll;

	left = argc == 2 ? strtoul(argv[1], &end, 10) : 0;
	if (left == 0 || *end != '\0') {
		fprintf(stderr, "usage: queue COUNT\n"
				"Prints COUNT events of " DEVICE ", at least 1, from a private queue.\n");
		return 2;
	}

	reader.fd = open(DEVICE, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (reader.fd < 0)
		die("cannot open " DEVICE);
	if (ioctl(reader.fd, MYPOLL_CONFIGURE, &config) < 0)
		die("cannot configure a queue");
	fetch_levels(&reader);

	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		die("cannot create an epoll");
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, reader.fd, &wanted) < 0)
		die("cannot watch " DEVICE);

	while (left > 0) {
		struct epoll_event ready;

		if (epoll_wait(epoll, &ready, 1, -1) < 0 && errno != EINTR)
			die("cannot wait");
		left -= read_events(&reader, left);
	}

	print_levels(&reader.levels);
	if (ioctl(reader.fd, MYPOLL_GET_STATS, &stats) < 0)
		die("cannot get the statistics");
	fprintf(stderr, "%" PRIu64 " events: %" PRIu64 " read, %" PRIu64 " lost, %" PRIu32 " left\n",
		(uint64_t)stats.generated, (uint64_t)stats.read, (uint64_t)stats.lost, stats.depth);
	return EXIT_SUCCESS;
}
