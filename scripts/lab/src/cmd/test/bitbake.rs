// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the Yocto layer with bitbake: skipped if bitbake or the layers are not available.

mod image;
mod testimage;
mod wrong;

use std::process::Command;

use anyhow::Result;

use super::case::Case;
use super::{Lab, Phase, command, pytest, sources};
use crate::yocto::builds::{self, Build, HOST_QEMUARM64, PRODUCT_QEMUARM64, build};
use crate::yocto::output::Output;
use crate::yocto::{Yocto, shell_words};

/// The only build from source with a dry run in every test run: each takes 3 minutes, mostly to parse the same recipes.
const DRY_RUN: &str = "raspberrypi4-64";

/// Builds without the layer. The second one has meta-raspberrypi, to whose kernel the layer has an append.
const CORE: Build = build("layer-check", "qemuarm64:tests/yocto/kas/oe-core-only");
const CORE_RASPBERRYPI: Build = build(
    "layer-check-raspberrypi",
    "raspberrypi4-64:tests/yocto/kas/oe-core-only",
);

/// All recipes, appends, classes and what they include.
const RECIPES: [&str; 5] = ["*.bb", "*.bbappend", "*.bbclass", "*.inc", ":(exclude)conf"];

pub(super) fn phases() -> Vec<Phase> {
    let python_tests = |lab: &Lab<'_>| {
        let mut python = Command::new("python3");
        pytest::run(
            lab,
            &mut python,
            "tests/yocto",
            "lib:meta-host-toolchain/lib",
        )
    };
    let mut phases = vec![
        Phase::new("yocto: python tests", python_tests).quick(),
        phase("oelint", oelint),
        phase("configuration", configuration),
        phase("layer check", |_, yocto| {
            layer_check(yocto, &CORE, &shell_words([yocto.repo()]))
        })
        .by_hand(),
        phase("layer check with meta-raspberrypi", |_, yocto| {
            layer_check(yocto, &CORE_RASPBERRYPI, &shell_words([yocto.repo()]))
        })
        .by_hand(),
        phase("layer check of the profile", |_, yocto| {
            let profile = shell_words([yocto.repo().join("meta-host-toolchain")]);
            // Plus the layers that it depends on.
            let others = shell_words([yocto.repo(), yocto.layers().join("meta-rust-bin")]);
            layer_check(yocto, &CORE, &format!("{profile} --dependency {others}"))
        })
        .by_hand(),
        phase("setups without kas", |lab, yocto| {
            let script = lab.paths.repo.join("tests/yocto/setup.sh");
            let words = shell_words([script, yocto.repo(), yocto.layers()]);
            let script = format!("sh {words}");
            let name = "bitbake-setup and the templates";
            let output = yocto.shell(&builds::FROM_SOURCE[0], "setup", name, &script)?;
            Ok(vec![success(name, &output)])
        }),
    ];
    for build in builds::FROM_SOURCE {
        // Checks that all recipes parse, all dependencies of the images are provided, and the tasks have an order.
        let dry_run = phase(&format!("dry run {}", build.name), move |_, yocto| {
            let script = "bitbake -g mypoll-image mypoll-image-dev";
            without_warning(yocto, &build, "dry-run", script)
        });
        phases.push(if build.name == DRY_RUN {
            dry_run
        } else {
            dry_run.by_hand()
        });
    }
    for build in builds::FROM_SOURCE {
        // Also starts a process for each task, which parses its recipe again.
        let every_task = phase(&format!("every task of {}", build.name), move |_, yocto| {
            without_warning(yocto, &build, "every-task", "bitbake -n mypoll-image")
        });
        phases.push(every_task.by_hand());
    }
    phases.push(phase("pseudo", pseudo));
    phases.extend(image::phases());
    phases.extend([
        phase("driver after an interrupted build", |lab, yocto| {
            let script = shell_words([lab.paths.repo.join("tests/yocto/interrupted.sh")]);
            without_warning(yocto, &HOST_QEMUARM64, "interrupted", &script)
        }),
        phase("agent by oe-core's cargo", |_, yocto| {
            let chain = "qemuarm64:host-toolchain:tests/yocto/kas/oe-core-cargo";
            let script = "bitbake -c package mypoll-agent";
            without_warning(yocto, &build("oe-core-cargo", chain), "cargo", script)
        })
        .by_hand(),
        phase("testimage over ssh", testimage::run_board).by_hand(),
        // These reuse the sstate of the images.
        phase("product image", product),
        phase("development image", development).by_hand(),
        phase("what goes wrong", wrong::run),
    ]);
    phases
}

/// A phase that needs bitbake.
fn phase(
    name: &str,
    run: impl Fn(&Lab<'_>, &Yocto<'_>) -> Result<Vec<Case>> + Send + Sync + 'static,
) -> Phase {
    Phase::new(format!("yocto: {name}"), move |lab| run(lab, lab.yocto()?)).long()
}

/// Passes if the command succeeded.
fn success(name: &str, output: &Output) -> Case {
    if output.success {
        Case::passed(name)
    } else {
        Case::failed(name, output.without_notes())
    }
}

