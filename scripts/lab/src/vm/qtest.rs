// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's qtest socket, which sets the level of a device's input beside a guest that runs. It serves one client at a
//! time, so each call is a connection of its own.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

/// So that a QEMU that hangs ends in an error.
const DEADLINE: Duration = Duration::from_secs(60);

/// Sets input `number` of the device at object path `device` to these levels, one immediately after the other.
pub fn set_input(socket: &Path, device: &str, number: u8, levels: &[bool]) -> Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    let commands: String = levels
        .iter()
        .map(|&level| {
            let level = u8::from(level);
            format!("set_irq_in {device} unnamed-gpio-in {number} {level}\n")
        })
        .collect();
    // At once: a command that has to be waited for comes too late for a contact that bounces.
    stream.write_all(commands.as_bytes())?;
    let mut stream = BufReader::new(stream);
    for _ in levels {
        let mut answer = String::new();
        stream.read_line(&mut answer)?;
        let answer = answer.trim_end();
        ensure!(answer == "OK", "QEMU's qtest refuses: {answer}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    #[test]
    fn levels_are_set_and_a_refusal_is_passed_on() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("qtest");
        let listener = UnixListener::bind(&socket).unwrap();
        for (answer, result) in [
            ("OK\nOK\n", ""),
            ("OK\nFAIL no\n", "QEMU's qtest refuses: FAIL no"),
            ("OK\n", "QEMU's qtest refuses: "),
        ] {
            thread::scope(|scope| {
                let qemu = scope.spawn(|| {
                    let (mut stream, _) = listener.accept().unwrap();
                    let mut requests = BufReader::new(stream.try_clone().unwrap()).lines();
                    let requests = [requests.next(), requests.next()].map(|line| line.unwrap());
                    stream.write_all(answer.as_bytes()).unwrap();
                    requests.map(Result::unwrap)
                });
                let set = set_input(&socket, "/machine/unattached/device[8]", 5, &[true, false]);
                let said = set
                    .err()
                    .map_or_else(String::new, |error| error.to_string());
                assert_eq!(said, result);
                let start = "set_irq_in /machine/unattached/device[8] unnamed-gpio-in 5";
                let expected = [format!("{start} 1"), format!("{start} 0")];
                assert_eq!(qemu.join().unwrap(), expected);
            });
        }
    }
}
