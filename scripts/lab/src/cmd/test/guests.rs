// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests that boot the system: in the guest, and from outside it.

mod fuzz;

use std::time::Duration;

use anyhow::{Result, ensure};

use super::case::Case;
use super::lanes::Lane;
use super::logs::{Logs, no_splat};
use super::variant::Variant;
use super::{Lab, Phase, command, ktap, nextest, suites};
use crate::Flavour;
use crate::build::kernel_is_built;
use crate::cmd::bench;
use crate::deps::cargo::cargo;
use crate::deps::host::{Need, tool};
use crate::store::unavailable::Unavailable;
use crate::vm::machine::{Machine, MachineOptions};
pub(super) use fuzz::fuzz;

/// So that a guest that hangs ends in a failure; the selftest says something far more often.
const PATIENCE: Duration = Duration::from_secs(900);

/// The tests from outside that need a browser: the file, and a word that their names have and no other test's has.
const WITH_BROWSER: (&str, &str) = ("tests/page.rs", "live_page");

/// Those that need a broker, likewise.
const WITH_BROKER: (&str, &str) = ("tests/agent_mqtt.rs", "mqtt");

const BROKER: [Need; 2] = [
    tool("mosquitto", "mosquitto"),
    tool("mosquitto_pub", "mosquitto-clients"),
];

/// kmemleak reports what was still lost when it looked a second time, and only what is older than 5 s.
const KMEMLEAK: &str =
    "cd /sys/kernel/debug && echo scan >kmemleak && sleep 6 && echo scan >kmemleak && cat kmemleak";

pub(super) fn build(variant: Variant) -> Phase {
    phase(variant, "build", |lab, variant| {
        let system = lab.system(variant)?;
        Ok(vec![Case::passed(format!("Linux {}", system.version))])
    })
    .long()
}

/// The phases that need the system built.
pub(super) fn phases(variant: Variant) -> [Phase; 2] {
    [
        match variant {
            Variant::Normal => phase(variant, "selftest", selftest).quick(),
            _ => phase(variant, "selftest", selftest),
        },
        phase(variant, "from outside", outside),
    ]
}

fn phase(variant: Variant, what: &str, run: fn(&Lab<'_>, Variant) -> Result<Vec<Case>>) -> Phase {
    let name = format!("{}: {what}", variant.name());
    Phase::new(name, move |lab| run(lab, variant)).in_lane(Lane::Guests)
}

fn selftest(lab: &Lab<'_>, variant: Variant) -> Result<Vec<Case>> {
    if lab.args.quick {
        ensure!(
            kernel_is_built(lab.cache(), &lab.options(variant))?,
            Unavailable::because(
                "the kernel is not built yet: ./scripts/test --only 'normal: build' does that"
            )
        );
    }
    let system = lab.system(variant)?;
    let logs = tempfile::tempdir()?;
    let log = logs.path().join("kernel.log");
    let options = MachineOptions {
        purpose: "selftest",
        log: Some(log.clone()),
        ..MachineOptions::default()
    };
    let machine = Machine::start(lab.cache(), system, &options)?;
    machine.guest().give_up_after(PATIENCE)?;
    let output = machine.guest().output(["mypoll-selftest"])?;
    let report = String::from_utf8_lossy(&output.stdout);
    let mut cases = ktap::cases(output.status, &report);
    if system.flavour == Flavour::Debug {
        cases.push(leaks(&machine)?);
    }
    // The log is complete when QEMU is gone.
    drop(machine);
    cases.push(no_splat(&log)?);
    Ok(cases)
}

/// The debug kernel found no memory that nothing points to.
fn leaks(machine: &Machine) -> Result<Case> {
    let scan = machine.guest().output(["sh", "-c", KMEMLEAK])?;
    let found = String::from_utf8_lossy(&scan.stdout).into_owned();
    Ok(match scan.status {
        0 if found.is_empty() => Case::passed("no memory leaks"),
        0 => Case::failed("no memory leaks", found),
        _ => Case::failed("no memory leaks", String::from_utf8_lossy(&scan.stderr)),
    })
}

fn outside(lab: &Lab<'_>, variant: Variant) -> Result<Vec<Case>> {
    let system = lab.system(variant)?;
    let logs = Logs::new()?;
    let mut test = cargo(&lab.paths.repo, &lab.paths.cache.join("target"));
    logs.kept_by(&mut test)
        .args([
            "test",
            "--locked",
            "--no-fail-fast",
            "--package=system-tests",
        ])
        // Each test program boots machines of two processors.
        .args(["--", "--test-threads=2"])
        .current_dir(lab.paths.repo.join("scripts/lab"))
        .env("MYPOLL_KERNEL", &system.version)
        .env("MYPOLL_FLAVOUR", system.flavour.to_string());
    let broker = lab.needs(&BROKER);
    let needed = [(WITH_BROWSER, suites::browser(lab)), (WITH_BROKER, broker)];
    let mut skipped = Vec::new();
    for ((file, word), provided) in needed {
        if let Err(error) = provided {
            test.args(["--skip", word]);
            skipped.push(Case::skipped(file, format!("{error:#}")));
        }
    }
    let mut cases = nextest::in_one_process(&mut test)?;
    cases.extend(skipped);
    cases.extend(logs.cases()?);
    Ok(cases)
}

/// The bench's part that can be compared from run to run. A figure is never a failure.
pub(super) fn icount() -> Phase {
    const NAME: &str = "bench: icount";
    Phase::new(NAME, |lab| {
        let (mut report, _said) = bench::icount(lab.cache(), lab.args.kernel.clone())?;
        let (success, said) = command::run(&mut report)?;
        let case = "everything is measured";
        if !success {
            return Ok(vec![Case::failed(case, said)]);
        }
        for note in said.lines() {
            lab.progress.print(&format!("{NAME}: {note}"));
        }
        Ok(vec![Case::passed(case)])
    })
    .in_lane(Lane::Guests)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_skipped_is_the_tests_of_its_file_and_no_other() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tests");
        for (file, word) in [WITH_BROWSER, WITH_BROKER] {
            let mut found = false;
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let source = fs::read_to_string(&path).unwrap();
                for test in source.split("#[test]\n").skip(1) {
                    let name = test.lines().next().unwrap();
                    assert_eq!(name.contains(word), path.ends_with(file), "{name}");
                    found |= name.contains(word);
                }
            }
            assert!(found, "{file}");
        }
    }
}
