// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every key is taken, and every mistake gets its sentence.

use mypoll::{Kind, Lines, Source};

use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse("agent.toml".as_ref(), text)
}

/// The message for a rejected configuration.
#[track_caller]
fn rejection(text: &str) -> String {
    parse(text).expect_err("was taken").to_string()
}

const LED: &str = "[[output]]\nchip = 'leds'\nline = 4\n";

#[test]
fn nothing_means_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.tcp.listen.to_string(), "127.0.0.1:7070");
    assert_eq!(config.device.path.to_str(), Some("/dev/mypoll"));
}

#[test]
fn every_key_is_taken() {
    let config = parse(
        r#"
        [device]
        path = "/dev/other"
        sysfs = "/sys/other"
        [tcp]
        listen = "[::]:80"
        max-clients = 1000
        queue = 65536
        idle-timeout = "1h 30min"
        drain-timeout = "0s"
        [log]
        level = "debug"
        [[output]]
        chip = "/dev/gpiochip1"
        line = 4
        active-low = true
        follow = { label = "door" }
        [[output]]
        chip = "leds"
        line = 5
        blink = { source = "gpio", kind = "rising", line = 1, on = "100ms" }
        "#,
    )
    .unwrap();
    assert_eq!(
        config.device,
        Device {
            path: "/dev/other".into(),
            sysfs: "/sys/other".into(),
        }
    );
    assert_eq!(
        config.tcp,
        Tcp {
            listen: "[::]:80".parse().unwrap(),
            max_clients: 1000,
            queue: 65536,
            idle_timeout: Some(Duration::from_secs(5400)),
            drain_timeout: Duration::ZERO,
        }
    );
    assert_eq!(config.log.level, LevelFilter::DEBUG);
    assert_eq!(
        config.outputs,
        [
            Output {
                chip: Chip::Path("/dev/gpiochip1".into()),
                line: 4,
                active_low: true,
                rule: Rule::Follow(Line::Label("door".into())),
            },
            Output {
                chip: Chip::Label("leds".into()),
                line: 5,
                active_low: false,
                rule: Rule::Blink(Blink {
                    source: Some(Source::Gpio),
                    kind: Some(Kind::Rising),
                    line: Some(Line::Number(1)),
                    on: Duration::from_millis(100),
                }),
            },
        ]
    );
}

#[test]
fn zero_seconds_is_never() {
    let config = parse("tcp.idle-timeout = '0s'").unwrap();
    assert_eq!(config.tcp.idle_timeout, None);
}

#[test]
fn what_is_not_toml() {
    assert_eq!(
        rejection("[tcp]\nmax-clients = \n"),
        "agent.toml:2: `max-clients =`: string values must be quoted, expected literal string"
    );
    assert_eq!(
        rejection("[tcp]\nqueue = 1\nqueue = 2\n"),
        "agent.toml:3: `queue = 2`: duplicate key"
    );
}

#[test]
fn unknown_keys() {
    assert_eq!(
        rejection("[tpc]\nqueue = 1\n"),
        "agent.toml:1: tpc: unknown field `tpc`, expected one of `device`, `tcp`, `log`, `output`"
    );
    assert_eq!(
        rejection("\n[tcp]\nmax_clients = 1\n"),
        "agent.toml:3: tcp.max_clients: unknown field `max_clients`, expected one of \
         `listen`, `max-clients`, `queue`, `idle-timeout`, `drain-timeout`"
    );
    assert_eq!(
        rejection("device.file = '/dev/x'"),
        "agent.toml:1: device.file: unknown field `file`, expected `path` or `sysfs`"
    );
    assert_eq!(
        rejection("log.file = '/x'"),
        "agent.toml:1: log.file: unknown field `file`, expected `level`"
    );
    assert_eq!(
        rejection(&format!("{LED}flash = 1")),
        "agent.toml:4: output[0].flash: unknown field `flash`, expected one of \
         `chip`, `line`, `active-low`, `follow`, `blink`"
    );
    assert_eq!(
        rejection(&format!("{LED}follow = {{ name = 'door' }}")),
        "agent.toml:4: output[0].follow.name: unknown field `name`, expected `line` or `label`"
    );
    assert_eq!(
        rejection(&format!("{LED}blink = {{ off = '1s' }}")),
        "agent.toml:4: output[0].blink.off: unknown field `off`, expected one of \
         `source`, `kind`, `line`, `label`, `on`"
    );
}

