// SPDX-License-Identifier: MIT OR Apache-2.0
//! Outputs of the program itself: blocking and missing chips.

mod common;

use std::fs;

use common::Agent;
use nix::{
    sys::{signal::Signal, stat::Mode},
    unistd::mkfifo,
};

#[test]
fn a_blocking_chip_delays_neither_events_nor_the_end() {
    let directory = tempfile::tempdir().unwrap();
    // Opening it blocks until there is a writer.
    let chip = directory.path().join("chip");
    mkfifo(&chip, Mode::S_IRWXU).unwrap();
    let mut agent = Agent::start(&format!(
        "agent.drain-timeout = '200ms'
        [[output]]
        name = 'lamp'
        chip = '{}'
        line = 0
        follow.line = 0",
        chip.display()
    ));
    let (mut client, hello) = agent.request("{}");
    agent.events("rising 0");
    assert_eq!(client.event(), hello["next"]);
    drop(client);
    agent.signal(Signal::SIGTERM);
    agent.wait_for_log("cut off after 200ms (agent.drain-timeout): output lamp");
    assert!(agent.status().success());
}

#[test]
fn an_unavailable_output_is_logged_once_and_refuses_orders() {
    let mut agent = Agent::start(
        "[[stream]]
        listen = '127.0.0.1:0'
        control = true
        [[output]]
        name = 'lamp'
        chip = '/dev/nowhere'
        line = 0",
    );
    agent.wait_for_log("ERROR cannot open the chip /dev/nowhere: No such file or directory");
    let (mut client, _) = agent.request("{}");
    client.send(r#"{"order":{"output":{"set":{"name":"lamp","active":true}}}}"#);
    assert_eq!(
        client.json()["error"],
        "the output `lamp` is unavailable: cannot open the chip /dev/nowhere: \
         No such file or directory (os error 2)"
    );
    drop(client);
    agent.signal(Signal::SIGTERM);
    assert!(agent.status().success());
    let log = agent.rest_of_log();
    assert!(!log.iter().any(|line| line.contains("nowhere")), "{log:#?}");
}

#[test]
fn after_a_reload_only_outputs_of_the_new_configuration_take_orders() {
    let stream = "[[stream]]\nlisten = '127.0.0.1:0'\ncontrol = true\n";
    let output =
        |name: &str| format!("[[output]]\nname = '{name}'\nchip = '/dev/nowhere'\nline = 0\n");
    let mut agent = Agent::start(&format!("{stream}{}", output("lamp")));
    let (mut client, _) = agent.request("{}");
    let path = agent.directory().join("agent.toml");
    let configuration = fs::read_to_string(&path).unwrap();
    fs::write(&path, configuration.replace("'lamp'", "'bulb'")).unwrap();
    agent.signal(Signal::SIGHUP);
    agent.wait_for_log("reloaded the configuration");
    client.send(r#"{"order":{"output":{"toggle":{"name":"lamp"}}}}"#);
    assert_eq!(client.json()["error"], "no output `lamp`; there are: bulb");
}
