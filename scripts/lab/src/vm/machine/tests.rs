// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

/// QEMU's arguments for a machine with these options.
fn command_line(options: &MachineOptions, disk: Option<&str>) -> Vec<String> {
    let boot = Boot {
        image: "Image".into(),
        initramfs: "rootfs.cpio.gz".into(),
        overlay: "mypoll-qemu-virt.dtbo".into(),
        disk: disk.map(PathBuf::from),
        flavour: Flavour::Normal,
    };
    arguments(&boot, options, Path::new("machine"), Path::new("log"))
}

/// The value of a QEMU option.
fn value<'a>(words: &'a [String], option: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| word == option)?;
    words.get(at + 1).map(String::as_str)
}

#[test]
fn the_machine_has_the_requested_cpus() {
    for (cpus, icount, expected) in [
        (None, false, "2"),
        (None, true, "1"),
        (Some(1), false, "1"),
        (Some(4), false, "4"),
    ] {
        let options = MachineOptions {
            cpus,
            icount,
            ..MachineOptions::default()
        };
        let words = command_line(&options, None);
        assert_eq!(value(&words, "-smp"), Some(expected), "{cpus:?}, {icount}");
        assert_eq!(value(&words, "-icount").is_some(), icount);
    }
}

#[test]
fn a_disk_is_the_root_and_keeps_no_changes() {
    let options = MachineOptions::default();
    let words = command_line(&options, Some("a,b"));
    let drive = value(&words, "-drive").unwrap();
    assert!(drive.starts_with("file=a,,b,"), "{drive}");
    assert!(drive.ends_with(",snapshot=on"), "{drive}");
    assert!(value(&words, "-append").unwrap().contains("root=/dev/vda"));
    let words = command_line(&options, None);
    assert_eq!(value(&words, "-drive"), None);
    assert!(!value(&words, "-append").unwrap().contains("root="));
}
