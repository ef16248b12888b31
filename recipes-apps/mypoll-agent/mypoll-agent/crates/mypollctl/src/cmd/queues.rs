// SPDX-License-Identifier: MIT OR Apache-2.0
//! The readers of the driver: open files of all processes that this user may inspect.

use std::{fs, io::Write, path::Path};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::print::column;

/// An open file of the device.
#[derive(Debug, Serialize)]
struct Open {
    pid: u32,
    program: String,
    fd: u32,
    /// `shared` or `private`.
    queue: String,
    capacity: Option<u64>,
    depth: Option<u64>,
    lost: Option<u64>,
}

/// Prints them, as JSON or as a table.
pub fn print(device: &Path, json: bool, output: &mut impl Write) -> Result<()> {
    let open = of(Path::new("/proc"), device)?;
    if !json {
        writeln!(
            output,
            "{:>7} {:<16} {:>4} {:<8} {:>8} {:>8} {:>10}",
            "PID", "PROGRAM", "FD", "QUEUE", "CAPACITY", "DEPTH", "LOST"
        )?;
    }
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    for file in open {
        if json {
            writeln!(output, "{}", serde_json::to_string(&file)?)?;
            continue;
        }
        writeln!(
            output,
            "{:>7} {} {:>4} {:<8} {:>8} {:>8} {:>10}",
            file.pid,
            column(&file.program, 16),
            file.fd,
            file.queue,
            number(file.capacity),
            number(file.depth),
            number(file.lost)
        )?;
    }
    Ok(())
}

/// The open files of `device`, by process. Skips processes that exit meanwhile or belong to others.
fn of(proc: &Path, device: &Path) -> Result<Vec<Open>> {
    let mut found = Vec::new();
    for process in fs::read_dir(proc)
        .with_context(|| proc.display().to_string())?
        .flatten()
    {
        let Some(pid) = number_of(&process) else {
            continue;
        };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        for file in files.flatten() {
            let Some(fd) = number_of(&file) else { continue };
            if fs::read_link(file.path()).is_ok_and(|target| target == device) {
                found.push(open(&process.path(), pid, fd));
            }
        }
    }
    found.sort_by_key(|file| (file.pid, file.fd));
    Ok(found)
}

fn number_of(entry: &fs::DirEntry) -> Option<u32> {
    entry.file_name().to_str()?.parse().ok()
}

fn open(process: &Path, pid: u32, fd: u32) -> Open {
    let text = |name: &str| fs::read_to_string(process.join(name)).unwrap_or_default();
    let fdinfo = text(&format!("fdinfo/{fd}"));
    let value = |key: &str| {
        fdinfo
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(name, value)| (name == key).then(|| value.trim().to_owned()))
    };
    let number = |key: &str| value(key)?.parse().ok();
    Open {
        pid,
        program: text("comm").trim().to_owned(),
        fd,
        queue: value("queue").unwrap_or_default(),
        capacity: number("capacity"),
        depth: number("depth"),
        lost: number("lost"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn open_files_of_the_device_are_found_with_their_queues() {
        let proc = tempfile::tempdir().unwrap();
        for (pid, target) in [
            ("20", "/dev/mypoll"),
            ("3", "/dev/mypoll"),
            ("4", "/dev/null"),
        ] {
            let process = proc.path().join(pid);
            fs::create_dir_all(process.join("fd")).unwrap();
            fs::create_dir_all(process.join("fdinfo")).unwrap();
            symlink(target, process.join("fd/7")).unwrap();
            fs::write(process.join("comm"), "reader\n").unwrap();
            let info = "pos:\t0\nqueue:\tprivate\ncapacity:\t4096\ndepth:\t3\nlost:\t9\n";
            fs::write(process.join("fdinfo/7"), info).unwrap();
        }
        fs::create_dir(proc.path().join("self")).unwrap();
        let open = of(proc.path(), Path::new("/dev/mypoll")).unwrap();
        let text = serde_json::to_string(&open).unwrap();
        let expected = |pid| {
            format!(
                r#"{{"pid":{pid},"program":"reader","fd":7,"queue":"private","capacity":4096,"depth":3,"lost":9}}"#
            )
        };
        assert_eq!(text, format!("[{},{}]", expected(3), expected(20)));
    }
}
