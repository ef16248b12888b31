// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valid and invalid `[[output]]` sections.

use super::*;
use crate::{config as file, event::Source, filter::When, gpio::LineSpec, lines::Target};

const LED: &str = "[[output]]\nchip = 'leds'\nline = 4\n";

/// The output with these keys besides chip and line.
pub(super) fn output(keys: &str) -> Config {
    let [output] = parse(&format!("{LED}{keys}")).unwrap().try_into().unwrap();
    output
}

fn parse(text: &str) -> Result<Vec<Config>, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.toml");
    std::fs::write(&path, text).unwrap();
    file::Config::read(&path)
        .map(|config| config.output)
        .map_err(|error| {
            let folder = format!("{}/", directory.path().display());
            error.to_string().replace(&folder, "")
        })
}

fn rejection(text: &str) -> String {
    parse(text).unwrap_err()
}

#[test]
fn every_key() {
    let outputs = parse(
        "[[output]]
        name = 'lamp'
        chip = '/dev/gpiochip0'
        line = 27
        active-low = true
        follow = { label = 'door' }
        [[output]]
        chip = '/dev/gpiochip0'
        line = 4
        blink = { source = 'gpio', kind = 'rising', line = 1, on = '100ms' }
        [[output]]
        line = 'GPIO17'
        toggle = { kind = 'tick' }
        [[output]]
        chip = 'leds'
        line = 'green'
        pulse = { on = '2s' }",
    );
    let chip = || "/dev/gpiochip0".to_owned();
    let none = Vec::new;
    let blink = When::new(vec![Source::GPIO], vec![Kind::RISING], vec![1], none());
    let ticks = When::new(Vec::new(), vec![Kind::TICK], Vec::new(), none());
    let output = |name: &str, line, active_low, rule| Config {
        name: name.to_owned(),
        line,
        active_low,
        rule: Some(rule),
    };
    assert_eq!(
        outputs.unwrap(),
        [
            output(
                "lamp",
                LineSpec::Number(chip(), 27),
                true,
                Rule::Follow(Target::Label("door".to_owned()))
            ),
            output(
                "gpiochip0-4",
                LineSpec::Number(chip(), 4),
                false,
                Rule::Blink(blink.unwrap(), ON)
            ),
            output(
                "GPIO17",
                LineSpec::Name(None, "GPIO17".to_owned()),
                false,
                Rule::Toggle(ticks.unwrap())
            ),
            output(
                "green",
                LineSpec::Name(Some("leds".to_owned()), "green".to_owned()),
                false,
                Rule::Pulse(When::default(), Duration::from_secs(2))
            ),
        ]
    );
    assert_eq!(self::output("").rule, None);
}

#[test]
fn outputs() {
    let chip = r#"expected a chip's device file such as "/dev/gpiochip0", its name or its label"#;
    let line =
        r#"expected the number of a line of the chip, or the name of a line such as "GPIO27""#;
    for (keys, complaint) in [
        (
            "line = 4",
            "1: output[0]: `line` 4 is given without a `chip`, expected both, \
             or the name of the line such as line = \"GPIO27\""
                .to_owned(),
        ),
        (
            "chip = 'leds'",
            "1: output[0]: missing field `line`".to_owned(),
        ),
        (
            "chip = 0",
            format!("2: output[0].chip: invalid type: integer `0`, {chip}"),
        ),
        (
            "chip = ''",
            format!("2: output[0].chip: invalid value: string \"\", {chip}"),
        ),
        (
            "line = -4",
            format!("2: output[0].line: invalid value: integer `-4`, {line}"),
        ),
        (
            "line = ''",
            format!("2: output[0].line: invalid value: string \"\", {line}"),
        ),
        (
            "line = 4.5",
            format!("2: output[0].line: invalid type: floating point `4.5`, {line}"),
        ),
        (
            "name = ''",
            "2: output[0].name: invalid value: string \"\", \
             expected a name of 1 to 64 bytes without control characters"
                .to_owned(),
        ),
        (
            "active-low = 1",
            "2: output[0].active-low: invalid type: integer `1`, expected a boolean".to_owned(),
        ),
        (
            "flash = 1",
            "2: output[0].flash: unknown field `flash`, expected one of `name`, `chip`, `line`, \
             `active-low`, `follow`, `blink`, `pulse`, `toggle`"
                .to_owned(),
        ),
    ] {
        assert_eq!(
            rejection(&format!("[[output]]\n{keys}")),
            format!("agent.toml:{complaint}")
        );
    }
    assert_eq!(
        rejection(&format!("{LED}{LED}follow.line = 0\nblink.on = '1s'")),
        "agent.toml:4: output[1]: both `follow` and `blink` are given, expected at most one of them"
    );
    assert_eq!(
        rejection("[output]\nchip = 'leds'"),
        "agent.toml:1: output: invalid type: single table, \
         expected a table headed `[[output]]` for each"
    );
}

