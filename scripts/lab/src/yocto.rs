// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs bitbake: its tools, the layers at the commits pinned in `kas/`, and commands in the environment of kas.
//!
//! Everything is in `CACHE/yocto`: `layers`, `downloads`, `sstate`, a build folder in `build` for each [`Build`], and a
//! copy of the repository in `repo`.

pub mod builds;
mod host_tools;
mod layer_copy;
mod layers;
pub mod output;
mod parse_cache;
mod user;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use fs_err::{self as fs, File};

use crate::deps::host;
use crate::deps::python;
use crate::deps::toolchain::Toolchain;
use crate::store::cache::Cache;
use crate::store::lock;
use crate::store::step::Task;
use builds::Build;
use output::Output;

/// Everything needed to run bitbake.
#[derive(Debug)]
pub struct Yocto<'a> {
    cache: Cache<'a>,
    /// The folder of kas and oelint-adv.
    tools: PathBuf,
    rust_library: PathBuf,
    folder: PathBuf,
}

const LAYERS: &str = "layers";
const BUILDS_FOLDER: &str = "build";

impl<'a> Yocto<'a> {
    /// Installs and fetches what is missing.
    ///
    /// # Errors
    /// [`Unavailable`](crate::store::unavailable::Unavailable) if this machine can't provide it.
    pub fn prepare(cache: Cache<'a>) -> Result<Self> {
        user::check()?;
        let llvm = host::prepare(cache.paths, cache.progress)?;
        host::provide(cache.paths, cache.progress, &host_tools::needs())?;
        let folder = cache.paths.cache.join("yocto");
        layers::check_available(&folder.join(LAYERS))?;
        let yocto = Self {
            cache,
            tools: python::environment(cache, "yocto-tools", "tests/yocto/requirements.txt")?,
            rust_library: Toolchain::prepare(cache, llvm)?.library,
            folder,
        };
        // kas creates only the last folder of a path.
        for name in [LAYERS, BUILDS_FOLDER] {
            fs::create_dir_all(yocto.folder.join(name))?;
        }
        layers::fetch(&yocto)?;
        Ok(yocto)
    }

    /// A Python program from `tests/yocto/requirements.txt`.
    pub fn tool(&self, name: &str) -> Command {
        python::program(&self.tools, name)
    }

    /// Runs a shell command in bitbake's environment for `build`. The step has the description `what` and the log
    /// `yocto-LOG`. A failing command is not an error.
    pub fn shell(&self, build: &Build, log: &str, what: &str, script: &str) -> Result<Output> {
        let task = Task::long(format!("yocto-{log}"), what);
        let mut kas = self.kas(build);
        kas.args(["shell", "--command", script])
            .arg(build.chain(&self.repo()));
        let _lock = self.lock()?;
        self.cache.progress.step(self.cache.paths, &task, |log| {
            layer_copy::update(&self.cache.paths.repo, &self.repo())?;
            parse_cache::remove_unmerged(&self.build_folder(build))?;
            let success = log.status(&mut kas)?.success();
            let output = Output::new(success, &log.text()?);
            if !output.complaints().is_empty() {
                parse_cache::forget_recipes(&self.build_folder(build))?;
            }
            Ok(output)
        })
    }

    /// The copy of the repository that bitbake uses, up to date while a command of [`Yocto::shell`] runs.
    pub fn repo(&self) -> PathBuf {
        self.folder.join("repo")
    }

    /// The build folder of `build`.
    pub fn build_folder(&self, build: &Build) -> PathBuf {
        self.folder.join(BUILDS_FOLDER).join(build.name)
    }

    /// The folder of the images of `build`.
    pub fn images(&self, build: &Build) -> PathBuf {
        let images = self.build_folder(build).join("tmp/deploy/images");
        images.join(build.machine())
    }

    /// The folder of the repositories that kas cloned.
    pub fn layers(&self) -> PathBuf {
        self.folder.join(LAYERS)
    }

    /// Locks out other runs, which would update the copy of the repository and check out other commits of the layers.
    fn lock(&self) -> Result<File> {
        lock::hold(
            &self.folder.join("lock"),
            self.cache.progress,
            "Another run is using bitbake; waiting",
        )
    }

    fn kas(&self, build: &Build) -> Command {
        let mut kas = user::unprivileged(&self.tool("kas"));
        // The caller's environment must not change the build.
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
            .env("KAS_WORK_DIR", self.folder.join(LAYERS))
            .env("KAS_BUILD_DIR", self.build_folder(build))
            .env("DL_DIR", self.folder.join("downloads"))
            .env("SSTATE_DIR", self.folder.join("sstate"))
            .env("BB_HASHSERVE_DB_DIR", self.folder.join("sstate"))
            .env("HOST_RUST_LIBRARY", &self.rust_library)
            .envs(user::in_home());
        kas
    }
}

/// Paths as words of a shell command.
pub fn shell_words(paths: impl IntoIterator<Item = PathBuf>) -> String {
    let quoted = paths
        .into_iter()
        .map(|path| format!("'{}'", path.display()));
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::thread;

    use super::*;
    use crate::{Paths, Progress};

    /// Fails if it runs twice at the same time.
    const KAS: &str =
        "mkdir \"$KAS_WORK_DIR/used\" && echo \"$3\" && sleep 0.3 && rmdir \"$KAS_WORK_DIR/used\"";

    #[test]
    fn concurrent_runs_take_turns() {
        if user::check().is_err() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("yocto");
        let bin = folder.join("tools/bin");
        for folder in [&bin, &folder.join(LAYERS)] {
            fs::create_dir_all(folder).unwrap();
        }
        symlink("/bin/sh", bin.join("python3")).unwrap();
        fs::write(bin.join("kas"), KAS).unwrap();
        let paths = Paths {
            repo: dir.path().join("repo"),
            cache: dir.path().to_owned(),
        };
        fs::create_dir(&paths.repo).unwrap();
        let build = builds::build("test", "qemuarm64");
        let run = |text: &str| {
            let progress = Progress::default();
            let yocto = Yocto {
                cache: Cache::new(&paths, &progress),
                tools: folder.join("tools"),
                rust_library: PathBuf::new(),
                folder: folder.clone(),
            };
            yocto.shell(&build, "test", "testing", text)
        };
        thread::scope(|scope| {
            let runs = ["one", "other"].map(|text| (text, scope.spawn(move || run(text))));
            for (text, run) in runs {
                let output = run.join().unwrap().unwrap();
                assert!(output.success, "{output:?}");
                assert!(output.text.lines().any(|line| line == text), "{output:?}");
            }
        });
    }
}
