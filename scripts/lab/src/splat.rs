// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds the kernel's reports about its own mistakes ("splats") in its log.

/// What gives a report away. All are printed by the kernel only when something is wrong.
const SIGNS: [&str; 21] = [
    // Most reports begin with one of these; lockdep's "possible …" and "suspicious RCU usage" are warnings.
    "BUG:",
    "WARNING:",
    "INFO: possible",
    "INFO: trying to register non-static key",
    "INFO: rcu_",
    "INFO: task ",
    "Call trace:",
    "Unable to handle kernel",
    "Internal error:",
    "Kernel panic",
    "panicked at",
    "KASAN:",
    "ODEBUG:",
    "UBSAN:",
    "refcount_t:",
    "unreferenced object",
    "new suspected memory leaks",
    "scheduling while atomic",
    "sleeping function called from invalid context",
    "nobody cared",
    "DEBUG_LOCKS_WARN_ON",
];

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
        if !SIGNS.iter().any(|sign| line.contains(sign)) {
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
