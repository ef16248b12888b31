// SPDX-License-Identifier: MIT OR Apache-2.0

//! Operations of root around the device: sysfs, configfs, adding and removing lines.

use std::fs;
use std::path::{Path, PathBuf};

use nix::libc;

use crate::worker::Worker;

const CHIP: &str = "/sys/kernel/config/gpio-sim/mypoll-fuzz";
const LINES: &str = "/sys/kernel/config/mypoll";
const DRIVER: &str = "/sys/bus/platform/drivers/mypoll";
const PARAMETERS: &str = "/sys/module/mypoll/parameters";
const TRACING: &str = "/sys/kernel/tracing";
/// Maximum number of line folders, and of the chip's lines.
const FOLDERS: u64 = 4;

/// Creates a simulated chip, if the kernel supports it.
pub(crate) fn prepare() {
    let bank = Path::new(CHIP).join("bank0");
    // If this fails, it exists already or is not supported; the other operations continue.
    let _ = fs::create_dir(CHIP)
        .and_then(|()| fs::create_dir(&bank))
        .and_then(|()| fs::write(bank.join("num_lines"), "8"))
        .and_then(|()| fs::write(bank.join("label"), "mypoll-fuzz"))
        .and_then(|()| fs::write(Path::new(CHIP).join("live"), "1"));
}

/// Restores everything, whatever the run left behind.
pub(crate) fn restore() {
    for number in 0..FOLDERS {
        let _ = fs::remove_dir(folder_path(number));
    }
    let chip = Path::new(CHIP);
    let _ = fs::write(chip.join("live"), "0");
    let _ = fs::remove_dir(chip.join("bank0"));
    let _ = fs::remove_dir(chip);
    let _ = fs::write(Path::new(DRIVER).join("bind"), "events");
    let _ = fs::write(Path::new(PARAMETERS).join("poll_ret0"), "0");
    let _ = fs::write(Path::new(PARAMETERS).join("timer_period_ms"), "1000");
    let _ = fs::write(Path::new(TRACING).join("events/mypoll/enable"), "0");
}

fn folder_path(number: u64) -> PathBuf {
    Path::new(LINES).join(format!("fuzz-{number}"))
}

pub(crate) fn memlock(worker: &mut Worker) -> bool {
    let bytes = worker.rng.pick(&[0, 4096, 1 << 16, 1 << 20, 4 << 20]);
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: 4 << 20,
    };
    // SAFETY: The structure outlives the call.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) == 0 }
}

pub(crate) fn read_file(worker: &mut Worker) -> bool {
    let file = worker.rng.pick(&[
        "/sys/class/misc/mypoll/stats",
        "/sys/class/misc/mypoll/lines",
        "/sys/class/misc/mypoll/uevent",
        "/sys/class/misc/mypoll/statistics/generated",
        "/sys/class/misc/mypoll/statistics/private_queues",
        "/sys/class/misc/mypoll/statistics/queue_high_water",
        "/sys/class/misc/mypoll/statistics/queues_max",
        "/sys/kernel/debug/mypoll/queues",
        "/proc/interrupts",
    ]);
    fs::read(file).is_ok()
}

pub(crate) fn fdinfo(worker: &mut Worker) -> bool {
    fs::read(format!("/proc/self/fdinfo/{}", worker.file())).is_ok()
}

/// Pulls a line of a simulated chip.
pub(crate) fn press(worker: &mut Worker) -> bool {
    if !worker.pool.root {
        return false;
    }
    let level = worker.rng.pick(&["pull-up", "pull-down"]);
    let line = worker.rng.below(8);
    let chip = if worker.rng.one_in(2) {
        own_chip()
    } else {
        worker.pool.chip.clone()
    };
    chip.is_some_and(|chip| fs::write(chip.join(format!("sim_gpio{line}/pull")), level).is_ok())
}

/// The folder of this program's chip, if it exists.
fn own_chip() -> Option<PathBuf> {
    let chip = Path::new(CHIP);
    let device = fs::read_to_string(chip.join("dev_name")).ok()?;
    let name = fs::read_to_string(chip.join("bank0/chip_name")).ok()?;
    let devices = Path::new("/sys/devices/platform");
    Some(devices.join(device.trim_end()).join(name.trim_end()))
}

