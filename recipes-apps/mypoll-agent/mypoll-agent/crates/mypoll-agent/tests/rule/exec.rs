// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs of rules: their input, their end, and that no process is left.

use std::{fs, process::Command};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{Agent, children, reload, runs, status, wait_for, wait_for_counts, webhook::next};

/// An agent with a rule `run` for rising edges, which runs `script` in /bin/sh with more arguments.
fn start(script: &str, arguments: &str, keys: &str) -> Agent {
    let agent = Agent::start_with(&rule("run", arguments, keys), |command: &mut Command| {
        command.env("MYPOLL_TEST_SECRET", "of the agent");
    });
    fs::write(agent.directory().join("script"), script).unwrap();
    agent
}

pub(super) fn rule(name: &str, arguments: &str, keys: &str) -> String {
    format!(
        "[[rule]]
        name = '{name}'
        when = {{ kind = 'rising' }}
        exec = {{ command = ['/bin/sh', 'DIRECTORY/script'{arguments}]{keys} }}
        "
    )
}

/// A file that a script wrote.
fn read(agent: &Agent, name: &str) -> String {
    let path = agent.directory().join(name);
    wait_for(name, || fs::read_to_string(&path).ok())
}

#[test]
fn arguments_and_the_environment_arrive_unchanged() {
    let mut agent = start(
        r#"cd "${0%/*}"
        env -0 >env
        printf '%s\0' "$@" >new
        mv new arguments"#,
        r#", 'two words', "it's \"quoted\"", '$HOME `id` $(id)', '*', '', "a\nb", '{}', '{ "a": 1 }', 'é',
            '{label}', '{kind}', '{line}', '{json}'"#,
        "",
    );
    agent.events("rising 1");
    let arguments = read(&agent, "arguments");
    let mut arguments: Vec<&str> = arguments.split_terminator('\0').collect();
    let json: Value = serde_json::from_str(arguments.pop().unwrap()).unwrap();
    assert_eq!(
        arguments,
        [
            "two words",
            "it's \"quoted\"",
            "$HOME `id` $(id)",
            "*",
            "",
            "a\nb",
            "{}",
            "{ \"a\": 1 }",
            "é",
            "door",
            "rising",
            "1"
        ]
    );
    let environment = read(&agent, "env");
    let variable = |name: &str| {
        let mut variables = environment
            .split('\0')
            .filter_map(|pair| pair.split_once('='));
        variables.find_map(|(found, value)| (found == name).then(|| value.to_owned()))
    };
    for name in [
        "rule",
        "machine",
        "boot",
        "session",
        "source",
        "kind",
        "label",
        "time",
        "timestamp_ns",
    ] {
        let variable = variable(&format!("MYPOLL_{}", name.to_uppercase()));
        assert_eq!(json[name].as_str(), variable.as_deref(), "{name} of {json}");
    }
    for name in ["event", "line", "value", "lost"] {
        let variable = variable(&format!("MYPOLL_{}", name.to_uppercase()));
        assert_eq!(Some(json[name].to_string()), variable, "{name} of {json}");
    }
    assert_eq!(
        (json["rule"].as_str(), json["value"].as_u64()),
        (Some("run"), Some(1))
    );
    assert!(variable("PATH").is_some());
    assert_eq!(variable("MYPOLL_TEST_SECRET"), None);
}

#[test]
fn a_timeout_kills_the_program_and_its_children() {
    let mut agent = start(
        r#"trap '' TERM
        (trap '' TERM; while :; do sleep 1000; done) &
        echo $$ $! >"${0%/*}/new"
        mv "${0%/*}/new" "${0%/*}/pids"
        echo 'I stay'
        while :; do sleep 1000; done"#,
        "",
        ", timeout = '300ms'",
    );
    agent.events("rising 0");
    let pids = read(&agent, "pids");
    let line = agent.wait_for_log("/bin/sh was killed after 300ms");
    assert!(line.contains("I stay"), "{line}");
    assert_eq!(children(agent.pid()), Vec::<String>::new());
    for pid in pids.split_whitespace() {
        wait_for("a process is left", || (!runs(pid)).then_some(()));
    }
    wait_for_counts(&agent, "run", &[("failed", 1), ("running", 0)]);
}