#[test]
fn tables_are_not_taken_from_anything_else() {
    for (key, inline) in [
        ("device", "['/x']"),
        ("tcp", "['0.0.0.0:9', 3]"),
        ("log", "[]"),
    ] {
        let expected = format!("expected a table headed `[{key}]`");
        for (text, found) in [
            (format!("\n{key} = {inline}"), "array"),
            (format!("\n[[{key}]]"), "array"),
            (format!("\n{key} = 5"), "integer `5`"),
        ] {
            assert_eq!(
                rejection(&text),
                format!("agent.toml:2: {key}: invalid type: {found}, {expected}")
            );
        }
    }

    let expected = "expected a table headed `[[output]]` for each";
    for (text, found) in [
        ("[output]\nchip = 'leds'", "single table"),
        ("output = 'leds'", "string \"leds\""),
    ] {
        assert_eq!(
            rejection(text),
            format!("agent.toml:1: output: invalid type: {found}, {expected}")
        );
    }
    assert_eq!(
        rejection("output = [\n['leds', 4]]"),
        "agent.toml:2: output[0]: invalid type: array, expected a table headed `[[output]]`"
    );

    for (rule, complaint) in [
        (
            "follow = 'door'",
            r#"follow: invalid type: string "door", expected a table such as { label = "door" }"#,
        ),
        (
            "follow = [0]",
            r#"follow: invalid type: array, expected a table such as { label = "door" }"#,
        ),
        (
            "blink = true",
            r#"blink: invalid type: boolean `true`, expected a table such as { on = "100ms" }"#,
        ),
    ] {
        assert_eq!(
            rejection(&format!("{LED}{rule}")),
            format!("agent.toml:4: output[0].{complaint}")
        );
    }
}

#[test]
fn device_files() {
    let expected = r#"expected a path such as "/dev/mypoll" or "/sys/class/misc/mypoll""#;
    assert_eq!(
        rejection("[device]\npath = 1"),
        format!("agent.toml:2: device.path: invalid type: integer `1`, {expected}")
    );
    assert_eq!(
        rejection("[device]\nsysfs = true"),
        format!("agent.toml:2: device.sysfs: invalid type: boolean `true`, {expected}")
    );
    assert_eq!(
        rejection("[device]\npath = ''"),
        format!("agent.toml:2: device.path: invalid value: string \"\", {expected}")
    );
}

#[test]
fn addresses() {
    let expected = r#"expected an IP address and a port such as "127.0.0.1:7070" or "[::1]:7070""#;
    for wrong in ["localhost:7070", "127.0.0.1", "127.0.0.1:65536"] {
        assert_eq!(
            rejection(&format!("[tcp]\nlisten = '{wrong}'")),
            format!("agent.toml:2: tcp.listen: invalid value: string \"{wrong}\", {expected}")
        );
    }
    assert_eq!(
        rejection("[tcp]\nlisten = 7070"),
        format!("agent.toml:2: tcp.listen: invalid type: integer `7070`, {expected}")
    );
}

#[test]
fn numbers() {
    for (key, max) in [("max-clients", 1000), ("queue", 65536)] {
        for wrong in [-1, 0, max + 1] {
            assert_eq!(
                rejection(&format!("[tcp]\n\n{key} = {wrong}")),
                format!(
                    "agent.toml:3: tcp.{key}: invalid value: integer `{wrong}`, \
                     expected a whole number from 1 to {max}"
                )
            );
        }
        assert_eq!(
            rejection(&format!("[tcp]\n{key} = '5'")),
            format!(
                "agent.toml:2: tcp.{key}: invalid type: string \"5\", \
                 expected a whole number from 1 to {max}"
            )
        );
    }
    assert_eq!(
        rejection("[tcp]\nqueue = 1.5"),
        "agent.toml:2: tcp.queue: invalid type: floating point `1.5`, \
         expected a whole number from 1 to 65536"
    );
}

