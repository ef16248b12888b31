// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/deb`: the Debian packages.

use std::process::ExitCode;

use anyhow::{Result, bail};
use fs_err as fs;

use crate::build::debs::{Architecture, Tools, debs};
use crate::cli::DebArgs;
use crate::store::cache::Cache;
use crate::{Paths, Progress};

/// Runs `./scripts/deb`.
pub fn deb(paths: &Paths, args: &DebArgs) -> Result<ExitCode> {
    let progress = Progress::new(args.install);
    let cache = Cache::new(paths, &progress);
    let tools = Tools::prepare(cache)?;
    let own = paths.cache.join("out/debs");
    let output = args.output.as_ref().unwrap_or(&own);
    fs::create_dir_all(output)?;
    let wanted: &[Architecture] = match &args.arch {
        Some(arch) => std::slice::from_ref(arch),
        None => &Architecture::ALL,
    };
    for &architecture in wanted {
        if !tools.can_build(architecture) {
            if args.arch.is_some() {
                bail!("packages for amd64 can only be built on amd64");
            }
            progress.say("Skipping packages for amd64: they can only be built on amd64.");
            continue;
        }
        for package in debs(&tools.packages(cache, architecture)?)? {
            let to = output.join(package.file_name().unwrap_or_default());
            fs::copy(&package, &to)?;
            println!("{}", to.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}
