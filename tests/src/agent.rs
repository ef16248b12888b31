// SPDX-License-Identifier: MIT OR Apache-2.0
//! Starts agents in the guest.

use lab::vm::machine::Machine;

use crate::sh;

/// Stops the running agent, if any.
const STOP: &str = "pid=$(cat /run/mypoll-agent.pid)
    kill -TERM $pid 2>/dev/null
    for try in $(seq 600); do
        kill -0 $pid 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL $pid 2>/dev/null";

/// An agent with its own configuration, which replaces the guest's default one. Dropping it stops the agent and frees
/// its lines and sockets.
pub struct Agent<'a> {
    machine: &'a Machine,
}

impl<'a> Agent<'a> {
    /// Stops the running agent and starts one with `config`, plus the stream for the forwarded port.
    pub fn start(machine: &'a Machine, config: &str) -> Self {
        let agent = Self { machine };
        sh(
            machine,
            &format!(
                "{STOP}
                cat >/tmp/agent.toml <<'END'
[[stream]]
listen = \"0.0.0.0:7070\"
insecure = true
{config}
END
                rm -f /tmp/status /tmp/agent.log
                mkfifo /tmp/status
                {{
                    mypoll-agent --config /tmp/agent.toml &
                    echo $! >/run/mypoll-agent.pid
                    wait $!
                    echo $? >/tmp/status
                }} >/tmp/agent.log 2>&1 </dev/null &
                until grep -qs 'listening on' /tmp/agent.log; do
                    ! grep -qs '^mypoll-agent:' /tmp/agent.log || {{ cat /tmp/agent.log >&2; exit 1; }}
                    sleep 0.1
                done"
            ),
        );
        agent
    }

    /// Waits until it ends and returns its exit status.
    pub fn status(self) -> String {
        sh(self.machine, "cat /tmp/status").trim().to_owned()
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        // A panic during another one would hide the cause.
        if let Err(error) = self.machine.guest().output(["sh", "-c", STOP]) {
            eprintln!("can't stop the agent: {error}");
        }
    }
}
