/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints on the path of an event; trace.rs describes when each is hit.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mypoll

#if !defined(MYPOLL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MYPOLL_TRACE_H

#include <linux/tracepoint.h>

#ifndef MYPOLL_TRACE_NAMES
#define MYPOLL_TRACE_NAMES
#define mypoll_show_source(source)					\
	__print_symbolic(source, { 1, "manual" }, { 2, "timer" }, { 3, "gpio" })
#define mypoll_show_kind(kind)						\
	__print_symbolic(kind, { 1, "trigger" }, { 2, "tick" },		\
			 { 3, "rising" }, { 4, "falling" },		\
			 { 5, "removed" }, { 6, "added" })
#endif

TRACE_EVENT(mypoll_edge,
	TP_PROTO(u32 line, u64 timestamp_ns),
	TP_ARGS(line, timestamp_ns),
	TP_STRUCT__entry(
		__field(u64, timestamp_ns)
		__field(u32, line)
	),
	TP_fast_assign(
		__entry->timestamp_ns = timestamp_ns;
		__entry->line = line;
	),
	TP_printk("line=%u timestamp_ns=%llu", __entry->line, __entry->timestamp_ns)
);

TRACE_EVENT(mypoll_queued,
	TP_PROTO(u16 source, u16 kind, u32 line, u32 value, u64 timestamp_ns, u32 queues),
	TP_ARGS(source, kind, line, value, timestamp_ns, queues),
	TP_STRUCT__entry(
		__field(u64, timestamp_ns)
		__field(u32, line)
		__field(u32, value)
		__field(u32, queues)
		__field(u16, source)
		__field(u16, kind)
	),
	TP_fast_assign(
		__entry->timestamp_ns = timestamp_ns;
		__entry->line = line;
		__entry->value = value;
		__entry->queues = queues;
		__entry->source = source;
		__entry->kind = kind;
	),
	TP_printk("source=%s kind=%s line=%u value=%u queues=%u timestamp_ns=%llu",
		  mypoll_show_source(__entry->source), mypoll_show_kind(__entry->kind),
		  __entry->line, __entry->value, __entry->queues, __entry->timestamp_ns)
);

TRACE_EVENT(mypoll_dropped,
	TP_PROTO(u16 source, u16 kind, u32 line, u32 queues),
	TP_ARGS(source, kind, line, queues),
	TP_STRUCT__entry(
		__field(u32, line)
		__field(u32, queues)
		__field(u16, source)
		__field(u16, kind)
	),
	TP_fast_assign(
		__entry->line = line;
		__entry->queues = queues;
		__entry->source = source;
		__entry->kind = kind;
	),
	TP_printk("source=%s kind=%s line=%u queues=%u",
		  mypoll_show_source(__entry->source), mypoll_show_kind(__entry->kind),
		  __entry->line, __entry->queues)
);

TRACE_EVENT(mypoll_read,
	TP_PROTO(u32 events, bool is_private),
	TP_ARGS(events, is_private),
	TP_STRUCT__entry(
		__field(u32, events)
		__field(bool, is_private)
	),
	TP_fast_assign(
		__entry->events = events;
		__entry->is_private = is_private;
	),
	TP_printk("queue=%s events=%u", __entry->is_private ? "private" : "shared",
		  __entry->events)
);

#endif

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE mypoll_trace
#include <trace/define_trace.h>