/// Runs a command that has to succeed without warnings.
fn without_warning(yocto: &Yocto<'_>, build: &Build, log: &str, script: &str) -> Result<Vec<Case>> {
    let output = yocto.shell(build, &format!("{log}-{}", build.name), script, script)?;
    Ok(vec![success_without_warning(script, &output)])
}

/// Passes if the command succeeded without warnings.
fn success_without_warning(name: &str, output: &Output) -> Case {
    let success = success(name, output);
    match output.complaints().as_slice() {
        [] => success,
        complaints if output.success => Case::failed(name, complaints.join("\n")),
        _ => success,
    }
}

fn oelint(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let mut oelint = yocto.tool("oelint-adv");
    oelint
        .args(["--quiet", "--release=wrynose"])
        .args(sources::files(&lab.paths.repo, &RECIPES)?)
        // Contains .oelint.cfg.
        .current_dir(&lab.paths.repo);
    Ok(vec![command::case("recipes and classes", &mut oelint)?])
}

/// Tests of the layer's configuration with bitbake's parser.
fn configuration(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    const FOLDER: &str = "tests/yocto/configuration";
    let mut python = Command::new("python3");
    python.env("MYPOLL_LAYERS", yocto.layers());
    pytest::run(lab, &mut python, FOLDER, FOLDER)
}

/// Yocto's requirements for a layer; adding it must not change signatures.
fn layer_check(yocto: &Yocto<'_>, build: &Build, layer: &str) -> Result<Vec<Case>> {
    let name = "yocto-check-layer";
    let script = format!("{name} --no-auto --no-auto-dependency {layer}");
    let output = yocto.shell(build, build.name, "checking the layer", &script)?;
    Ok(vec![success(name, &output)])
}

/// The profile's pseudo handles posix_spawn, with which Python 3.13 starts programs. Works with any Python of the host.
fn pseudo(_: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let script = format!(
        "bitbake -c addto_recipe_sysroot pseudo-native && \
         sysroot=$(bitbake-getvar --quiet --value --recipe pseudo-native STAGING_DIR_NATIVE) && \
         export PSEUDO_PREFIX=$sysroot/usr && \
         $sysroot/usr/bin/pseudo python3 '{}/tests/yocto/posix_spawn.py'",
        yocto.repo().display()
    );
    let output = yocto.shell(&HOST_QEMUARM64, "pseudo", "building pseudo", &script)?;
    Ok(vec![success_without_warning("posix_spawn", &output)])
}

/// The product image, without testimage's additions: no login is possible.
fn product(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let (build, script) = (&PRODUCT_QEMUARM64, "bitbake mypoll-image");
    let built = yocto.shell(
        build,
        "product",
        "building mypoll-image for a product",
        script,
    )?;
    if !built.success {
        return Ok(vec![success(script, &built)]);
    }
    let images = yocto.images(build);
    let mut python = Command::new("python3");
    python.env(
        "MYPOLL_ROOT",
        images.join("mypoll-image-qemuarm64.rootfs.tar.zst"),
    );
    pytest::run(lab, &mut python, "tests/product", "tests/product")
}

/// The development image: root can log in, and its additional programs work.
fn development(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    // Typed at the console. The agent would consume the selftest's events.
    const COMMAND: &str = "pidof dropbear && mypollctl stats && which sigio_test queue_ring && \
        /etc/init.d/mypoll-agent stop && mypoll-selftest poll.";
    // Without kas/testimage.yml, which allows root to log in to any image.
    let build = &PRODUCT_QEMUARM64;
    let mut cases = without_warning(yocto, build, "dev-image", "bitbake mypoll-image-dev")?;
    if !cases[0].has_failed() {
        let arguments = format!("qemuarm64 mypoll-image-dev '{COMMAND}'");
        cases.push(runqemu(lab, yocto, build, COMMAND, &arguments)?);
    }
    Ok(cases)
}

/// Boots an image with runqemu, as users do: one test, `name`. `arguments` are those of `tests/yocto/runqemu-login.sh`.
fn runqemu(
    lab: &Lab<'_>,
    yocto: &Yocto<'_>,
    build: &Build,
    name: &str,
    arguments: &str,
) -> Result<Case> {
    let script = lab.paths.repo.join("tests/yocto/runqemu-login.sh");
    let script = format!("sh {} {arguments}", shell_words([script]));
    let log = format!("runqemu-{}", build.name);
    let output = yocto.shell(build, &log, "booting the image", &script)?;
    Ok(success(name, &output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_failures() {
        let verdict =
            |success, text: &str| success_without_warning("x", &Output::new(success, text));
        let parsed = "Parsing recipes...done.\nNOTE: Task list saved to 'pn-buildlist'\n";
        assert!(!verdict(true, parsed).has_failed());
        let warned = format!("{parsed}WARNING: mypoll-agent is strange");
        assert!(verdict(true, &warned).has_failed());
        assert!(verdict(false, parsed).has_failed());
    }
}
