/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The C side of gpio.rs, line_device.rs, reprobe.rs and wakeup.rs in kernel_ext, which have the
 * Rust side of each declaration.
 */

#ifndef MYPOLL_GPIO_HELPERS_H
#define MYPOLL_GPIO_HELPERS_H

#include <linux/types.h>

struct device;
struct fwnode_handle;
struct gpio_desc;
struct mypoll_line_device;
struct notifier_block;
struct workqueue_struct;

/**
 * struct mypoll_line_config - the description of a line device
 * @chip: label or name of the chip; NULL for a line that is looked up by @line_name
 * @line_name: name of the line if @chip is NULL
 * @label: property "label"
 * @edge: property "mypoll,edge"
 * @offset: number of the line on @chip, below U16_MAX
 * @lookup_flags: GPIO_ACTIVE_LOW and GPIO_PULL_*
 * @debounce_ms: property "debounce-interval"
 * @number: property "reg", if @has_number
 * @has_number: whether there is @number
 * @wakeup: property "wakeup-source"
 */
struct mypoll_line_config {
	const char *chip;
	const char *line_name;
	const char *label;
	const char *edge;
	u32 offset;
	u32 lookup_flags;
	u32 debounce_ms;
	u32 number;
	bool has_number;
	bool wakeup;
};

/* For kernel_ext/gpio.rs. */
struct gpio_desc *mypoll_gpiod_get_input(struct device *dev, struct fwnode_handle *fwnode,
					 const char *consumer);
bool mypoll_gpiod_is_leaving(struct gpio_desc *desc, struct device **parent);
unsigned int mypoll_gpiod_offset(struct gpio_desc *desc);
const char *mypoll_gpiod_chip_name(struct gpio_desc *desc);

/* For kernel_ext/line_device.rs, in line_device.c. */
struct mypoll_line_device *mypoll_line_device_register(const struct mypoll_line_config *config,
						       const void *data);
void mypoll_line_device_attach(struct mypoll_line_device *line);
void mypoll_line_device_unregister(struct mypoll_line_device *line);
const void *mypoll_line_device_data(struct device *dev);

/* For kernel_ext/reprobe.rs. */
struct workqueue_struct *mypoll_alloc_reprobe_queue(void);
int mypoll_reprobe(struct workqueue_struct *queue, struct device *dev, struct device *chip);

/* For kernel_ext/wakeup.rs. */
int mypoll_device_init_wakeup(struct device *dev);
bool mypoll_device_may_wakeup(struct device *dev);
void mypoll_pm_wakeup_event(struct device *dev, unsigned int msec);
int mypoll_register_pm_notifier(struct notifier_block *nb);
void mypoll_unregister_pm_notifier(struct notifier_block *nb);

#endif
