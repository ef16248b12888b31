// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's monitor. The socket serves one client at a time, so each request uses a new connection.

use std::io::{self, BufRead};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use qapi::{Qmp, qmp};

/// Time limit for an answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A connection to the monitor of one machine.
pub struct Monitor {
    qmp: Qmp<qapi::Stream<io::BufReader<UnixStream>, UnixStream>>,
}

impl Monitor {
    /// Connects to the monitor's socket.
    pub fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).context("can't connect to QEMU's monitor")?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let mut reader = io::BufReader::new(stream.try_clone()?);
        // The crate assumes that a greeting arrives.
        ensure!(
            !reader.fill_buf()?.is_empty(),
            "QEMU's monitor closed the connection"
        );
        let mut qmp = Qmp::new(qapi::Stream::new(reader, stream));
        qmp.handshake()?;
        Ok(Self { qmp })
    }

    /// Presses the board's power key: PL061 input 3 goes high and, 100 ms of the guest's time later, low.
    pub fn system_powerdown(&mut self) -> Result<()> {
        self.qmp.execute(&qmp::system_powerdown {})?;
        Ok(())
    }

    /// The object path of the board's PL061.
    pub fn pl061(&mut self) -> Result<String> {
        const PARENT: &str = "/machine/unattached";
        let devices = self.qmp.execute(&qmp::qom_list {
            path: PARENT.to_owned(),
        })?;
        devices
            .into_iter()
            .find(|device| device.type_ == "child<pl061>")
            .map(|device| format!("{PARENT}/{}", device.name))
            .context("QEMU's monitor lists no PL061")
    }

    /// The host's address that is forwarded to the guest's TCP port `port`.
    pub fn forwarded(&mut self, port: u16) -> Result<SocketAddr> {
        let connections = self.qmp.execute(&qmp::human_monitor_command {
            command_line: "info usernet".to_owned(),
            cpu_index: None,
        })?;
        host_port(&connections, port)
            .map(|host| SocketAddr::from((Ipv4Addr::LOCALHOST, host)))
            .with_context(|| format!("QEMU's monitor lists no forwarded port {port}"))
    }
}

/// Finds the host's port in lines like this:
/// `  TCP[HOST_FORWARD]  12       127.0.0.1 39223       10.0.2.15  7070     0     0`.
fn host_port(connections: &str, guest_port: u16) -> Option<u16> {
    connections
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.first() == Some(&"TCP[HOST_FORWARD]"))
        .find(|words| words.get(5).and_then(|port| port.parse().ok()) == Some(guest_port))?
        .get(3)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    const CONNECTIONS: &str = "\
Hub -1 (net):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[ESTABLISHED]   14       127.0.0.1 40000       10.0.2.15  7070     0     0
  TCP[HOST_FORWARD]  13       127.0.0.1 41001       10.0.2.15    22     0     0
  TCP[HOST_FORWARD]  12       127.0.0.1 39223       10.0.2.15  7070     0     0
";

    #[test]
    fn a_forwarded_port_is_found() {
        assert_eq!(host_port(CONNECTIONS, 7070), Some(39223));
        assert_eq!(host_port(CONNECTIONS, 22), Some(41001));
    }

    #[test]
    fn a_port_that_is_not_forwarded_is_not_found() {
        assert_eq!(host_port(CONNECTIONS, 80), None);
        assert_eq!(host_port("", 7070), None);
    }

    #[test]
    fn a_closed_connection_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("qmp");
        let listener = UnixListener::bind(&socket).unwrap();
        let qemu = thread::spawn(move || drop(listener.accept()));
        let error = Monitor::connect(&socket).err().unwrap();
        assert!(
            error.to_string().contains("closed the connection"),
            "{error}"
        );
        qemu.join().unwrap();
    }
}