#[test]
fn durations() {
    for wrong in ["10", "-1s", "soon", "", "366days", "18446744073709551615s"] {
        assert_eq!(
            rejection(&format!("[tcp]\nidle-timeout = '{wrong}'")),
            format!(
                "agent.toml:2: tcp.idle-timeout: invalid value: string \"{wrong}\", \
                 expected a duration such as \"10min\", at most \"365days\", or \"0s\" for never"
            )
        );
    }
    assert_eq!(
        rejection("[tcp]\ndrain-timeout = 2"),
        "agent.toml:2: tcp.drain-timeout: invalid type: integer `2`, \
         expected a duration such as \"2s\" or \"500ms\", at most \"365days\""
    );
    for wrong in ["366days", "18446744073709551615s"] {
        assert_eq!(
            rejection(&format!("[tcp]\ndrain-timeout = '{wrong}'")),
            format!(
                "agent.toml:2: tcp.drain-timeout: invalid value: string \"{wrong}\", \
                 expected a duration such as \"2s\" or \"500ms\", at most \"365days\""
            )
        );
    }
    let longest = parse("[tcp]\ndrain-timeout = '365days'\nidle-timeout = '365days'").unwrap();
    assert_eq!(longest.tcp.idle_timeout, Some(longest.tcp.drain_timeout));
}

#[test]
fn log_levels() {
    for wrong in ["loud", "", "3"] {
        assert_eq!(
            rejection(&format!("[log]\nlevel = '{wrong}'")),
            format!(
                "agent.toml:2: log.level: invalid value: string \"{wrong}\", \
                 expected \"off\", \"error\", \"warn\", \"info\", \"debug\" or \"trace\""
            )
        );
    }
    for level in [
        LevelFilter::OFF,
        LevelFilter::ERROR,
        LevelFilter::WARN,
        LevelFilter::INFO,
        LevelFilter::DEBUG,
        LevelFilter::TRACE,
    ] {
        let config = parse(&format!("log.level = '{level}'")).unwrap();
        assert_eq!(config.log.level, level);
    }
    let config = parse("log.level = 'WARN'").unwrap();
    assert_eq!(config.log.level, LevelFilter::WARN);
}

#[test]
fn outputs() {
    let chip = r#"expected a chip's device file such as "/dev/gpiochip0", or its label"#;
    assert_eq!(
        rejection("[[output]]\nline = 4"),
        "agent.toml:1: output[0]: missing field `chip`"
    );
    assert_eq!(
        rejection("[[output]]\nchip = 'leds'"),
        "agent.toml:1: output[0]: missing field `line`"
    );
    assert_eq!(
        rejection("[[output]]\nchip = 0"),
        format!("agent.toml:2: output[0].chip: invalid type: integer `0`, {chip}")
    );
    assert_eq!(
        rejection("[[output]]\nchip = ''"),
        format!("agent.toml:2: output[0].chip: invalid value: string \"\", {chip}")
    );
    for wrong in [-4, 1_i64 << 32] {
        assert_eq!(
            rejection(&format!("[[output]]\nline = {wrong}")),
            format!(
                "agent.toml:2: output[0].line: invalid value: integer `{wrong}`, \
                 expected a whole number from 0 to 4294967295"
            )
        );
    }
    assert_eq!(
        rejection("[[output]]\nactive-low = 1"),
        "agent.toml:2: output[0].active-low: invalid type: integer `1`, expected a boolean"
    );
    assert_eq!(
        rejection(LED),
        "agent.toml:1: output[0]: neither `follow` nor `blink` is given, expected one"
    );
    assert_eq!(
        rejection(&format!(
            "{LED}follow.line = 0\n{LED}follow.line = 0\nblink.on = '1s'"
        )),
        "agent.toml:5: output[1]: both `follow` and `blink` are given, expected one"
    );
}

#[test]
fn followed_lines() {
    assert_eq!(
        rejection(&format!("{LED}follow = {{}}")),
        "agent.toml:4: output[0].follow: neither `line` nor `label` is given, expected one"
    );
    assert_eq!(
        rejection(&format!("{LED}follow = {{ line = 0, label = 'door' }}")),
        "agent.toml:4: output[0].follow: both `line` and `label` are given, expected one"
    );
    assert_eq!(
        rejection(&format!("{LED}follow = {{ line = 'door' }}")),
        "agent.toml:4: output[0].follow.line: invalid type: string \"door\", \
         expected a whole number from 0 to 1023"
    );
    for rule in ["follow = {", "blink = { on = '1s',"] {
        let key = rule.split(' ').next().unwrap();
        assert_eq!(
            rejection(&format!("{LED}{rule} line = 1024 }}")),
            format!(
                "agent.toml:4: output[0].{key}.line: invalid value: integer `1024`, \
                 expected a whole number from 0 to 1023"
            )
        );
        assert_eq!(
            rejection(&format!("{LED}{rule} label = '' }}")),
            format!(
                "agent.toml:4: output[0].{key}.label: invalid value: string \"\", \
                 expected the label of a line of the driver's"
            )
        );
    }
}

