// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the kernel: source, configuration, image and modules.

pub mod config;
mod patched;

use std::path::PathBuf;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::{Context, Result};
use fs_err::{self as fs, File};

use crate::build::flavour::Flavour;
use crate::deps::toolchain::Toolchain;
use crate::store::cache::{self, Cache, Part, Product};
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};
pub use patched::KernelSource;

/// The configuration fragments of all kernels, in this order.
const FRAGMENTS: [&str; 5] = ["base", "rust", "gpio", "qemu-virt", "test"];

/// Additional fragments of a flavour.
fn additional_fragments(flavour: Flavour) -> &'static [&'static str] {
    match flavour {
        // It also boots a card with systemd.
        Flavour::Normal => &["image", "systemd"],
        Flavour::Debug => &["debug"],
    }
}

/// Number of build trees to keep: both flavours of the sources that are kept.
const TREES: usize = 2 * KernelSource::KEPT;

/// A configured kernel.
///
/// Its results are `Image`, `config`, and `modules/` from `make modules_install`. Its build tree is kept for
/// incremental builds of other configurations of the same source, and to build the driver against it.
#[derive(Debug)]
pub struct Kernel<'a> {
    cache: Cache<'a>,
    source: PathBuf,
    tree: PathBuf,
    toolchain: &'a Toolchain,
    /// Path and text of each fragment.
    fragments: Vec<(PathBuf, String)>,
    flavour: Flavour,
    product: Product,
}

impl<'a> Kernel<'a> {
    /// Reads the fragments; nothing is built yet.
    pub fn new(
        cache: Cache<'a>,
        source: &KernelSource<'_>,
        toolchain: &'a Toolchain,
        flavour: Flavour,
    ) -> Result<Self> {
        let folder = "recipes-kernel/linux/files/fragments";
        let folder = cache.paths.repo.join(folder);
        let fragments = FRAGMENTS
            .into_iter()
            .chain(additional_fragments(flavour).iter().copied())
            .map(|name| {
                let path = folder.join(format!("{name}.cfg"));
                let text = fs::read_to_string(&path)?;
                Ok((path, text))
            })
            .collect::<Result<Vec<_>>>()?;
        let source_key = source.product.key();
        let mut key = KeyBuilder::new("kernel 2")
            .text(source_key)
            .text(&toolchain.kernel_versions);
        for (_, text) in &fragments {
            key = key.text(text);
        }
        let trees = cache.paths.cache.join("kernel-tree");
        Ok(Self {
            cache,
            source: cache.folder(&source.product),
            tree: trees.join(format!("{source_key}-{flavour}")),
            toolchain,
            fragments,
            flavour,
            product: Product::new(Task::long(flavour.of("kernel"), "building"), key),
        })
    }

    /// The kernel's flavour.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// The hash of its inputs.
    pub fn key(&self) -> &Key {
        self.product.key()
    }

    /// Whether it is in the cache.
    pub fn is_built(&self) -> bool {
        self.cache.get(&self.product).is_some()
    }

    /// Builds it unless it is in the cache.
    pub fn ensure(&self) -> Result<Part> {
        self.cache.part(&self.product, |result, log| {
            let _tree = self.lock_tree(log)?;
            let image = self.tree.join("arch/arm64/boot/Image");
            fs::copy(image, result.join("Image"))?;
            fs::copy(self.tree.join(".config"), result.join("config"))?;
            let modules = result.join("modules");
            // depmod runs later, once the driver is installed, too.
            log.run(
                self.make()
                    .arg("modules_install")
                    .arg(format!("INSTALL_MOD_PATH={}", modules.display()))
                    .arg("DEPMOD=true"),
            )
        })
    }

    /// `make` in the kernel's source, with the build tree as its output.
    pub fn make(&self) -> Command {
        let mut make = self.toolchain.kernel_make();
        let jobs = available_parallelism().map_or(1, usize::from);
        make.arg("-C")
            .arg(&self.source)
            .arg(format!("O={}", self.tree.display()))
            .arg(format!("-j{jobs}"));
        make
    }

    /// Builds this kernel in the build tree unless it is up to date. Dropping the returned file unlocks the tree.
    pub fn lock_tree(&self, log: &mut Log) -> Result<File> {
        let name = self.tree.file_name().context("a tree has a name")?;
        let lock = self.cache.lock(&name.to_string_lossy())?;
        let stamp = self.tree.join(".mypoll-key");
        if fs::read_to_string(&stamp).is_ok_and(|key| key == self.key().to_string()) {
            cache::mark_used(&self.tree)?;
            return Ok(lock);
        }
        if !self.tree.exists() {
            fs::create_dir_all(&self.tree)?;
            cache::prune(&self.cache.paths.cache.join("kernel-tree"), TREES + 1)?;
        }
        fs::write(&stamp, "unfinished")?;
        self.configure(log)?;
        log.run(self.make().args(["Image", "modules"]))?;
        fs::write(&stamp, self.key().to_string())?;
        Ok(lock)
    }

    /// Configures with all options off except those of the fragments and their dependencies.
    fn configure(&self, log: &mut Log) -> Result<()> {
        let all = self.tree.join("fragments.config");
        let texts = self.fragments.iter().map(|(_, text)| text.as_str());
        fs::write(&all, texts.collect::<String>())?;
        let mut make = self.make();
        log.run(make.arg("allnoconfig").env("KCONFIG_ALLCONFIG", &all))?;
        config::check(
            &self.cache.paths.repo,
            &self.tree.join(".config"),
            self.fragments.iter().map(|(path, _)| path),
        )
    }
}
