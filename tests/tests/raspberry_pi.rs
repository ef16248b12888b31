// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver with the overlay for a Raspberry Pi, with the button on a simulated chip. tests/devicetree checks the
//! same properties in the tree.

use std::fs;
use std::path::Path;
use std::process::Command;

use system_tests::{boot_with, sh};

/// A chip that replaces the one of the header.
const CHIP: &str = "
/ {
    fragment@2 {
        target-path = \"/\";
        __overlay__ {
            gpio-sim {
                compatible = \"gpio-simulator\";
                simulated: bank {
                    gpio-controller;
                    #gpio-cells = <2>;
                    ngpios = <28>;
                };
            };
        };
    };
};
";

#[test]
fn the_button_is_active_low_and_pulled_up_through_the_nexus() {
    let folder = tempfile::tempdir().unwrap();
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../recipes-kernel/linux/files/dts/mypoll.dtso");
    let text = fs::read_to_string(source).unwrap();
    let simulated = folder.path().join("simulated.dtso");
    fs::write(&simulated, text.replace("&gpio ", "&simulated ") + CHIP).unwrap();
    let overlay = folder.path().join("simulated.dtbo");
    let dtc = Command::new("dtc")
        .args(["-@", "-q", "-I", "dts", "-O", "dtb", "-o"])
        .args([&overlay, &simulated])
        .status();
    assert!(dtc.unwrap().success());

    let machine = boot_with("raspberry-pi", false, |system| system.overlay = overlay);
    let lines = sh(&machine, "cat /sys/class/misc/mypoll/lines");
    assert_eq!(lines, "line=0 label=button\n");
    // Without a bias the line is low, i.e. pressed: without the pull-up the first one would not be an edge.
    for (pull, expected) in [
        ("pull-down", "kind=rising line=0 value=1"),
        ("pull-up", "kind=falling line=0 value=0"),
    ] {
        let event = sh(
            &machine,
            &format!(
                "echo {pull} >$(echo /sys/devices/platform/gpio-sim/gpiochip*/sim_gpio17/pull) && \
                 dd if=/dev/mypoll bs=256 count=1 2>/dev/null"
            ),
        );
        assert!(event.contains(expected), "{event}");
    }
}
