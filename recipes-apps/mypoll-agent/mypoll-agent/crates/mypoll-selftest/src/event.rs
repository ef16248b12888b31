// SPDX-License-Identifier: MIT OR Apache-2.0

//! The line that a read returns, parsed strictly.

use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};

/// An event, with the keys in docs/interface.md.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) event: u32,
    pub(crate) source: String,
    pub(crate) kind: String,
    pub(crate) line: u32,
    pub(crate) value: u32,
    pub(crate) lost: u32,
    pub(crate) timestamp_ns: u64,
}

impl FromStr for Event {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let line = text
            .strip_suffix('\n')
            .with_context(|| format!("seen {text:?}, expected a newline at its end"))?;
        ensure!(
            !line.contains('\n'),
            "seen {text:?}, expected one line a read"
        );
        let mut words = line.split(' ');
        let mut value = |key: &str| {
            words
                .next()
                .and_then(|word| word.strip_prefix(key)?.strip_prefix('='))
                .with_context(|| format!("seen {text:?}, expected {key}= in its place"))
        };
        Ok(Self {
            event: number(value("event")?)?,
            source: value("source")?.into(),
            kind: value("kind")?.into(),
            line: number(value("line")?)?,
            value: number(value("value")?)?,
            lost: number(value("lost")?)?,
            timestamp_ns: number(value("timestamp_ns")?)?,
        })
    }
}

/// A decimal number of only digits.
fn number<T: FromStr>(digits: &str) -> Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    ensure!(
        digits.bytes().all(|byte| byte.is_ascii_digit()),
        "seen {digits:?}, expected a decimal number"
    );
    digits
        .parse()
        .with_context(|| format!("seen {digits:?}, expected a decimal number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "event=26 source=gpio kind=rising line=1 value=1 lost=0 timestamp_ns=48213377104\n";

    #[test]
    fn a_line_is_read_key_by_key() -> Result<()> {
        let event: Event = LINE.parse()?;
        assert_eq!(
            (event.event, event.source.as_str(), event.kind.as_str()),
            (26, "gpio", "rising")
        );
        assert_eq!((event.line, event.value, event.lost), (1, 1, 0));
        assert_eq!(event.timestamp_ns, 48_213_377_104);
        Ok(())
    }

    #[test]
    fn keys_of_later_versions_may_follow() -> Result<()> {
        let longer = LINE.replace('\n', " mood=good\n");
        assert_eq!(longer.parse::<Event>()?, LINE.parse()?);
        Ok(())
    }

    #[test]
    fn anything_else_is_an_error() {
        for text in [
            "",
            "event=26\n",
            LINE.trim_end(),
            &LINE.repeat(2),
            &LINE.replace("kind=rising ", ""),
            &LINE.replace("event=26", "event=-26"),
            &LINE.replace("lost=0", "lost=+0"),
            &LINE.replace("event=26", "event=4294967296"),
            &LINE.replace(' ', "  "),
        ] {
            assert!(text.parse::<Event>().is_err(), "{text:?}");
        }
    }
}
