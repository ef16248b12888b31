// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floor of ./scripts/bench: the least that takes an edge of a GPIO line to a reader. One line,
 * one reader, one ring, no feature, and no access check either: for the bench's guest alone.
 */
#include <linux/gpio/consumer.h>
#include <linux/interrupt.h>
#include <linux/miscdevice.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/uio.h>
#include <linux/wait.h>

#define CAPACITY 4096 /* a power of 2 */

/**
 * struct floor_record - what read() gives
 * @timestamp_ns: CLOCK_MONOTONIC in the interrupt handler
 * @sequence: counts the edges since the open, those that were lost too
 * @reserved: up to the size of struct mypoll_event
 */
struct floor_record {
	u64 timestamp_ns;
	u32 sequence;
	u32 reserved[5];
};

static_assert(sizeof(struct floor_record) == 32);

static struct floor_record ring[CAPACITY];
static u32 head, tail, sequence;
static DEFINE_SPINLOCK(lock);
static DECLARE_WAIT_QUEUE_HEAD(readers);

static irqreturn_t floor_edge(int irq, void *data)
{
	u64 now = ktime_get_ns();
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	sequence++;
	if (tail - head < CAPACITY) {
		ring[tail % CAPACITY] = (struct floor_record){
			.timestamp_ns = now,
			.sequence = sequence,
		};
		tail++;
	}
	spin_unlock_irqrestore(&lock, flags);

	wake_up_interruptible_poll(&readers, EPOLLIN | EPOLLRDNORM);
	return IRQ_HANDLED;
}

/* Forgets what was before. */
static int floor_open(struct inode *inode, struct file *file)
{
	spin_lock_irq(&lock);
	head = tail;
	sequence = 0;
	spin_unlock_irq(&lock);
	return 0;
}

/* Does not wait: the bench polls first. */
static ssize_t floor_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	size_t count = iov_iter_count(to) / sizeof(*ring);
	size_t stretch, copied;
	u32 first;

	spin_lock_irq(&lock);
	first = head;
	count = min_t(size_t, count, tail - head);
	spin_unlock_irq(&lock);
	if (!count)
		return -EAGAIN;

	stretch = min_t(size_t, count, CAPACITY - first % CAPACITY);
	copied = copy_to_iter(&ring[first % CAPACITY], stretch * sizeof(*ring), to);
	if (copied == stretch * sizeof(*ring) && count > stretch)
		copied += copy_to_iter(ring, (count - stretch) * sizeof(*ring), to);
	if (copied < count * sizeof(*ring))
		return -EFAULT;

	spin_lock_irq(&lock);
	head += count;
	spin_unlock_irq(&lock);
	return copied;
}

static __poll_t floor_poll(struct file *file, poll_table *wait)
{
	poll_wait(file, &readers, wait);
	return READ_ONCE(tail) != READ_ONCE(head) ? EPOLLIN | EPOLLRDNORM : 0;
}

static const struct file_operations floor_fops = {
	.owner = THIS_MODULE,
	.open = floor_open,
	.read_iter = floor_read_iter,
	.poll = floor_poll,
};

static struct miscdevice floor_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mypoll-floor",
	.fops = &floor_fops,
};

static int floor_probe(struct platform_device *pdev)
{
	struct gpio_desc *line;
	int irq, ret;

	line = devm_gpiod_get(&pdev->dev, NULL, GPIOD_IN);
	if (IS_ERR(line))
		return PTR_ERR(line);
	irq = gpiod_to_irq(line);
	if (irq < 0)
		return irq;
	ret = devm_request_irq(&pdev->dev, irq, floor_edge,
			       IRQF_TRIGGER_RISING | IRQF_TRIGGER_FALLING, "mypoll-floor", NULL);
	if (ret)
		return ret;
	return misc_register(&floor_device);
}

static void floor_remove(struct platform_device *pdev)
{
	misc_deregister(&floor_device);
}

static const struct of_device_id floor_of_match[] = {
	{ .compatible = "mypoll,bench-floor" },
	{}
};
MODULE_DEVICE_TABLE(of, floor_of_match);

static struct platform_driver floor_driver = {
	.driver = {
		.name = "mypoll-floor",
		.of_match_table = floor_of_match,
	},
	.probe = floor_probe,
	.remove = floor_remove,
};
module_platform_driver(floor_driver);

MODULE_DESCRIPTION("The floor of mypoll's bench");
MODULE_LICENSE("GPL");
