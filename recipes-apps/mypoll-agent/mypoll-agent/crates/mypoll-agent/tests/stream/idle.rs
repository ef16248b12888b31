// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the agent does when nothing happens: nothing.

use std::{
    fs,
    io::{self, Write as _},
    thread,
    time::Duration,
};

use crate::common::Agent;

/// What the agent may take with a hundred idle clients, in bytes.
const BUDGET: u64 = 6_000_000;

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
        // Time that has to pass: what was begun ends, and then nothing may happen.
        thread::sleep(Duration::from_secs(1));
        let before = waits(agent.pid());
        thread::sleep(Duration::from_secs(10));
        assert_eq!(waits(agent.pid()) - before, 0, "heartbeat = {heartbeat}");
        judge(resident(agent.pid()));
    }
}

/// The resident size of a process, in bytes.
fn resident(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = size.and_then(|size| size.trim().strip_suffix(" kB"));
    kilobytes.unwrap().parse::<u64>().unwrap() * 1024
}

/// Says the size, and fails where the program that boards run takes more than its budget.
fn judge(size: u64) {
    let judged = !cfg!(debug_assertions);
    let verdict = match judged {
        true => "of",
        false => "in a debug build, which is not judged by",
    };
    // Not captured: the figure is of interest when the test passes, too.
    let _ = writeln!(
        io::stderr(),
        "resident with 100 idle clients: {size} bytes, {verdict} {BUDGET}"
    );
    assert!(!judged || size <= BUDGET, "{size} bytes");
}
