// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests that boot the system: in the guest, and from outside it.

mod fuzz;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Error, Result};

use super::case::Case;
use super::lanes::Lane;
use super::variant::Variant;
use super::{Lab, Phase, command, ktap, libtest, page};
use crate::cargo::cargo;
use crate::host::packages::{Need, tool};
use crate::host::provide;
use crate::machine::{Machine, MachineOptions};
use crate::source::Unavailable;
use crate::{Flavour, splat};
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
}

/// The phases that need the system built.
pub(super) fn phases(variant: Variant) -> [Phase; 2] {
    [
        phase(variant, "selftest", selftest),
        phase(variant, "from outside", outside),
    ]
}

fn phase(variant: Variant, what: &str, run: fn(&Lab<'_>, Variant) -> Result<Vec<Case>>) -> Phase {
    let name = format!("{}: {what}", variant.name());
    Phase {
        lane: Lane::Guests,
        ..Phase::new(name, move |lab| {
            run(lab, variant).or_else(|error| without_system(variant, error))
        })
    }
}

/// What a phase comes to that could not be run.
fn without_system(variant: Variant, error: Error) -> Result<Vec<Case>> {
    match error.downcast_ref::<Unavailable>() {
        // Nothing stands in for the newer kernel.
        Some(reason) if variant == Variant::Newer => {
            Ok(vec![Case::skipped("all of it", reason.to_string())])
        }
        _ => Err(error),
    }
}

fn selftest(lab: &Lab<'_>, variant: Variant) -> Result<Vec<Case>> {
    let system = lab.system(variant)?;
    let logs = tempfile::tempdir().context("can't create a temporary folder")?;
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
    let logs = tempfile::tempdir().context("can't create a temporary folder")?;
    let mut test = cargo(&lab.paths.repo, &lab.paths.cache.join("target"));
    test.args([
        "test",
        "--locked",
        "--no-fail-fast",
        "--package=system-tests",
    ])
    // Each test program boots machines of two processors.
    .args(["--", "--test-threads=2"])
    .current_dir(lab.paths.repo.join("scripts/lab"))
    .env("MYPOLL_KERNEL", &system.version)
    .env("MYPOLL_FLAVOUR", system.flavour.to_string())
    .env("MYPOLL_LOGS", logs.path());
    let broker = provide(lab.paths, lab.progress, &BROKER, !lab.args.no_install);
    let needed = [(WITH_BROWSER, page::browser(lab)), (WITH_BROKER, broker)];
    let mut skipped = Vec::new();
    for ((file, word), provided) in needed {
        if let Err(error) = provided {
            test.args(["--skip", word]);
            skipped.push(Case::skipped(file, format!("{error:#}")));
        }
    }
    let (success, said) = command::run(&mut test)?;
    let mut cases = libtest::cases(success, &said);
    cases.extend(skipped);
    for log in fs::read_dir(logs.path())? {
        cases.push(no_splat(&log?.path())?);
    }
    Ok(cases)
}

/// The kernel found nothing to complain about.
pub(super) fn no_splat(log: &Path) -> Result<Case> {
    let bytes = fs::read(log).with_context(|| format!("can't read {}", log.display()))?;
    let splats = splat::find(&String::from_utf8_lossy(&bytes));
    let name = format!(
        "no splat in {}",
        log.file_name().unwrap_or_default().to_string_lossy()
    );
    if splats.is_empty() {
        return Ok(Case::passed(name));
    }
    let texts: Vec<_> = splats
        .iter()
        .map(|splat| format!("from line {} of the log:\n{}\n", splat.line, splat.text))
        .collect();
    Ok(Case::failed(name, texts.join("\n")))
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::super::case::Outcome;
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

    #[test]
    fn only_a_newer_kernel_that_can_not_be_had_is_skipped() {
        let unavailable =
            || Error::from(Unavailable::new("linux.tar.xz", "no answer", "gone")).context("step");
        let cases = without_system(Variant::Newer, unavailable()).unwrap();
        assert!(
            matches!(&cases[..], [Case { outcome: Outcome::Skipped(reason), .. }]
                if reason == "linux.tar.xz can't be had: no answer; gone"),
            "{cases:?}"
        );
        without_system(Variant::Normal, unavailable()).unwrap_err();
        without_system(Variant::Newer, anyhow!("it does not compile")).unwrap_err();
    }
}
