// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests that boot the system: in the guest and from outside it.

use std::env;
use std::iter;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::case::Case;
use super::lanes::Lane;
use super::logs::no_splat;
use super::{Lab, Phase, command, ktap, nextest, suites};
use crate::Flavour;
use crate::build::kernel_is_built;
use crate::cmd::bench;
use crate::deps::host::{Need, tool};
use crate::store::unavailable::Unavailable;
use crate::vm::guest::{GuestError, Output};
use crate::vm::machine::{self, Machine, MachineOptions};

/// Time without output after which a guest counts as hung. The selftest prints far more often.
const TIMEOUT: Duration = Duration::from_secs(900);

/// Default duration of `debug: fuzz`; the environment variable `FUZZ_SECONDS` overrides it.
const FUZZ_SECONDS: u64 = 60;

/// Number of lines shown of the kernel log when the machine hangs or crashes.
const TAIL: usize = 40;

/// Tests from outside that need a browser: the file, and a word that exactly their names contain.
const WITH_BROWSER: (&str, &str) = ("tests/page.rs", "live_page");

/// Tests from outside that need a broker.
const WITH_BROKER: (&str, &str) = ("tests/agent_mqtt.rs", "mqtt");

const BROKER: [Need; 2] = [
    tool("mosquitto", "mosquitto"),
    tool("mosquitto_pub", "mosquitto-clients"),
];

/// Tests from outside that run on the debug kernel: those of the driver. The debug kernel finds faults in the kernel
/// only, and is several times slower.
const DRIVER_TESTS: [&str; 7] = [
    "agent_source",
    "devicetree",
    "examples",
    "presses",
    "queues",
    "raspberry_pi",
    "suspend",
];

/// kmemleak reports only leaks that it finds in two scans and that are older than 5 s.
const KMEMLEAK: &str =
    "cd /sys/kernel/debug && echo scan >kmemleak && sleep 6 && echo scan >kmemleak && cat kmemleak";

pub(super) fn build(flavour: Flavour) -> Phase {
    phase(flavour, "build", |lab, flavour| {
        let system = lab.system(flavour)?;
        Ok(vec![Case::passed(format!("Linux {}", system.version))])
    })
    .long()
}

/// The phases that need the built system.
pub(super) fn phases(flavour: Flavour) -> [Phase; 2] {
    [
        match flavour {
            Flavour::Normal => phase(flavour, "selftest", selftest).quick(),
            _ => phase(flavour, "selftest", selftest),
        },
        phase(flavour, "from outside", outside),
    ]
}

fn phase(flavour: Flavour, what: &str, run: fn(&Lab<'_>, Flavour) -> Result<Vec<Case>>) -> Phase {
    let name = format!("{flavour}: {what}");
    Phase::new(name, move |lab| run(lab, flavour)).in_lane(Lane::Guests)
}

fn selftest(lab: &Lab<'_>, flavour: Flavour) -> Result<Vec<Case>> {
    if lab.args.quick {
        ensure!(
            kernel_is_built(lab.cache(), &lab.options(flavour))?,
            Unavailable::because(
                "the kernel is not built yet: ./scripts/test --only 'normal: build' builds it"
            )
        );
    }
    let options = MachineOptions {
        purpose: "selftest",
        ..MachineOptions::default()
    };
    let (result, kernel) = in_guest(lab, flavour, options, TIMEOUT, &["mypoll-selftest"])?;
    let output = result?;
    let mut cases = ktap::cases(output.status, &String::from_utf8_lossy(&output.stdout));
    cases.extend(kernel.cases);
    Ok(cases)
}

/// The kernel log of a machine that has ended.
struct Kernel {
    cases: Vec<Case>,
    /// The last lines.
    tail: String,
}

/// Runs a command in its own machine.
fn in_guest(
    lab: &Lab<'_>,
    flavour: Flavour,
    options: MachineOptions,
    timeout: Duration,
    command: &[&str],
) -> Result<(Result<Output, GuestError>, Kernel)> {
    let system = lab.system(flavour)?;
    let logs = tempfile::tempdir()?;
    let log = logs.path().join("kernel.log");
    let options = MachineOptions {
        log: Some(log.clone()),
        ..options
    };
    let machine = Machine::start(lab.cache(), system, &options)?;
    machine.guest().give_up_after(timeout)?;
    let result = machine.guest().output(command);
    let mut cases = Vec::new();
    if result.is_ok() && system.flavour == Flavour::Debug {
        cases.push(leaks(&machine)?);
    }
    // The log is complete once QEMU has ended.
    drop(machine);
    cases.push(no_splat(&log)?);
    let tail = machine::tail(&log, TAIL).unwrap_or_default();
    Ok((result, Kernel { cases, tail }))
}

/// Passes if kmemleak finds no leaks.
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

/// Random operations on the driver, to find faults that the debug kernel detects.
pub(super) fn fuzz() -> Phase {
    phase(Flavour::Debug, "fuzz", |lab, flavour| {
        let seconds = number("FUZZ_SECONDS")?.unwrap_or(FUZZ_SECONDS);
        let mut words = vec![format!("--seconds={seconds}")];
        words.extend(number("SEED")?.map(|seed| format!("--seed={seed}")));
        let words = words.iter().map(String::as_str);
        let command: Vec<_> = iter::once("mypoll-fuzz").chain(words).collect();
        let options = MachineOptions {
            purpose: "fuzz",
            // Some races need a writer, a reader, a forking process and an interrupt, each on its own CPU.
            cpus: Some(4),
            ..MachineOptions::default()
        };
        let timeout = Duration::from_secs(seconds) + TIMEOUT;
        let (result, kernel) = in_guest(lab, flavour, options, timeout, &command)?;
        let mut cases = vec![fuzzer_case(seconds, result, &kernel.tail)];
        cases.extend(kernel.cases);
        Ok(cases)
    })
}

/// The result of the fuzzer itself. `tail` is the end of the kernel log.
fn fuzzer_case(seconds: u64, result: Result<Output, GuestError>, tail: &str) -> Case {
    let name = format!("all processes end after {seconds} s");
    match result {
        Ok(output) if output.status == 0 => Case::passed(name),
        // The output contains the seed.
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text);
            Case::failed(name, format!("exit status {}\n{text}", output.status))
        }
        Err(error) => Case::failed(name, format!("{error}\n{tail}")),
    }
}

