// SPDX-License-Identifier: MIT OR Apache-2.0

//! The device under test, and restoring its state.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use procfs::process::{FDTarget, all_processes};

use crate::binding::Binding;
use crate::check::expect_eq;
use crate::configfs;
use crate::handle::Handle;
use crate::module::{self, ModuleFile, Parameters};
use crate::runner::skip;
use crate::sim_line;
use crate::stats::Stats;

/// Time limit for the device node to appear: only reached if it never does.
const NODE_DEADLINE: Duration = Duration::from_secs(60);

/// A line of the `lines` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The number that events carry.
    pub(crate) number: u32,
    /// The label that the device tree gives it.
    pub(crate) label: String,
}

/// The device under test, as it was found.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    /// The device node.
    pub(crate) node: PathBuf,
    /// The folder of `stats` and `lines`.
    pub(crate) sysfs: PathBuf,
    /// The platform device with the GPIO lines, if the device tree has one.
    binding: Option<Binding>,
    /// Its lines, as they were found.
    lines: Vec<Line>,
    module_file: Option<PathBuf>,
    parameters: Parameters,
}

impl Device {
    /// Finds the device, and checks that it is not in use.
    pub(crate) fn find(node: &Path, sysfs: &Path, module_file: Option<&Path>) -> Result<Self> {
        let metadata = match fs::metadata(node) {
            Err(error) if error.kind() == ErrorKind::NotFound => bail!(
                "no {}: load the driver with modprobe mypoll, or use --device",
                node.display()
            ),
            metadata => metadata.with_context(|| node.display().to_string())?,
        };
        ensure!(
            metadata.file_type().is_char_device(),
            "{} is not a character device",
            node.display()
        );
        if let Some(user) = user_of(metadata.rdev())? {
            bail!("{} is in use by {user}: stop it first", node.display());
        }
        drop(
            Handle::open(node, true)
                .with_context(|| format!("opening {}: try as root", node.display()))?,
        );
        if let Some(file) = module_file {
            ensure!(file.is_file(), "--module {}: no such file", file.display());
        }
        let mut device = Self {
            node: node.into(),
            sysfs: sysfs.into(),
            binding: Binding::find()?,
            lines: Vec::new(),
            module_file: module_file.map(Path::to_path_buf),
            parameters: Parameters::read()?,
        };
        device.stats()?;
        configfs::remove_all()?;
        device.lines = device.lines()?;
        Ok(device)
    }

    /// Restores the initial state of the device, with the timer stopped, the queue empty and the
    /// statistics 0.
    pub(crate) fn settle(&self) -> Result<()> {
        // The module can't be unloaded while they exist.
        configfs::remove_all()?;
        self.parameters.restore(|| self.module_file())?;
        if let Some(binding) = &self.binding {
            if !binding.is_bound() {
                binding.bind()?;
            } else if self.lines()? != self.lines {
                // Their numbers were in use when they were added: add them again.
                binding.unbind()?;
                binding.bind()?;
            }
        }
        let handle = self.open_nonblocking()?;
        handle.command("stop")?;
        if sim_line::release_all()? {
            // A debounced line reports its release only later.
            handle.drain_until_quiet()?;
        }
        handle.drain()?;
        // The next event reports lost events: consume one, so that a test's first event has lost=0.
        handle.trigger()?;
        handle.drain()?;
        handle.command("reset")?;
        expect_eq("queue_depth", self.stats()?.queue_depth, 0)
    }

    /// The same device by another node.
    pub(crate) fn by_node(&self, node: &Path) -> Self {
        Self {
            node: node.into(),
            ..self.clone()
        }
    }

    /// Opens the device for blocking reads.
    pub(crate) fn open(&self) -> Result<Handle> {
        self.at_node(|node| Handle::open(node, false))
    }

    /// Opens the device with `O_NONBLOCK`.
    pub(crate) fn open_nonblocking(&self) -> Result<Handle> {
        self.at_node(|node| Handle::open(node, true))
    }

