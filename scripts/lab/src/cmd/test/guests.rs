// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests that boot the system: in the guest, and from outside it.

use std::env;
use std::iter;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

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
use crate::vm::guest::{GuestError, Output};
use crate::vm::machine::{self, Machine, MachineOptions};

/// So that a guest that hangs ends in a failure; the selftest says something far more often.
const PATIENCE: Duration = Duration::from_secs(900);

/// For how long there are random operations, where the environment variable `FUZZ_SECONDS` does not say.
const FUZZ_SECONDS: u64 = 60;

/// How much of the kernel's log is shown when the machine hangs or goes down.
const TAIL: usize = 40;

/// The tests from outside that need a browser: the file, and a word that their names have and no other test's has.
const WITH_BROWSER: (&str, &str) = ("tests/page.rs", "live_page");

/// Those that need a broker, likewise.
const WITH_BROKER: (&str, &str) = ("tests/agent_mqtt.rs", "mqtt");

const BROKER: [Need; 2] = [
    tool("mosquitto", "mosquitto"),
    tool("mosquitto_pub", "mosquitto-clients"),
];

/// The tests from outside that the debug kernel runs: those of the driver. What it looks for is in the kernel, and it is several
/// times slower.
const OF_THE_DRIVER: [&str; 7] = [
    "agent_source",
    "devicetree",
    "examples",
    "presses",
    "queues",
    "raspberry_pi",
    "suspend",
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
    let options = MachineOptions {
        purpose: "selftest",
        ..MachineOptions::default()
    };
    let (ended, kernel) = in_guest(lab, variant, options, PATIENCE, &["mypoll-selftest"])?;
    let output = ended?;
    let mut cases = ktap::cases(output.status, &String::from_utf8_lossy(&output.stdout));
    cases.extend(kernel.cases);
    Ok(cases)
}

/// What the kernel of a machine that is gone had to say.
struct Kernel {
    cases: Vec<Case>,
    /// The end of its log.
    tail: String,
}

/// Runs a command in a machine of its own.
fn in_guest(
    lab: &Lab<'_>,
    variant: Variant,
    options: MachineOptions,
    patience: Duration,
    command: &[&str],
) -> Result<(Result<Output, GuestError>, Kernel)> {
    let system = lab.system(variant)?;
    let logs = tempfile::tempdir()?;
    let log = logs.path().join("kernel.log");
    let options = MachineOptions {
        log: Some(log.clone()),
        ..options
    };
    let machine = Machine::start(lab.cache(), system, &options)?;
    machine.guest().give_up_after(patience)?;
    let ended = machine.guest().output(command);
    let mut cases = Vec::new();
    if ended.is_ok() && system.flavour == Flavour::Debug {
        cases.push(leaks(&machine)?);
    }
    // The log is complete when QEMU is gone.
    drop(machine);
    cases.push(no_splat(&log)?);
    let tail = machine::tail(&log, TAIL).unwrap_or_default();
    Ok((ended, Kernel { cases, tail }))
}

/// The debug kernel found no memory that nothing points to.
fn leaks(machine: &Machine) -> Result<Case> {
    let scan = machine.guest().output(["sh", "-c", KMEMLEAK])?;
    let is_clean = scan.status == 0 && scan.stdout.is_empty();
    let found = [scan.stdout, scan.stderr].concat();
    Ok(if is_clean {
        Case::passed("no memory leaks")
    } else {
        Case::failed("no memory leaks", String::from_utf8_lossy(&found))
    })
}

/// Random operations on the driver, for faults that the debug kernel sees.
pub(super) fn fuzz() -> Phase {
    phase(Variant::Debug, "fuzz", |lab, variant| {
        let seconds = number("FUZZ_SECONDS")?.unwrap_or(FUZZ_SECONDS);
        let mut words = vec![format!("--seconds={seconds}")];
        words.extend(number("SEED")?.map(|seed| format!("--seed={seed}")));
        let words = words.iter().map(String::as_str);
        let command: Vec<_> = iter::once("mypoll-fuzz").chain(words).collect();
        let options = MachineOptions {
            purpose: "fuzz",
            // Some races need a writer, a reader, a forking process and an interrupt, each on a CPU of its own.
            cpus: Some(4),
            ..MachineOptions::default()
        };
        let patience = Duration::from_secs(seconds) + PATIENCE;
        let (ended, kernel) = in_guest(lab, variant, options, patience, &command)?;
        let mut cases = vec![all_processes_end(seconds, ended, &kernel.tail)];
        cases.extend(kernel.cases);
        Ok(cases)
    })
}

/// What the fuzzer itself came to; `tail` is the end of the kernel's log.
fn all_processes_end(seconds: u64, ended: Result<Output, GuestError>, tail: &str) -> Case {
    let name = format!("all processes end after {seconds} s");
    match ended {
        Ok(output) if output.status == 0 => Case::passed(name),
        // The seed is among what it said.
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            Case::failed(name, format!("exit status {}\n{said}", output.status))
        }
        Err(error) => Case::failed(name, format!("{error}\n{tail}")),
    }
}

/// The number that an environment variable has.
pub(super) fn number(variable: &str) -> Result<Option<u64>> {
    let Ok(value) = env::var(variable) else {
        return Ok(None);
    };
    let number = value.parse();
    number
        .map(Some)
        .with_context(|| format!("{variable} has to be a number, {value:?} is not"))
}

fn outside(lab: &Lab<'_>, variant: Variant) -> Result<Vec<Case>> {
    let system = lab.system(variant)?;
    let logs = Logs::new()?;
    let mut skipped = Vec::new();
    let mut test = cargo(&lab.paths.repo, &lab.paths.cache.join("target"));
    logs.kept_by(&mut test)
        .args([
            "test",
            "--locked",
            "--no-fail-fast",
            "--package=system-tests",
        ])
        .current_dir(lab.paths.repo.join("scripts/lab"))
        .env("MYPOLL_KERNEL", &system.version)
        .env("MYPOLL_FLAVOUR", system.flavour.to_string());
    if variant == Variant::Debug {
        test.args(OF_THE_DRIVER.map(|file| format!("--test={file}")));
    }
    // Each test program boots machines of two processors.
    test.args(["--", "--test-threads=2"]);
    if variant == Variant::Normal {
        let broker = lab.needs(&BROKER);
        let needed = [(WITH_BROWSER, suites::browser(lab)), (WITH_BROKER, broker)];
        for ((file, word), provided) in needed {
            if let Err(error) = provided {
                test.args(["--skip", word]);
                skipped.push(Case::skipped(file, format!("{error:#}")));
            }
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

    #[test]
    fn what_does_not_end_is_a_failure_with_the_seed_or_the_log() {
        let output = |status| Output {
            status,
            stdout: b"seed 7\n".to_vec(),
            stderr: b"1 process did not end\n".to_vec(),
        };
        let name = "all processes end after 60 s";
        let passed = all_processes_end(60, Ok(output(0)), "");
        assert_eq!(passed, Case::passed(name));
        let said = "exit status 1\nseed 7\n1 process did not end\n";
        let failed = all_processes_end(60, Ok(output(1)), "");
        assert_eq!(failed, Case::failed(name, said));
        let gone = all_processes_end(60, Err(GuestError::Gone), "  | BUG\n");
        let said = format!("{}\n  | BUG\n", GuestError::Gone);
        assert_eq!(gone, Case::failed(name, said));
    }
}
