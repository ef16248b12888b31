// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine's device tree: QEMU's tree for exactly the board that is started, with the project's overlay applied.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use fdt::node::FdtNode;

use crate::deps::host::output;
use crate::store::cache::{Cache, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::Task;

/// QEMU's options that affect its device tree.
pub fn board(cpus: u8) -> Vec<String> {
    let board = format!("-M virt -cpu cortex-a57 -smp {cpus} -m 512M");
    board.split(' ').map(str::to_owned).collect()
}

/// The default number of CPUs.
pub const CPUS: u8 = 2;

/// The maximum number of CPUs: the limit of its interrupt controller, a GICv2.
pub const MAX_CPUS: u8 = 8;

/// QEMU's program for the board.
pub const QEMU: &str = "qemu-system-aarch64";

/// Path of the board's GPIO controller. QEMU's tree has no symbols, but the overlay refers to `&pl061`.
const PL061: &str = "/pl061@9030000";

const FILE: &str = "virt.dtb";

/// The `compatible` of the driver's node.
const EVENTS: &str = "mypoll,events";

/// The flag GPIO_ACTIVE_LOW of a `gpios` property.
const ACTIVE_LOW: u32 = 1;

/// A GPIO line of the driver, from its device-tree node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The number in the driver's events: the `reg` property.
    pub number: u32,
    /// The `label` property, or the node's name.
    pub label: String,
    /// Its input of the board's PL061; `None` for a line of another chip.
    pub input: Option<u8>,
    /// Whether pressed means a low level.
    pub active_low: bool,
}

/// The board's device tree with `overlay` applied. It is cached until QEMU, the board or the overlay changes.
pub fn device_tree(cache: Cache<'_>, overlay: &Path, cpus: u8) -> Result<PathBuf> {
    let version = output(Command::new(QEMU).arg("--version"))?;
    let product = Product::new(
        Task::new("devicetree", "applying the overlay to QEMU's tree"),
        KeyBuilder::new("devicetree 1")
            .text(version)
            .text(board(cpus).join(" "))
            .file(overlay)?,
    );
    let folder = cache.ensure(&product, |result, log| {
        let work = tempfile::tempdir()?;
        let own = work.path().join("board.dtb");
        log.run(
            Command::new(QEMU)
                .args(board(cpus))
                .args(["-nodefaults", "-display", "none", "-machine"])
                .arg(format!("dumpdtb={}", own.display())),
        )?;
        log.run(
            Command::new("fdtput")
                .args(["-p", "-t", "s"])
                .arg(&own)
                .args(["/__symbols__", "pl061", PL061]),
        )?;
        log.run(
            Command::new("fdtoverlay")
                .arg("-i")
                .arg(&own)
                .arg("-o")
                .args([&result.join(FILE), overlay]),
        )
    })?;
    Ok(folder.join(FILE))
}

/// The driver's lines in `tree`, a flattened device tree, sorted by number.
pub fn lines(tree: &[u8]) -> Result<Vec<Line>> {
    let tree = fdt::Fdt::new(tree).map_err(|error| anyhow!("not a device tree: {error}"))?;
    let events = tree
        .find_compatible(&[EVENTS])
        .with_context(|| format!("the device tree has no node that is compatible with {EVENTS}"))?;
    let mut lines = events
        .children()
        .map(|node| line(&tree, &node).with_context(|| format!("bad line {}", node.name)))
        .collect::<Result<Vec<_>>>()?;
    lines.sort_by_key(|line| line.number);
    Ok(lines)
}

fn line(tree: &fdt::Fdt<'_>, node: &FdtNode<'_, '_>) -> Result<Line> {
    let cells = |name| {
        let property = node
            .property(name)
            .with_context(|| format!("it has no {name}"))?;
        let cells = property.value.chunks_exact(4);
        Ok::<_, anyhow::Error>(
            cells
                .map(|cell| u32::from_be_bytes([cell[0], cell[1], cell[2], cell[3]]))
                .collect::<Vec<_>>(),
        )
    };
    let &[number] = cells("reg")?.as_slice() else {
        bail!("its reg is not one number");
    };
    let &[chip, offset, flags] = cells("gpios")?.as_slice() else {
        bail!("its gpios is not a chip, an offset and flags");
    };
    let on_pl061 = tree
        .find_phandle(chip)
        .and_then(|chip| chip.compatible())
        .is_some_and(|compatible| compatible.all().any(|name| name == "arm,pl061"));
    let label = node.property("label").and_then(|label| label.as_str());
    Ok(Line {
        number,
        label: label.unwrap_or(node.name).to_owned(),
        input: on_pl061.then(|| u8::try_from(offset)).transpose()?,
        active_low: flags & ACTIVE_LOW != 0,
    })
}

#[cfg(test)]
mod tests;
