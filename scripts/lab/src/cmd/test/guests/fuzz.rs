// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random operations on the driver, for faults that the debug kernel sees.

use std::time::Duration;

use anyhow::Result;

use super::{PATIENCE, Variant, leaks, phase};
use crate::cmd::test::case::Case;
use crate::cmd::test::logs::no_splat;
use crate::cmd::test::variable::number;
use crate::cmd::test::{Lab, Phase};
use crate::vm::guest::{GuestError, Output};
use crate::vm::machine::{self, Machine, MachineOptions};

/// For how long, where the environment variable `FUZZ_SECONDS` does not say.
const SECONDS: u64 = 60;

/// Some races need a writer, a reader, a forking process and an interrupt, each on a CPU of its own.
const CPUS: u8 = 4;

/// How much of the kernel's log is shown when the machine hangs or goes down.
const TAIL: usize = 40;

pub(in crate::cmd::test) fn fuzz() -> Phase {
    phase(Variant::Debug, "fuzz", run)
}

fn run(lab: &Lab<'_>, variant: Variant) -> Result<Vec<Case>> {
    let seconds = number("FUZZ_SECONDS")?.unwrap_or(SECONDS);
    let mut command = vec!["mypoll-fuzz".to_owned(), format!("--seconds={seconds}")];
    command.extend(number("SEED")?.map(|seed| format!("--seed={seed}")));
    let system = lab.system(variant)?;
    let logs = tempfile::tempdir()?;
    let log = logs.path().join("kernel.log");
    let options = MachineOptions {
        purpose: "fuzz",
        cpus: Some(CPUS),
        log: Some(log.clone()),
        ..MachineOptions::default()
    };
    let machine = Machine::start(lab.cache(), system, &options)?;
    let patience = Duration::from_secs(seconds) + PATIENCE;
    machine.guest().give_up_after(patience)?;
    let ended = machine.guest().output(&command);
    let mut cases = Vec::new();
    if ended.is_ok() {
        cases.push(leaks(&machine)?);
    }
    // The log is complete when QEMU is gone.
    drop(machine);
    let tail = || machine::tail(&log, TAIL).unwrap_or_default();
    cases.insert(0, all_processes_end(seconds, ended, tail));
    cases.push(no_splat(&log)?);
    Ok(cases)
}

/// What the fuzzer itself came to; `tail` gives the end of the kernel's log.
fn all_processes_end(
    seconds: u64,
    ended: Result<Output, GuestError>,
    tail: impl FnOnce() -> String,
) -> Case {
    let name = format!("all processes end after {seconds} s");
    match ended {
        Ok(output) if output.status == 0 => Case::passed(name),
        // The seed is among what it said.
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            Case::failed(
                name,
                format!(
                    "exit status {}\n{}",
                    output.status,
                    String::from_utf8_lossy(&said)
                ),
            )
        }
        Err(error) => Case::failed(name, format!("{error}\n{}", tail())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::test::case::Outcome;

    fn failure(ended: Result<Output, GuestError>) -> String {
        match all_processes_end(60, ended, || "  | BUG\n".to_owned()).outcome {
            Outcome::Failed(said) => said,
            other => panic!("{other:?}"),
        }
    }

    fn output(status: u8) -> Output {
        Output {
            status,
            stdout: b"seed 7\n".to_vec(),
            stderr: b"1 process did not end\n".to_vec(),
        }
    }

    #[test]
    fn a_process_that_does_not_end_is_a_failure_with_the_seed() {
        let passed = all_processes_end(60, Ok(output(0)), String::new);
        assert_eq!(passed, Case::passed("all processes end after 60 s"));
        assert_eq!(
            failure(Ok(output(1))),
            "exit status 1\nseed 7\n1 process did not end\n"
        );
    }

    #[test]
    fn a_machine_that_goes_down_is_a_failure_with_its_log() {
        let gone = GuestError::Output(std::io::ErrorKind::BrokenPipe.into());
        let said = failure(Err(gone));
        assert!(said.ends_with("\n  | BUG\n"), "{said}");
    }
}
