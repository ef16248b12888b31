// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interfaces that Rust cannot access itself: inline functions, and module parameters and sysfs
 * attributes, which are macros. Contains no logic.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/poll.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include "helpers.h"

#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "mypoll_trace.h"

#define QUEUE_SIZE_MAX 65536
/* bus/told.rs has room for this many. */
#define QUEUES_MAX_MAX 256
/* file/command.rs has the same. */
#define TIMER_PERIOD_MS_MAX 3600000

unsigned long mypoll_spin_lock_irqsave(struct spinlock *lock)
{
	unsigned long flags;

	spin_lock_irqsave(lock, flags);
	return flags;
}

bool mypoll_spin_trylock_irqsave(struct spinlock *lock, unsigned long *flags)
{
	return spin_trylock_irqsave(lock, *flags);
}

void mypoll_spin_unlock_irqrestore(struct spinlock *lock, unsigned long flags)
{
	spin_unlock_irqrestore(lock, flags);
}

/*
 * Like vmalloc_user(), but for memory that a program may request at any time: it is charged to the
 * program, and a failure is not logged.
 */
void *mypoll_vmalloc_user(unsigned long size)
{
	return __vmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
}

int mypoll_map_vmalloc(struct vm_area_struct *vma, const void *address)
{
	unsigned long user;
	int ret = 0;

	for (user = vma->vm_start; user < vma->vm_end && !ret; user += PAGE_SIZE) {
		ret = vm_insert_page(vma, user, vmalloc_to_page(address));
		address += PAGE_SIZE;
	}
	return ret;
}

/*
 * As in perf, io_uring and AF_XDP: one counter per user, limited by the calling task. Returns NULL
 * over the limit. mypoll_memlock_uncharge() releases the reference.
 */
struct user_struct *mypoll_memlock_charge(unsigned long pages)
{
	struct user_struct *user = get_uid(current_user());
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (atomic_long_add_return(pages, &user->locked_vm) > limit && !capable(CAP_IPC_LOCK)) {
		mypoll_memlock_uncharge(user, pages);
		return NULL;
	}
	return user;
}

void mypoll_memlock_uncharge(struct user_struct *user, unsigned long pages)
{
	atomic_long_sub(pages, &user->locked_vm);
	free_uid(user);
}

bool mypoll_capable_sys_admin(void)
{
	return capable(CAP_SYS_ADMIN);
}

/*
 * Removes all waiters. Returns whether there were any: they may use @queue until an RCU grace
 * period has passed.
 */
bool mypoll_wait_queue_end(struct wait_queue_head *queue)
{
	unsigned long flags;
	bool active;

	spin_lock_irqsave(&queue->lock, flags);
	/* Under the lock, so that no waiter is being removed concurrently. */
	active = waitqueue_active(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
	if (active)
		/* Like wake_up_pollfree(), which is not exported to modules. */
		__wake_up(queue, TASK_NORMAL, 0, poll_to_key(EPOLLHUP | POLLFREE));
	return active;
}

unsigned int mypoll_queue_size = 16;
unsigned int mypoll_queues_max = 64;
unsigned int mypoll_timer_period_ms = 1000;
bool mypoll_poll_ret0;
bool mypoll_debugfs;

static int queue_size_set(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, QUEUE_SIZE_MAX);
}

static int queues_max_set(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, QUEUES_MAX_MAX);
}

static int timer_period_ms_set(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, TIMER_PERIOD_MS_MAX);
}

static const struct kernel_param_ops queue_size_ops = {
	.set = queue_size_set,
	.get = param_get_uint,
};

static const struct kernel_param_ops queues_max_ops = {
	.set = queues_max_set,
	.get = param_get_uint,
};

static const struct kernel_param_ops timer_period_ms_ops = {
	.set = timer_period_ms_set,
	.get = param_get_uint,
};

module_param_cb(queue_size, &queue_size_ops, &mypoll_queue_size, 0444);
MODULE_PARM_DESC(queue_size, "How many events the shared queue holds, 1 to 65536 (default 16)");

module_param_cb(queues_max, &queues_max_ops, &mypoll_queues_max, 0444);
MODULE_PARM_DESC(queues_max, "How many private queues there may be, 1 to 256 (default 64)");

module_param_cb(timer_period_ms, &timer_period_ms_ops, &mypoll_timer_period_ms, 0644);
MODULE_PARM_DESC(timer_period_ms, "Period of a plain 'start' in ms, 1 to 3600000 (default 1000)");

module_param_named(poll_ret0, mypoll_poll_ret0, bool, 0644);
MODULE_PARM_DESC(poll_ret0, "While true, poll returns 0 whatever is queued (default false)");

module_param_named(debugfs, mypoll_debugfs, bool, 0444);
MODULE_PARM_DESC(debugfs, "Show the private queues in debugfs, in mypoll/queues (default false)");

void mypoll_debug_poll_ret0(void)
{
	pr_debug("poll_ret0 is set: poll answers 0\n");
}

/* Shows an attribute; set before the device is registered. */
static ssize_t (*attribute_show)(struct miscdevice *misc, const char *name, char *page);

static ssize_t show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return attribute_show(dev_get_drvdata(dev), attr->attr.name, buf);
}

#define ATTRIBUTE(_name)						\
	static struct device_attribute attribute_##_name = __ATTR(_name, 0444, show, NULL)

ATTRIBUTE(stats);
ATTRIBUTE(lines);

static struct attribute *mypoll_attrs[] = {
	&attribute_stats.attr,
	&attribute_lines.attr,
	NULL,
};

static const struct attribute_group mypoll_group = {
	.attrs = mypoll_attrs,
};

ATTRIBUTE(event_sequence);
ATTRIBUTE(generated);
ATTRIBUTE(dropped);
ATTRIBUTE(manual_triggered);
ATTRIBUTE(timer_triggered);
ATTRIBUTE(gpio_triggered);
ATTRIBUTE(timer_running);
ATTRIBUTE(queue_depth);
ATTRIBUTE(queue_capacity);
ATTRIBUTE(queue_high_water);
ATTRIBUTE(private_queues);
ATTRIBUTE(queues_max);

static struct attribute *statistics_attrs[] = {
	&attribute_event_sequence.attr,
	&attribute_generated.attr,
	&attribute_dropped.attr,
	&attribute_manual_triggered.attr,
	&attribute_timer_triggered.attr,
	&attribute_gpio_triggered.attr,
	&attribute_timer_running.attr,
	&attribute_queue_depth.attr,
	&attribute_queue_capacity.attr,
	&attribute_queue_high_water.attr,
	&attribute_private_queues.attr,
	&attribute_queues_max.attr,
	NULL,
};

static const struct attribute_group statistics_group = {
	.name = "statistics",
	.attrs = statistics_attrs,
};

static const struct attribute_group *mypoll_groups[] = {
	&mypoll_group,
	&statistics_group,
	NULL,
};

void mypoll_set_attributes(struct miscdevice *misc, mypoll_show_fn *show)
{
	attribute_show = show;
	misc->groups = mypoll_groups;
}

const int mypoll_iocb_nowait = IOCB_NOWAIT;

/* No position, and reads and writes that honour IOCB_NOWAIT. */
void mypoll_stream_open(struct inode *inode, struct file *file)
{
	stream_open(inode, file);
	file->f_mode |= FMODE_NOWAIT;
}
