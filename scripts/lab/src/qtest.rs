// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's qtest socket, which sets the level of a device's input beside a guest that runs. It serves one client at a
//! time, so each level is a connection of its own.

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

/// Sets input `number` of the device at object path `device`.
pub fn set_input(socket: &Path, device: &str, number: u8, level: bool) -> Result<(), QtestError> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    let level = u8::from(level);
    stream
        .write_all(format!("set_irq_in {device} unnamed-gpio-in {number} {level}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    match answer.trim_end() {
        "OK" => Ok(()),
        other => Err(QtestError::Refused(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// Sets a level at a qtest that gives `answer`; returns the request and the result.
    fn exchange(answer: &'static str) -> (String, Result<(), QtestError>) {
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
        let result = set_input(&socket, "/machine/unattached/device[8]", 5, true);
        (qemu.join().unwrap(), result)
    }

    #[test]
    fn a_level_is_set() {
        let (request, result) = exchange("OK\n");
        assert_eq!(
            request,
            "set_irq_in /machine/unattached/device[8] unnamed-gpio-in 5 1\n"
        );
        result.unwrap();
    }

    #[test]
    fn a_refusal_is_passed_on() {
        let (_, result) = exchange("FAIL Unknown device\n");
        assert!(matches!(result, Err(QtestError::Refused(why)) if why == "FAIL Unknown device"));
    }

    #[test]
    fn a_closed_socket_is_an_error() {
        let (_, result) = exchange("");
        assert!(result.is_err());
    }
}
