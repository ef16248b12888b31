// SPDX-License-Identifier: MIT OR Apache-2.0
//! An idle agent does nothing.

use std::{
    fs,
    io::{self, Write as _},
    thread,
    time::Duration,
};

use crate::common::Agent;

/// Maximum resident memory of a program for boards with a hundred idle clients, in bytes.
const ALL: u64 = 6_000_000;

/// Maximum part of that in a release build, without mapped files.
const OWN: u64 = 1 << 20;

/// Maximum size of a program for boards, as in the recipe.
const PROGRAM: u64 = 3_200_000;

/// How often the threads of a process have waited.
fn waits(pid: i32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads
        .map(|thread| {
            let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
            let waits = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            waits.unwrap().trim().parse::<u64>().unwrap()
        })
        .sum()
}

#[test]
fn with_a_hundred_idle_clients_it_does_not_wake_up() {
    for heartbeat in ["30s", "0s"] {
        let agent = Agent::start(&format!(
            "[[stream]]\nlisten = '127.0.0.1:0'\nmax-clients = 200\nheartbeat = '{heartbeat}'\n\
             [[gesture]]\nline = 0\n[[watchdog]]\nline = 0\nsilent = '1h'\n[counters]"
        ));
        let _clients: Vec<_> = (0..100).map(|_| agent.request("{}")).collect();
        // Pending work needs time to end; after that, nothing may happen.
        let mut before = 0;
        while waits(agent.pid()) != before {
            before = waits(agent.pid());
            thread::sleep(Duration::from_secs(1));
        }
        thread::sleep(Duration::from_secs(10));
        assert_eq!(waits(agent.pid()) - before, 0, "heartbeat = {heartbeat}");
        judge(agent.pid());
    }
}

/// A size in /proc/PID/status, in bytes.
fn size(pid: i32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = size.and_then(|size| size.trim().strip_suffix(" kB"));
    kilobytes.unwrap().parse::<u64>().unwrap() * 1024
}

/// Prints the agent's memory use; fails if a program that is built for boards exceeds its budget.
fn judge(pid: i32) {
    let (all, own) = (size(pid, "VmRSS:"), size(pid, "RssAnon:"));
    let program = fs::metadata(env!("CARGO_BIN_EXE_mypoll-agent"))
        .unwrap()
        .len();
    // Most of what is resident is the program's file.
    let (judges_own, judges_all) = (!cfg!(debug_assertions), program <= PROGRAM);
    let verdict = |judged| if judged { "at most" } else { "not judged by" };
    // Not captured: the figures are of interest even if the test passes.
    let _ = writeln!(
        io::stderr(),
        "100 idle clients, a program of {program} bytes: resident {all} ({} {ALL}), its own {own} ({} {OWN})",
        verdict(judges_all),
        verdict(judges_own),
    );
    assert!(!judges_all || all <= ALL, "{all} bytes");
    assert!(!judges_own || own <= OWN, "{own} bytes");
}
