// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the guest's programs: agent, control program, in-guest tests, examples.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use fs_err as fs;

use crate::deps::toolchain::{GUEST_TARGET, Toolchain};
use crate::store::cache::{Cache, Part, Product};
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};

/// The programs in the guest's `/usr/bin`.
const PROGRAMS: [&str; 4] = [
    "mypoll-agent",
    "mypollctl",
    "mypoll-selftest",
    "mypoll-fuzz",
];

/// The packages of the programs.
const PACKAGES: [&str; 3] = ["mypoll-agent", "mypollctl", "mypoll-selftest"];

/// The examples of the client crate, also in `/usr/bin`.
const EXAMPLES: [&str; 5] = [
    "sigio_test",
    "sigio_eventfd_epoll",
    "queue_read",
    "queue_tokio",
    "queue_ring",
];

/// The driver's example in C, also in `/usr/bin`.
const C_EXAMPLE: &str = "queue";

/// The workspace and the example in C, built for the guest: one file per program.
#[derive(Debug)]
pub struct Userspace<'a> {
    toolchain: &'a Toolchain,
    workspace: PathBuf,
    uapi: PathBuf,
    c_examples: PathBuf,
    target: PathBuf,
    product: Product,
}

impl<'a> Userspace<'a> {
    /// Reads the sources; nothing is built yet.
    pub fn new(cache: Cache<'_>, toolchain: &'a Toolchain) -> Result<Self> {
        let repo = &cache.paths.repo;
        let workspace = repo.join("recipes-apps/mypoll-agent/mypoll-agent");
        // The client crate contains a symbolic link to it.
        let uapi = repo.join("recipes-kernel/mypoll/mypoll/uapi");
        let c_examples = repo.join("recipes-kernel/mypoll/examples");
        let key = KeyBuilder::new("userspace")
            .text(toolchain.guest_rust.for_key())
            .text(&toolchain.guest_c_version)
            .tree(&workspace)?
            .tree(&uapi)?
            .tree(&c_examples)?;
        Ok(Self {
            toolchain,
            workspace,
            uapi,
            c_examples,
            target: cache.paths.cache.join("target-guest"),
            product: Product::new(Task::new("userspace", "building agent and tools"), key),
        })
    }

    /// The hash of its inputs.
    pub fn key(&self) -> &Key {
        self.product.key()
    }

    /// `cargo build` in the workspace, for the guest: static programs.
    pub(crate) fn cargo_build(&self) -> Command {
        let (rust, flags) = (&self.toolchain.guest_rust, "-Ctarget-feature=+crt-static");
        let mut cargo = rust.cargo_build(GUEST_TARGET, flags, &self.target);
        cargo.current_dir(&self.workspace);
        cargo
    }

    /// The output folder of [`cargo_build`](Self::cargo_build).
    pub(crate) fn built(&self) -> PathBuf {
        self.target.join(GUEST_TARGET).join("release")
    }

    /// Builds it unless it is in the cache.
    pub fn ensure(&self, cache: Cache<'_>) -> Result<Part> {
        cache.part(&self.product, |result, log| self.make(result, log))
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        let mut cargo = self.cargo_build();
        cargo
            .args(PACKAGES.map(|package| format!("--package={package}")))
            .args(["--package=mypoll", "--features=mypoll/tokio", "--bins"])
            .args(EXAMPLES.map(|example| format!("--example={example}")));
        log.run(&mut cargo)?;
        for name in PROGRAMS {
            fs::copy(self.built().join(name), result.join(name))?;
        }
        for name in EXAMPLES {
            fs::copy(self.built().join("examples").join(name), result.join(name))?;
        }
        let mut cc = self.toolchain.cc_for_guest();
        cc.args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-I"])
            .arg(&self.uapi)
            .arg("-o")
            .arg(result.join(C_EXAMPLE))
            .arg(self.c_examples.join(C_EXAMPLE).with_extension("c"));
        log.run(&mut cc)
    }
}
