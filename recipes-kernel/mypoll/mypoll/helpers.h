/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface between the Rust and the C half of the module; kernel_ext/ has the Rust side of
 * each declaration.
 */

#ifndef MYPOLL_HELPERS_H
#define MYPOLL_HELPERS_H

#include <linux/types.h>

struct file;
struct inode;
struct miscdevice;
struct spinlock;
struct user_struct;
struct vm_area_struct;
struct wait_queue_head;

/* kernel_ext/spinlock_irq.rs */
unsigned long mypoll_spin_lock_irqsave(struct spinlock *lock);
bool mypoll_spin_trylock_irqsave(struct spinlock *lock, unsigned long *flags);
void mypoll_spin_unlock_irqrestore(struct spinlock *lock, unsigned long flags);

/* kernel_ext/wait.rs */
bool mypoll_wait_queue_end(struct wait_queue_head *queue);

/* kernel_ext/mapped_area.rs */
void *mypoll_vmalloc_user(unsigned long size);
int mypoll_map_vmalloc(struct vm_area_struct *vma, const void *address);

/* kernel_ext/memlock.rs */
struct user_struct *mypoll_memlock_charge(unsigned long pages);
void mypoll_memlock_uncharge(struct user_struct *user, unsigned long pages);

/* kernel_ext/cred.rs */
bool mypoll_capable_sys_admin(void);

/* kernel_ext/params.rs */
extern unsigned int mypoll_queue_size;
extern unsigned int mypoll_queues_max;
extern unsigned int mypoll_timer_period_ms;
extern bool mypoll_poll_ret0;
extern bool mypoll_debugfs;
void mypoll_debug_poll_ret0(void);

/* kernel_ext/misc_device.rs; @page is the page that a sysfs file is read into */
typedef ssize_t mypoll_show_fn(struct miscdevice *misc, const char *name, char *page);
void mypoll_set_attributes(struct miscdevice *misc, mypoll_show_fn *show);
extern const int mypoll_iocb_nowait;
void mypoll_stream_open(struct inode *inode, struct file *file);

#endif
