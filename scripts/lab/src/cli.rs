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
    /// The subcommand.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The subcommands. scripts/ has a wrapper for each of demo, test, run, press, bench and deb.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Builds the system and prints the paths of its files.
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

/// Whether to install missing packages.
#[derive(Args, Clone, Copy, Debug)]
pub struct InstallArgs {
    /// Install nothing: list what is missing and exit
    #[arg(long)]
    pub no_install: bool,
    /// Install what is missing without asking, with sudo unless root
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

/// Options of every subcommand that needs a built system.
#[derive(Args, Clone, Debug)]
pub struct BuildArgs {
    /// Kernel version [default: the first one in scripts/lab/sources.toml]
    #[arg(long, value_name = "VERSION", value_parser = kernel)]
    pub kernel: Option<String>,
    /// Use the debug kernel (KASAN, lockdep etc.; several times slower)
    #[arg(long)]
    pub debug: bool,
    #[command(flatten)]
    /// Whether to install missing packages.
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

/// Boots the system and shows button presses as a TCP client receives them.
///
/// On a terminal: a live table; keys press buttons, q quits. Without a terminal: presses three times, prints the events
/// and exits with status 0.
#[derive(Args, Debug)]
#[command(
    override_usage = "./scripts/demo [OPTIONS]",
    after_help = "Example:\n  ./scripts/demo"
)]
pub struct DemoArgs {
    #[command(flatten)]
    /// Build options.
    pub build: BuildArgs,
}

/// Runs all tests: on the host, in the guest and from outside it, with the normal and the debug kernel.
///
/// The last line is 'N passed, N failed, N skipped'. The exit status is 0 if nothing failed.
#[derive(Args, Debug)]
#[command(
    override_usage = "./scripts/test [OPTIONS]",
    after_help = "Example:\n  ./scripts/test --only selftest"
)]
pub struct TestArgs {
    /// Run only phases whose name contains this; can be repeated
    #[arg(long, value_name = "SUBSTRING")]
    pub only: Vec<String>,
    /// Run only tests of a minute or two: format, lints and tests on the host, and the selftest if its kernel is cached
    #[arg(long, conflicts_with = "only")]
    pub quick: bool,
    /// List the phases and exit
    #[arg(long)]
    pub list: bool,
    /// Install the packages that the builds need, and exit
    #[arg(long)]
    pub packages: bool,
    /// Version of both kernels [default: the first one in scripts/lab/sources.toml, and the newer one for debug]
    #[arg(long, value_name = "VERSION", value_parser = kernel)]
    pub kernel: Option<String>,
    #[command(flatten)]
    /// Whether to install missing packages.
    pub install: InstallArgs,
}

/// Boots the system and runs a command or a shell in it as root.
///
/// Passes on the command's output and exit status. Exits with status 69 if the machine fails.
#[derive(Args, Debug)]
#[command(
    override_usage = "./scripts/run [OPTIONS] [-- CMD [ARG]...]",
    after_help = "Example:\n  ./scripts/run --share . -- ls /mnt/host"
)]
pub struct RunArgs {
    #[command(flatten)]
    /// Build options.
    pub build: BuildArgs,
    /// Host directory to mount at /mnt/host in the guest (9p)
    #[arg(long, value_name = "DIR")]
    pub share: Option<PathBuf>,
    /// Number of CPUs, 1 to 8
    #[arg(
        long,
        value_name = "N",
        default_value_t = CPUS,
        value_parser = value_parser!(u8).range(1..=i64::from(MAX_CPUS))
    )]
    pub cpus: u8,
    /// Additional kernel command line arguments
    #[arg(
        long,
        value_name = "ARGS",
        allow_hyphen_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub append: String,
    /// Command to run in the guest [default: a shell]
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// Presses and releases a button of a running system.
#[derive(Args, Debug)]
#[command(
    override_usage = "./scripts/press [OPTIONS]",
    after_help = "Example:\n  ./scripts/press --line 1"
)]
pub struct PressArgs {
    /// Line of the driver, by number or label: 0 or "button", 1 or "door"
    #[arg(long, value_name = "N", default_value = "0")]
    pub line: String,
    /// Only release the button
    #[arg(long, conflicts_with = "down")]
    pub up: bool,
    /// Only press the button and hold it
    #[arg(long)]
    pub down: bool,
    /// Name of the machine, if several are running
    #[arg(long, value_name = "NAME")]
    pub machine: Option<String>,
}

/// Compares mypoll with the GPIO character device, gpio-keys with evdev, and a floor: the least that a driver can do.
///
/// All are measured in one boot with the same loops, in guest nanoseconds that count instructions (one CPU, QEMU's
/// -icount), and again with two CPUs in real time as a plausibility check. Missed targets are reported, but the exit
/// status is still 0; it is 1 if a figure could not be measured.
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
    /// Save the figures of the first machine as the reference for later runs
    #[arg(long)]
    pub save_reference: bool,
    /// File for the figures as JSON [default: out/VERSION/bench.json in the cache folder]
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Kernel version [default: the first one in scripts/lab/sources.toml]
    #[arg(long, value_name = "VERSION", value_parser = kernel)]
    pub kernel: Option<String>,
    #[command(flatten)]
    /// Whether to install missing packages.
    pub install: InstallArgs,
}

/// Builds the packages mypoll-agent and mypollctl for Debian, Raspberry Pi OS and Ubuntu.
///
/// Prints the path of each package.
#[derive(Args, Debug)]
#[command(
    override_usage = "./scripts/deb [OPTIONS]",
    after_help = "Example:\n  ./scripts/deb --arch arm64 --output ."
)]
pub struct DebArgs {
    /// Build only for this architecture
    #[arg(long)]
    pub arch: Option<Architecture>,
    /// Folder for the packages [default: out/debs in the cache folder]
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    /// Whether to install missing packages.
    pub install: InstallArgs,
}

/// Subjects of a measurement other than the driver.
#[derive(Debug, Subcommand)]
pub enum BenchSubject {
    /// The agent on this machine with many clients, compared with mosquitto under the same load
    Agent(BenchAgentArgs),
}

/// Options of the load.
#[derive(Args, Debug)]
#[command(override_usage = "./scripts/bench agent [OPTIONS]")]
pub struct BenchAgentArgs {
    /// Number of clients that read; ten more never read
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub clients: u32,
    /// Events per second
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub rate: u32,
    /// Duration in seconds
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub seconds: u32,
    /// File for the figures as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    #[command(flatten)]
    /// Whether to install missing packages.
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
    fn run_accepts_cpus_up_to_the_boards_maximum() {
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
    fn an_unknown_version_lists_the_known_ones() {
        let error = kernel("6.18.99").unwrap_err();
        assert!(error.ends_with("which has 6.18.15 and 7.3.4"), "{error}");
        assert_eq!(kernel("7.3.4").unwrap(), "7.3.4");
    }
}