/// The folder of the simulated chip with the device tree's lines. Call it while no other thread closes files: reading a
/// folder opens one.
pub(crate) fn devicetree_chip() -> Option<PathBuf> {
    let own = own_chip();
    let mut chips = fs::read_dir("/sys/bus/gpio/devices").ok()?.flatten();
    chips.find_map(|entry| {
        let path = fs::canonicalize(entry.path()).ok()?;
        (Some(&path) != own.as_ref() && path.join("sim_gpio0").exists()).then_some(path)
    })
}

/// Creates or removes the folder of a line.
pub(crate) fn folder(worker: &mut Worker) -> bool {
    let path = folder_path(worker.rng.below(FOLDERS));
    if worker.rng.one_in(3) {
        fs::remove_dir(path).is_ok()
    } else {
        fs::create_dir(path).is_ok()
    }
}

pub(crate) fn attribute(worker: &mut Worker) -> bool {
    let rng = &mut worker.rng;
    let path = folder_path(rng.below(FOLDERS));
    let number = rng.word().to_string();
    let small = rng.below(9).to_string();
    let (name, values): (&str, &[&str]) = match rng.below(11) {
        0 => (
            "chip",
            &[
                "mypoll-fuzz",
                "mypoll-fuzz",
                "mypoll-sim",
                "gpiochip0",
                "none",
                "",
            ],
        ),
        1 | 2 => ("offset", &[&small, &small, &number, "x"]),
        3 => ("line_name", &["", "", "x", "\n"]),
        4 => (
            "label",
            &["x", "Tür", "a/b", "..", "\u{1f514}", "\n", "x\ty"],
        ),
        5 => ("edge", &["both", "rising", "falling", "none"]),
        6 => ("debounce_ms", &["0", "1", "5", "50", &number]),
        7 => ("active_low", &["0", "1", "2"]),
        8 => ("bias", &["as-is", "pull-up", "pull-down", "disable", "x"]),
        9 => ("number", &["", "auto", &small, &number]),
        _ => ("wakeup", &["0", "1", "x"]),
    };
    let value = rng.pick(values);
    if rng.one_in(4) {
        return fs::read(path.join(name)).is_ok();
    }
    fs::write(path.join(name), value).is_ok()
}

pub(crate) fn live(worker: &mut Worker) -> bool {
    let path = folder_path(worker.rng.below(FOLDERS));
    let live = worker.rng.pick(&["1", "1", "1", "0"]);
    if live == "1" && worker.rng.one_in(2) {
        // So that the line can often be enabled.
        let offset = worker.rng.below(8).to_string();
        let _ = fs::write(path.join("chip"), "mypoll-fuzz");
        let _ = fs::write(path.join("offset"), offset);
    }
    fs::write(path.join("live"), live).is_ok()
}

/// Unbinds lines from the driver, those of the device tree or of a folder, or binds them again.
pub(crate) fn bind(worker: &mut Worker) -> bool {
    let attribute = worker.rng.pick(&["unbind", "bind", "bind"]);
    let device = match worker.rng.below(3) {
        0 => "events".to_owned(),
        _ => format!("mypoll.{}", worker.rng.below(FOLDERS)),
    };
    fs::write(Path::new(DRIVER).join(attribute), device).is_ok()
}

/// Removes this program's chip, or adds it again.
pub(crate) fn chip(worker: &mut Worker) -> bool {
    let live = worker.rng.pick(&["0", "1", "1"]);
    fs::write(Path::new(CHIP).join("live"), live).is_ok()
}

pub(crate) fn parameter(worker: &mut Worker) -> bool {
    let number = worker.rng.word().to_string();
    let (name, values): (&str, &[&str]) = match worker.rng.below(3) {
        0 => ("poll_ret0", &["1", "0", "0", "0"]),
        1 => ("timer_period_ms", &["1", "10", &number]),
        _ => ("queues_max", &[&number]),
    };
    let value = worker.rng.pick(values);
    fs::write(Path::new(PARAMETERS).join(name), value).is_ok()
}

pub(crate) fn trace(worker: &mut Worker) -> bool {
    let on = worker.rng.pick(&["1", "0", "0"]);
    let folder = Path::new(TRACING);
    if worker.rng.one_in(8) {
        let _ = fs::write(folder.join("trace"), "");
    }
    fs::write(folder.join("events/mypoll/enable"), on).is_ok()
}