#[test]
fn blinks() {
    let blink = |keys: &str| rejection(&format!("{LED}blink = {{ {keys} }}"));
    assert_eq!(
        blink("kind = 'tick'"),
        "agent.toml:4: output[0].blink: missing field `on`"
    );
    for wrong in ["0s", "366days"] {
        assert_eq!(
            blink(&format!("on = '{wrong}'")),
            format!(
                "agent.toml:4: output[0].blink.on: invalid value: string \"{wrong}\", \
                 expected a duration above 0 such as \"100ms\", at most \"365days\""
            )
        );
    }
    assert_eq!(
        blink("source = 'button', on = '1s'"),
        "agent.toml:4: output[0].blink.source: unknown variant `button`, \
         expected one of `manual`, `timer`, `gpio`"
    );
    assert_eq!(
        blink("kind = 'pressed', on = '1s'"),
        "agent.toml:4: output[0].blink.kind: unknown variant `pressed`, \
         expected one of `trigger`, `tick`, `rising`, `falling`, `removed`, `added`"
    );
    assert_eq!(
        blink("source = 'timer', kind = 'rising', on = '1s'"),
        "agent.toml:4: output[0].blink: `kind` rising never comes with `source` timer, \
         expected `source` gpio"
    );
    assert_eq!(
        blink("kind = 'tick', line = 0, on = '1s'"),
        "agent.toml:4: output[0].blink: only events of `source` gpio have a `line` or `label`"
    );
    assert_eq!(
        blink("line = 0, label = 'door', on = '1s'"),
        "agent.toml:4: output[0].blink: both `line` and `label` are given, expected one"
    );
}

#[test]
fn lines_that_the_driver_lacks() {
    let rule = |keys: &str| {
        parse(&format!("{LED}{keys}")).unwrap().outputs[0]
            .rule
            .clone()
    };
    let lines: Lines = "line=0 label=button\nline=1 label=front door"
        .parse()
        .unwrap();

    assert_eq!(rule("follow.label = 'front door'").check(&lines), Ok(()));
    assert_eq!(
        rule("blink = { line = 1, on = '1s' }").check(&lines),
        Ok(())
    );
    assert_eq!(rule("blink.on = '1s'").check(&Lines::default()), Ok(()));
    assert_eq!(
        rule("follow.line = 2")
            .check(&lines)
            .unwrap_err()
            .to_string(),
        "the driver has no line 2; it has: 0 `button`, 1 `front door`"
    );
    assert_eq!(
        rule("blink = { label = 'door', on = '1s' }")
            .check(&Lines::default())
            .unwrap_err()
            .to_string(),
        "the driver has no line `door`; it has: none"
    );
}

#[test]
fn files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.toml");
    assert_eq!(Config::read_if_there(&path).unwrap(), Config::default());
    assert_eq!(
        Config::read(&path).unwrap_err().to_string(),
        format!("cannot read the configuration {}", path.display())
    );
    assert!(matches!(
        Config::read_if_there(directory.path()),
        Err(ConfigError::Read { .. })
    ));

    for (text, line) in [
        // "Tür" in Latin-1; UTF-16 with its mark.
        (b"[[output]]\nchip = 'T\xfcr'\n".as_slice(), 2),
        (b"\xff\xfe[\0t\0c\0p\0]\0".as_slice(), 1),
    ] {
        fs::write(&path, text).unwrap();
        assert_eq!(
            Config::read(&path).unwrap_err().to_string(),
            format!(
                "{}:{line}: this is not UTF-8; save the file as UTF-8",
                path.display()
            )
        );
    }

    fs::write(&path, "tcp.queue = 8").unwrap();
    assert_eq!(Config::read(&path).unwrap().tcp.queue, 8);
    assert_eq!(Config::read_if_there(&path).unwrap().tcp.queue, 8);
}
