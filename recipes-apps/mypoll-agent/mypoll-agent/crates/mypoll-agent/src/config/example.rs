// SPDX-License-Identifier: MIT OR Apache-2.0
//! The example with every key, which is also the source of the defaults of an effective configuration.

use toml::{Table, Value};

use super::Config;

/// Every section and key. `#KEY = VALUE` is a default, `# KEY = VALUE` an example; `#[` starts a section that does not
/// exist by default.
pub const TEXT: &str = include_str!("example.toml");

/// `text`, which is a valid configuration, completed with defaults.
///
/// # Errors
///
/// It is not TOML.
pub fn effective(text: &str) -> Result<String, toml::de::Error> {
    let mut config: Table = text.parse()?;
    if !config.contains_key("stream") {
        config.insert(
            "stream".to_owned(),
            Value::Array(vec![Value::Table(Table::new())]),
        );
    }
    if !Config::SOURCES
        .iter()
        .any(|source| config.contains_key(*source))
    {
        config.insert("device".to_owned(), Value::Table(Table::new()));
    }
    for (name, defaults) in defaults() {
        match (config.get_mut(&name), defaults) {
            (Some(Value::Table(section)), Value::Table(defaults)) => complete(section, &defaults),
            (Some(Value::Array(sections)), Value::Array(defaults)) => {
                let defaults = defaults.first().and_then(Value::as_table);
                for section in sections.iter_mut().filter_map(Value::as_table_mut) {
                    complete(section, defaults.unwrap_or(&Table::new()));
                }
            }
            // Other sources and sinks exist only on request.
            (None, defaults @ Value::Table(_))
                if ["agent", "log", "journal"].contains(&name.as_str()) =>
            {
                config.insert(name, defaults);
            }
            _ => {}
        }
    }
    Ok(config.to_string())
}

fn complete(section: &mut Table, defaults: &Table) {
    for (key, value) in defaults {
        if !section.contains_key(key) {
            section.insert(key.clone(), value.clone());
        }
    }
}

/// The keys of the example that have defaults, by section.
fn defaults() -> Table {
    let text: String = TEXT
        .lines()
        .filter_map(uncommented)
        .flat_map(|line| [line, "\n"])
        .collect();
    text.parse().unwrap_or_default()
}

/// An example line without the `#` of a default.
fn uncommented(line: &str) -> Option<&str> {
    match line.strip_prefix('#') {
        Some(line)
            if line.starts_with(|first: char| first.is_ascii_lowercase() || first == '[') =>
        {
            Some(line)
        }
        Some(_) => None,
        None => Some(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Config {
        Config::parse("example.toml".as_ref(), text).unwrap()
    }

    #[test]
    fn the_example_documents_the_actual_defaults() {
        let example = parse(TEXT);
        let defaults = parse(&effective("[device]").unwrap());
        assert_eq!(example, defaults);
        let stream = example.stream.clone();
        assert_eq!(
            example,
            Config {
                stream,
                ..parse("[device]")
            }
        );
        assert_eq!(example.sinks(), Config::default().sinks());
    }

    #[test]
    fn configured_values_override_defaults() {
        let text =
            effective("[[stream]]\nlisten = \"[::1]:1\"\n[[stream]]\nheartbeat = \"5s\"").unwrap();
        for part in [
            "listen = \"[::1]:1\"",
            "heartbeat = \"5s\"",
            "drain-timeout = \"2s\"",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(text.matches("max-clients = 64").count(), 2, "{text}");
        assert!(!text.contains("[[output]]"), "{text}");
        assert!(
            text.contains("[device]") && text.contains("queue = 32768"),
            "{text}"
        );
        let text = effective("[simulated]\npath = \"/fifo\"").unwrap();
        assert!(!text.contains("[device]"), "{text}");
        parse(&text);
    }

    #[test]
    fn gestures_and_counters_have_defaults() {
        let sections = "[[gesture]]\nline = 0\n[[chord]]\nlines = [0, 1]\n[counters]\n";
        let text = effective(sections).unwrap();
        for key in [
            "double-click = \"300ms\"",
            "within = \"100ms\"",
            "save = \"10s\"",
        ] {
            assert!(text.contains(key), "{text}");
        }
        let (with, without) = (parse(&text), parse(sections));
        assert_eq!(
            (with.gesture, with.chord, with.counters),
            (without.gesture, without.chord, without.counters)
        );
    }

    #[cfg(feature = "http")]
    #[test]
    fn optional_sections_have_defaults() {
        let text = effective("[[http]]\n[[output]]\nname = \"a\"\nchip = \"c\"\nline = 1").unwrap();
        assert!(text.contains("active-low = false"), "{text}");
        assert_eq!(
            parse(&text),
            parse(
                "[[http]]\n[[output]]\nname = \"a\"\nchip = \"c\"\nline = 1\n[[stream]]\n[journal]\n[device]"
            )
        );
    }
}
