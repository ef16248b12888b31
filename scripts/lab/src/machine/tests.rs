// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

/// QEMU's arguments for a machine with these options.
fn command_line(options: &MachineOptions) -> Vec<String> {
    let system = System {
        image: "Image".into(),
        module: "mypoll.ko".into(),
        rootfs: "rootfs.cpio.gz".into(),
        overlay: "mypoll-qemu-virt.dtbo".into(),
        source: "source".into(),
        bench: None,
        version: "6.18.15".to_owned(),
        flavour: Flavour::Normal,
    };
    arguments(&system, options, Path::new("machine"), Path::new("log"))
        .into_iter()
        .map(|word| word.into_string().unwrap())
        .collect()
}

/// The value of an option of QEMU's.
fn value<'a>(words: &'a [String], option: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| word == option)?;
    words.get(at + 1).map(String::as_str)
}

#[test]
fn the_machine_has_the_cpus_that_were_asked_for() {
    for (cpus, icount, expected) in [
        (None, false, "2"),
        (None, true, "1"),
        (Some(1), false, "1"),
        (Some(4), false, "4"),
    ] {
        let words = command_line(&MachineOptions {
            cpus,
            icount,
            ..MachineOptions::default()
        });
        assert_eq!(value(&words, "-smp"), Some(expected), "{cpus:?}, {icount}");
        assert_eq!(value(&words, "-icount").is_some(), icount);
    }
}