    /// Waits for the node while the module is loaded. After a reload, mdev may remove the new node
    /// because of the old one's `remove`, and create it again for the following `add`.
    pub(crate) fn at_node<T>(&self, action: impl Fn(&Path) -> io::Result<T>) -> Result<T> {
        let deadline = Instant::now() + NODE_DEADLINE;
        loop {
            match action(&self.node) {
                Err(error)
                    if error.kind() == ErrorKind::NotFound
                        && module::is_present()
                        && Instant::now() < deadline =>
                {
                    sleep(Duration::from_millis(1));
                }
                result => return result.with_context(|| self.node.display().to_string()),
            }
        }
    }

    /// Reads the statistics.
    pub(crate) fn stats(&self) -> Result<Stats> {
        self.attribute("stats")?.parse()
    }

    /// Reads one of the statistics from its own file.
    pub(crate) fn statistic(&self, name: &str) -> Result<u64> {
        let text = self.attribute(&format!("statistics/{name}"))?;
        text.strip_suffix('\n')
            .and_then(|digits| digits.parse().ok())
            .with_context(|| format!("{name}: seen {text:?}, expected a number and a newline"))
    }

    /// Reads the GPIO lines.
    pub(crate) fn lines(&self) -> Result<Vec<Line>> {
        let text = self.attribute("lines")?;
        ensure!(
            text.is_empty() || text.ends_with('\n'),
            "lines: seen {text:?}, expected a newline at the end"
        );
        text.lines()
            .map(|line| {
                line.strip_prefix("line=")
                    .and_then(|rest| rest.split_once(" label="))
                    .and_then(|(number, label)| {
                        Some(Line {
                            number: number.parse().ok()?,
                            label: label.into(),
                        })
                    })
                    .with_context(|| format!("lines: seen {line:?}, expected line=N label=TEXT"))
            })
            .collect()
    }

    /// The capacity of the queue.
    pub(crate) fn capacity(&self) -> Result<usize> {
        Ok(module::parameter("queue_size")?.parse()?)
    }

    /// Fills the queue, lets the timer lose some events, and returns how many.
    pub(crate) fn lose_events(&self, handle: &Handle) -> Result<u32> {
        handle.fill()?;
        handle.command("start 1")?;
        self.wait_until_dropped(3)?;
        handle.command("stop")?;
        Ok(self.stats()?.dropped)
    }

    /// Returns once `count` events have been dropped since the statistics were 0.
    pub(crate) fn wait_until_dropped(&self, count: u32) -> Result<()> {
        while self.stats()?.dropped < count {
            yield_now();
        }
        Ok(())
    }

    /// The platform device with the GPIO lines; skips the test if there is none.
    pub(crate) fn binding(&self) -> Result<&Binding> {
        match &self.binding {
            Some(binding) => {
                ensure!(
                    !self.lines.is_empty(),
                    "the driver is bound but has no line"
                );
                Ok(binding)
            }
            None => skip!("the driver is not bound to a platform device"),
        }
    }

    /// The module's file; skips the test if it can't be found.
    pub(crate) fn module_file(&self) -> Result<ModuleFile> {
        ModuleFile::find(self.module_file.as_deref())
    }

    fn attribute(&self, name: &str) -> Result<String> {
        let file = self.sysfs.join(name);
        fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
    }
}

/// A process that has the character device `rdev` open.
fn user_of(rdev: u64) -> Result<Option<String>> {
    for process in all_processes()?.flatten() {
        // Skip processes that have exited or are not accessible.
        let Ok(files) = process.fd() else { continue };
        for file in files.flatten() {
            if let FDTarget::Path(path) = file.target {
                if fs::metadata(path)
                    .is_ok_and(|file| file.file_type().is_char_device() && file.rdev() == rdev)
                {
                    let name = process.stat().map(|stat| stat.comm).unwrap_or_default();
                    return Ok(Some(format!("process {} ({name})", process.pid)));
                }
            }
        }
    }
    Ok(None)
}
