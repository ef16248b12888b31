// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds the kernel's reports about its own mistakes ("splats") in its log.

/// What gives a report away; testimage looks for the same.
fn signs() -> impl Iterator<Item = &'static str> {
    include_str!("../../../../lib/oeqa/runtime/cases/mypoll_splat_signs.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// How many lines before a sign are shown, and how many after it.
const CONTEXT: (usize, usize) = (2, 40);

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splat {
    /// Where in the log its first sign is, from 1.
    pub line: usize,
    /// The lines around its signs.
    pub text: String,
}

/// The reports in a log. Those that overlap count as one.
pub fn find(log: &str) -> Vec<Splat> {
    let lines: Vec<&str> = log.lines().collect();
    let (before, after) = CONTEXT;
    let mut ranges: Vec<(usize, usize, usize)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if !signs().any(|sign| line.contains(sign)) {
            continue;
        }
        let end = lines.len().min(at + 1 + after);
        match ranges.last_mut() {
            Some((.., last_end)) if at < *last_end => *last_end = end,
            _ => ranges.push((at, at.saturating_sub(before), end)),
        }
    }
    ranges
        .into_iter()
        .map(|(at, start, end)| Splat {
            line: at + 1,
            text: lines[start..end].join("\n"),
        })
        .collect()
}

#[cfg(test)]
mod tests;