#[test]
fn background_children_end_with_their_program() {
    let mut agent = start(
        r#"sleep 1000 &
        echo $! >"${0%/*}/pid""#,
        "",
        "",
    );
    agent.events("rising 0");
    wait_for_counts(&agent, "run", &[("done", 1)]);
    let pid = read(&agent, "pid");
    wait_for("it is left", || (!runs(pid.trim())).then_some(()));
    assert_eq!(children(agent.pid()), Vec::<String>::new());
}

#[test]
fn failures_are_logged_with_bounded_output() {
    let mut agent = start("head -c 10000000 /dev/zero | tr '\\0' x; exit 3", "", "");
    agent.events("rising 0");
    let line = agent.wait_for_log("/bin/sh failed: exit status: 3; output: \"xxx");
    assert!(line.len() < 2000, "{}", line.len());
    wait_for_counts(&agent, "run", &[("failed", 1), ("done", 0)]);
    reload(&mut agent, |text| {
        text.replace("'/bin/sh'", "'/no/such/program'")
    });
    agent.events("rising 0");
    agent.wait_for_log("cannot run /no/such/program: No such file or directory");
    wait_for_counts(&agent, "run", &[("failed", 1)]);
}

#[test]
fn a_programs_output_is_logged_as_one_line() {
    let mut agent = start("echo one; echo two >&2", "", "");
    agent.events("rising 0");
    agent.wait_for_log(r#"one\ntwo"#);
}

#[test]
fn a_reload_that_removes_a_rule_ends_its_programs() {
    let mut agent = start(HANGS, "", "");
    agent.events("rising 0");
    let pid = read(&agent, "pid");
    assert!(runs(pid.trim()));
    reload(&mut agent, |text| text.replace("rising", "tick"));
    wait_for("it is left", || (!runs(pid.trim())).then_some(()));
    wait_for_counts(&agent, "run", &[("running", 0), ("matched", 0)]);
    assert_eq!(children(agent.pid()), Vec::<String>::new());
}

/// A script that runs until it is killed.
const HANGS: &str = r#"echo $$ >"${0%/*}/new"
    mv "${0%/*}/new" "${0%/*}/pid"
    while :; do sleep 1000; done"#;

#[test]
fn the_end_waits_for_earlier_events() {
    let mut agent = start(r#"echo >>"${0%/*}/runs""#, "", "");
    agent.events(&"rising 0\n".repeat(5));
    agent.signal(Signal::SIGTERM);
    assert!(agent.status().success());
    assert_eq!(read(&agent, "runs").lines().count(), 5);
}

#[test]
fn the_end_does_not_wait_for_ever() {
    let mut agent = start(HANGS, "", "");
    reload(&mut agent, |text| {
        format!("agent.drain-timeout = '200ms'\n{text}")
    });
    agent.events("rising 0");
    let pid = read(&agent, "pid");
    agent.signal(Signal::SIGTERM);
    agent.wait_for_log("cut off after 200ms (agent.drain-timeout): rule run");
    assert!(agent.status().success());
    wait_for("it is left", || (!runs(pid.trim())).then_some(()));
}

#[test]
fn a_hanging_program_delays_nobody() {
    let configuration = rule("hangs", "", "") + &rule("quick", "", "").replace("script", "other");
    let mut agent = Agent::start(&configuration);
    fs::write(agent.directory().join("script"), HANGS).unwrap();
    fs::write(agent.directory().join("other"), "").unwrap();
    let first = next(&agent);
    let (mut client, _) = agent.request("{}");
    agent.events(&"rising 0\n".repeat(10));
    wait_for_counts(&agent, "quick", &[("done", 10)]);
    for number in 0..10 {
        assert_eq!(client.event(), first + number);
    }
    assert_eq!(status(&agent, "hangs")["done"], 0);
}
