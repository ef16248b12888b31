// SPDX-License-Identifier: MIT OR Apache-2.0

//! Programs that send the edges of a line to a TCP client, as lines of text.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::chip::{Chip, LINE};
use crate::interface::{Chardev, Interface, Mypoll};

/// Sends edges to a client.
pub(crate) trait Sender {
    /// The interface that it reads, under which its figures are listed.
    type Interface: Interface;

    /// Starts it. The returned client gets the next edge.
    fn start(chip: &Chip) -> Result<(TcpStream, Running)>;

    /// The time stamp of a line in nanoseconds of CLOCK_MONOTONIC.
    fn timestamp_ns(line: &str) -> Option<u64>;
}

/// Programs that are killed on drop.
pub(crate) struct Running {
    children: Vec<Child>,
    /// The agent's log, kept open for further lines.
    _log: Option<BufReader<ChildStderr>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have exited already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// mypoll-agent.
pub(crate) enum Agent {}

impl Sender for Agent {
    type Interface = Mypoll;

    fn start(_: &Chip) -> Result<(TcpStream, Running)> {
        const CONFIG: &str = "/tmp/mypoll-bench-agent.toml";
        fs::write(CONFIG, "[[stream]]\nlisten = \"127.0.0.1:0\"\n")
            .with_context(|| format!("writing {CONFIG}"))?;
        let mut agent = Command::new("mypoll-agent")
            .args(["--config", CONFIG])
            .stderr(Stdio::piped())
            .spawn()
            .context("starting mypoll-agent")?;
        let log = agent.stderr.take().map(BufReader::new);
        let mut running = Running {
            children: vec![agent],
            _log: None,
        };
        let mut log = log.context("the agent's log is a pipe")?;
        let (mut port, mut is_open) = (None, false);
        while port.is_none() || !is_open {
            let mut line = String::new();
            if log.read_line(&mut line)? == 0 {
                bail!("the agent did not say that it listens, and has the device");
            }
            is_open |= line.contains("opened /dev/mypoll");
            if line.contains("listening on") {
                port = line.trim_end().rsplit(':').next().map(str::to_owned);
            }
        }
        running._log = Some(log);
        let address = format!("127.0.0.1:{}", port.unwrap_or_default());
        let mut client = TcpStream::connect(&address).with_context(|| address.clone())?;
        client.write_all(b"{\"filter\":{\"kind\":[\"rising\",\"falling\"]}}\n")?;
        let hello = read_line(&mut client)?;
        if !hello.starts_with("{\"hello\"") {
            bail!("the agent did not greet: {hello}");
        }
        Ok((client, running))
    }

    fn timestamp_ns(line: &str) -> Option<u64> {
        let (_, rest) = line.split_once("\"timestamp_ns\":\"")?;
        rest.split_once('"')?.0.parse().ok()
    }
}

/// `gpiomon | nc`.
pub(crate) enum Gpiomon {}

impl Sender for Gpiomon {
    type Interface = Chardev;

    fn start(chip: &Chip) -> Result<(TcpStream, Running)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut gpiomon = Command::new("gpiomon")
            .args(["--banner", "--chip"])
            .arg(&chip.node)
            .arg(LINE.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting gpiomon")?;
        let lines = gpiomon.stdout.take();
        let mut running = Running {
            children: vec![gpiomon],
            _log: None,
        };
        let nc = Command::new("nc")
            .arg("127.0.0.1")
            .arg(listener.local_addr()?.port().to_string())
            .stdin(lines.context("gpiomon's output is a pipe")?)
            .stdout(Stdio::null())
            .spawn()
            .context("starting nc")?;
        running.children.push(nc);
        let mut client = listener.accept()?.0;
        let banner = read_line(&mut client)?;
        if !banner.starts_with("Monitoring line") {
            bail!("gpiomon said {banner:?}");
        }
        Ok((client, running))
    }

    fn timestamp_ns(line: &str) -> Option<u64> {
        let (seconds, nanoseconds) = line.split_whitespace().next()?.split_once('.')?;
        let nanoseconds: u64 = nanoseconds.parse().ok()?;
        Some(seconds.parse::<u64>().ok()? * 1_000_000_000 + nanoseconds)
    }
}

/// The first line of a client; nothing else has been sent yet.
fn read_line(client: &mut TcpStream) -> Result<String> {
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_time_stamps() {
        let line =
            r#"{"event":7,"lost":0,"time":"1970-01-01T00:00:02Z","timestamp_ns":"2584857392"}"#;
        assert_eq!(Agent::timestamp_ns(line), Some(2_584_857_392));
        let line = "2.084857392\trising\tgpiochip1 0";
        assert_eq!(Gpiomon::timestamp_ns(line), Some(2_084_857_392));
        assert_eq!(Gpiomon::timestamp_ns("Monitoring"), None);
        assert_eq!(Agent::timestamp_ns("{\"heartbeat\":7}"), None);
    }
}
