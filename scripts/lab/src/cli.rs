// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, value_parser};

use crate::build::debs::Architecture;
use crate::build::devicetree::{CPUS, MAX_CPUS};
use crate::build::{BuildOptions, Flavour};
use crate::deps::source::Catalog;
use crate::store::step::Install;

/// Builds the mypoll system for QEMU's arm64 virt board, boots it, and presses its buttons.
#[derive(Debug, Parser)]
#[command(name = "lab", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs; scripts/ has one wrapper for each of demo, test, run, press, bench and deb.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Builds the system and says where its files are.
    #[command(
        after_help = "Example:\n  cargo run --manifest-path scripts/lab/Cargo.toml -- build --debug"
    )]
    Build(BuildArgs),
    #[expect(missing_docs)]
    Demo(DemoArgs),
    #[expect(missing_docs)]
    Test(TestArgs),
    #[expect(missing_docs)]
    Run(RunArgs),
    #[expect(missing_docs)]
    Press(PressArgs),
    #[expect(missing_docs)]
    Bench(BenchArgs),
    #[expect(missing_docs)]
    Deb(DebArgs),
}

/// Whether packages that are missing may be installed.
#[derive(Args, Clone, Copy, Debug)]
pub struct InstallArgs {
    /// Install nothing: name what is missing and stop
    #[arg(long)]
    pub no_install: bool,
    /// Install what is missing without a question, with sudo where this is not root
    #[arg(long, conflicts_with = "no_install")]
    pub yes: bool,
}

impl From<InstallArgs> for Install {
    fn from(args: InstallArgs) -> Self {
        match args {
            InstallArgs {
                no_install: true, ..
            } => Self::Never,
            InstallArgs { yes: true, .. } => Self::Always,
            _ => Self::Ask,
        }
    }
}

/// A kernel version that `sources.toml` knows, such as `6.18.15`.
pub fn kernel(version: &str) -> Result<String, String> {
    let catalog = Catalog::built_in();
    let known = catalog.kernels().map(|kernel| kernel.version.as_str());
    if known.contains(&version) {
        return Ok(version.to_owned());
    }
    let known = known.join(" and ");
    Err(format!(
        "not in scripts/lab/sources.toml, which has {known}"
    ))
}

/// What every verb that needs a built system takes.
#[derive(Args, Clone, Debug)]
pub struct BuildArgs {
    /// Kernel version [default: the first one in scripts/lab/sources.toml]
    #[arg(long, value_name = "VERSION", value_parser = kernel)]
    pub kernel: Option<String>,
    /// Use the debug kernel: KASAN, lockdep and the like; several times slower
    #[arg(long)]
    pub debug: bool,
    #[command(flatten)]
    /// What may be installed.
    pub install: InstallArgs,
}

impl From<&BuildArgs> for BuildOptions {
    fn from(args: &BuildArgs) -> Self {
        Self {
            kernel: args.kernel.clone(),
            flavour: if args.debug {
                Flavour::Debug
            } else {
                Flavour::Normal
            },
            bench: false,
        }
    }
}

/// Boots the system and shows button presses arrive at a TCP client.
///
/// On a terminal: a live table; a key presses a button, q quits. Without a terminal: three presses, their events, and
/// exit status 0.
#[derive(Args, Debug)]
#[command(
    override_usage = "./scripts/demo [OPTIONS]",
    after_help = "Example:\n  ./scripts/demo"
)]
pub struct DemoArgs {
    #[command(flatten)]
    /// What to build.
    pub build: BuildArgs,
}

/// Runs every test: on the host, in the guest, and from outside, on the normal and on the debug kernel.
///
/// The last line is 'N passed, N failed, N skipped'; the exit status is 0 when nothing failed.
#[derive(Args, Debug)]
#[command(
    override_usage = "./scripts/test [OPTIONS]",
    after_help = "Example:\n  ./scripts/test --only selftest"
)]
pub struct TestArgs {
    /// Run only the phases whose name contains this; may be repeated
    #[arg(long, value_name = "SUBSTRING")]
    pub only: Vec<String>,
    /// Run only what takes a minute or two: form, lints and tests on the host, and the selftest if its kernel is cached
    #[arg(long, conflicts_with = "only")]
    pub quick: bool,
    /// Only list the phases
    #[arg(long)]
    pub list: bool,
    /// Only install the packages that the builds need
    #[arg(long)]
    pub packages: bool,
    /// Version of both kernels [default: the first one in scripts/lab/sources.toml, and the newer one as the debug kernel]
    #[arg(long, value_name = "VERSION", value_parser = kernel)]
    pub kernel: Option<String>,
    #[command(flatten)]
    /// What may be installed.
    pub install: InstallArgs,
}

