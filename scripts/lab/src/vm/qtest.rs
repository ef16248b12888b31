// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's qtest socket, which sets the levels of a device's inputs while the guest runs. It serves one client at a
//! time, so each call uses a new connection.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

/// Time limit for an answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Sets input `number` of the device at object path `device` to these levels in quick succession.
pub fn set_input(socket: &Path, device: &str, number: u8, levels: &[bool]) -> Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let commands: String = levels
        .iter()
        .map(|&level| {
            let level = u8::from(level);
            format!("set_irq_in {device} unnamed-gpio-in {number} {level}\n")
        })
        .collect();
    // All commands at once: waiting for each answer is too slow for a bouncing contact.
    stream.write_all(commands.as_bytes())?;
    let mut stream = BufReader::new(stream);
    for _ in levels {
        let mut answer = String::new();
        stream.read_line(&mut answer)?;
        let answer = answer.trim_end();
        ensure!(answer == "OK", "QEMU's qtest refused: {answer}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    #[test]
    fn levels_are_set_and_errors_are_reported() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("qtest");
        let listener = UnixListener::bind(&socket).unwrap();
        for (answer, result) in [
            ("OK\nOK\n", ""),
            ("OK\nFAIL no\n", "QEMU's qtest refused: FAIL no"),
            ("OK\n", "QEMU's qtest refused: "),
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
                let error = set
                    .err()
                    .map_or_else(String::new, |error| error.to_string());
                assert_eq!(error, result);
                let start = "set_irq_in /machine/unattached/device[8] unnamed-gpio-in 5";
                let expected = [format!("{start} 1"), format!("{start} 0")];
                assert_eq!(qemu.join().unwrap(), expected);
            });
        }
    }
}
