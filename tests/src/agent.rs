// SPDX-License-Identifier: MIT OR Apache-2.0
//! An agent that a test starts in the guest.

use lab::vm::machine::Machine;

use crate::sh;

/// Ends the agent that runs, if one does.
const END: &str = "pid=$(cat /run/mypoll-agent.pid)
    kill -TERM $pid 2>/dev/null
    for try in $(seq 600); do
        kill -0 $pid 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL $pid 2>/dev/null";

/// An agent of a test's own, in place of the one that the guest starts with. It ends with this value, and leaves its lines
/// and sockets to others.
pub struct Agent<'a> {
    machine: &'a Machine,
}

impl<'a> Agent<'a> {
    /// Ends the agent that runs, and starts one with `config` added to the stream that the forwarded port needs.
    pub fn start(machine: &'a Machine, config: &str) -> Self {
        let agent = Self { machine };
        sh(
            machine,
            &format!(
                "{END}
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

    /// Waits for its end and returns its exit status.
    pub fn status(self) -> String {
        sh(self.machine, "cat /tmp/status").trim().to_owned()
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        // A panic within another one would hide what was wrong.
        if let Err(error) = self.machine.guest().output(["sh", "-c", END]) {
            eprintln!("the agent does not end: {error}");
        }
    }
}
