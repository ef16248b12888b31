// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Python tests that need no bitbake: a phase for each folder.

use std::process::Command;

use anyhow::{Result, ensure};
use rustix::process::geteuid;

use super::case::Case;
use super::{Lab, Phase, command, pytest};
use crate::Flavour;
use crate::deps::host::{Need, find_tool, tool};
use crate::deps::{python, unpacked, vendor_trees};
use crate::store::unavailable::Unavailable;

const FLASH: [Need; 4] = [
    tool("bmaptool", "bmap-tools"),
    tool("mkfs.vfat", "dosfstools"),
    tool("sfdisk", "fdisk"),
    tool("zstd", "zstd"),
];

const FIRST_BOOT: [Need; 5] = [
    tool("cc", "gcc"),
    tool("fsck.ext4", "e2fsprogs"),
    tool("partx", "util-linux"),
    tool("resize2fs", "e2fsprogs"),
    tool("sfdisk", "fdisk"),
];

const DNS_SD: [Need; 2] = [tool("dbus-daemon", "dbus-daemon"), tool("ip", "iproute2")];

/// The browsers that tests/page/chromium.py looks for, in this order.
const BROWSERS: [&str; 4] = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
];

pub(super) fn phases() -> Vec<Phase> {
    let plain = |name: &str, folder| {
        Phase::new(name, move |lab| {
            pytest::run(lab, &mut Command::new("python3"), folder, folder)
        })
    };
    vec![
        plain("driver: imports point downward", "tests/driver").quick(),
        plain("agent: systemd units", "tests/units").quick(),
        plain("bench: report", "tests/bench").quick(),
        Phase::new("agent: page", page),
        Phase::new("agent: webhooks", |lab| {
            let need = tool("openssl", "openssl");
            in_environment(lab, need, "cloudevents", "tests/webhook")
        }),
        Phase::new("agent: Home Assistant", |lab| {
            let need = tool("mosquitto", "mosquitto");
            in_environment(lab, need, "homeassistant", "tests/home_assistant")
        }),
        Phase::new("agent: DNS-SD", dns_sd),
        Phase::new("scripts: flash", |lab| {
            lab.needs(&FLASH)?;
            pytest::run(lab, &mut Command::new("python3"), "tests/flash", "scripts")
        }),
        Phase::new("first boot", |lab| {
            lab.needs(&FIRST_BOOT)?;
            // The module for loop devices is in the folder of flash's tests.
            let mut python = with_agent(lab, Command::new("python3"))?;
            pytest::run(lab, &mut python, "tests/first_boot", "tests/flash")
        }),
        Phase::new("driver: device-tree binding", binding),
    ]
}

/// Installs a browser if there is none.
pub(super) fn browser(lab: &Lab<'_>) -> Result<()> {
    if BROWSERS.iter().any(|browser| find_tool(browser).is_some()) {
        return Ok(());
    }
    lab.needs(&[tool(BROWSERS[0], BROWSERS[0])])
}

/// Builds the agent for this machine and passes its path to a command.
fn with_agent(lab: &Lab<'_>, mut command: Command) -> Result<Command> {
    const TARGET: &str = "target-agent";
    let mut build = lab.cargo("recipes-apps/mypoll-agent/mypoll-agent", TARGET);
    build.args(["build", "--locked", "--package=mypoll-agent"]);
    let (success, output) = command::run(&mut build)?;
    ensure!(success, "cargo can't build the agent:\n{output}");
    let program = lab.paths.cache.join(TARGET).join("debug/mypoll-agent");
    command.env("MYPOLL_AGENT", program);
    Ok(command)
}

/// Tests the agent's live page in Chromium, and its metrics with promtool.
fn page(lab: &Lab<'_>) -> Result<Vec<Case>> {
    browser(lab)?;
    let mut python = with_agent(lab, Command::new("python3"))?;
    let promtool = match find_tool("promtool") {
        Some(path) => Ok(path),
        None => unpacked::promtool(lab.cache()),
    };
    match promtool {
        Ok(promtool) => python.env("MYPOLL_PROMTOOL", promtool),
        Err(error) => python.env("MYPOLL_NO_PROMTOOL", format!("{error:#}")),
    };
    pytest::run(lab, &mut python, "tests/page", "tests/page")
}

/// Runs the tests of a folder in the Python environment of its requirements.
fn in_environment(lab: &Lab<'_>, need: Need, environment: &str, folder: &str) -> Result<Vec<Case>> {
    lab.needs(&[need])?;
    let requirements = format!("{folder}/requirements.txt");
    let environment = python::environment(lab.cache(), environment, &requirements)?;
    let python = Command::new(environment.join("bin/python3"));
    let mut python = with_agent(lab, python)?;
    pytest::run(lab, &mut python, folder, folder)
}

/// Runs avahi in its own namespaces, which requires root.
fn dns_sd(lab: &Lab<'_>) -> Result<Vec<Case>> {
    ensure!(
        geteuid().is_root(),
        Unavailable::because("avahi in namespaces needs root")
    );
    lab.needs(&DNS_SD)?;
    let avahi = Unavailable::unless(unpacked::avahi(lab.cache()))?;
    let mut python = with_agent(lab, Command::new("unshare"))?;
    python
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child"])
        .arg("python3")
        .env("MYPOLL_AVAHI", avahi);
    pytest::run(lab, &mut python, "tests/dns_sd", "tests/dns_sd")
}

/// Checks the driver's device-tree binding and the device trees against it, with dtschema.
fn binding(lab: &Lab<'_>) -> Result<Vec<Case>> {
    const FOLDER: &str = "tests/devicetree";
    let requirements = format!("{FOLDER}/requirements.txt");
    let tools = python::environment(lab.cache(), "dtschema", &requirements)?;
    let mut python = Command::new(tools.join("bin/python3"));
    match vendor_trees::find_or_fetch(lab.cache())? {
        Ok(trees) => python.env("MYPOLL_VENDOR_TREES", trees),
        Err(reason) => python.env("MYPOLL_NO_VENDOR_TREES", reason),
    };
    python.env("MYPOLL_KERNEL_SOURCE", &lab.system(Flavour::Normal)?.source);
    pytest::run(lab, &mut python, FOLDER, FOLDER)
}
