// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inline functions and structures of gpiolib and the driver core that Rust cannot access itself.
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

/* Time limit for the lock of a chip's device: only a deadlock takes that long. */
#define CHIP_LOCK_TRIES		2500
#define CHIP_LOCK_PAUSE_US	2000

unsigned int mypoll_gpiod_offset(struct gpio_desc *desc)
{
	return desc_to_gpio(desc) - gpio_device_get_base(gpiod_to_gpio_device(desc));
}

/* Valid while @desc is requested. */
const char *mypoll_gpiod_chip_name(struct gpio_desc *desc)
{
	return dev_name(gpio_device_to_device(gpiod_to_gpio_device(desc)));
}

static struct gpio_desc *get_lookup_input(struct device *dev, const char *consumer)
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

/*
 * Waiting for the lock unconditionally could deadlock: whoever unbinds the chip holds it, and
 * waits for the probe of a consumer. But don't give up on a chip that is bound: a chip that was
 * just bound triggers deferred probes while its lock is still held, and nothing would trigger
 * this one again.
 */
static bool lock_bound_chip(struct device *chip)
{
	unsigned int tries;

	for (tries = 0; tries < CHIP_LOCK_TRIES; tries++) {
		enum dl_dev_state status;

		if (device_trylock(chip))
			return true;

		status = READ_ONCE(chip->links.status);
		if (status == DL_DEV_PROBING || status == DL_DEV_UNBINDING)
			return false;
		fsleep(CHIP_LOCK_PAUSE_US);
	}
	return false;
}

/* Called with the lock of @chip held, so that its binding does not change. */
static int link_to_locked_chip(struct device *consumer, struct device *chip)
{
	/* A device without a driver can't be unbound from it. */
	if (!chip->driver)
		return 0;
	/* Unbinding drops the lock in between, and would leave @consumer bound. */
	if (chip->links.status == DL_DEV_UNBINDING)
		return -EPROBE_DEFER;

	/*
	 * Not DL_FLAG_AUTOPROBE_CONSUMER, which ends with the chip's device. And the driver core
	 * warns about such a link if its consumer is unbound while the chip is.
	 */
	return device_link_add(consumer, chip, DL_FLAG_AUTOREMOVE_CONSUMER) ? 0 : -ENOMEM;
}

static int link_to_chip(struct device *consumer, struct device *chip)
{
	int ret;

	if (!chip)
		return 0;
	if (!lock_bound_chip(chip))
		return -EPROBE_DEFER;

	ret = link_to_locked_chip(consumer, chip);
	device_unlock(chip);
	return ret;
}

struct input_request {
	struct device *dev;
	struct fwnode_handle *fwnode;
	const char *consumer;
	struct gpio_desc *desc;
};

static int get_linked_input(struct gpio_chip *unused, const void *data)
{
	struct input_request *request = (struct input_request *)data;
	struct gpio_desc *desc;
	struct gpio_chip *gc;
	int ret;

	if (request->fwnode)
		desc = fwnode_gpiod_get_index(request->fwnode, NULL, 0, GPIOD_IN,
					      request->consumer);
	else
		desc = get_lookup_input(request->dev, request->consumer);

	if (!IS_ERR(desc)) {
		gc = gpio_device_get_chip(gpiod_to_gpio_device(desc));
		ret = link_to_chip(request->dev, gc->parent);
		if (ret) {
			gpiod_put(desc);
			desc = ERR_PTR(ret);
		}
	}
	request->desc = desc;
	return 1;
}

/*
 * Requests the line in @fwnode, or in a lookup table for @dev if that is NULL, and makes the
 * driver core unbind @dev before the line's chip.
 * -EPROBE_DEFER while the chip is absent, or being bound or unbound by somebody else.
 */
