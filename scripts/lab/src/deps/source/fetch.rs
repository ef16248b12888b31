// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fetches a file with curl, which knows this machine's proxies and certificates.

use std::fmt::Display;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::store::key::hex;
use crate::store::step::{CommandFailed, Log};

/// A file was not fetched. What had come of it is removed.
#[derive(Debug, Error)]
pub enum FetchError {
    /// It did not come, or not whole.
    #[error("{0}")]
    Unreachable(String),
    /// It came, and is another one than was expected.
    #[error(
        "{name} has the wrong checksum\n  expected sha256 {expected}\n  got sha256      {got}\n  it was removed"
    )]
    Checksum {
        /// The file's name.
        name: String,
        /// The checksum in `sources.toml`.
        expected: String,
        /// The checksum of what came.
        got: String,
    },
}

pub(super) fn unreachable(error: impl Display) -> FetchError {
    FetchError::Unreachable(format!("{error:#}"))
}

/// Fetches `url` into `file` and verifies it.
pub(super) fn fetch(url: &str, sha256: &str, file: &Path, log: &mut Log) -> Result<(), FetchError> {
    // A machine without this site is not held up: 5 s to connect, and not less than 1 kB/s over 30 s.
    let options = [
        "--fail",
        "--location",
        "--silent",
        "--show-error",
        "--connect-timeout",
        "5",
    ];
    let result = log.run(
        Command::new("curl")
            .args(options)
            .args(["--speed-limit", "1000", "--speed-time", "30", "--output"])
            .arg(file)
            .args(["--", url]),
    );
    if let Err(error) = result {
        let reason = match error {
            CommandFailed::Start { .. } | CommandFailed::TimedOut(_) => error.to_string(),
            CommandFailed::Status { status, .. } => {
                format!("{url}: {}", curl_reason(status.code()))
            }
        };
        remove(file).map_err(unreachable)?;
        return Err(FetchError::Unreachable(reason));
    }
    verify(file, sha256)
}

/// The codes that are worth a sentence; the log has curl's own.
fn curl_reason(code: Option<i32>) -> String {
    match code {
        Some(6) => "the host name could not be resolved".to_owned(),
        Some(5 | 7) => "no connection".to_owned(),
        Some(18 | 56) => "the transfer broke off".to_owned(),
        Some(22) => "the server does not have it".to_owned(),
        Some(28) => "no answer in time".to_owned(),
        Some(35 | 60) => "no trusted TLS connection".to_owned(),
        Some(code) => format!("curl ended with status {code}"),
        None => "curl was killed".to_owned(),
    }
}

/// Checks a file's SHA-256 and removes the file when it is wrong.
pub(super) fn verify(file: &Path, expected: &str) -> Result<(), FetchError> {
    let mut hash = Sha256::new();
    File::open(file)
        .and_then(|mut content| io::copy(&mut content, &mut hash))
        .map_err(unreachable)?;
    let got = hex(&hash.finalize());
    if got == expected {
        return Ok(());
    }
    remove(file).map_err(unreachable)?;
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Err(FetchError::Checksum {
        name,
        expected: expected.to_owned(),
        got,
    })
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::store::step::Task;
    use crate::{Paths, Progress};

    /// SHA-256 of "abc" (FIPS 180-2, appendix B.1).
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    /// Serves one request with `response`, whatever is asked for, and gives the outcome of fetching it.
    fn fetch_of(response: &'static str) -> (Result<(), FetchError>, Option<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let request = BufReader::new(client.try_clone().unwrap());
            request
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .for_each(drop);
            client.write_all(response.as_bytes()).unwrap();
        });
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths {
            repo: dir.path().to_owned(),
            cache: dir.path().to_owned(),
        };
        let file = dir.path().join("file");
        let task = Task::new("fetch", "fetching");
        let result = Progress::default()
            .step(&paths, &task, |log| Ok(fetch(&url, ABC, &file, log)))
            .unwrap();
        server.join().unwrap();
        (result, fs::read(file).ok())
    }

    #[test]
    fn the_right_file_is_kept() {
        let (result, file) =
            fetch_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
        result.unwrap();
        assert_eq!(file.unwrap(), b"abc");
    }

    #[test]
    fn a_wrong_checksum_says_both_and_removes_the_file() {
        let (result, file) =
            fetch_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabd");
        let message = result.unwrap_err().to_string();
        assert!(message.contains(ABC), "{message}");
        assert!(
            message.contains("a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"),
            "{message}"
        );
        assert_eq!(file, None);
    }

    #[test]
    fn a_transfer_that_breaks_off_never_counts() {
        let (result, file) =
            fetch_of("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nabc");
        assert!(
            matches!(result, Err(FetchError::Unreachable(reason)) if reason.contains("broke off"))
        );
        assert_eq!(file, None);
    }

    #[test]
    fn a_file_that_is_not_there_is_unreachable() {
        let (result, file) =
            fetch_of("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
        assert!(
            matches!(result, Err(FetchError::Unreachable(reason)) if reason.contains("does not have it"))
        );
        assert_eq!(file, None);
    }
}
