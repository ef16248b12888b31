// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the whole system.

pub mod bench_parts;
pub mod busybox;
pub mod debs;
pub mod devicetree;
pub mod driver;
pub mod flavour;
pub mod kernel;
pub mod overlay;
pub mod rootfs;
pub mod userspace;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;
use fs_err::os::unix::fs::symlink;

use self::bench_parts::bench;
use self::busybox::busybox;
use self::devicetree::CPUS;
use self::driver::{MODULE, driver};
pub use self::flavour::Flavour;
use self::kernel::{Kernel, KernelSource};
use self::overlay::overlay;
use self::rootfs::{Parts, rootfs};
use self::userspace::Userspace;
use crate::deps::host;
use crate::deps::source::{Catalog, Source, Tarball, tarball};
use crate::deps::toolchain::Toolchain;
use crate::store::cache::Cache;
use crate::{Paths, Progress};

/// Build options.
#[derive(Clone, Debug, Default)]
pub struct BuildOptions {
    /// The kernel version. Default: that of products.
    pub kernel: Option<String>,
    /// The kernel's flavour. Default: normal.
    pub flavour: Flavour,
    /// Whether to build the parts that only the bench needs. Default: false.
    pub bench: bool,
}

impl BuildOptions {
    fn kernel_source(&self, catalog: &Catalog) -> Source {
        let wanted = |source: &&Source| Some(&source.version) == self.kernel.as_ref();
        let source = catalog.kernels().into_iter().find(wanted);
        source.unwrap_or(&catalog.kernel).clone()
    }
}

/// The results of a build. `CACHE/out/VERSION[-debug]/` has links to the files, with the names in parentheses.
#[derive(Clone, Debug)]
pub struct System {
    /// The kernel (`Image`).
    pub image: PathBuf,
    /// The driver (`mypoll.ko`).
    pub module: PathBuf,
    /// The folder of the programs.
    pub userspace: PathBuf,
    /// The root file system as an initramfs (`rootfs.cpio.gz`).
    pub rootfs: PathBuf,
    /// The device-tree overlay with the driver's node for QEMU's `virt` board (`mypoll-qemu-virt.dtbo`).
    pub overlay: PathBuf,
    /// The kernel source, for its tools.
    pub source: PathBuf,
    /// The result of [`bench`], if [`BuildOptions::bench`] is set.
    pub bench: Option<PathBuf>,
    /// The kernel's version as in `sources.toml`, such as `6.18.15`.
    pub version: String,
    /// The kernel's flavour.
    pub flavour: Flavour,
}

/// Fetches the kernel source unless it is in the cache.
pub fn fetch_kernel(cache: Cache<'_>, options: &BuildOptions) -> Result<Tarball> {
    tarball(cache, &options.kernel_source(&Catalog::built_in()))
}

/// Builds what is not in the cache.
pub fn build(paths: &Paths, options: &BuildOptions, progress: &Progress) -> Result<System> {
    let cache = Cache { paths, progress };
    let flavour = options.flavour;
    let toolchain = Toolchain::prepare(cache, host::prepare(paths, progress)?)?;
    let catalog = Catalog::built_in();
    let version = options.kernel_source(&catalog).version;
    let kernel_tarball = fetch_kernel(cache, options)?;

    let source = KernelSource::new(paths, &version, &kernel_tarball)?;
    let kernel = Kernel::new(cache, &source, &toolchain, flavour)?;
    let source = source.ensure(cache)?;
    let kernel_files = kernel.ensure()?;
    let driver = driver(cache, &kernel)?;

    let userspace = Userspace::new(cache, &toolchain)?;
    let busybox_tarball = tarball(cache, &catalog.busybox)?;
    let parts = Parts {
        userspace: userspace.ensure(cache)?,
        busybox: busybox(cache, &busybox_tarball, &toolchain)?,
        kernel: kernel_files,
        driver,
    };
    let system = System {
        image: parts.kernel.folder.join("Image"),
        module: parts.driver.folder.join(MODULE),
        rootfs: rootfs(cache, &parts, flavour)?,
        userspace: parts.userspace.folder,
        overlay: overlay(cache)?,
        source,
        bench: match options.bench {
            true => Some(bench(cache, &kernel, &userspace, &toolchain)?),
            false => None,
        },
        version,
        flavour,
    };
    let device_tree = devicetree::device_tree(cache, &system.overlay, CPUS)?;
    publish(paths, &system, &device_tree)?;
    Ok(system)
}

/// Whether [`build`] would find the kernel in the cache.
pub fn kernel_is_built(cache: Cache<'_>, options: &BuildOptions) -> Result<bool> {
    let version = options.kernel_source(&Catalog::built_in()).version;
    // If no build has ever been published, avoid installing and fetching anything to find out.
    let published = out(cache.paths, &version, options.flavour).join("Image");
    if !published.exists() {
        return Ok(false);
    }
    let toolchain = Toolchain::prepare(cache, host::prepare(cache.paths, cache.progress)?)?;
    let tarball = fetch_kernel(cache, options)?;
    let source = KernelSource::new(cache.paths, &version, &tarball)?;
    Ok(Kernel::new(cache, &source, &toolchain, options.flavour)?.is_built())
}

/// The folder of links to a kernel's files.
fn out(paths: &Paths, version: &str, flavour: Flavour) -> PathBuf {
    paths.cache.join("out").join(flavour.of(version))
}

/// Creates links to the files in [`out`]; `device_tree` is for starting QEMU by hand.
fn publish(paths: &Paths, system: &System, device_tree: &Path) -> Result<()> {
    let out = out(paths, &system.version, system.flavour);
    fs::create_dir_all(&out)?;
    for file in [
        system.image.as_path(),
        &system.module,
        &system.rootfs,
        &system.overlay,
        device_tree,
    ] {
        let link = out.join(file.file_name().context("a result has a name")?);
        if fs::read_link(&link).is_ok_and(|target| target == *file) {
            continue;
        }
        // Replaces the link atomically.
        let new = link.with_extension(format!("new-{}", std::process::id()));
        symlink(file, &new)?;
        fs::rename(&new, &link)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_point_to_the_last_build() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::both_in(dir.path());
        for build in ["one", "two"] {
            let folder = dir.path().join(build);
            fs::create_dir(&folder).unwrap();
            let file = |name: &str| {
                fs::write(folder.join(name), build).unwrap();
                folder.join(name)
            };
            let system = System {
                image: file("Image"),
                module: file(MODULE),
                userspace: folder.clone(),
                rootfs: file("rootfs.cpio.gz"),
                overlay: file("mypoll-qemu-virt.dtbo"),
                source: dir.path().join("source"),
                bench: None,
                version: "6.18.15".to_owned(),
                flavour: Flavour::Debug,
            };
            publish(&paths, &system, &file("virt.dtb")).unwrap();
            let out = dir.path().join("out/6.18.15-debug");
            for name in [
                "Image",
                "mypoll.ko",
                "rootfs.cpio.gz",
                "mypoll-qemu-virt.dtbo",
                "virt.dtb",
            ] {
                assert_eq!(fs::read_to_string(out.join(name)).unwrap(), build);
            }
            assert_eq!(
                fs::read_dir(out).unwrap().count(),
                5,
                "nothing else is left there"
            );
        }
    }
}
