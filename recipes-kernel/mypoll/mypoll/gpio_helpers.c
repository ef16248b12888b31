// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inline functions and structures of gpiolib and the driver core that Rust can't reach by itself.
 */

#include <linux/delay.h>
#include <linux/device.h>
#include <linux/gpio/consumer.h>
#include <linux/gpio/driver.h>
#include <linux/pm_wakeup.h>
#include <linux/suspend.h>

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

/* Called with the lock of @chip held, which keeps its driver. */
static int link_to_chip(struct device *consumer, struct device *chip)
{
	struct device_link *link;

	/* What has no driver can't be unbound from it. */
	if (!chip->driver)
		return 0;

	link = device_link_add(consumer, chip, DL_FLAG_AUTOPROBE_CONSUMER);
	if (!link)
		return -EINVAL;
	/* The chip is being unbound, which would not unbind @consumer any more. */
	return READ_ONCE(link->status) == DL_STATE_SUPPLIER_UNBIND ? -EPROBE_DEFER : 0;
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
 * Has the driver core unbind @consumer before the chip of @desc, and bind it again after it.
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
