// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads the JUnit reports of cargo-nextest and pytest.

use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;
use roxmltree::{Document, Node};

use super::case::Case;

/// The tests of a run with this output. `report` may be missing if the run could not start. Adds a failure if the run
/// failed without a failed test, or contains no tests.
pub(super) fn read(report: &Path, success: bool, output: &str) -> Result<Vec<Case>> {
    let mut cases = if report.exists() {
        cases(&fs::read_to_string(report)?).with_context(|| report.display().to_string())?
    } else {
        Vec::new()
    };
    if cases.is_empty() || !success && !cases.iter().any(Case::has_failed) {
        cases.push(Case::failed("the run", output));
    }
    Ok(cases)
}

fn cases(xml: &str) -> Result<Vec<Case>> {
    let report = Document::parse(xml)?;
    let tests = report
        .descendants()
        .filter(|node| node.has_tag_name("testcase"));
    Ok(tests.map(case).collect())
}

fn case(test: Node<'_, '_>) -> Case {
    let attribute = |node: Node<'_, '_>, name| node.attribute(name).unwrap_or_default().to_owned();
    let name = format!(
        "{}: {}",
        attribute(test, "classname"),
        attribute(test, "name")
    );
    let child = |names: &[&str]| {
        test.children()
            .find(|node| names.iter().any(|name| node.has_tag_name(*name)))
    };
    if child(&["failure", "error"]).is_some() {
        let texts = test.children().filter_map(|node| node.text());
        return Case::failed(name, texts.map(str::trim).collect::<Vec<_>>().join("\n"));
    }
    match child(&["skipped"]) {
        Some(skipped) => Case::skipped(name, attribute(skipped, "message")),
        None => Case::passed(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites><testsuite name="lab">
<testcase name="cache::old" classname="lab" time="0.1"/>
<testcase name="test_dt" classname="test_schema.Binding"><skipped message="no dtschema">x</skipped></testcase>
<testcase name="door" classname="lab::presses"><failure type="test failure">nothing came
</failure><system-err>line 3 &lt; 4</system-err></testcase>
</testsuite></testsuites>"#;

    fn read_text(xml: Option<&str>, success: bool) -> Vec<Case> {
        let dir = tempfile::tempdir().unwrap();
        let report = dir.path().join("junit.xml");
        if let Some(xml) = xml {
            fs::write(&report, xml).unwrap();
        }
        read(&report, success, "output").unwrap()
    }

    #[test]
    fn every_test_is_counted_with_its_outcome() {
        let expected = [
            Case::passed("lab: cache::old"),
            Case::skipped("test_schema.Binding: test_dt", "no dtschema"),
            Case::failed("lab::presses: door", "nothing came\nline 3 < 4"),
        ];
        assert_eq!(read_text(Some(REPORT), false), expected);
    }

    #[test]
    fn a_run_without_tests_or_with_another_error_has_failed() {
        let failed = Case::failed("the run", "output");
        assert_eq!(read_text(None, false), std::slice::from_ref(&failed));
        assert_eq!(
            read_text(Some("<testsuites/>"), true),
            std::slice::from_ref(&failed)
        );
        let passed = REPORT.replace("failure", "system-out");
        assert_eq!(read_text(Some(&passed), false).last(), Some(&failed));
        assert_eq!(read_text(Some(&passed), true).len(), 3);
    }
}
