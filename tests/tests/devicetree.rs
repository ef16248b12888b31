// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver with a device tree that contains mistakes.

use std::fs;
use std::path::Path;
use std::process::Command;

use system_tests::{boot_with, sh};

/// The error for invalid labels.
const LABEL: &str = "line: label: must be 1 to 255 bytes without '/' and control characters, and neither \".\" nor \"..\"";

/// The log message for each node of bad-lines.dtso, except the valid one.
const MISTAKES: [(&str, &str); 15] = [
    (
        "no-line",
        "no lines: each needs a child node with a 'gpios' property",
    ),
    ("no-gpios", "line: gpios: failed to request line: ENOENT"),
    (
        "number-too-high",
        "line@400: reg: 1024 is too high, maximum is 1023",
    ),
    (
        "debounce-too-long",
        "line: debounce-interval: 4294968 ms is too long, maximum is 4294967 ms",
    ),
    (
        "unknown-edge",
        "line: mypoll,edge: must be \"both\", \"rising\" or \"falling\"",
    ),
    (
        "can-not-wake",
        "sleepy: wakeup-source: the line's chip can't wake the machine: ENXIO",
    ),
    (
        "debounce-without-a-value",
        "line: debounce-interval: present but invalid: EOVERFLOW",
    ),
    (
        "number-of-16-bits",
        "line: reg: present but invalid: EOVERFLOW",
    ),
    (
        "label-without-an-end",
        "line: label: present but invalid: EILSEQ",
    ),
    ("label-empty", LABEL),
    ("label-with-a-slash", LABEL),
    ("label-of-dots", LABEL),
    ("label-with-a-tab", LABEL),
    (
        "twice-the-same",
        "gpios: line in use by another driver or program",
    ),
    ("number-twice", "reg: 7 is in use by another line, using "),
];

#[test]
fn each_mistake_is_logged_and_the_other_lines_work() {
    let folder = tempfile::tempdir().unwrap();
    let overlay = folder.path().join("bad-lines.dtbo");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("devicetree/bad-lines.dtso");
    let text = fs::read_to_string(source).unwrap().replace("Tuer", "Tür");
    let source = folder.path().join("bad-lines.dtso");
    fs::write(&source, text).unwrap();
    let dtc = Command::new("dtc")
        .args(["-@", "-q", "-I", "dts", "-O", "dtb", "-o"])
        .args([&overlay, &source])
        .status();
    assert!(dtc.unwrap().success());

    let machine = boot_with("devicetree", false, |system| system.overlay = overlay);
    let log = sh(&machine, "dmesg");
    for (node, mistake) in MISTAKES {
        let prefix = format!("mypoll {node}: ");
        let is_logged = |line: &str| line.contains(&prefix) && line.contains(mistake);
        assert!(log.lines().any(is_logged), "{node}: {log}");
    }

    // A failed node leaves no lines and no events. Lines without reg are in an unspecified order, therefore `sort`.
    let lines = sh(&machine, "cut -d= -f3 /sys/class/misc/mypoll/lines | sort");
    assert_eq!(
        lines,
        "Tür\nactive low\nline@7\nline@8\nnamed-by-its-node\nsleepy\n"
    );
    let events = sh(&machine, "grep event_sequence /sys/class/misc/mypoll/stats");
    assert_eq!(events, "event_sequence=0\n");
    // No label causes a kernel warning.
    assert!(!log.contains("WARNING"), "{log}");
    let interrupts = sh(&machine, "grep -c Tür /proc/interrupts");
    assert_eq!(interrupts, "1\n");
    let bound = sh(
        &machine,
        "cd /sys/bus/platform/drivers/mypoll && echo */of_node",
    );
    assert_eq!(
        bound,
        "can-not-wake/of_node good/of_node number-twice/of_node\n"
    );
}
