// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything in the right order.

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

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use self::bench_parts::Bench;
use self::busybox::Busybox;
use self::devicetree::CPUS;
use self::driver::Driver;
pub use self::flavour::Flavour;
use self::kernel::{Kernel, KernelSource, KernelVersion};
use self::overlay::Overlay;
use self::rootfs::{Parts, Rootfs};
use self::userspace::Userspace;
use crate::deps::host;
use crate::deps::source::{Catalog, Download, Source, Tarball};
use crate::deps::toolchain::Toolchain;
use crate::store::cache::{Cache, Product};
use crate::{Paths, Progress};

/// What to build.
#[derive(Clone, Debug, Default)]
pub struct BuildOptions {
    /// Default: the kernel that products have.
    pub kernel: Option<KernelVersion>,
    /// Default: the normal kernel.
    pub flavour: Flavour,
    /// Whether what only the bench needs is wanted too. Default: false.
    pub bench: bool,
}

impl BuildOptions {
    fn kernel_source(&self, catalog: &Catalog) -> Source {
        match &self.kernel {
            Some(version) => version.source(catalog),
            None => catalog.kernel.clone(),
        }
    }
}

/// What a build leaves; each of its files also lies, under the name in brackets, in `CACHE/out/VERSION[-debug]/`.
#[derive(Clone, Debug)]
pub struct System {
    /// The kernel (`Image`).
    pub image: PathBuf,
    /// The driver (`mypoll.ko`).
    pub module: PathBuf,
    /// The folder of the programs.
    pub userspace: PathBuf,
    /// The root file system, an initramfs (`rootfs.cpio.gz`).
    pub rootfs: PathBuf,
    /// The device-tree overlay that puts the driver's node on QEMU's `virt` board (`mypoll-qemu-virt.dtbo`).
    pub overlay: PathBuf,
    /// The kernel's source, for its tools.
    pub source: PathBuf,
    /// What [`Bench`] leaves, where [`BuildOptions::bench`] asks for it.
    pub bench: Option<PathBuf>,
    /// The kernel's version as in `sources.toml`, such as `6.18.15`.
    pub version: String,
    /// Which of the two kernels it is.
    pub flavour: Flavour,
}

/// Fetches the kernel's source, if it is not there yet.
pub fn fetch_kernel(cache: Cache<'_>, options: &BuildOptions) -> Result<Tarball> {
    Download::new(cache, &options.kernel_source(&Catalog::built_in())).tarball()
}

/// Builds what is not there yet, and says what it does.
pub fn build(paths: &Paths, options: &BuildOptions, progress: &Progress) -> Result<System> {
    let cache = Cache { paths, progress };
    let flavour = options.flavour;
    let llvm = host::prepare(paths, progress)?;
    let toolchain = Toolchain::prepare(cache, llvm)?;
    let catalog = Catalog::built_in();
    let kernel_source = options.kernel_source(&catalog);
    let tarball = fetch_kernel(cache, options)?;

    let source = KernelSource::new(paths, &kernel_source.version, &tarball)?;
    let kernel = Kernel::new(cache, &source, &toolchain, flavour)?;
    let driver = Driver::new(paths, &kernel, flavour)?;
    let source_files = cache.ensure(&source)?;
    let kernel_files = cache.ensure(&kernel)?;
    let driver_files = cache.ensure(&driver)?;

    let userspace = Userspace::new(cache, &toolchain)?;
    let busybox_tarball = Download::new(cache, &catalog.busybox).tarball()?;
    let busybox = Busybox::new(&paths.repo, &busybox_tarball, &toolchain);
    let programs = cache.ensure(&userspace)?;
    let parts = Parts {
        busybox: cache.ensure(&busybox)?,
        userspace: programs.clone(),
        kernel: kernel_files.clone(),
        driver: driver_files.clone(),
    };
    let keys = [busybox.key(), userspace.key(), kernel.key(), driver.key()];
    let rootfs = Rootfs::new(paths, parts, keys, flavour)?;

    let system = System {
        image: kernel_files.join("Image"),
        module: driver_files.join(driver::MODULE),
        userspace: programs,
        rootfs: cache.ensure(&rootfs)?.join(rootfs::ROOTFS),
        overlay: cache.ensure(&Overlay::new(paths)?)?.join(overlay::OVERLAY),
        source: source_files,
        bench: match options.bench {
            true => {
                let libgpiod = Download::new(cache, &catalog.libgpiod).tarball()?;
                let bench = Bench::new(paths, &kernel, &userspace, &toolchain, &libgpiod)?;
                Some(cache.ensure(&bench)?)
            }
            false => None,
        },
        version: kernel_source.version,
        flavour,
    };
    let device_tree = devicetree::device_tree(cache, &system.overlay, CPUS)?;
    publish(paths, &system, &device_tree)?;
    Ok(system)
}

/// Whether [`build`] would find the kernel in the cache.
pub fn kernel_is_built(cache: Cache<'_>, options: &BuildOptions) -> Result<bool> {
    let catalog = Catalog::built_in();
    let source = options.kernel_source(&catalog);
    // Without any, nothing is installed or fetched to find that out.
    let any = out(cache.paths, &source.version, options.flavour).join("Image");
    if !any.exists() {
        return Ok(false);
    }
    let llvm = host::prepare(cache.paths, cache.progress)?;
    let toolchain = Toolchain::prepare(cache, llvm)?;
    let tarball = Download::new(cache, &source).tarball()?;
    let unpacked = KernelSource::new(cache.paths, &source.version, &tarball)?;
    let kernel = Kernel::new(cache, &unpacked, &toolchain, options.flavour)?;
    Ok(cache.get(&kernel).is_some())
}

/// Where a kernel's files are easy to find.
fn out(paths: &Paths, version: &str, flavour: Flavour) -> PathBuf {
    let debug = match flavour {
        Flavour::Normal => "",
        Flavour::Debug => "-debug",
    };
    paths.cache.join("out").join(format!("{version}{debug}"))
}

/// Links the files to where they are easy to find; `device_tree` is for those who start QEMU by hand.
fn publish(paths: &Paths, system: &System, device_tree: &Path) -> Result<()> {
    let out = out(paths, &system.version, system.flavour);
    fs::create_dir_all(&out).with_context(|| format!("can't create {}", out.display()))?;
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
        // By way of another name, so that there is one at any time.
        let new = link.with_extension(format!("new-{}", std::process::id()));
        symlink(file, &new)
            .and_then(|()| fs::rename(&new, &link))
            .with_context(|| format!("can't create {}", link.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_easy_to_find_and_follow_the_last_build() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths {
            repo: dir.path().to_owned(),
            cache: dir.path().to_owned(),
        };
        for build in ["one", "two"] {
            let folder = dir.path().join(build);
            fs::create_dir(&folder).unwrap();
            let file = |name: &str| {
                fs::write(folder.join(name), build).unwrap();
                folder.join(name)
            };
            let system = System {
                image: file("Image"),
                module: file(driver::MODULE),
                userspace: folder.clone(),
                rootfs: file(rootfs::ROOTFS),
                overlay: file(overlay::OVERLAY),
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