#[test]
fn two_outputs_that_are_the_same() {
    let named = |chip: &str| format!("[[output]]\n{chip}line = 'GPIO27'\n");
    assert_eq!(
        rejection(&format!("{LED}follow.line = 0\n{LED}name = 'lamp'")),
        "agent.toml:5: output[1]: leds line 4 is already output[0] (`leds-4`), \
         expected different lines"
    );
    assert_eq!(
        rejection(&(named("") + &named("chip = 'leds'\nname = 'lamp'\n"))),
        "agent.toml:3: output[1]: leds line GPIO27 is already output[0] (`GPIO27`), \
         expected different lines"
    );
    assert_eq!(
        rejection(&(named("name = 'leds-4'\n") + LED)),
        "agent.toml:4: output[1]: output[0] already has the name `leds-4`, expected another `name`"
    );
    let two = named("chip = 'one'\n") + &named("chip = 'two'\nname = 'lamp'\n");
    assert_eq!(parse(&two).unwrap().len(), 2);
}

#[test]
fn followed_lines() {
    for (target, complaint) in [
        ("{}", ": neither `line` nor `label` is given, expected one"),
        (
            "{ line = 0, label = 'door' }",
            ": both `line` and `label` are given, expected one",
        ),
        (
            "{ line = 'door' }",
            ".line: invalid type: string \"door\", expected a whole number from 0 to 1023",
        ),
        (
            "{ label = '' }",
            ".label: invalid value: string \"\", expected the label of a line of the driver",
        ),
        (
            "{ name = 'door' }",
            ".name: unknown field `name`, expected `line` or `label`",
        ),
        (
            "'door'",
            ": invalid type: string \"door\", expected a table such as { label = \"door\" }",
        ),
    ] {
        assert_eq!(
            rejection(&format!("{LED}follow = {target}")),
            format!("agent.toml:4: output[0].follow{complaint}")
        );
    }
}

#[test]
fn filters_and_times() {
    for (keys, complaint) in [
        ("kind = 'tick'", ": missing field `on`"),
        (
            "on = '0s'",
            ".on: invalid value: string \"0s\", \
             expected a duration above 0 such as \"100ms\", at most \"365days\"",
        ),
        (
            "source = 'button', on = '1s'",
            ".source: invalid value: string \"button\", expected one of \"manual\", \"timer\", \"gpio\", \
             \"gesture\", \"watchdog\", or an array of such",
        ),
        (
            "kind = 'pressed', on = '1s'",
            ".kind: invalid value: string \"pressed\", expected one of \"trigger\", \"tick\", \"rising\", \
             \"falling\", \"removed\", \"added\", \"level\", \"click\", \"double-click\", \"triple-click\", \
             \"long-press\", \"repeat\", \"release\", \"chord\", \"silent\", \"active-too-long\", \"recovered\", or an array of such",
        ),
        (
            "source = 'timer', kind = 'rising', on = '1s'",
            ": `kind` rising never has such a `source`, expected `source` gpio",
        ),
        (
            "source = 'gpio', kind = 'click', on = '1s'",
            ": `kind` click never has such a `source`, expected `source` gesture",
        ),
        (
            "source = 'gesture', kind = 'silent', on = '1s'",
            ": `kind` silent never has such a `source`, expected `source` watchdog",
        ),
        (
            "kind = 'tick', line = 0, on = '1s'",
            ": events of `source` timer have no `line` or `label`: use a separate section for them",
        ),
        (
            "line = 1024, on = '1s'",
            ".line: invalid value: integer `1024`, expected a whole number from 0 to 1023, or an array of such",
        ),
    ] {
        for rule in ["blink", "pulse"] {
            assert_eq!(
                rejection(&format!("{LED}{rule} = {{ {keys} }}")),
                format!("agent.toml:4: output[0].{rule}{complaint}")
            );
        }
    }
    assert_eq!(
        rejection(&format!("{LED}toggle = {{ on = '1s' }}")),
        "agent.toml:4: output[0].toggle.on: unknown field `on`, \
         expected one of `source`, `kind`, `line`, `label`"
    );
}

#[test]
fn every_known_source_and_kind_is_a_filter() {
    for source in Source::names() {
        output(&format!("toggle.source = '{source}'"));
    }
    for kind in Kind::names() {
        output(&format!("toggle.kind = '{kind}'"));
    }
}
