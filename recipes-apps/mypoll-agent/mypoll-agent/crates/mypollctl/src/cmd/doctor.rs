// SPDX-License-Identifier: MIT OR Apache-2.0
//! What keeps events from arriving.

use std::{
    fs, io::Write, net::TcpStream, os::unix::fs::FileTypeExt as _, path::Path, process::ExitCode,
    time::Duration,
};

use anyhow::Result;
use mypoll::{Device, LineInfo};
use mypoll_protocol::Request;
use serde::Serialize;

use super::{Cli, lines};
use crate::remote::Client;

/// Where the agent listens by default.
const AGENT: &str = "127.0.0.1:7070";

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Problem,
}

/// What a check found.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    found: String,
    /// What to do about it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Ok,
            found: found.into(),
            cure: None,
        }
    }

    fn warning(check: &'static str, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Warning,
            found: found.into(),
            cure: Some(cure.into()),
        }
    }

    fn problem(check: &'static str, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Problem,
            found: found.into(),
            cure: Some(cure.into()),
        }
    }
}

/// Makes all checks; the exit status is 1 when there is a problem.
pub fn run(cli: &Cli, json: bool, output: &mut impl Write) -> Result<ExitCode> {
    let mut findings = vec![module(Path::new("/sys/module/mypoll"))];
    let node = node(&cli.device);
    let has_node = matches!(node.state, State::Ok);
    findings.push(node);
    if has_node {
        match Device::options().read_only().open(&cli.device) {
            Ok(device) => {
                findings.push(Finding::ok("permissions", "this user may open the device"));
                findings.extend(driver(&device));
            }
            Err(error) => findings.push(Finding::problem(
                "permissions",
                error.to_string(),
                "add the user to the group mypoll, and log in again: usermod -a -G mypoll USER",
            )),
        }
    }
    findings.push(agent(cli));
    findings.push(clock());

    let sick = findings
        .iter()
        .any(|finding| matches!(finding.state, State::Problem));
    for finding in findings {
        if json {
            writeln!(output, "{}", serde_json::to_string(&finding)?)?;
            continue;
        }
        let mark = match finding.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Problem => "PROBLEM",
        };
        writeln!(output, "{mark:<8} {:<12} {}", finding.check, finding.found)?;
        if let Some(cure) = finding.cure {
            writeln!(output, "{:<21} → {cure}", "")?;
        }
    }
    Ok(if sick {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn module(path: &Path) -> Finding {
    if path.exists() {
        return Finding::ok("module", "the driver is loaded");
    }
    Finding::problem(
        "module",
        "the driver is not loaded",
        "modprobe mypoll; when that fails, `dmesg | tail` says why",
    )
}

fn node(path: &Path) -> Finding {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(node) if node.file_type().is_char_device() => {
            Finding::ok("device", format!("{shown} is there"))
        }
        Ok(_) => Finding::problem(
            "device",
            format!("{shown} is no device"),
            "remove it, and load the driver again",
        ),
        Err(error) => Finding::problem(
            "device",
            format!("{shown}: {error}"),
            "load the driver; /dev has to be a devtmpfs, or udev or mdev has to run",
        ),
    }
}

fn driver(device: &Device) -> Vec<Finding> {
    let lines = match lines::of(device) {
        Ok(lines) => lines,
        Err(error) => {
            let cure = "load the driver that came with this program";
            return vec![Finding::problem("lines", error.to_string(), cure)];
        }
    };
    if lines.is_empty() {
        return vec![Finding::problem(
            "lines",
            "the driver has no GPIO line",
            "name the lines in the device tree (mypoll,events) or in configfs; `dmesg | grep mypoll` says what it refused",
        )];
    }
    let named = |pick: fn(&LineInfo) -> bool| {
        let names: Vec<_> = lines
            .iter()
            .filter(|line| pick(line))
            .map(|line| format!("{} `{}`", line.number, line.label))
            .collect();
        names.join(", ")
    };
    let mut findings = vec![Finding::ok("lines", named(|_| true))];
    let silent = named(|line| line.edges == 0);
    findings.push(if silent.is_empty() {
        Finding::ok("interrupts", "each line has raised interrupts")
    } else {
        Finding::warning(
            "interrupts",
            format!("no interrupt yet from {silent}"),
            "press the button; when nothing comes: check its wiring and bias, and `cat /proc/interrupts`",
        )
    });
    let dropped = named(|line| line.dropped > 0);
    if !dropped.is_empty() {
        findings.push(Finding::warning(
            "losses",
            format!("full queues lost events of {dropped}"),
            "`mypollctl queues` says whose queue; give it more capacity, or read it more often",
        ));
    }
    findings
}

fn agent(cli: &Cli) -> Finding {
    if let Some(address) = &cli.target.connect {
        let request = Request {
            events: false,
            ..Request::default()
        };
        return match Client::connect(&cli.target, &request) {
            Ok(client) => Finding::ok(
                "agent",
                format!("{address}: version {}", client.hello().agent),
            ),
            Err(error) => Finding::problem(
                "agent",
                format!("{error:#}"),
                "`systemctl status mypoll-agent` there",
            ),
        };
    }
    let reached = AGENT
        .parse()
        .map(|address| TcpStream::connect_timeout(&address, Duration::from_secs(2)));
    match reached {
        Ok(Ok(_)) => Finding::ok("agent", format!("something listens on {AGENT}")),
        _ => Finding::warning(
            "agent",
            format!("nothing listens on {AGENT}"),
            "start mypoll-agent, or say by --connect where it listens",
        ),
    }
}

fn clock() -> Finding {
    // adjtimex(2) has a wrapper in C alone; this file is there with systemd.
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Finding::ok("clock", "synchronized by systemd-timesyncd");
    }
    match fs::read_to_string("/proc/driver/rtc") {
        Ok(_) => Finding::ok("clock", "there is a real-time clock"),
        Err(_) => Finding::warning(
            "clock",
            "neither systemd-timesyncd nor a real-time clock sets the time",
            "run an NTP client, or the times of events are those of a clock that starts in the past",
        ),
    }
}
