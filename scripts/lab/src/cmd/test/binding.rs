// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver's device-tree binding, and the device trees that have to keep to it, by dtschema's tools.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::case::Case;
use super::variant::Variant;
use super::{Lab, Phase, command, pytest};
use crate::build::devicetree::{CPUS, device_tree};
use crate::deps::git;
use crate::deps::host::output;
use crate::deps::python;
use crate::deps::vendor_trees::{self, VendorTrees};

const BINDING: &str = "recipes-kernel/mypoll/bindings/misc/mypoll,events.yaml";

const TREE: &str = "recipes-kernel/linux/files/dts/mypoll-qemu-x86.dts";
const OVERLAY: &str = "recipes-kernel/linux/files/dts/mypoll-qemu-virt.dtso";
const BAD_LINES: &str = "tests/devicetree/bad-lines.dtso";

/// What dt-validate says of nodes of [`BAD_LINES`], and it says nothing of others: what is wrong with those is not in the
/// form.
const REFUSED: [&str; 10] = [
    "no-gpios (mypoll,events): line: 'gpios' is a required property",
    "number-too-high (mypoll,events): line@400:reg:0:0: 1024 is greater than the maximum of 1023",
    "debounce-too-long (mypoll,events): line:debounce-interval: 4294968 is greater than the maximum of 4294967",
    "unknown-edge (mypoll,events): line:mypoll,edge:0: 'upwards' is not one of ['both', 'rising', 'falling']",
    "debounce-without-a-value (mypoll,events): line:debounce-interval: True is not of type 'integer'",
    "label-without-an-end (mypoll,events): line:label: b'bad' is not of type 'array'",
    r"label-empty (mypoll,events): line:label:0: '' does not match '^[^/\\x00-\\x1f\\x7f]{1,255}$'",
    r"label-with-a-slash (mypoll,events): line:label:0: 'front/door' does not match '^[^/\\x00-\\x1f\\x7f]{1,255}$'",
    r"label-with-a-tab (mypoll,events): line:label:0: 'front\tdoor' does not match '^[^/\\x00-\\x1f\\x7f]{1,255}$'",
    // Of number-of-16-bits, whose name is left out.
    "size (2) error for type address",
];

/// For dt-validate: other nodes are not ours.
const OURS: [&str; 2] = ["--limit", "mypoll,events"];

pub(super) fn phase() -> Phase {
    Phase::new("driver: device-tree binding", |lab| {
        Schema::prepare(lab)?.cases(lab)
    })
}

/// dtschema with the binding among its schemas.
struct Schema {
    tools: PathBuf,
    work: TempDir,
    /// All schemas there are, in one file.
    processed: PathBuf,
}

impl Schema {
    fn prepare(lab: &Lab<'_>) -> Result<Self> {
        let requirements = include_str!("../../../../../tests/devicetree/requirements.txt");
        let tools =
            python::Environment::new("dtschema", "dtschema", requirements)?.ensure(lab.cache())?;
        let work = tempfile::tempdir().context("can't create a temporary folder")?;
        let processed = work.path().join("schemas.json");
        let schemas = output(
            python::program(&tools, "dt-mk-schema")
                .arg("-j")
                .arg(lab.paths.repo.join(BINDING)),
        )?;
        fs::write(&processed, schemas)
            .with_context(|| format!("can't write {}", processed.display()))?;
        Ok(Self {
            tools,
            work,
            processed,
        })
    }

    fn cases(&self, lab: &Lab<'_>) -> Result<Vec<Case>> {
        let binding = lab.paths.repo.join(BINDING);
        let mut validate = python::program(&self.tools, "dt-doc-validate");
        let (success, said) = command::run(validate.arg(&binding))?;
        let mut cases = vec![verdict(BINDING, success, said)];
        cases.push(self.examples(lab, &binding)?);
        let tree = self.compile(&lab.paths.repo.join(TREE))?;
        let (success, said) = self.validate(&tree, &OURS)?;
        cases.push(verdict(TREE, success, said));
        let (success, said) = self.validate(&self.applied(lab, OVERLAY)?, &OURS)?;
        cases.push(verdict(OVERLAY, success, said));
        let (_, said) = self.validate(&self.applied(lab, BAD_LINES)?, &OURS)?;
        cases.push(refusals(&said));
        cases.extend(self.raspberry_pi(lab)?);
        Ok(cases)
    }

