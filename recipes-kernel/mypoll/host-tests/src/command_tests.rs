// SPDX-License-Identifier: GPL-2.0-only

use crate::command::Command::{self, Reset, Start, Stop, Trigger};
use crate::command::{COMMAND_MAX, PERIOD_MS};

#[test]
fn the_longest_command_fits() {
    assert!(format!("start {}\n", PERIOD_MS.end()).len() <= COMMAND_MAX);
}

#[test]
fn every_command_is_parsed_with_and_without_a_newline() {
    let commands = [
        ("trigger", Trigger),
        ("1", Trigger),
        ("", Trigger),
        ("start", Start(None)),
        ("start 1", Start(Some(1))),
        ("start 3600000", Start(Some(3_600_000))),
        ("start 0000000000000000000000250", Start(Some(250))),
        ("stop", Stop),
        ("reset", Reset),
    ];
    for (text, command) in commands {
        assert_eq!(
            Command::parse(text.as_bytes()).as_ref(),
            Some(&command),
            "{text:?}"
        );
        let line = format!("{text}\n");
        assert_eq!(Command::parse(line.as_bytes()), Some(command), "{line:?}");
    }
}

#[test]
fn other_text_is_rejected() {
    let others = [
        "0",
        "11",
        "Trigger",
        "trigger ",
        " trigger",
        "trigger\n\n",
        "trigger\ntrigger\n",
        "trigger\0",
        "\r\n",
        "start ",
        "start  5",
        "start 0",
        "start 3600001",
        "start 4294967296",
        "start 99999999999999999999",
        "start -1",
        "start +1",
        "start 1.5",
        "start 5ms",
        "start 0x10",
        "start5",
        "stop 1",
        "reset all",
    ];
    for text in others {
        assert_eq!(Command::parse(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(Command::parse(b"start \xff"), None);
}

#[test]
fn only_timer_commands_may_sleep() {
    assert!(Start(None).may_sleep() && Start(Some(1)).may_sleep() && Stop.may_sleep());
    assert!(!Trigger.may_sleep() && !Reset.may_sleep());
}