/// Parses an environment variable as a number.
pub(super) fn number(variable: &str) -> Result<Option<u64>> {
    let Ok(value) = env::var(variable) else {
        return Ok(None);
    };
    let number = value.parse();
    number
        .map(Some)
        .with_context(|| format!("{variable} is not a number: {value:?}"))
}

fn outside(lab: &Lab<'_>, flavour: Flavour) -> Result<Vec<Case>> {
    let system = lab.system(flavour)?;
    let mut skipped = Vec::new();
    let mut cases = nextest::system_tests(lab, |test| {
        test.arg("--no-fail-fast")
            .env("MYPOLL_KERNEL", &system.version)
            .env("MYPOLL_FLAVOUR", flavour.to_string());
        if flavour == Flavour::Debug {
            test.args(DRIVER_TESTS.map(|file| format!("--test={file}")));
        }
        // Each test program boots machines with two processors.
        test.args(["--", "--test-threads=2"]);
        if flavour == Flavour::Normal {
            let broker = lab.needs(&BROKER);
            let needed = [(WITH_BROWSER, suites::browser(lab)), (WITH_BROKER, broker)];
            for ((file, word), provided) in needed {
                if let Err(error) = provided {
                    test.args(["--skip", word]);
                    skipped.push(Case::skipped(file, format!("{error:#}")));
                }
            }
        }
    })?;
    cases.extend(skipped);
    Ok(cases)
}

/// The part of the bench whose figures are comparable between runs. No figure counts as a failure.
pub(super) fn icount() -> Phase {
    const NAME: &str = "bench: icount";
    Phase::new(NAME, |lab| {
        let (mut report, _outputs) = bench::icount(lab.cache(), lab.args.kernel.clone())?;
        let (success, output) = command::run(&mut report)?;
        let case = "everything is measured";
        if !success {
            return Ok(vec![Case::failed(case, output)]);
        }
        for note in output.lines() {
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
    fn skip_words_match_exactly_the_tests_of_their_file() {
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
    fn fuzzer_failures_show_the_seed_or_the_log() {
        let output = |status| Output {
            status,
            stdout: b"seed 7\n".to_vec(),
            stderr: b"1 process did not end\n".to_vec(),
        };
        let name = "all processes end after 60 s";
        let passed = fuzzer_case(60, Ok(output(0)), "");
        assert_eq!(passed, Case::passed(name));
        let details = "exit status 1\nseed 7\n1 process did not end\n";
        let failed = fuzzer_case(60, Ok(output(1)), "");
        assert_eq!(failed, Case::failed(name, details));
        let gone = fuzzer_case(60, Err(GuestError::Gone), "  | BUG\n");
        let details = format!("{}\n  | BUG\n", GuestError::Gone);
        assert_eq!(gone, Case::failed(name, details));
    }
}
