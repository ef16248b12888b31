// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A queue of its own in C: configured, waited for with epoll, read many events at a time.
 *
 *	cc -std=c11 -Wall -Wextra -I../mypoll/uapi -o queue queue.c
 *	./queue 3
 *
 * prints three events, one a line, and the account of the queue.
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

static void die(const char *what)
{
	fprintf(stderr, "queue: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void print_event(const struct mypoll_event *event)
{
	printf("event=%" PRIu32 " source=%u kind=%u line=%" PRIu32 " value=%" PRIu32
	       " lost=%" PRIu32 " timestamp_ns=%" PRIu64 "\n",
	       event->sequence, event->source, event->kind, event->line, event->value,
	       event->lost, (uint64_t)event->timestamp_ns);
}

/* Reads what there is, but for no more than @left events, and returns how many that were. */
static unsigned long read_events(int fd, unsigned long left)
{
	struct mypoll_event events[BATCH];
	size_t room = left < BATCH ? left : BATCH;
	ssize_t length = read(fd, events, room * sizeof(events[0]));
	size_t count;

	if (length < 0) {
		/* Nothing is there after all, or a signal came first: epoll_wait goes on. */
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		die("cannot read " DEVICE);
	}
	count = (size_t)length / sizeof(events[0]);
	for (size_t i = 0; i < count; i++)
		print_event(&events[i]);
	fflush(stdout);
	return count;
}

int main(int argc, char **argv)
{
	/* All that is 0 stays at the driver's default. */
	struct mypoll_config config = {
		.capacity = 1024,
		.overflow = MYPOLL_OVERFLOW_DROP_OLDEST,
		.watermark_events = 16,
		.watermark_us = 20 * 1000,
	};
	struct epoll_event wanted = { .events = EPOLLIN };
	struct mypoll_stats stats;
	unsigned long left;
	char *end;
	int fd, epoll;

	left = argc == 2 ? strtoul(argv[1], &end, 10) : 0;
	if (left == 0 || *end != '\0') {
		fprintf(stderr, "usage: queue COUNT\n"
				"Prints COUNT events of " DEVICE ", 1 at least, as a queue of its own gets them.\n");
		return 2;
	}

	fd = open(DEVICE, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die("cannot open " DEVICE);
	if (ioctl(fd, MYPOLL_CONFIGURE, &config) < 0)
		die("cannot configure a queue");

	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		die("cannot create an epoll");
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) < 0)
		die("cannot watch " DEVICE);

	while (left > 0) {
		struct epoll_event ready;

		if (epoll_wait(epoll, &ready, 1, -1) < 0 && errno != EINTR)
			die("cannot wait");
		left -= read_events(fd, left);
	}

	if (ioctl(fd, MYPOLL_GET_STATS, &stats) < 0)
		die("cannot get the account");
	fprintf(stderr, "%" PRIu64 " events: %" PRIu64 " read, %" PRIu64 " lost, %" PRIu32 " left\n",
		(uint64_t)stats.generated, (uint64_t)stats.read, (uint64_t)stats.lost, stats.depth);
	return EXIT_SUCCESS;
}
