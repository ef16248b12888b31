// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver's architecture: its files import from the layers below them alone, and `unsafe` code stays where it belongs.

mod modules;
mod scan;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};

use super::case::Case;
use super::sources::{DRIVER, files, has_extension};
use super::{Lab, Phase};
use modules::{Import, Modules};

/// The driver's top-level modules, from top to bottom. A module imports from the layers below its own, never from a
/// module beside it. The crate root, [`ROOT`], is the top.
const LAYERS: [&[&str]; 9] = [
    &["file", "sysfs", "debugfs", "configfs"],
    &["context"],
    &["source"],
    &["bus"],
    &["sink"],
    &["queue"],
    &["event", "clock", "text", "trace"],
    &["uapi"],
    &["kernel_ext"],
];

/// The modules that `unsafe` code may be in.
const MAY_BE_UNSAFE: [&str; 2] = ["uapi", "kernel_ext"];

/// What `module!` puts into the crate root for the kernel's macros. It is nothing of the driver's.
const GENERATED: &str = "crate::THIS_MODULE";

/// The file of the crate root.
const ROOT: &str = "main.rs";

/// The files by their path below the driver's folder, and what they say.
type Files = BTreeMap<String, String>;

pub(super) fn phase() -> Phase {
    Phase::new("driver: imports point downward", |lab| {
        let modules = Modules::read(&driver(lab)?, ROOT)?;
        Ok(vec![
            case("each file has a layer", strays(&modules)),
            case("imports point downward", upward(&modules)),
            case("no circle of files", modules.circle().into_iter().collect()),
            case(
                "unsafe code is in kernel_ext and uapi alone",
                unsafe_code(&modules),
            ),
        ])
    })
}

fn case(name: &str, problems: Vec<String>) -> Case {
    if problems.is_empty() {
        Case::passed(name)
    } else {
        Case::failed(name, problems.join("\n"))
    }
}

fn driver(lab: &Lab<'_>) -> Result<Files> {
    let folder = lab.paths.repo.join(DRIVER);
    files(&folder, |path| has_extension(path, &["rs"]))?
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("can't read {}", path.display()))?;
            let name = path.strip_prefix(&folder)?.to_string_lossy().into_owned();
            Ok((name, text))
        })
        .collect()
}

/// The layer of a module, from the top; `None` for one that [`LAYERS`] does not name.
fn layer(module: &[String]) -> Option<usize> {
    let Some(top) = module.first() else {
        return Some(0);
    };
    let below = LAYERS
        .iter()
        .position(|layer| layer.contains(&top.as_str()))?;
    Some(below + 1)
}

/// Whether nothing is below a module, so that it imports nothing.
fn is_bottom(module: &[String]) -> bool {
    layer(module) == Some(LAYERS.len())
}

/// Files that no `mod` leads to, and modules without a layer.
fn strays(modules: &Modules) -> Vec<String> {
    let unused = modules
        .unused()
        .map(|file| format!("{file}: no `mod` leads to it from {ROOT}"));
    let unknown = modules
        .files()
        .filter(|(module, _)| layer(module).is_none())
        .map(|(_, file)| {
            format!(
                "{file}: its module is in no layer of scripts/lab/{}",
                file!()
            )
        });
    unused.chain(unknown).collect()
}

/// Imports from above, or from beside.
fn upward(modules: &Modules) -> Vec<String> {
    modules
        .imports()
        .iter()
        .filter(|import| !import.is_within())
        .filter(|import| import.path != GENERATED || is_bottom(&import.from))
        .filter_map(|import| {
            let Import {
                file, line, path, ..
            } = import;
            let (from, to) = (layer(&import.from)?, layer(&import.to)?);
            let place = match from.cmp(&to) {
                std::cmp::Ordering::Less => return None,
                std::cmp::Ordering::Equal => "beside",
                std::cmp::Ordering::Greater => "above",
            };
            Some(format!("{file}:{line}: {path} is from {place}"))
        })
        .collect()
}

fn unsafe_code(modules: &Modules) -> Vec<String> {
    modules
        .unsafe_code()
        .iter()
        .filter(|code| {
            code.module
                .first()
                .is_none_or(|top| !MAY_BE_UNSAFE.contains(&top.as_str()))
        })
        .map(|code| format!("{}:{}: unsafe", code.file, code.line))
        .collect()
}

#[cfg(test)]
mod tests;
