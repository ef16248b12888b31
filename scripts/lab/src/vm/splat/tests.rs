// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

const CLEAN: &str = "\
[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]
[    0.000000] kasan: KernelAddressSanitizer initialized (generic)
[    0.000000] Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
[    0.010132] kmemleak: Kernel memory leak detector initialized (mempool available: 15738)
[    0.445031] Warning: unable to open an initial console.
[    0.882599] Run /init as init process
[    1.101203] mypoll: loading out-of-tree module taints kernel.
2026-11-21T04:00:00Z  WARN 0.0.0.0:7070 is reachable from the network
[    9.200000] reboot: Power down
";

/// One report of each kind, as Linux 6.18 prints it.
const REPORTS: [(&str, &str); 12] = [
    (
        "lockdep",
        "\
[   12.101000] ================================
[   12.101100] WARNING: inconsistent lock state
[   12.101200] 6.18.15-mypoll #1 Tainted: G           O
[   12.101300] --------------------------------
[   12.101400] inconsistent {IN-HARDIRQ-W} -> {HARDIRQ-ON-W} usage.",
    ),
    (
        "kasan",
        "\
[   12.201000] ==================================================================
[   12.201100] BUG: KASAN: slab-use-after-free in mypoll_poll+0x40/0x80 [mypoll]
[   12.201200] Read of size 8 at addr ffff0000c1a2b3c8 by task cat/71",
    ),
    (
        "atomic sleep",
        "\
[   12.301000] BUG: sleeping function called from invalid context at kernel/locking/mutex.c:575
[   12.301100] in_atomic(): 1, irqs_disabled(): 128, non_block: 0, pid: 71, name: cat",
    ),
    (
        "odebug",
        "[   12.401000] ODEBUG: free active (active state 0) object: ffff0000c1a2b3c8 object type: hrtimer hint: tick",
    ),
    (
        "hung task",
        "[  242.501000] INFO: task cat:71 blocked for more than 120 seconds.",
    ),
    (
        "oops",
        "\
[   12.601000] Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008
[   12.601100] Mem abort info:",
    ),
    (
        "ubsan",
        "[   12.701000] UBSAN: shift-out-of-bounds in drivers/gpio/gpio-sim.c:100:10",
    ),
    (
        "refcount",
        "[   12.801000] refcount_t: underflow; use-after-free.",
    ),
    (
        "kmemleak",
        "\
unreferenced object 0xffff0000c1a2b300 (size 128):
  comm \"modprobe\", pid 61, jiffies 4294892500",
    ),
    (
        "rcu stall",
        "[   33.901000] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    ),
    (
        "rust panic",
        "[   12.950000] rust_kernel: panicked at queue.rs:10:5:",
    ),
    (
        "warning",
        "\
[   12.961000] ------------[ cut here ]------------
[   12.961100] WARNING: kernel/irq/manage.c:785 at enable_irq+0x48/0x88, CPU#1: sh/70
[   12.961200] Modules linked in: mypoll(O)
[   12.961300] Call trace:
[   12.961400]  enable_irq+0x48/0x88 (P)
[   12.961500] ---[ end trace 0000000000000000 ]---",
    ),
];

#[test]
fn a_clean_log_has_no_splat() {
    assert_eq!(find(CLEAN), []);
    assert_eq!(find(""), []);
}

#[test]
fn every_kind_is_found_and_shown_whole() {
    for (kind, report) in REPORTS {
        let splats = find(&format!("{CLEAN}{report}\n"));
        assert_eq!(splats.len(), 1, "{kind}: {splats:?}");
        assert!(splats[0].text.contains(report), "{kind}: {splats:?}");
        // Two lines before are there, too.
        assert!(splats[0].text.contains("reboot: Power down"), "{kind}");
    }
}

#[test]
fn the_place_is_that_of_the_first_sign() {
    let (_, report) = REPORTS[0];
    let place = CLEAN.lines().count() + 2;
    assert_eq!(find(&format!("{CLEAN}{report}\n"))[0].line, place);
}

#[test]
fn reports_far_apart_are_told_apart() {
    let quiet = CLEAN.repeat(6);
    let log = format!("{quiet}{}\n{quiet}{}\n{quiet}", REPORTS[1].1, REPORTS[2].1);
    let splats = find(&log);
    assert_eq!(splats.len(), 2);
    assert!(splats[0].text.contains("KASAN") && !splats[0].text.contains("sleeping"));
    assert!(splats[1].text.contains("sleeping"));
}
