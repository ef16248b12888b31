// SPDX-License-Identifier: MIT OR Apache-2.0

//! The report of a run in KTAP, version 1.

use std::io::{self, Write};

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All expectations were met.
    Passed,
    /// The test cannot run on this machine, for this reason.
    Skipped(String),
    /// The seen and the expected value.
    Failed(String),
}

/// Writes the report as the tests end, so that an interrupted run shows how far it got.
pub(crate) struct Report<W> {
    out: W,
    number: usize,
    failed: usize,
    skipped: usize,
}

impl<W: Write> Report<W> {
    /// Starts the report.
    pub(crate) fn new(mut out: W) -> io::Result<Self> {
        writeln!(out, "KTAP version 1")?;
        Ok(Self {
            out,
            number: 0,
            failed: 0,
            skipped: 0,
        })
    }

    /// Writes the number of tests.
    pub(crate) fn plan(&mut self, tests: usize) -> io::Result<()> {
        writeln!(self.out, "1..{tests}")?;
        self.out.flush()
    }

    /// Reports the next test. The lines of a failure come before it, where KTAP parsers expect them.
    pub(crate) fn test(&mut self, name: &str, outcome: &Outcome) -> io::Result<()> {
        self.number += 1;
        let number = self.number;
        match outcome {
            Outcome::Passed => writeln!(self.out, "ok {number} {name}")?,
            Outcome::Skipped(reason) => {
                self.skipped += 1;
                let reason = reason.replace('\n', " ");
                writeln!(self.out, "ok {number} {name} # SKIP {reason}")?;
            }
            Outcome::Failed(diagnostic) => {
                self.failed += 1;
                self.comment(diagnostic)?;
                writeln!(self.out, "not ok {number} {name}")?;
            }
        }
        self.out.flush()
    }

    /// Writes lines that do not belong to a result.
    pub(crate) fn comment(&mut self, text: &str) -> io::Result<()> {
        text.lines()
            .try_for_each(|line| writeln!(self.out, "# {line}"))
    }

    /// Reports why the run cannot continue.
    pub(crate) fn bail_out(&mut self, reason: &str) -> io::Result<()> {
        writeln!(self.out, "Bail out! {}", reason.replace('\n', " "))?;
        self.out.flush()
    }

    /// Ends the report with the totals, in the format of kselftest; returns whether no test failed.
    pub(crate) fn finish(mut self) -> io::Result<bool> {
        let Self {
            number,
            failed,
            skipped,
            ..
        } = self;
        let passed = number - failed - skipped;
        writeln!(
            self.out,
            "# Totals: pass:{passed} fail:{failed} xfail:0 xpass:0 skip:{skipped} error:0"
        )?;
        self.out.flush()?;
        Ok(failed == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_ktap() -> io::Result<()> {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out)?;
        report.plan(3)?;
        report.test("read.one", &Outcome::Passed)?;
        report.test("read.two", &Outcome::Failed("seen 1\nexpected 2".into()))?;
        report.test("read.three", &Outcome::Skipped("no\ngpio-sim".into()))?;
        report.bail_out("the device\nis gone")?;
        assert!(!report.finish()?);
        assert_eq!(
            String::from_utf8_lossy(&out),
            "KTAP version 1\n1..3\nok 1 read.one\n# seen 1\n# expected 2\nnot ok 2 read.two\n\
             ok 3 read.three # SKIP no gpio-sim\nBail out! the device is gone\n\
             # Totals: pass:1 fail:1 xfail:0 xpass:0 skip:1 error:0\n"
        );
        Ok(())
    }
}
