// SPDX-License-Identifier: MIT OR Apache-2.0

use std::fs;

use super::*;

/// A tree like that with the overlay applied. `line` is one of its lines.
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
    let mut dtc = Command::new("dtc");
    dtc.args(["-q", "-I", "dts", "-O", "dtb"]).arg(&source);
    dtc.output().unwrap().stdout
}

#[test]
fn lines_are_sorted_by_number() {
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
fn errors_name_the_line() {
    let gpios = "gpios = <&sim 0 0>;";
    for (line, complaint) in [
        (gpios, "bad line bad: it has no reg"),
        ("reg = <2>;", "bad line bad: it has no gpios"),
        (
            &format!("reg = <2 3>; {gpios}"),
            "its reg is not one number",
        ),
        (
            "reg = <2>; gpios = <&sim 0>;",
            "its gpios is not a chip, an offset and flags",
        ),
    ] {
        let tree = tree(&format!("bad {{ {line} }};"));
        let error = format!("{:#}", lines(&tree).unwrap_err());
        assert!(error.contains(complaint), "{error}");
    }
    let error = lines(b"not a tree").unwrap_err().to_string();
    assert!(error.starts_with("not a device tree"), "{error}");
}
