// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's qtest socket, which sets the level of a device's input beside a guest that runs. It serves one client at a
//! time, so each call is a connection of its own.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use thiserror::Error;

/// So that a QEMU that hangs ends in an error.
const DEADLINE: Duration = Duration::from_secs(60);

/// What can go wrong with the qtest socket.
#[derive(Debug, Error)]
pub enum QtestError {
    /// The socket can't be reached, or was closed.
    #[error("can't talk to QEMU's qtest socket")]
    Socket(#[from] io::Error),
    /// QEMU says no.
    #[error("QEMU's qtest refuses: {0}")]
    Refused(String),
}

/// Sets input `number` of the device at object path `device` to these levels, one immediately after the other.
pub fn set_input(
    socket: &Path,
    device: &str,
    number: u8,
    levels: &[bool],
) -> Result<(), QtestError> {
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
        if answer.trim_end() != "OK" {
            return Err(QtestError::Refused(answer.trim_end().to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// Sets levels at a qtest that gives `answer`; returns the first request and the result.
    fn exchange(levels: &[bool], answer: &'static str) -> (String, Result<(), QtestError>) {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("qtest");
        let listener = UnixListener::bind(&socket).unwrap();
        let qemu = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            BufReader::new(stream.try_clone().unwrap())
                .read_line(&mut request)
                .unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            request
        });
        let result = set_input(&socket, "/machine/unattached/device[8]", 5, levels);
        (qemu.join().unwrap(), result)
    }

    #[test]
    fn a_level_is_set() {
        let (request, result) = exchange(&[true], "OK\n");
        assert_eq!(
            request,
            "set_irq_in /machine/unattached/device[8] unnamed-gpio-in 5 1\n"
        );
        result.unwrap();
    }

    #[test]
    fn a_refusal_is_passed_on() {
        let (_, result) = exchange(&[true, false], "OK\nFAIL Unknown device\n");
        assert!(matches!(result, Err(QtestError::Refused(why)) if why == "FAIL Unknown device"));
    }

    #[test]
    fn a_closed_socket_is_an_error() {
        let (_, result) = exchange(&[true, false], "OK\n");
        assert!(result.is_err());
    }
}