    /// The overlay for a Raspberry Pi, with each of its parameters, on mainline's and the vendor's trees of the boards.
    fn raspberry_pi(&self, lab: &Lab<'_>) -> Result<Vec<Case>> {
        let trees = VendorTrees::pinned();
        let mut python = Command::new(self.tools.join("bin/python3"));
        let unreachable = match lab.cache().get(&trees) {
            Some(_) => None,
            None => git::why_unreachable(vendor_trees::URL)?,
        };
        match unreachable {
            None => python.env("MYPOLL_VENDOR_TREES", lab.cache().ensure(&trees)?),
            Some(reason) => python.env("MYPOLL_NO_VENDOR_TREES", reason),
        };
        python
            .env("MYPOLL_KERNEL_SOURCE", &lab.system(Variant::Normal)?.source)
            .env("MYPOLL_SCHEMAS", &self.processed);
        pytest::run(lab, &mut python, "tests/devicetree", "tests/devicetree")
    }

    /// The binding's examples, by all schemas.
    fn examples(&self, lab: &Lab<'_>, binding: &Path) -> Result<Case> {
        let source = self.work.path().join("example.c");
        let examples = output(python::program(&self.tools, "dt-extract-example").arg(binding))?;
        fs::write(&source, examples)
            .with_context(|| format!("can't write {}", source.display()))?;
        let dts = self.work.path().join("example.dts");
        output(
            Command::new("cc")
                .args(["-E", "-nostdinc", "-undef", "-D__DTS__"])
                .args(["-x", "assembler-with-cpp", "-I"])
                .arg(lab.system(Variant::Normal)?.source.join("include"))
                .arg("-o")
                .args([&dts, &source]),
        )?;
        let (success, said) = self.validate(&self.compile(&dts)?, &[])?;
        Ok(verdict("the binding's examples", success, said))
    }

    /// `source` as a flattened device tree.
    fn compile(&self, source: &Path) -> Result<PathBuf> {
        let name = source.file_stem().unwrap_or(OsStr::new("tree"));
        let compiled = self.work.path().join(name).with_extension("dtb");
        output(
            Command::new("dtc")
                .args(["-@", "-q", "-I", "dts", "-O", "dtb", "-o"])
                .args([&compiled, source]),
        )?;
        Ok(compiled)
    }

    /// QEMU's own tree with an overlay applied: dt-validate looks into no overlay.
    fn applied(&self, lab: &Lab<'_>, overlay: &str) -> Result<PathBuf> {
        device_tree(
            lab.cache(),
            &self.compile(&lab.paths.repo.join(overlay))?,
            CPUS,
        )
    }

    fn validate(&self, compiled: &Path, options: &[&str]) -> Result<(bool, String)> {
        let mut validate = python::program(&self.tools, "dt-validate");
        command::run(
            validate
                .args(options)
                .arg("--schema")
                .args([&self.processed, compiled]),
        )
    }
}

/// dtschema's programs say what is wrong, and succeed all the same.
fn verdict(name: &str, success: bool, said: String) -> Case {
    if success && said.is_empty() {
        Case::passed(name)
    } else {
        Case::failed(name, said)
    }
}

/// Each mistake was found, and nothing else.
fn refusals(said: &str) -> Case {
    let mut complaints: Vec<_> = said
        .lines()
        .filter(|line| !line.starts_with('\t'))
        .map(|line| line.split_once(": ").map_or(line, |(_file, rest)| rest))
        .collect();
    complaints.sort_unstable();
    // A label that is no string breaks two rules, its type's and its pattern's, with the same words.
    complaints.dedup();
    let mut expected = REFUSED;
    expected.sort_unstable();
    if complaints == expected {
        Case::passed(BAD_LINES)
    } else {
        let details = format!("seen:\n{said}expected:\n{}", REFUSED.join("\n"));
        Case::failed(BAD_LINES, details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As dt-validate puts it.
    fn said(complaints: &[&str]) -> String {
        complaints
            .iter()
            .map(|line| format!("/x/bad-lines.dtb: {line}\n\tfrom schema $id: x\n"))
            .collect()
    }

    #[test]
    fn what_is_said_has_failed_whatever_the_status() {
        assert_eq!(verdict("x", true, String::new()), Case::passed("x"));
        assert!(verdict("x", true, "wrong".into()).has_failed());
        assert!(verdict("x", false, String::new()).has_failed());
    }

    #[test]
    fn every_mistake_has_to_be_found_and_no_other() {
        assert_eq!(refusals(&said(&REFUSED)), Case::passed(BAD_LINES));
        assert!(refusals(&said(&REFUSED[1..])).has_failed());
        let more = said(&[&REFUSED[..], &["good: no"]].concat());
        assert!(refusals(&more).has_failed());
    }
}
