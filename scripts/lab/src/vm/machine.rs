// SPDX-License-Identifier: MIT OR Apache-2.0
//! Starts QEMU with a built system and owns its process.

mod process;
pub mod runtime;

use std::env;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Error, Result, anyhow};
use command_fds::{CommandFdExt, FdMapping};
use fs_err::{self as fs, File};

use crate::build::devicetree::{self, CPUS, QEMU};
use crate::store::cache::Cache;
use crate::store::step::last_lines;
use crate::vm::buttons::Buttons;
use crate::vm::guest::{Guest, GuestError, Ports};
use crate::vm::qmp::Monitor;
use crate::{Flavour, System};
use process::Process;
use runtime::Runtime;

/// The agent's port in the guest, as in its `/etc/mypoll-agent.toml`.
const AGENT_PORT: u16 = 7070;

/// The port of its live page, as in the same file.
const PAGE_PORT: u16 = 8080;

/// Environment variable with the path of a file to which each booted machine appends the path of its kernel log.
pub const MACHINES: &str = "MYPOLL_MACHINES";

/// Number of lines shown of the kernel log of a machine that does not boot.
const TAIL: usize = 25;

/// The files that a machine boots.
#[derive(Clone, Debug)]
pub struct Boot {
    /// The kernel.
    pub image: PathBuf,
    /// The initramfs.
    pub initramfs: PathBuf,
    /// The device-tree overlay with the buttons.
    pub overlay: PathBuf,
    /// A disk with the root file system, which keeps no changes. Default: none, the initramfs stays the root.
    pub disk: Option<PathBuf>,
    /// The kernel's flavour.
    pub flavour: Flavour,
}

impl From<&System> for Boot {
    fn from(system: &System) -> Self {
        Self {
            image: system.image.clone(),
            initramfs: system.rootfs.clone(),
            overlay: system.overlay.clone(),
            disk: None,
            flavour: system.flavour,
        }
    }
}

/// Options of a machine.
#[derive(Clone, Debug, Default)]
pub struct MachineOptions {
    /// Its purpose, in one word: the start of its name.
    pub purpose: &'static str,
    /// Additional kernel command line arguments.
    pub append: String,
    /// Host directory to mount at /mnt/host.
    pub share: Option<PathBuf>,
    /// Number of CPUs, 1 to [`MAX_CPUS`](devicetree::MAX_CPUS). Default: [`CPUS`], or one with `icount`.
    pub cpus: Option<u8>,
    /// Whether each instruction takes one guest nanosecond: guest times are the same on any host. Default: real time.
    pub icount: bool,
    /// Whether the guest starts the agent and its ports are forwarded.
    pub agent: bool,
    /// Path of the kernel log. Default: it is kept only if the machine does not boot.
    pub log: Option<PathBuf>,
}

impl MachineOptions {
    fn cpus(&self) -> u8 {
        self.cpus.unwrap_or(if self.icount { 1 } else { CPUS })
    }
}

/// A running machine. Dropping it ends the machine.
#[derive(Debug)]
pub struct Machine {
    // Dropped in this order: QEMU has to end before its folder is removed.
    _qemu: Process,
    runtime: Runtime,
    guest: Guest,
    log: PathBuf,
}

impl Machine {
    /// Boots a system and waits until the guest is ready for commands.
    pub fn start(
        cache: Cache<'_>,
        boot: impl Into<Boot>,
        options: &MachineOptions,
    ) -> Result<Self> {
        let boot = boot.into();
        let tree = devicetree::device_tree(cache, &boot.overlay, options.cpus())
            .context("can't make the machine's device tree")?;
        let runtime = Runtime::create(options.purpose)?;
        let log = options.log.clone();
        let log = log.unwrap_or_else(|| runtime.path().join("kernel.log"));
        let stderr = runtime.path().join("qemu.log");
        fs::copy(&tree, runtime.path().join(runtime::DEVICE_TREE))?;
        let (ports, ends) = Ports::new()?;

        let mut command = Command::new(QEMU);
        command
            .args(arguments(&boot, options, runtime.path(), &log))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&stderr)?.into_file());
        let mappings = ends
            .into_iter()
            .zip(FIRST_FD..)
            .map(|(end, child_fd)| FdMapping {
                parent_fd: end.into(),
                child_fd,
            })
            .collect();
        command.fd_mappings(mappings)?;
        let qemu = Process::spawn(command).context(format!("can't run {QEMU}"))?;

        match Guest::ready(ports, boot_timeout(&boot)) {
            Ok(guest) => {
                record(&log)?;
                Ok(Self {
                    _qemu: qemu,
                    runtime,
                    guest,
                    log,
                })
            }
            Err(why) => Err(boot_error(why, cache, &runtime, &stderr, log)),
        }
    }

    /// Its name, such as "demo-4711".
    pub fn name(&self) -> String {
        self.runtime.name()
    }

    /// Runs commands in the guest.
    pub fn guest(&self) -> &Guest {
        &self.guest
    }

    /// The path of the kernel log.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its buttons.
    pub fn buttons(&self) -> Result<Buttons> {
        Buttons::of(self.runtime.path())
    }

    /// The host's address of the guest's agent.
    pub fn agent(&self) -> Result<SocketAddr> {
        self.forwarded(AGENT_PORT)
    }

    /// The host's address of the agent's live page.
    pub fn page(&self) -> Result<SocketAddr> {
        self.forwarded(PAGE_PORT)
    }

    fn forwarded(&self, port: u16) -> Result<SocketAddr> {
        Monitor::connect(&self.runtime.path().join(runtime::QMP))?.forwarded(port)
    }
}

