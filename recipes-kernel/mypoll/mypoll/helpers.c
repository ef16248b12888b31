// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Rust can't reach by itself: inline functions, module parameters and sysfs attributes, which
 * are macros. Nothing is decided here.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compiler.h>
#include <linux/device.h>
#include <linux/gpio/consumer.h>
#include <linux/gpio/driver.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pm_wakeup.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include <linux/suspend.h>
#include <linux/vmalloc.h>

#include "helpers.h"

#define QUEUE_SIZE_MAX 65536

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
 * As vmalloc_user(), but what a program may ask for at any time is charged to it and must not fill
 * the log.
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

struct gpio_desc *mypoll_gpiod_get_input(struct fwnode_handle *fwnode, const char *consumer)
{
	return fwnode_gpiod_get_index(fwnode, NULL, 0, GPIOD_IN, consumer);
}

int mypoll_gpiod_link(struct gpio_desc *desc, struct device *consumer)
{
	struct device *chip = gpio_device_to_device(gpiod_to_gpio_device(desc))->parent;

	/* Without a driver it can't be unbound from one. */
	if (!chip || !chip->driver)
		return 0;

	return device_link_add(consumer, chip, DL_FLAG_AUTOPROBE_CONSUMER) ? 0 : -EINVAL;
}

unsigned int mypoll_gpiod_offset(struct gpio_desc *desc)
{
	return desc_to_gpio(desc) - gpio_device_get_base(gpiod_to_gpio_device(desc));
}

int mypoll_device_init_wakeup(struct device *dev)
{
	/* One of the device's lines was here before. */
	if (device_can_wakeup(dev))
		return 0;

	return devm_device_init_wakeup(dev);
}

bool mypoll_device_may_wakeup(struct device *dev)
{
	return device_may_wakeup(dev);
}

void mypoll_pm_wakeup_event(struct device *dev, unsigned int msec)
{
	pm_wakeup_event(dev, msec);
}

int mypoll_register_pm_notifier(struct notifier_block *nb)
{
	return register_pm_notifier(nb);
}

void mypoll_unregister_pm_notifier(struct notifier_block *nb)
{
	unregister_pm_notifier(nb);
}

static unsigned int queue_size = 16;
static unsigned int timer_period_ms = 1000;
bool mypoll_poll_ret0;
static bool debugfs;

static int queue_size_set(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, QUEUE_SIZE_MAX);
}

static int timer_period_ms_set(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, mypoll_timer_period_ms_max);
}

static const struct kernel_param_ops queue_size_ops = {
	.set = queue_size_set,
	.get = param_get_uint,
};

static const struct kernel_param_ops timer_period_ms_ops = {
	.set = timer_period_ms_set,
	.get = param_get_uint,
};

module_param_cb(queue_size, &queue_size_ops, &queue_size, 0444);
MODULE_PARM_DESC(queue_size, "How many events the queue holds, 1 to 65536 (default 16)");

module_param_cb(timer_period_ms, &timer_period_ms_ops, &timer_period_ms, 0644);
MODULE_PARM_DESC(timer_period_ms, "Period of a plain 'start' in ms, 1 to 3600000 (default 1000)");

module_param_named(poll_ret0, mypoll_poll_ret0, bool, 0644);
MODULE_PARM_DESC(poll_ret0, "While true, poll answers 0 whatever is queued (default false)");

module_param(debugfs, bool, 0444);
MODULE_PARM_DESC(debugfs, "Show the private queues in debugfs, in mypoll/queues (default false)");

unsigned int mypoll_queue_size(void)
{
	return queue_size;
}

unsigned int mypoll_timer_period_ms(void)
{
	return READ_ONCE(timer_period_ms);
}

bool mypoll_debugfs(void)
{
	return debugfs;
}

void mypoll_debug_poll_ret0(void)
{
	pr_debug("poll_ret0 is set: poll answers 0\n");
}

void mypoll_debug_event(u16 source, u16 kind, u32 line, u32 value, u64 timestamp_ns)
{
	pr_debug("source %u kind %u line %u value %u at %llu ns\n", source, kind, line, value,
		 timestamp_ns);
}

static ssize_t stats_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return mypoll_stats_show(buf);
}
static DEVICE_ATTR_RO(stats);

static ssize_t lines_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return mypoll_lines_show(buf);
}
static DEVICE_ATTR_RO(lines);

static struct attribute *mypoll_attrs[] = {
	&dev_attr_stats.attr,
	&dev_attr_lines.attr,
	NULL,
};

static const struct attribute_group mypoll_group = {
	.attrs = mypoll_attrs,
};

static ssize_t statistic_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return mypoll_statistic_show(attr->attr.name, buf);
}

#define STATISTIC(_name)						\
	static struct device_attribute statistic_##_name =		\
		__ATTR(_name, 0444, statistic_show, NULL)

STATISTIC(event_sequence);
STATISTIC(generated);
STATISTIC(dropped);
STATISTIC(manual_triggered);
STATISTIC(timer_triggered);
STATISTIC(gpio_triggered);
STATISTIC(timer_running);
STATISTIC(queue_depth);
STATISTIC(queue_capacity);
STATISTIC(queue_high_water);
STATISTIC(private_queues);

static struct attribute *statistics_attrs[] = {
	&statistic_event_sequence.attr,
	&statistic_generated.attr,
	&statistic_dropped.attr,
	&statistic_manual_triggered.attr,
	&statistic_timer_triggered.attr,
	&statistic_gpio_triggered.attr,
	&statistic_timer_running.attr,
	&statistic_queue_depth.attr,
	&statistic_queue_capacity.attr,
	&statistic_queue_high_water.attr,
	&statistic_private_queues.attr,
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

void mypoll_set_attributes(struct miscdevice *misc)
{
	misc->groups = mypoll_groups;
}
