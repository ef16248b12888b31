// SPDX-License-Identifier: MIT OR Apache-2.0

//! The driver's kernel module: its parameters, loading and unloading.

use std::ffi::CString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::kmod::{DeleteModuleFlags, ModuleInitFlags, delete_module, finit_module};
use nix::sys::utsname::uname;
use walkdir::WalkDir;

use crate::runner::skip;

const FOLDER: &str = "/sys/module/mypoll";
const NAME: &std::ffi::CStr = c"mypoll";

/// Whether the module is loaded, or built into the kernel.
pub(crate) fn is_present() -> bool {
    Path::new(FOLDER).exists()
}

/// The content of a parameter's file.
pub(crate) fn parameter(name: &str) -> Result<String> {
    let file = parameter_file(name);
    let value = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    Ok(value.trim_end().into())
}

/// Writes a parameter's file.
pub(crate) fn set_parameter(name: &str, value: &str) -> nix::Result<()> {
    fs::write(parameter_file(name), value)
        .map_err(|error| Errno::try_from(error).unwrap_or(Errno::UnknownErrno))
}

/// The file of a parameter.
pub(crate) fn parameter_file(name: &str) -> PathBuf {
    Path::new(FOLDER).join("parameters").join(name)
}

/// The values of all parameters.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    /// Capacity of the queue; fixed when the module is loaded.
    pub(crate) queue_size: String,
    /// The period of a plain `start`, in milliseconds.
    pub(crate) timer_period_ms: String,
    /// Whether poll answers 0 to everything.
    pub(crate) poll_ret0: String,
    /// Maximum number of private queues; fixed when the module is loaded.
    pub(crate) queues_max: String,
}

impl Parameters {
    /// Reads the values of the loaded module.
    pub(crate) fn read() -> Result<Self> {
        Ok(Self {
            queue_size: parameter("queue_size")?,
            timer_period_ms: parameter("timer_period_ms")?,
            poll_ret0: parameter("poll_ret0")?,
            queues_max: parameter("queues_max")?,
        })
    }

    /// Sets these values, and reloads the module if necessary.
    pub(crate) fn restore(&self, module_file: impl Fn() -> Result<ModuleFile>) -> Result<()> {
        if is_present()
            && (parameter("queue_size")? != self.queue_size
                || parameter("queues_max")? != self.queues_max)
        {
            unload().context("unloading the module")?;
        }
        if !is_present() {
            let parameters = format!(
                "queue_size={} queues_max={}",
                self.queue_size, self.queues_max
            );
            module_file()?
                .load(&parameters)?
                .context("loading the module")?;
        }
        set_parameter("timer_period_ms", &self.timer_period_ms).context("timer_period_ms")?;
        set_parameter("poll_ret0", &self.poll_ret0).context("poll_ret0")
    }
}

/// delete_module(2), without waiting for users of the module.
pub(crate) fn unload() -> nix::Result<()> {
    delete_module(NAME, DeleteModuleFlags::O_NONBLOCK)
}

/// The file that the module was, or will be, loaded from.
#[derive(Clone, Debug)]
pub(crate) struct ModuleFile(PathBuf);

impl ModuleFile {
    /// Uses the given file, or searches the running kernel's modules; skips the test if there is none.
    pub(crate) fn find(named: Option<&Path>) -> Result<Self> {
        if let Some(file) = named {
            return Ok(Self(file.into()));
        }
        let release = uname()?.release().to_owned();
        let folder = Path::new("/lib/modules").join(release);
        let file = WalkDir::new(&folder)
            .into_iter()
            .flatten()
            .find(|entry| entry.file_name() == "mypoll.ko");
        match file {
            Some(entry) => Ok(Self(entry.into_path())),
            None => skip!("no mypoll.ko under {}", folder.display()),
        }
    }

    /// finit_module(2).
    pub(crate) fn load(&self, parameters: &str) -> Result<nix::Result<()>> {
        let file = File::open(&self.0).with_context(|| format!("opening {}", self.0.display()))?;
        let parameters = CString::new(parameters)?;
        Ok(finit_module(&file, &parameters, ModuleInitFlags::empty()))
    }
}
