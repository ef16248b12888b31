// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands `check` and `token new`, on the command line.

mod common;

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use common::Agent;
use mypoll_agent::config::Config;
use nix::{sys::stat::Mode, unistd::mkfifo};
use tempfile::TempDir;

/// The exit status, stdout and stderr of a command.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mypoll-agent"))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A folder with a configuration, to which a simulated source and a journal are added, and the configuration's path.
fn folder(configuration: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (fifo, journal) = (folder.path().join("events"), folder.path().join("journal"));
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let text =
        format!("journal.path = {journal:?}\n{configuration}\n[simulated]\npath = {fifo:?}\n");
    let path = folder.path().join("agent.toml");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn check(path: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let path = path.to_str().unwrap();
    run(&[&["check", "--config", path], more].concat())
}

/// A stream on any port.
const STREAM: &str = "[[stream]]\nlisten = '127.0.0.1:0'\n";

/// An output that no machine has.
fn output(name: &str) -> String {
    format!("[[output]]\nname = '{name}'\nchip = 'no-such-{name}'\nline = 0\n")
}

#[test]
fn a_valid_configuration_is_reported_and_nothing_is_opened() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (folder, path) = folder(&format!("[[stream]]\nlisten = '{address}'"));
    let said = format!("{}: valid\n", path.display());
    assert_eq!(check(&path, &[]), (Some(0), said, String::new()));
    assert!(!folder.path().join("journal").exists());
}

#[test]
fn errors_name_the_place_or_the_missing_file() {
    let (folder, path) = folder("journal.size = 0");
    let (status, stdout, stderr) = check(&path, &[]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    let place = format!("mypoll-agent: {}:2: journal.size: ", path.display());
    assert!(
        stderr.starts_with(&place) && stderr.lines().count() == 1,
        "{stderr}"
    );
    let missing = folder.path().join("missing");
    let (status, stdout, stderr) = check(&missing, &[]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("No such file or directory"), "{stderr}");
}

#[test]
fn without_any_file_the_defaults_are_valid() {
    let (status, stdout, stderr) = run(&["check"]);
    let path = Config::PATH;
    // This machine may have one.
    if !Path::new(path).exists() {
        let said = format!("there is no {path}; the defaults are valid\n");
        assert_eq!((status, stdout, stderr), (Some(0), said, String::new()));
    }
}

#[test]
fn a_probe_opens_all_but_the_journal() {
    let (folder, path) = folder(STREAM);
    let (status, stdout, stderr) = check(&path, &["--probe"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
    let (first, parts) = stdout.split_once('\n').unwrap();
    assert!(first.ends_with("agent.toml: valid"), "{stdout}");
    for part in ["pump: ok", "source: ok", "stream 127.0.0.1:0: ok"] {
        assert!(parts.lines().any(|line| line == part), "{part}: {stdout}");
    }
    assert!(parts.lines().all(|line| line.ends_with(": ok")), "{stdout}");
    assert!(!folder.path().join("journal").exists());
}

#[test]
fn a_probe_lists_waiting_parts() {
    let one = [STREAM, &output("lamp")].concat();
    let two = [&one, output("bell").as_str()].concat();
    for (configuration, last) in [(one, "one part waits"), (two, "2 parts wait")] {
        let (_folder, path) = folder(&configuration);
        let (status, stdout, stderr) = check(&path, &["--probe"]);
        assert_eq!(status, Some(1));
        let lamp = stdout
            .lines()
            .find(|line| line.starts_with("output lamp: "));
        assert!(
            lamp.is_some_and(|lamp| lamp.contains("`no-such-lamp`")),
            "{stdout}{stderr}"
        );
        assert!(stdout.contains("source: ok"), "{stdout}");
        assert_eq!(stderr, format!("mypoll-agent: {last}\n"));
    }
}

#[test]
fn a_probe_fails_where_the_agent_would_not_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (_folder, path) = folder(&format!("[[stream]]\nlisten = '{address}'"));
    let (status, stdout, stderr) = check(&path, &["--probe"]);
    assert_eq!((status, stdout.lines().count()), (Some(1), 1));
    assert!(
        stderr.contains(&format!("cannot listen on {address}")),
        "{stderr}"
    );
}

#[test]
fn a_new_token_lets_its_client_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let path = file.to_str().unwrap();
    let new = |role, name| {
        let arguments = [
            "token", "new", "--role", role, "--name", name, "--file", path,
        ];
        let (status, stdout, stderr) = run(&arguments);
        assert_eq!((status, stderr.as_str()), (Some(0), ""));
        stdout.trim_end().to_owned()
    };
    let (phone, panel) = (new("control", "the phone"), new("read", "a panel"));
    let lines = fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = lines.lines().collect();
    assert!(
        lines[0].starts_with("control:") && lines[0].ends_with(":the phone"),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("read:") && lines[1].ends_with(":a panel"),
        "{lines:?}"
    );
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o027, 0);
    // The file does not contain the secret.
    assert!(
        lines
            .iter()
            .all(|line| !line.contains(&phone) && !line.contains(&panel))
    );

    let agent = Agent::start(&format!("{STREAM}tokens = '{path}'"));
    for secret in [&phone, &panel] {
        agent.request(&format!(r#"{{"token":"{secret}"}}"#));
    }
    let mut other = agent.connect();
    other.send(&format!(r#"{{"token":"{phone}0"}}"#));
    assert!(other.json()["error"].is_string());
}

#[test]
fn a_new_token_without_a_file_is_printed_in_two_parts() {
    let (status, secret, line) = run(&["token", "new", "--role", "read"]);
    assert_eq!(status, Some(0));
    assert_eq!((secret.lines().count(), line.lines().count()), (1, 1));
    assert!(
        line.starts_with("read:") && !line.contains(secret.trim_end()),
        "{line}"
    );
    let (status, secret, said) = run(&[
        "token",
        "new",
        "--role",
        "read",
        "--file",
        "/nowhere/tokens",
    ]);
    assert_eq!((status, secret.as_str()), (Some(1), ""));
    assert!(
        said.contains("cannot add the token to /nowhere/tokens"),
        "{said}"
    );
    let (status, secret, said) = run(&["token", "new", "--role", "all"]);
    assert_eq!((status, secret.as_str()), (Some(2), ""));
    assert!(said.contains("control"), "{said}");
}
