// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real bitbake: its tools, the layers at the commits that `kas/` pins, and commands in the environment that kas makes.
//!
//! Everything is in `CACHE/yocto`: `layers`, `downloads`, `sstate`, and a build folder in `build` for each [`Build`].

mod build;
mod layers;
pub mod output;
mod packages;
mod tools;
mod user;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use thiserror::Error;

use crate::cache::Cache;
use crate::host;
use crate::step::{CommandFailed, Task};
pub use build::Build;
use output::Output;
use tools::Tools;

/// Bitbake can't be had on this machine, and nothing of ours is at fault.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Unavailable(String);

impl Unavailable {
    /// One sentence.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// All that it takes to run bitbake.
#[derive(Debug)]
pub struct Yocto<'a> {
    cache: Cache<'a>,
    /// The folder of kas and oelint-adv.
    tools: PathBuf,
}

impl<'a> Yocto<'a> {
    /// Gets what is missing.
    ///
    /// # Errors
    /// [`Unavailable`] is among the causes when there is nothing to be done about it here.
    pub fn prepare(cache: Cache<'a>, install: bool) -> Result<Self> {
        user::check()?;
        host::prepare(cache.paths, cache.progress, install)?;
        host::provide(cache.paths, cache.progress, &packages::needs(), install)?;
        let yocto = Self {
            cache,
            tools: cache.ensure(&Tools::new()?)?,
        };
        // kas creates no more than the last folder of a path.
        for folder in [yocto.layers(), yocto.folder("build")] {
            fs::create_dir_all(&folder)
                .with_context(|| format!("can't create {}", folder.display()))?;
        }
        layers::get(&yocto)?;
        Ok(yocto)
    }

    /// A Python program of `tests/yocto/requirements.txt`.
    pub fn tool(&self, module: &str) -> Command {
        tools::command(&self.tools, module)
    }

    /// Runs a shell command in the environment of `build`, where bitbake is. That it fails is no error.
    pub fn shell(
        &self,
        build: &Build,
        what: &str,
        estimate_s: u64,
        script: &str,
    ) -> Result<Output> {
        let mut kas = self.kas(build);
        kas.args(["shell", "--command", script])
            .arg(build.chain(&self.cache.paths.repo));
        let task = Task::new(format!("yocto-{}", build.name), what, estimate_s);
        self.cache.progress.step(self.cache.paths, &task, |log| {
            let success = match log.run(&mut kas) {
                Ok(()) => true,
                Err(CommandFailed::Status { .. }) => false,
                Err(error) => return Err(error.into()),
            };
            let said = fs::read(log.path())
                .with_context(|| format!("can't read {}", log.path().display()))?;
            Ok(Output::new(success, &String::from_utf8_lossy(&said)))
        })
    }

    /// The build folder of `build`.
    pub fn build_folder(&self, build: &Build) -> PathBuf {
        self.folder("build").join(build.name)
    }

    /// Where kas puts bitbake and the layers.
    pub fn layers(&self) -> PathBuf {
        self.folder("layers")
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.cache.paths.cache.join("yocto").join(name)
    }

    fn kas(&self, build: &Build) -> Command {
        let mut kas = user::unprivileged(&tools::command(&self.tools, "kas"));
        // What the caller's environment asks kas for is not what is tested.
        for name in [
            "KAS_MACHINE",
            "KAS_DISTRO",
            "KAS_TARGET",
            "KAS_TASK",
            "SSTATE_MIRRORS",
            "TMPDIR",
        ] {
            kas.env_remove(name);
        }
        kas.env("NO_COLOR", "1")
            .env("KAS_WORK_DIR", self.layers())
            .env("KAS_BUILD_DIR", self.build_folder(build))
            .env("DL_DIR", self.folder("downloads"))
            .env("SSTATE_DIR", self.folder("sstate"))
            .env("BB_HASHSERVE_DB_DIR", self.folder("sstate"))
            .envs(user::in_home());
        kas
    }
}
