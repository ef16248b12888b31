// SPDX-License-Identifier: MIT OR Apache-2.0

//! The driver's tracepoints, through tracefs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};

use crate::runner::skip;

const FOLDER: &str = "/sys/kernel/tracing";

/// Traces events until this is dropped.
pub(crate) struct Tracing {
    folder: PathBuf,
    events: Vec<&'static str>,
}

impl Tracing {
    /// Traces these events of the driver; skips the test if the kernel does not support it.
    pub(crate) fn new(events: &[&'static str]) -> Result<Self> {
        let folder = Path::new(FOLDER);
        if !folder.exists() {
            skip!("no {FOLDER}: this kernel has no tracing");
        }
        if !folder.join("trace").exists() {
            mount(
                Some("tracefs"),
                folder,
                Some("tracefs"),
                MsFlags::empty(),
                None::<&str>,
            )
            .context("mounting tracefs")?;
        }
        let tracing = Self {
            folder: folder.into(),
            events: events.to_vec(),
        };
        fs::write(folder.join("trace"), "").context("clearing the trace")?;
        for event in events {
            tracing.enable(event, "1")?;
        }
        Ok(tracing)
    }

    fn enable(&self, event: &str, value: &str) -> Result<()> {
        let file = self.folder.join(format!("events/mypoll/{event}/enable"));
        fs::write(&file, value).with_context(|| file.display().to_string())
    }

    /// The traces of an event so far, without the prefix of task and time.
    pub(crate) fn lines(&self, event: &str) -> Result<Vec<String>> {
        let trace = fs::read_to_string(self.folder.join("trace"))?;
        let name = format!(" {event}: ");
        Ok(trace
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| Some(line.split_once(&name)?.1.to_owned()))
            .collect())
    }
}

impl Drop for Tracing {
    fn drop(&mut self) {
        for event in &self.events {
            drop(self.enable(event, "0"));
        }
    }
}
