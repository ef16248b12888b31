// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds the kernel's reports of its own faults ("splats") in its log.

/// Texts that identify a report; shared with testimage.
const SIGNS: &str = include_str!("../../../../lib/oeqa/runtime/cases/mypoll_splat_signs.txt");

/// Number of lines shown before and after a sign.
const CONTEXT: (usize, usize) = (2, 40);

/// The reports in a log, with line numbers; empty if there are none.
pub fn find(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let signs: Vec<_> = SIGNS
        .lines()
        .filter(|sign| !sign.is_empty() && !sign.starts_with('#'))
        .collect();
    let matches: Vec<usize> = (0..lines.len())
        .filter(|&at| signs.iter().any(|sign| lines[at].contains(sign)))
        .collect();
    let (before, after) = CONTEXT;
    let is_shown = |at: &usize| {
        let mut matches = matches.iter();
        matches.any(|sign| (sign.saturating_sub(before)..=sign + after).contains(at))
    };
    (0..lines.len())
        .filter(is_shown)
        .map(|at| format!("{}: {}\n", at + 1, lines[at]))
        .collect()
}

#[cfg(test)]
mod tests {
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

    /// A report of Linux 6.18 of each kind.
    const REPORTS: [&str; 12] = [
        "[   12.101100] WARNING: inconsistent lock state",
        "[   12.201100] BUG: KASAN: slab-use-after-free in mypoll_poll+0x40/0x80 [mypoll]",
        "[   12.301000] BUG: sleeping function called from invalid context at kernel/locking/mutex.c:575",
        "[   12.401000] ODEBUG: free active (active state 0) object: ffff0000c1a2b3c8 object type: hrtimer",
        "[  242.501000] INFO: task cat:71 blocked for more than 120 seconds.",
        "[   12.601000] Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008",
        "[   12.701000] UBSAN: shift-out-of-bounds in drivers/gpio/gpio-sim.c:100:10",
        "[   12.801000] refcount_t: underflow; use-after-free.",
        "unreferenced object 0xffff0000c1a2b300 (size 128):",
        "[   33.901000] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
        "[   12.950000] rust_kernel: panicked at queue.rs:10:5:",
        "[   12.961100] WARNING: kernel/irq/manage.c:785 at enable_irq+0x48/0x88, CPU#1: sh/70",
    ];

    #[test]
    fn every_kind_is_shown_with_its_context() {
        assert_eq!(find(CLEAN), "");
        for report in REPORTS {
            let found = find(&format!("{CLEAN}{report}\nCall trace:\n"));
            let numbers: Vec<_> = found
                .lines()
                .filter_map(|line| line.split(':').next())
                .collect();
            assert_eq!(numbers, ["8", "9", "10", "11"], "{found}");
            assert!(
                found.contains(&format!("10: {report}\n11: Call trace:\n")),
                "{found}"
            );
        }
    }

    #[test]
    fn only_the_context_of_reports_is_shown() {
        let quiet = CLEAN.repeat(6);
        let found = find(&format!(
            "{quiet}{}\n{quiet}{}\n{quiet}",
            REPORTS[1], REPORTS[2]
        ));
        assert_eq!(found.lines().count(), 2 * (2 + 1 + 40), "{found}");
    }
}