/// Boots the system and runs a command in it as root, or gives a shell.
///
/// The command's output and exit status are passed on; 69 is the status when the machine did not come up.
#[derive(Args, Debug)]
#[command(
    override_usage = "./scripts/run [OPTIONS] [-- CMD [ARG]...]",
    after_help = "Example:\n  ./scripts/run --share . -- ls /mnt/host"
)]
pub struct RunArgs {
    #[command(flatten)]
    /// What to build.
    pub build: BuildArgs,
    /// Directory of this machine to show at /mnt/host (9p)
    #[arg(long, value_name = "DIR")]
    pub share: Option<PathBuf>,
    /// CPUs of the machine, 1 to 8
    #[arg(
        long,
        value_name = "N",
        default_value_t = CPUS,
        value_parser = value_parser!(u8).range(1..=i64::from(MAX_CPUS))
    )]
    pub cpus: u8,
    /// More words for the kernel's command line
    #[arg(
        long,
        value_name = "ARGS",
        allow_hyphen_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub append: String,
    /// Command to run in the guest; without one, a shell
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// Presses a button of a running system: down and up again.
#[derive(Args, Debug)]
#[command(
    override_usage = "./scripts/press [OPTIONS]",
    after_help = "Example:\n  ./scripts/press --line 1"
)]
pub struct PressArgs {
    /// Which line of the driver, by number or label: 0 or "button", 1 or "door"
    #[arg(long, value_name = "N", default_value = "0")]
    pub line: String,
    /// Only release the button
    #[arg(long, conflicts_with = "down")]
    pub up: bool,
    /// Only press the button, and hold it
    #[arg(long)]
    pub down: bool,
    /// Which machine, where several are running
    #[arg(long, value_name = "NAME")]
    pub machine: Option<String>,
}

/// Measures mypoll beside the GPIO character device, gpio-keys with evdev, and a floor: the least that a driver can do.
///
/// All are measured in one boot with the same loops, in guest nanoseconds that are instructions (one CPU, QEMU's
/// -icount), and once more with two CPUs in real time, to see whether that is plausible. A target that is missed is
/// said, and the exit status is still 0; it is 1 when a figure could not be measured.
#[derive(Args, Debug)]
#[command(
    override_usage = "./scripts/bench [OPTIONS]",
    after_help = "Examples:\n  ./scripts/bench --json bench.json\n  ./scripts/bench agent",
    args_conflicts_with_subcommands = true
)]
pub struct BenchArgs {
    /// What to measure instead of the driver
    #[command(subcommand)]
    pub subject: Option<BenchSubject>,
    /// Keep the figures of the first machine as those that later runs are compared with
    #[arg(long)]
    pub save_reference: bool,
    /// File for the figures as JSON [default: out/VERSION/bench.json in the cache folder]
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Kernel version [default: the first one in scripts/lab/sources.toml]
    #[arg(long, value_name = "VERSION", value_parser = kernel)]
    pub kernel: Option<String>,
    #[command(flatten)]
    /// What may be installed.
    pub install: InstallArgs,
}

/// Builds the packages mypoll-agent and mypollctl for Debian, Raspberry Pi OS and Ubuntu.
///
/// Prints the name of each package's file.
#[derive(Args, Debug)]
#[command(
    override_usage = "./scripts/deb [OPTIONS]",
    after_help = "Example:\n  ./scripts/deb --arch arm64 --output ."
)]
pub struct DebArgs {
    /// Only for this architecture
    #[arg(long)]
    pub arch: Option<Architecture>,
    /// Folder for the packages [default: out/debs in the cache folder]
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    /// What may be installed.
    pub install: InstallArgs,
}

/// What else can be measured.
#[derive(Debug, Subcommand)]
pub enum BenchSubject {
    /// The agent on this machine, with many clients, beside mosquitto under the same load
    Agent(BenchAgentArgs),
}

/// The load.
#[derive(Args, Debug)]
#[command(override_usage = "./scripts/bench agent [OPTIONS]")]
pub struct BenchAgentArgs {
    /// Clients that read; ten more never do
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub clients: u32,
    /// Events a second
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub rate: u32,
    /// For how long
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub seconds: u32,
    /// File for the figures as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    #[command(flatten)]
    /// What may be installed.
    pub install: InstallArgs,
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    fn run(arguments: &[&str]) -> Result<RunArgs, clap::Error> {
        let words = ["lab", "run"].iter().chain(arguments);
        match Cli::try_parse_from(words)?.verb {
            Verb::Run(args) => Ok(args),
            other => panic!("another verb: {other:?}"),
        }
    }

    #[test]
    fn run_takes_as_many_cpus_as_the_board_can_have() {
        assert_eq!(run(&[]).unwrap().cpus, CPUS);
        let args = run(&["--cpus", "4", "--", "nproc", "--cpus", "9"]).unwrap();
        assert_eq!(args.cpus, 4);
        assert_eq!(args.command, ["nproc", "--cpus", "9"]);
        for wrong in ["0", "9", "-1", "two"] {
            let error = run(&[&format!("--cpus={wrong}")]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ValueValidation, "{wrong}");
        }
    }

    #[test]
    fn an_unknown_version_is_told_which_there_are() {
        let error = kernel("6.18.99").unwrap_err();
        assert!(error.ends_with("which has 6.18.15 and 7.3.4"), "{error}");
        assert_eq!(kernel("7.3.4").unwrap(), "7.3.4");
    }
}
