// SPDX-License-Identifier: MIT OR Apache-2.0

//! The statistics file, parsed strictly.

use std::str::FromStr;

use anyhow::{Context, Error, Result};

/// The statistics, with the keys in docs/interface.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stats {
    pub(crate) event_sequence: u32,
    pub(crate) generated: u32,
    pub(crate) dropped: u32,
    pub(crate) manual_triggered: u32,
    pub(crate) timer_triggered: u32,
    pub(crate) queue_depth: u32,
    pub(crate) timer_running: u32,
    pub(crate) gpio_triggered: u32,
}

impl FromStr for Stats {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut lines = text.split_inclusive('\n');
        let mut value = |key: &str| {
            lines
                .next()
                .and_then(|line| {
                    line.strip_suffix('\n')?
                        .strip_prefix(key)?
                        .strip_prefix('=')
                })
                .and_then(|digits| digits.parse().ok())
                .with_context(|| format!("seen {text:?}, expected {key}=NUMBER in its place"))
        };
        Ok(Self {
            event_sequence: value("event_sequence")?,
            generated: value("generated")?,
            dropped: value("dropped")?,
            manual_triggered: value("manual_triggered")?,
            timer_triggered: value("timer_triggered")?,
            queue_depth: value("queue_depth")?,
            timer_running: value("timer_running")?,
            gpio_triggered: value("gpio_triggered")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "event_sequence=83\ngenerated=83\ndropped=174\nmanual_triggered=1\n\
                        timer_triggered=82\nqueue_depth=0\ntimer_running=0\ngpio_triggered=0\n";

    #[test]
    fn the_keys_are_read_in_their_order() -> Result<()> {
        let stats: Stats = TEXT.parse()?;
        assert_eq!((stats.event_sequence, stats.dropped), (83, 174));
        assert_eq!((stats.manual_triggered, stats.timer_triggered), (1, 82));
        Ok(())
    }

    #[test]
    fn another_order_or_a_missing_key_is_refused() {
        for text in [
            "",
            TEXT.trim_end(),
            &TEXT.replace("dropped=174\n", ""),
            &TEXT.replace(
                "queue_depth=0\ntimer_running=0",
                "timer_running=0\nqueue_depth=0",
            ),
            &TEXT.replace("174", "-1"),
        ] {
            assert!(text.parse::<Stats>().is_err(), "{text:?}");
        }
    }
}
