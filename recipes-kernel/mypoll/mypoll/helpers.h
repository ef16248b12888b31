/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The seam between the Rust and the C half of the module; abstractions/ has the Rust side of each
 * declaration.
 */

#ifndef MYPOLL_HELPERS_H
#define MYPOLL_HELPERS_H

#include <linux/types.h>

struct device;
struct fwnode_handle;
struct gpio_desc;
struct miscdevice;
struct notifier_block;
struct spinlock;
struct vm_area_struct;

/* From C, for abstractions/spinlock_irq.rs. */
unsigned long mypoll_spin_lock_irqsave(struct spinlock *lock);
bool mypoll_spin_trylock_irqsave(struct spinlock *lock, unsigned long *flags);
void mypoll_spin_unlock_irqrestore(struct spinlock *lock, unsigned long flags);

/* From C, for abstractions/mapped_memory.rs. */
void *mypoll_vmalloc_user(unsigned long size);
int mypoll_map_vmalloc(struct vm_area_struct *vma, const void *address);

/* From C, for abstractions/gpio.rs. */
struct gpio_desc *mypoll_gpiod_get_input(struct fwnode_handle *fwnode, const char *consumer);
int mypoll_gpiod_link(struct gpio_desc *desc, struct device *consumer);
unsigned int mypoll_gpiod_offset(struct gpio_desc *desc);

/* From C, for abstractions/wakeup.rs. */
int mypoll_device_init_wakeup(struct device *dev);
bool mypoll_device_may_wakeup(struct device *dev);
void mypoll_pm_wakeup_event(struct device *dev, unsigned int msec);
int mypoll_register_pm_notifier(struct notifier_block *nb);
void mypoll_unregister_pm_notifier(struct notifier_block *nb);

/* From C, for abstractions/params.rs. */
extern bool mypoll_poll_ret0;
unsigned int mypoll_queue_size(void);
unsigned int mypoll_timer_period_ms(void);
void mypoll_debug_poll_ret0(void);
bool mypoll_debugfs(void);

/* From C, for abstractions/dynamic_debug.rs. */
void mypoll_debug_event(u16 source, u16 kind, u32 line, u32 value, u64 timestamp_ns);

/* From C, for abstractions/fops.rs. */
void mypoll_set_attributes(struct miscdevice *misc);

/* From Rust, in abstractions/params.rs. */
extern const unsigned int mypoll_timer_period_ms_max;

/* From Rust, in abstractions/attributes.rs; buf is a page. */
ssize_t mypoll_stats_show(char *buf);
ssize_t mypoll_lines_show(char *buf);
ssize_t mypoll_statistic_show(const char *name, char *buf);

#endif
