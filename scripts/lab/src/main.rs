// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entry point: parses the command line and runs the subcommand.

use std::process::ExitCode;

use clap::Parser;
use lab::cli::{Cli, Verb};
use lab::{BuildOptions, Paths, Progress, build, cmd};

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let paths = Paths::find()?;
    match &cli.verb {
        Verb::Build(args) => {
            let system = build(
                &paths,
                &BuildOptions::from(args),
                &Progress::new(args.install),
            )?;
            for file in [system.image, system.module, system.rootfs, system.overlay] {
                println!("{}", file.display());
            }
            Ok(ExitCode::SUCCESS)
        }
        Verb::Demo(args) => cmd::demo::demo(&paths, args),
        Verb::Test(args) => cmd::test::test(&paths, args),
        Verb::Run(args) => cmd::run::run(&paths, args),
        Verb::Press(args) => cmd::press::press(args),
        Verb::Bench(args) => cmd::bench::bench(&paths, args),
        Verb::Deb(args) => cmd::deb::deb(&paths, args),
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    run(&cli).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        match cli.verb {
            // `run` exits with its command's status: an error of the lab must be distinguishable from it.
            Verb::Run(_) => ExitCode::from(cmd::run::UNAVAILABLE),
            _ => ExitCode::FAILURE,
        }
    })
}
