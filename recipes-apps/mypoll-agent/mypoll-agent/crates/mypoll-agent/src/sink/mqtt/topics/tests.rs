// SPDX-License-Identifier: MIT OR Apache-2.0
//! Templates, and the topics that they produce.

use super::*;
use crate::lines::Settings;

fn line(label: Option<&str>) -> Line {
    Line {
        number: 3,
        label: label.map(Arc::from),
        active: None,
        settings: Settings::default(),
    }
}

#[test]
fn the_defaults_are_valid_and_distinct() {
    let topics = Topics::default();
    assert_eq!(topics.are_distinct(), Ok(()));
    assert_eq!(&*topics.missed.of("kitchen"), "mypoll/kitchen/missed");
    assert_eq!(&*topics.driver.of("kitchen"), "mypoll/kitchen/driver");
    assert_eq!(
        &*topics.availability.of("kitchen"),
        "mypoll/kitchen/availability"
    );
    assert_eq!(
        &*topics.output.of("kitchen", "lamp"),
        "mypoll/kitchen/output/lamp"
    );
    let of = |label| topics.level.of("kitchen", &line(label));
    assert_eq!(&*of(Some("door")), "mypoll/kitchen/level/door");
    assert_eq!(&*of(None), "mypoll/kitchen/level/3");
    let event = topics.event.of_line("kitchen", &line(None));
    assert_eq!(&*event, "mypoll/kitchen/event/3");
}

#[test]
fn values_become_one_level_without_wildcards() {
    let topics = Topics::default();
    let topic = topics.level.of("a/b", &line(Some("+#%\0ü $")));
    assert_eq!(&*topic, "mypoll/a%2Fb/level/%2B%23%25%00ü $");
    let template = Template::<OfLevel>::parse("{label}").unwrap();
    assert_eq!(&*template.of("", &line(Some("$SYS/$"))), "%24SYS%2F$");
}

#[test]
fn invalid_templates_are_refused_with_the_expected_form() {
    fn refusal<P: Purpose + std::fmt::Debug>(text: &str) -> String {
        Template::<P>::parse(text).unwrap_err()
    }
    let long = "x".repeat(LONGEST + 1);
    for (text, said) in [
        ("", "is empty"),
        (&long, "longer than 1024 bytes"),
        ("$SYS/x", "starts with `$`"),
        ("a/+/b", "the wildcard `+`"),
        ("a/#", "the wildcard `#`"),
        ("a\0b", "a control character"),
        ("a/{label", "a `{` without a `}`"),
        ("a/label}", "a `}` without a `{`"),
        (
            "a/{output}",
            "`{output}`, expected one of {machine}, {label}, {line}, {source}, {kind}",
        ),
        ("a/{}", "the placeholder `{}`"),
    ] {
        let error = refusal::<OfEvent>(text);
        assert!(error.contains(said), "{text}: {error}");
    }
    let error = refusal::<OfLevel>("mypoll/{machine}/level");
    assert!(error.contains("none of {label}, {line}"), "{error}");
    let error = refusal::<OfOutput>("mypoll/output");
    assert!(error.contains("none of {output}"), "{error}");
    let error = refusal::<OfAgent>("mypoll/{label}");
    assert!(error.contains("expected one of {machine}"), "{error}");
}

#[test]
fn the_same_topic_twice_is_refused() {
    let topics = Topics {
        missed: Template::literal("a"),
        availability: Template::literal("a"),
        ..Topics::default()
    };
    let error = topics.are_distinct().unwrap_err();
    assert!(error.starts_with("topics.availability is the same as topics.missed"));
}