/// The kernel log's path for the machine of `program`, if the environment sets a folder. Tests that start the lab's
/// programs set it.
pub fn kept_log(program: &str) -> Option<PathBuf> {
    let folder = env::var_os("MYPOLL_LOGS")?;
    Some(Path::new(&folder).join(format!("{program}-{}.log", std::process::id())))
}

fn record(log: &Path) -> io::Result<()> {
    let Some(machines) = env::var_os(MACHINES) else {
        return Ok(());
    };
    let mut machines = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(machines)?;
    machines.write_all(format!("{}\n", log.display()).as_bytes())
}

/// The last `count` lines of a log.
pub fn tail(log: &Path, count: usize) -> io::Result<String> {
    let text = fs::read(log)?;
    let lines = last_lines(&String::from_utf8_lossy(&text), count)
        .iter()
        .map(|line| format!("  | {}\n", line.trim_end()))
        .collect();
    Ok(lines)
}

/// QEMU's file descriptor of the first port.
const FIRST_FD: i32 = 3;

/// Time limit of booting, which takes 2 s, on the debug kernel 15 s, with systemd on a disk a minute.
fn boot_timeout(boot: &Boot) -> Duration {
    Duration::from_secs(match boot.flavour {
        Flavour::Normal if boot.disk.is_none() => 120,
        _ => 600,
    })
}

fn arguments(boot: &Boot, options: &MachineOptions, folder: &Path, log: &Path) -> Vec<String> {
    let mut arguments = devicetree::board(options.cpus());
    arguments.extend(["-nodefaults", "-no-reboot"].map(str::to_owned));
    let mut add = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
    let file = |path: &Path| path.display().to_string();
    // A comma in a value has to be doubled.
    let part = |path: &Path| file(path).replace(',', ",,");
    add("-kernel", file(&boot.image));
    add("-initrd", file(&boot.initramfs));
    add("-dtb", file(&folder.join(runtime::DEVICE_TREE)));
    add("-append", kernel_command_line(boot, options));
    add("-display", "none".to_owned());
    add("-serial", format!("file:{}", part(log)));
    for (option, socket) in [("-qmp", runtime::QMP), ("-qtest", runtime::QTEST)] {
        let socket = part(&folder.join(socket));
        add(option, format!("unix:{socket},server=on,wait=off"));
    }
    add("-qtest-log", "none".to_owned());
    add("-device", "virtio-rng-pci".to_owned());
    add("-device", "virtio-serial-pci".to_owned());
    for (port, fd) in Ports::DEVICES.iter().zip(FIRST_FD..) {
        add("-chardev", format!("socket,id=fd{fd},fd={fd}"));
        add("-device", format!("{port},chardev=fd{fd}"));
    }
    let mut network = "user,id=net".to_owned();
    if options.agent {
        for port in [AGENT_PORT, PAGE_PORT] {
            network += &format!(",hostfwd=tcp:127.0.0.1:0-:{port}");
        }
    }
    add("-netdev", network);
    add("-device", "virtio-net-pci,netdev=net,romfile=".to_owned());
    if let Some(disk) = &boot.disk {
        let disk = part(disk);
        let drive = format!("file={disk},format=raw,if=none,id=disk,snapshot=on");
        add("-drive", drive);
        add("-device", "virtio-blk-pci,drive=disk".to_owned());
    }
    if options.icount {
        add("-icount", "shift=0,sleep=off".to_owned());
    }
    if let Some(share) = &options.share {
        let share = format!("local,path={},mount_tag=host", part(share));
        add("-virtfs", share + ",security_model=none,multidevs=remap");
    }
    arguments
}

fn kernel_command_line(boot: &Boot, options: &MachineOptions) -> String {
    let mut words = vec!["console=ttyAMA0 panic=-1 MYPOLL_LAB=1"];
    if boot.disk.is_some() {
        words.push("root=/dev/vda rw");
    }
    words.push(match boot.flavour {
        Flavour::Normal => "oops=panic",
        // Without oops=panic, so that all reports are logged. kmemleak scans only on request.
        Flavour::Debug => "kmemleak=on",
    });
    if !options.agent {
        words.push("MYPOLL_AGENT=off");
    }
    words.push(&options.append);
    words.join(" ")
}

fn boot_error(
    why: GuestError,
    cache: Cache<'_>,
    runtime: &Runtime,
    stderr: &Path,
    log: PathBuf,
) -> Error {
    let messages = fs::read_to_string(stderr).unwrap_or_default();
    if !log.exists() || fs::metadata(&log).is_ok_and(|log| log.len() == 0) && !messages.is_empty() {
        return anyhow!("{QEMU} does not start: {}", messages.trim());
    }
    // The machine's folder is about to be removed: keep its log.
    let mut kept = log.clone();
    if log.starts_with(runtime.path()) {
        let logs = cache.paths.cache.join("log");
        kept = logs.join(format!("{}.log", runtime.name()));
        let _ = fs::create_dir_all(logs).and_then(|()| fs::copy(&log, &kept));
    }
    let tail = tail(&kept, TAIL);
    let tail = tail.unwrap_or_else(|error| format!("  (can't read the kernel log: {error})\n"));
    let log = kept.display();
    anyhow!("the machine did not boot: {why}\n{tail}  full kernel log: {log}")
}

#[cfg(test)]
mod tests;
