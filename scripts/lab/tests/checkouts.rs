// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests two checkouts that share a cache, each with its own `lab`.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use lab::deps::cargo::{cargo, clippy};

const MANIFEST: &str = "[package]\nname = \"lab\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"lab\"\nversion = \"0.1.0\"\n";
const SCRIPT: &str = "#!/bin/sh\n. \"$(dirname \"$0\")/lab/start.sh\"\nlab\n";

/// Creates a checkout whose `lab` prints `word`. Its files have the modification time `time`.
fn check_out(folder: &Path, word: &str, time: SystemTime) {
    let lab = folder.join("scripts/lab");
    fs::create_dir_all(lab.join("src")).unwrap();
    for file in ["start.sh", "rustc"] {
        fs::copy(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(file),
            lab.join(file),
        )
        .unwrap();
    }
    fs::write(folder.join("scripts/say"), SCRIPT).unwrap();
    fs::write(lab.join("Cargo.toml"), MANIFEST).unwrap();
    fs::write(lab.join("Cargo.lock"), LOCK).unwrap();
    let main = lab.join("src/main.rs");
    fs::write(&main, format!("fn main() {{ print!(\"{word}\"); }}")).unwrap();
    File::open(&main).unwrap().set_modified(time).unwrap();
}

#[test]
fn each_checkout_runs_its_own_code() {
    let dir = tempfile::tempdir().unwrap();
    let time = SystemTime::now();
    for word in ["one", "other"] {
        check_out(&dir.path().join(word), word, time);
    }
    for word in ["one", "other", "one"] {
        let output = Command::new("sh")
            .arg(dir.path().join(word).join("scripts/say"))
            .env("XDG_CACHE_HOME", dir.path().join("cache"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
    }
}

/// How the guests' programs are built by anything not started by start.sh, such as a manually started test.
#[test]
fn each_checkout_builds_its_own_code() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("target");
    let time = SystemTime::now();
    for word in ["one", "other"] {
        check_out(&dir.path().join(word), word, time);
    }
    for word in ["one", "other", "one"] {
        let repo = dir.path().join(word);
        let status = cargo(&repo, &target)
            .args(["build", "--quiet"])
            .current_dir(repo.join("scripts/lab"))
            .status();
        assert!(status.unwrap().success());
        let output = Command::new(target.join("debug/lab")).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
    }
}

#[test]
fn each_checkout_checks_its_own_code() {
    if !Command::new("cargo-clippy")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        eprintln!("clippy is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let time = SystemTime::now();
    check_out(&dir.path().join("right"), "right", time);
    // Only clippy warns of print!("{}", "wrong"), not the compiler.
    check_out(&dir.path().join("wrong"), "{}\", \"wrong", time);
    for (name, expected) in [("right", true), ("wrong", false), ("right", true)] {
        let repo = dir.path().join(name);
        let mut cargo = cargo(&repo, &dir.path().join("target"));
        let output = clippy(&mut cargo, &repo)
            .current_dir(repo.join("scripts/lab"))
            .output()
            .unwrap();
        assert_eq!(output.status.success(), expected, "{name}: {output:?}");
    }
}

/// Cargo passes the path of a program to tests in a variable named after the program, including hyphens.
#[test]
fn the_wrapper_passes_on_variables_with_hyphens() {
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("rustc"))
        .arg("env")
        .env("CARGO_BIN_EXE_mypoll-agent", "here")
        .output()
        .unwrap();
    let variables = String::from_utf8(output.stdout).unwrap();
    assert!(
        variables.contains("CARGO_BIN_EXE_mypoll-agent=here\n"),
        "{variables}"
    );
}
