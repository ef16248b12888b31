// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two checkouts that share a cache, each with a `lab` of its own.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use lab::deps::cargo::{cargo, clippy};

const MANIFEST: &str = "[package]\nname = \"lab\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"lab\"\nversion = \"0.1.0\"\n";
const SCRIPT: &str = "#!/bin/sh\n. \"$(dirname \"$0\")/lab/start.sh\"\nlab\n";

/// A checkout whose `lab` says `word`; its files are as old as `time`.
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
fn each_runs_what_it_has_itself() {
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

/// As guests' programs are built, by whatever has been started without start.sh, such as a test by hand.
#[test]
fn each_builds_what_it_has_itself() {
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
fn each_has_its_own_checked() {
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
    // print!("{}", "wrong") is nothing that the compiler itself warns of.
    check_out(&dir.path().join("wrong"), "{}\", \"wrong", time);
    for (name, expected) in [("right", true), ("wrong", false), ("right", true)] {
        let repo = dir.path().join(name);
        let output = clippy(&repo, &dir.path().join("target"))
            .current_dir(repo.join("scripts/lab"))
            .output()
            .unwrap();
        assert_eq!(output.status.success(), expected, "{name}: {output:?}");
    }
}

/// Cargo tells a test where its program is in a variable with the program's name, hyphens and all.
#[test]
fn the_compiler_gets_variables_that_no_shell_could_set() {
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
