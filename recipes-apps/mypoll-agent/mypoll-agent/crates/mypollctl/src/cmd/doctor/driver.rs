// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks the driver and its lines.

use std::{fs, os::unix::fs::FileTypeExt as _, path::Path};

use mypoll::{Device, LineInfo};

use super::Finding;
use crate::cmd::lines;

const MODULE: &str = "/sys/module/mypoll";

/// Checks the driver with this device file. It may be missing if there is another `source` of events.
pub(super) fn examine(device: &Path, other_source: bool) -> Vec<Finding> {
    of(Path::new(MODULE), device, other_source)
}

fn of(module: &Path, device: &Path, other_source: bool) -> Vec<Finding> {
    if other_source && !module.exists() && !device.exists() {
        let found = "the driver is not loaded; the agent uses another source";
        return vec![Finding::ok("module", found)];
    }
    let mut findings = vec![loaded(module)];
    match node(device) {
        Err(problem) => findings.push(problem),
        Ok(there) => {
            findings.push(there);
            match Device::options().read_only().open(device) {
                Ok(device) => {
                    findings.push(Finding::ok("permissions", "this user may open the device"));
                    findings.extend(of_lines(&device));
                }
                Err(error) => findings.push(Finding::problem(
                    "permissions",
                    error.to_string(),
                    "add the user to the group mypoll, and log in again: usermod -a -G mypoll USER",
                )),
            }
        }
    }
    findings
}

fn loaded(module: &Path) -> Finding {
    if module.exists() {
        return Finding::ok("module", "the driver is loaded");
    }
    Finding::problem(
        "module",
        "the driver is not loaded",
        "modprobe mypoll; if that fails, `dmesg | tail` says why. Without the driver: lines in [gpiochip] of the agent's configuration",
    )
}

fn node(path: &Path) -> Result<Finding, Finding> {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(node) if node.file_type().is_char_device() => {
            Ok(Finding::ok("device", format!("{shown} exists")))
        }
        Ok(_) => Err(Finding::problem(
            "device",
            format!("{shown} is not a device"),
            "remove it and reload the driver",
        )),
        Err(error) => Err(Finding::problem(
            "device",
            format!("{shown}: {error}"),
            "load the driver; /dev must be a devtmpfs, or udev or mdev must run",
        )),
    }
}

fn of_lines(device: &Device) -> Vec<Finding> {
    match lines::of(device) {
        Ok(lines) => judge(&lines),
        Err(error) => vec![Finding::problem(
            "lines",
            error.to_string(),
            "load the driver of this program's version",
        )],
    }
}

fn judge(lines: &[LineInfo]) -> Vec<Finding> {
    if lines.is_empty() {
        return vec![Finding::problem(
            "lines",
            "the driver has no GPIO lines",
            "configure lines in the device tree (mypoll,events) or in configfs; `dmesg | grep mypoll` shows errors",
        )];
    }
    let name = |line: &LineInfo| format!("{} `{}`", line.number, line.label);
    let list = |of: &dyn Fn(&LineInfo) -> String| {
        let list: Vec<_> = lines
            .iter()
            .map(of)
            .filter(|text| !text.is_empty())
            .collect();
        list.join(", ")
    };
    let counts = list(&|line| format!("{}: {}", name(line), line.edges));
    let mut findings = vec![
        Finding::ok("lines", list(&name)),
        if lines.iter().all(|line| line.edges > 0) {
            Finding::ok("interrupts", counts)
        } else {
            Finding::warning(
                "interrupts",
                counts,
                "press a button without interrupts; if the count stays 0, check wiring, bias and /proc/interrupts",
            )
        },
    ];
    let dropped = list(&|line| match line.dropped {
        0 => String::new(),
        dropped => format!("{}: {dropped}", name(line)),
    });
    if !dropped.is_empty() {
        findings.push(Finding::warning(
            "losses",
            format!("events lost by full queues: {dropped}"),
            "`mypollctl queues` shows the queues; increase the capacity or read more often",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use mypoll::uapi;

    use super::*;
    use crate::cmd::doctor::State;

    fn line(number: u32, label: &str, edges: u64, dropped: u64) -> LineInfo {
        let mut raw = uapi::Line {
            number,
            edges,
            dropped,
            ..Default::default()
        };
        raw.label[..label.len()].copy_from_slice(label.as_bytes());
        raw.into()
    }

    fn shown(findings: &[Finding]) -> Vec<(&str, State, &str)> {
        findings
            .iter()
            .map(|finding| (&*finding.check, finding.state, &*finding.found))
            .collect()
    }

    #[test]
    fn a_missing_driver_is_a_problem_without_another_source() {
        let nothing = Path::new("/nonexistent");
        let states = |other_source| -> Vec<_> {
            let findings = of(nothing, nothing, other_source);
            findings.iter().map(|finding| finding.state).collect()
        };
        assert_eq!(states(false), [State::Problem, State::Problem]);
        assert_eq!(states(true), [State::Ok]);
    }

    #[test]
    fn interrupts_and_losses_are_counted() {
        assert_eq!(
            shown(&judge(&[line(0, "button", 3, 0), line(1, "door", 0, 7)])),
            [
                ("lines", State::Ok, "0 `button`, 1 `door`"),
                ("interrupts", State::Warning, "0 `button`: 3, 1 `door`: 0"),
                (
                    "losses",
                    State::Warning,
                    "events lost by full queues: 1 `door`: 7"
                ),
            ]
        );
        assert_eq!(
            shown(&judge(&[line(0, "button", 3, 0)]))[1],
            ("interrupts", State::Ok, "0 `button`: 3")
        );
        assert_eq!(judge(&[])[0].state, State::Problem);
    }
}
