// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`mypoll::uapi`] and [`mypoll::ioctl`] match `mypoll.h` as the C compiler sees it. The header and its example
//! compile without warnings.

use std::{
    collections::BTreeSet,
    fs,
    mem::offset_of,
    path::{Path, PathBuf},
    process::Command,
};

use mypoll::{ioctl, uapi};
use tempfile::TempDir;

/// The driver's folder.
fn driver() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../../recipes-kernel/mypoll")
}

fn header() -> PathBuf {
    driver().join("mypoll/uapi/mypoll.h")
}

/// Runs a compiler, which must print nothing.
fn compile(compiler: &mut Command) {
    let output = compiler
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic"])
        .output()
        .unwrap_or_else(|error| panic!("{compiler:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler:?}: {said}");
    assert_eq!(said, "", "{compiler:?}");
}

/// The values of `expressions` in a C program that includes the header.
fn evaluate(expressions: &[String]) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let (source, program) = (folder.path().join("say.c"), folder.path().join("say"));
    let prints: String = expressions
        .iter()
        .map(|expression| format!("\tprintf(\"%llu\\n\", (unsigned long long)({expression}));\n"))
        .collect();
    let text = format!(
        "#include <stddef.h>\n#include <stdio.h>\n#include \"{}\"\n\nint main(void)\n{{\n{prints}\treturn 0;\n}}\n",
        header().display()
    );
    fs::write(&source, text).unwrap();
    compile(Command::new("cc").arg("-o").arg(&program).arg(&source));
    let output = Command::new(&program).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(str::to_owned).collect()
}

/// Compares Rust's numbers with those of C's expressions.
fn expect_same(pairs: &[(String, u64)]) {
    let expressions: Vec<String> = pairs.iter().map(|(c, _)| c.clone()).collect();
    let in_c = evaluate(&expressions);
    assert_eq!(in_c.len(), pairs.len());
    for ((expression, rust), c) in pairs.iter().zip(in_c) {
        assert_eq!(c, rust.to_string(), "{expression}");
    }
}

/// The size of a structure, and the offset of each field. All fields must be listed.
macro_rules! layout {
    ($c:literal, $rust:ty: $($field:ident),+) => {{
        let mut pairs = vec![
            (format!("sizeof(struct {})", $c), size_of::<$rust>() as u64),
            (format!("_Alignof(struct {})", $c), align_of::<$rust>() as u64),
        ];
        let mut sizes = Vec::new();
        $(
            let field = stringify!($field);
            pairs.push((
                format!("offsetof(struct {}, {field})", $c),
                offset_of!($rust, $field) as u64,
            ));
            sizes.push(format!("sizeof(((struct {} *)0)->{field})", $c));
        )+
        pairs.push((sizes.join(" + "), size_of::<$rust>() as u64));
        pairs
    }};
}

#[test]
fn structures_have_the_same_layout() {
    let layouts = [
        layout!("mypoll_event", uapi::Event:
            timestamp_ns, sequence, lost, source, kind, line, value, line_sequence),
        layout!("mypoll_config", uapi::Config:
            capacity, overflow, clock, sources, watermark_events, watermark_us, flags, kinds, lines),
        layout!("mypoll_stats", uapi::Stats:
            generated, read, lost, depth, high_water, capacity, reserved),
        layout!("mypoll_info", uapi::Info: queues_max, line_count, features, lines),
        layout!("mypoll_line", uapi::Line:
            number, offset, value, flags, debounce_us, reserved, label,
            line_sequence, reserved2, edges, reported, bounced, dropped, chip),
        layout!("mypoll_levels", uapi::Levels: position, sequence, reserved, lines, levels),
        layout!("mypoll_ring", uapi::Ring:
            head, reserved1, tail, reserved2, mask, capacity, reserved3),
    ];
    expect_same(&layouts.concat());

    let text = fs::read_to_string(header()).unwrap();
    let structures = text
        .lines()
        .filter(|line| line.starts_with("struct mypoll_"));
    assert_eq!(structures.count(), layouts.len());
}

macro_rules! constants {
    ($module:ident: $($name:ident),+ $(,)?) => {
        [$((format!("MYPOLL_{}", stringify!($name)), $module::$name as u64)),+]
    };
}

#[test]
fn constants_are_equal_and_none_is_missing() {
    let of_uapi = constants![uapi:
        SOURCE_MANUAL,
        SOURCE_TIMER,
        SOURCE_GPIO,
        KIND_TRIGGER,
        KIND_TICK,
        KIND_RISING,
        KIND_FALLING,
        KIND_REMOVED,
        KIND_ADDED,
        OVERFLOW_DROP_NEWEST,
        OVERFLOW_DROP_OLDEST,
        CLOCK_MONOTONIC,
        CLOCK_REALTIME,
        CLOCK_BOOTTIME,
        CAPACITY_DEFAULT,
        CAPACITY_MAX,
        WATERMARK_US_MAX,
        LINES_MAX,
        FEATURE_QUEUES,
        FEATURE_MMAP,
        FEATURE_LEVELS,
        FEATURE_COUNTERS,
        LABEL_MAX,
        CHIP_MAX,
        LINE_ACTIVE_LOW,
        LINE_RISING,
        LINE_FALLING,
        LINE_WAKEUP,
        LINE_DEBOUNCED,
        IOC_MAGIC,
        OFF_RING,
        OFF_EVENTS,
        CONFIG_SIZE_VER0,
        STATS_SIZE_VER0,
        INFO_SIZE_VER0,
        LINE_SIZE_VER0,
        LINE_SIZE_VER1,
        LINE_SIZE_VER2,
        LEVELS_SIZE_VER0,
    ];
    let of_ioctl = constants![ioctl: CONFIGURE, GET_STATS, GET_INFO, GET_LINE, GET_LEVELS];
    let constants = [&of_uapi[..], &of_ioctl].concat();
    expect_same(&constants);

    let text = fs::read_to_string(header()).unwrap();
    let in_header: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("#define ")?.split_whitespace().next())
        .filter(|&name| name != "MYPOLL_H")
        .collect();
    let here: BTreeSet<&str> = constants.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(in_header, here);
}

#[test]
fn the_header_is_c11_and_cpp() {
    for (compiler, language, standard) in [("cc", "c", "-std=c11"), ("g++", "c++", "-std=c++11")] {
        compile(
            Command::new(compiler)
                .args([standard, "-fsyntax-only", "-x", language])
                .arg(header()),
        );
    }
}

#[test]
fn the_example_compiles() {
    let folder = TempDir::new().unwrap();
    compile(
        Command::new("cc")
            .args(["-std=c11", "-O2", "-I"])
            .arg(driver().join("mypoll/uapi"))
            .arg("-o")
            .arg(folder.path().join("queue"))
            .arg(driver().join("examples/queue.c")),
    );
}