struct gpio_desc *mypoll_gpiod_get_input(struct device *dev, struct fwnode_handle *fwnode,
					 const char *consumer)
{
	struct input_request request = {
		.dev = dev,
		.fwnode = fwnode,
		.consumer = consumer,
		/* Without any chip. */
		.desc = ERR_PTR(-EPROBE_DEFER),
	};
	struct gpio_device *gdev;

	/*
	 * gpiolib removes no chip while it calls this function. Otherwise the line's chip could go
	 * away before the two are linked, and gpiolib never frees the label of a line that is put
	 * after its chip is gone.
	 */
	gdev = gpio_device_find(&request, get_linked_input);
	if (gdev)
		gpio_device_put(gdev);
	return request.desc;
}

struct leaving_search {
	const struct gpio_device *gdev;
	struct device *parent;
	bool leaving;
};

static int look_at_parent(struct gpio_chip *gc, const void *data)
{
	struct leaving_search *search = (struct leaving_search *)data;

	if (gc->gpiodev != search->gdev)
		return 0;

	search->leaving = gc->parent &&
			  READ_ONCE(gc->parent->links.status) == DL_DEV_UNBINDING;
	if (search->leaving)
		search->parent = get_device(gc->parent);
	return 1;
}

/*
 * Whether the chip of @desc is gone, or its driver is being unbound. In the latter case @parent is
 * set to the chip's device, to be put by the caller, else to NULL.
 */
bool mypoll_gpiod_is_leaving(struct gpio_desc *desc, struct device **parent)
{
	struct leaving_search search = {
		.gdev = gpiod_to_gpio_device(desc),
		.leaving = true,
	};
	struct gpio_device *gdev;

	gdev = gpio_device_find(&search, look_at_parent);
	if (gdev)
		gpio_device_put(gdev);
	*parent = search.parent;
	return search.leaving;
}

struct reprobe {
	struct work_struct work;
	struct device *dev;
	struct device *chip;
	struct fwnode_handle *chip_node;
};

/*
 * The driver core warns about a consumer that is probed while its supplier's devices are removed:
 * device_links_check_suppliers() mistakes a link of firmware nodes for one to a permanent supplier.
 */
static void wait_until_unbound(struct device *chip)
{
	enum dl_dev_state status;

	for (;;) {
		device_lock(chip);
		status = chip->links.status;
		device_unlock(chip);
		if (status != DL_DEV_UNBINDING)
			return;
		/* Unbinding has dropped the lock to unbind another consumer. */
		fsleep(CHIP_LOCK_PAUSE_US);
	}
}

static void reprobe(struct work_struct *work)
{
	struct reprobe *reprobe = container_of(work, struct reprobe, work);
	int ret;

	if (reprobe->chip) {
		wait_until_unbound(reprobe->chip);
		put_device(reprobe->chip);
		/*
		 * After the device: if this was its last reference, platform_device_release()
		 * of 7.3 reads the node after it has dropped the device's reference to it.
		 */
		fwnode_handle_put(reprobe->chip_node);
	}
	ret = device_attach(reprobe->dev);
	/* The driver logs errors. */
	if (ret < 0)
		dev_dbg(reprobe->dev, "not attached: %d\n", ret);
	put_device(reprobe->dev);
	kfree(reprobe);
}

struct workqueue_struct *mypoll_alloc_reprobe_queue(void)
{
	return alloc_workqueue("mypoll_reprobe", WQ_UNBOUND, 0);
}

/*
 * Probes @dev once its driver and that of @chip, which may be NULL, are unbound; if the probe is
 * deferred, again later.
 */
int mypoll_reprobe(struct workqueue_struct *queue, struct device *dev, struct device *chip)
{
	struct reprobe *new = kzalloc(sizeof(*new), GFP_KERNEL);

	if (!new)
		return -ENOMEM;

	INIT_WORK(&new->work, reprobe);
	new->dev = get_device(dev);
	new->chip = get_device(chip);
	if (chip)
		new->chip_node = fwnode_handle_get(dev_fwnode(chip));
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
