// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/deb`: the Debian packages.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::build::debs::{Architecture, Packages, Tools, debs};
use crate::cli::DebArgs;
use crate::store::cache::Cache;
use crate::{Paths, Progress};

/// The verb.
pub fn deb(paths: &Paths, args: &DebArgs) -> Result<ExitCode> {
    let progress = Progress::new(args.install);
    let cache = Cache {
        paths,
        progress: &progress,
    };
    let tools = Tools::prepare(cache)?;
    let own = paths.cache.join("out/debs");
    let output = args.output.as_ref().unwrap_or(&own);
    fs::create_dir_all(output).with_context(|| format!("can't create {}", output.display()))?;
    let wanted: &[Architecture] = match &args.arch {
        Some(arch) => std::slice::from_ref(arch),
        None => &Architecture::ALL,
    };
    for &architecture in wanted {
        if !architecture.can_be_built(tools.rust())? {
            if args.arch.is_some() {
                bail!("packages for amd64 are built on amd64 alone");
            }
            progress.say("Packages for amd64 are built on amd64 alone.");
            continue;
        }
        let built = cache.ensure(&Packages::new(cache, &tools, architecture)?)?;
        for package in debs(&built)? {
            let to = output.join(package.file_name().unwrap_or_default());
            fs::copy(&package, &to).with_context(|| format!("can't write {}", to.display()))?;
            println!("{}", to.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}
