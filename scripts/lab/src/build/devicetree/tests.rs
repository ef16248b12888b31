// SPDX-License-Identifier: MIT OR Apache-2.0

use std::fs;

use super::*;

/// A tree as the overlay leaves it, with `line` for one of its lines.
fn tree(line: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("tree.dts");
    let text = format!(
        "/dts-v1/;
        / {{
            pl061: gpio@0 {{ compatible = \"arm,pl061\", \"arm,primecell\"; }};
            sim: bank {{ }};
            events {{
                compatible = \"mypoll,events\";
                line@1 {{ reg = <1>; label = \"door\"; gpios = <&pl061 5 1>; }};
                {line}
                line@0 {{ reg = <0>; gpios = <&pl061 3 0>; }};
            }};
        }};"
    );
    fs::write(&source, text).unwrap();
    let output = Command::new("dtc")
        .args(["-q", "-I", "dts", "-O", "dtb"])
        .arg(&source)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

#[test]
fn lines_are_found_by_number_whatever_their_order() {
    let lines = lines(&tree(
        "line@7 { reg = <7>; label = \"sim\"; gpios = <&sim 0 0>; };",
    ))
    .unwrap();
    let line = |number, label: &str, input, active_low| Line {
        number,
        label: label.to_owned(),
        input,
        active_low,
    };
    let expected = [
        line(0, "line@0", Some(3), false),
        line(1, "door", Some(5), true),
        line(7, "sim", None, false),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn what_is_wrong_is_said_of_which_line() {
    for (line, complaint) in [
        (
            "bad { gpios = <&sim 0 0>; };",
            "bad line bad: it has no reg",
        ),
        ("bad { reg = <2>; };", "bad line bad: it has no gpios"),
        (
            "bad { reg = <2 3>; gpios = <&sim 0 0>; };",
            "its reg is not one number",
        ),
        (
            "bad { reg = <2>; gpios = <&sim 0>; };",
            "its gpios is not a chip, an offset and flags",
        ),
    ] {
        let error = format!("{:#}", lines(&tree(line)).unwrap_err());
        assert!(error.contains(complaint), "{error}");
    }
}

#[test]
fn what_is_no_tree_is_an_error() {
    let error = lines(b"not a tree").unwrap_err().to_string();
    assert!(error.starts_with("not a device tree"), "{error}");
}
