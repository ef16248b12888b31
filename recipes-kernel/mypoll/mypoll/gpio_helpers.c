// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inline functions and structures of gpiolib and the driver core that Rust can't reach by itself.
 */

#include <linux/delay.h>
#include <linux/device.h>
#include <linux/gpio/consumer.h>
#include <linux/gpio/driver.h>
#include <linux/pm_wakeup.h>
#include <linux/slab.h>
#include <linux/suspend.h>
#include <linux/workqueue.h>

#include "gpio_helpers.h"

/* How long to wait for the lock of a chip's device. */
#define CHIP_LOCK_TRIES		50
#define CHIP_LOCK_PAUSE_US	2000

struct gpio_desc *mypoll_gpiod_get_input(struct fwnode_handle *fwnode, const char *consumer)
{
	return fwnode_gpiod_get_index(fwnode, NULL, 0, GPIOD_IN, consumer);
}

struct gpio_desc *mypoll_gpiod_get_lookup_input(struct device *dev, const char *consumer)
{
	struct gpio_desc *desc = gpiod_get(dev, NULL, GPIOD_IN);
	int ret;

	if (IS_ERR(desc))
		return desc;

	ret = gpiod_set_consumer_name(desc, consumer);
	if (ret) {
		gpiod_put(desc);
		return ERR_PTR(ret);
	}
	return desc;
}

unsigned int mypoll_gpiod_offset(struct gpio_desc *desc)
{
	return desc_to_gpio(desc) - gpio_device_get_base(gpiod_to_gpio_device(desc));
}

struct parent_search {
	const struct gpio_device *gdev;
	struct device *parent;
};

/* gpiolib keeps the chip while it calls this, and the chip keeps its parent. */
static int get_parent(struct gpio_chip *gc, const void *data)
{
	struct parent_search *search = (struct parent_search *)data;

	if (gc->gpiodev != search->gdev)
		return 0;

	search->parent = get_device(gc->parent);
	return 1;
}

/*
 * To wait for the lock would be a deadlock: whoever unbinds the chip holds it, and takes the lock
 * of the consumer, which a probe holds already. But to give up at once would be too early. A chip
 * that was just bound triggers the probes that were deferred while its lock is still held, and
 * nothing would trigger this one again.
 */
static bool lock_chip(struct device *chip)
{
	unsigned int tries;

	for (tries = 0; tries < CHIP_LOCK_TRIES; tries++) {
		if (device_trylock(chip))
			return true;
		fsleep(CHIP_LOCK_PAUSE_US);
	}
	return false;
}

/* Called with the lock of @chip held, which keeps the state of its binding. */
static int link_to_chip(struct device *consumer, struct device *chip)
{
	/* What has no driver can't be unbound from it. */
	if (!chip->driver)
		return 0;
	/* Whoever unbinds it drops the lock meanwhile, and would leave @consumer bound. */
	if (chip->links.status == DL_DEV_UNBINDING)
		return -EPROBE_DEFER;

	/*
	 * Not DL_FLAG_AUTOPROBE_CONSUMER, which does not outlive the chip's device. And the driver
	 * core warns of such a link if its consumer is unbound while the chip is.
	 */
	return device_link_add(consumer, chip, DL_FLAG_AUTOREMOVE_CONSUMER) ? 0 : -ENOMEM;
}

/*
 * The device of the chip of @desc, with a reference, NULL if it has none.
 * -ENODEV when the chip is gone.
 */
static struct device *get_chip(struct gpio_desc *desc)
{
	struct parent_search search = { .gdev = gpiod_to_gpio_device(desc) };
	struct gpio_device *gdev;

	gdev = gpio_device_find(&search, get_parent);
	if (!gdev)
		return ERR_PTR(-ENODEV);

	gpio_device_put(gdev);
	return search.parent;
}

/*
 * Has the driver core unbind @consumer before the chip of @desc.
 * -EPROBE_DEFER while the chip is bound or unbound by somebody else.
 */
int mypoll_gpiod_link(struct gpio_desc *desc, struct device *consumer)
{
	struct device *chip = get_chip(desc);
	int ret = -EPROBE_DEFER;

	if (IS_ERR(chip))
		return -EPROBE_DEFER;
	if (!chip)
		return 0;

	if (lock_chip(chip)) {
		ret = link_to_chip(consumer, chip);
		device_unlock(chip);
	}
	put_device(chip);
	return ret;
}

/* Whether the chip of @desc is gone, or its driver is being unbound. */
bool mypoll_gpiod_is_leaving(struct gpio_desc *desc)
{
	struct device *chip = get_chip(desc);
	bool leaving;

	if (IS_ERR_OR_NULL(chip))
		return IS_ERR(chip);

	leaving = READ_ONCE(chip->links.status) == DL_DEV_UNBINDING;
	put_device(chip);
	return leaving;
}

struct reprobe {
	struct work_struct work;
	struct device *dev;
};

static void reprobe(struct work_struct *work)
{
	struct reprobe *reprobe = container_of(work, struct reprobe, work);
	int ret = device_attach(reprobe->dev);

	/* The driver logs what is wrong. */
	if (ret < 0)
		dev_dbg(reprobe->dev, "not attached: %d\n", ret);
	put_device(reprobe->dev);
	kfree(reprobe);
}

struct workqueue_struct *mypoll_alloc_reprobe_queue(void)
{
	return alloc_workqueue("mypoll_reprobe", WQ_UNBOUND, 0);
}

/* Probes @dev once its driver is unbound, and if its probe is deferred, later again. */
int mypoll_reprobe(struct workqueue_struct *queue, struct device *dev)
{
	struct reprobe *new = kzalloc(sizeof(*new), GFP_KERNEL);

	if (!new)
		return -ENOMEM;

	INIT_WORK(&new->work, reprobe);
	new->dev = get_device(dev);
	queue_work(queue, &new->work);
	return 0;
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
