// SPDX-License-Identifier: GPL-2.0-only
/*
 * Platform devices that each represent one line: their properties and lookup tables, which Rust
 * cannot build itself.
 */

#include <linux/device.h>
#include <linux/gpio/driver.h>
#include <linux/gpio/machine.h>
#include <linux/idr.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "gpio_helpers.h"

/* A platform device that represents one line, and the lookup table with the line. */
struct mypoll_line_device {
	struct platform_device *pdev;
	struct gpiod_lookup_table *lookup;
	char *dev_id;
	char *key;
	int id;
};

static DEFINE_IDA(line_device_ida);

/* Identifies these devices: driver_override can bind any device to the driver. */
static const struct device_type line_device_type = {
	.name = "mypoll_line",
};

struct chip_search {
	const char *name;
	unsigned int count;
	char *label;
};

static int count_label(struct gpio_chip *gc, const void *data)
{
	struct chip_search *search = (struct chip_search *)data;

	if (gc->label && !strcmp(gc->label, search->name))
		search->count++;
	return 0;
}

static int copy_label_of_name(struct gpio_chip *gc, const void *data)
{
	struct chip_search *search = (struct chip_search *)data;
	struct device *dev = gpio_device_to_device(gc->gpiodev);

	if (!gc->label || strcmp(dev_name(dev), search->name))
		return 0;

	search->label = kstrdup(gc->label, GFP_KERNEL);
	return 1;
}

/*
 * The label of the chip with label or name @name, to be freed by the caller. Lookup tables identify
 * chips only by label, so no other chip may have the same.
 */
static char *chip_label(const char *name)
{
	struct chip_search search = { .name = name };
	struct gpio_device *gdev;
	char *label;

	gdev = gpio_device_find(&search, copy_label_of_name);
	if (gdev) {
		gpio_device_put(gdev);
		label = search.label;
	} else {
		label = kstrdup(name, GFP_KERNEL);
	}
	if (!label)
		return ERR_PTR(-ENOMEM);

	search.name = label;
	gdev = gpio_device_find(&search, count_label);
	if (search.count == 1)
		return label;

	kfree(label);
	return ERR_PTR(search.count ? -ENOTUNIQ : -ENODEV);
}

static int add_lookup(struct mypoll_line_device *line, const struct mypoll_line_config *config)
{
	u16 hwnum = config->chip ? config->offset : U16_MAX;

	line->key = config->chip ? chip_label(config->chip) :
				   kstrdup(config->line_name, GFP_KERNEL);
	if (IS_ERR_OR_NULL(line->key)) {
		int ret = line->key ? PTR_ERR(line->key) : -ENOMEM;

		line->key = NULL;
		return ret;
	}
	line->dev_id = kasprintf(GFP_KERNEL, "mypoll.%d", line->id);
	if (!line->dev_id)
		return -ENOMEM;
	/* The second entry ends the table. */
	line->lookup = kzalloc(struct_size(line->lookup, table, 2), GFP_KERNEL);
	if (!line->lookup)
		return -ENOMEM;

	line->lookup->dev_id = line->dev_id;
	line->lookup->table[0] = GPIO_LOOKUP(line->key, hwnum, NULL, config->lookup_flags);
	gpiod_add_lookup_table(line->lookup);
	return 0;
}

static int add_device(struct mypoll_line_device *line, const struct mypoll_line_config *config,
		      const void *data)
{
	struct property_entry properties[6] = {
		PROPERTY_ENTRY_STRING("label", config->label),
		PROPERTY_ENTRY_STRING("mypoll,edge", config->edge),
		PROPERTY_ENTRY_U32("debounce-interval", config->debounce_ms),
	};
	unsigned int count = 3;
	int ret;

	if (config->has_number)
		properties[count++] = PROPERTY_ENTRY_U32("reg", config->number);
	if (config->wakeup)
		properties[count++] = PROPERTY_ENTRY_BOOL("wakeup-source");

	line->pdev = platform_device_alloc("mypoll", line->id);
	if (!line->pdev)
		return -ENOMEM;

	line->pdev->dev.type = &line_device_type;
	ret = platform_device_add_data(line->pdev, &data, sizeof(data));
	if (ret)
		goto put_device;
	ret = device_create_managed_software_node(&line->pdev->dev, properties, NULL);
	if (ret)
		goto put_device;
	ret = platform_device_add(line->pdev);
	if (ret)
		goto remove_node;
	return 0;

remove_node:
	device_remove_software_node(&line->pdev->dev);
put_device:
	platform_device_put(line->pdev);
	line->pdev = NULL;
	return ret;
}

/*
 * Registers a device for the driver "mypoll", which finds @data by mypoll_line_device_data().
 * -ENODEV if there is no such chip, -ENOTUNIQ if several chips share its label.
 */
struct mypoll_line_device *mypoll_line_device_register(const struct mypoll_line_config *config,
						       const void *data)
{
	struct mypoll_line_device *line = kzalloc(sizeof(*line), GFP_KERNEL);
	int ret;

	if (!line)
		return ERR_PTR(-ENOMEM);

	ret = ida_alloc(&line_device_ida, GFP_KERNEL);
	if (ret < 0) {
		kfree(line);
		return ERR_PTR(ret);
	}
	line->id = ret;

	ret = add_lookup(line, config);
	if (!ret)
		ret = add_device(line, config, data);
	if (ret) {
		mypoll_line_device_unregister(line);
		return ERR_PTR(ret);
	}
	return line;
}

/* Probes a device that was not probed yet, or waits for its probe. */
void mypoll_line_device_attach(struct mypoll_line_device *line)
{
	int ret = device_attach(&line->pdev->dev);

	/* The probe itself reports the result. */
	if (ret < 0)
		dev_dbg(&line->pdev->dev, "not attached: %d\n", ret);
}

/* Also cleans up after a failed registration. */
void mypoll_line_device_unregister(struct mypoll_line_device *line)
{
	platform_device_unregister(line->pdev);
	if (line->lookup)
		gpiod_remove_lookup_table(line->lookup);
	kfree(line->lookup);
	kfree(line->dev_id);
	kfree(line->key);
	ida_free(&line_device_ida, line->id);
	kfree(line);
}

/* The data of a line device, NULL for other devices. */
const void *mypoll_line_device_data(struct device *dev)
{
	const void **data = dev_get_platdata(dev);

	return dev->type == &line_device_type ? *data : NULL;
}
