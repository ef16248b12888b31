// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent with a section `[[http]]`.

use std::process::ExitStatus;

use nix::sys::signal::Signal;

use crate::common;

pub use common::DEADLINE;

pub struct Agent {
    agent: common::Agent,
    configuration: String,
    pub port: u16,
}

impl Agent {
    /// Starts it with `http` in the section.
    pub fn start(http: &str) -> Self {
        Self::with(http, "")
    }

    /// Starts it with more sections.
    pub fn with(http: &str, more: &str) -> Self {
        let configuration = format!(
            "stream = []
            agent.machine = 'test'
            {more}
            [[http]]
            listen = '127.0.0.1:0'
            {http}"
        );
        let mut agent = common::Agent::start(&configuration);
        let port = port(&mut agent);
        Self {
            agent,
            configuration,
            port,
        }
    }

    /// Produces events, one for each line of text.
    pub fn send(&mut self, events: &str) {
        self.agent.events(events);
    }

    /// Kills it, and starts it again.
    pub fn restart(&mut self) {
        self.agent.kill_and_restart(&self.configuration);
        self.port = port(&mut self.agent);
    }

    /// Stops it, as the service manager does.
    pub fn end(&self) {
        self.agent.signal(Signal::SIGTERM);
    }

    /// Waits until it has ended.
    pub fn status(&mut self) -> ExitStatus {
        self.agent.status()
    }
}

fn port(agent: &mut common::Agent) -> u16 {
    let line = agent.wait_for_log("listening on ");
    line.rsplit(':').next().unwrap().parse().unwrap()
}
