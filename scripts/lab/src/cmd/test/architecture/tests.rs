// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

/// A crate of these files.
fn read(files: &[(&str, &str)]) -> Modules {
    let files = files
        .iter()
        .map(|&(file, text)| (file.to_owned(), text.to_owned()))
        .collect();
    Modules::read(&files, ROOT).unwrap()
}

/// A driver with the right layers; `change` goes into the place of one of its files, or beside them.
fn driver_with(change: (&str, &str)) -> Modules {
    let mut files = BTreeMap::from([
        (
            "main.rs",
            "//! Doc of [`file`](crate::file).\n\
             mod bus; mod clock; mod event; mod file; mod kernel_ext; mod queue; mod sink;\n\
             #[allow(dead_code)]\n#[path = \"uapi/mypoll.rs\"]\nmod uapi;\n\
             use bus::Bus;",
        ),
        (
            "file.rs",
            "pub(crate) mod ioctl; pub(in crate::file) mod open_file;",
        ),
        (
            "file/ioctl.rs",
            "use super::open_file::OpenFile; use crate::{bus::Bus, uapi};",
        ),
        (
            "file/open_file.rs",
            "use crate::{kernel_ext::{self, lock::{Lock, Guard as G}}, sink::*};",
        ),
        ("bus.rs", "fn f() { crate::sink::wake() }"),
        ("sink.rs", "use crate::queue::ring::Ring;"),
        ("queue.rs", "pub(crate) mod ring; pub(crate) mod shared;"),
        (
            "queue/ring.rs",
            "use super::shared::Shared; #[cfg(test)] mod tests { use super::*; }",
        ),
        ("queue/shared.rs", "use crate::event::Event;"),
        ("event.rs", "use crate::uapi::Kind;"),
        ("clock.rs", ""),
        ("uapi/mypoll.rs", "unsafe impl Send for Kind {}"),
        ("kernel_ext.rs", "pub(crate) mod lock;"),
        (
            "kernel_ext/lock.rs",
            "macro_rules! new { () => { $crate::kernel_ext::lock::Lock } } unsafe fn f() {}",
        ),
    ]);
    files.insert(change.0, change.1);
    read(&files.into_iter().collect::<Vec<_>>())
}

/// Everything that is wrong.
fn problems(modules: &Modules) -> Vec<String> {
    let mut all = strays(modules);
    all.extend(upward(modules));
    all.extend(modules.circle());
    all.extend(unsafe_code(modules));
    all
}

#[test]
fn a_driver_in_layers_passes() {
    let modules = driver_with(("kernel_ext/lock.rs", "use kernel::{file::File, bus::Bus};"));
    assert_eq!(problems(&modules), [""; 0]);
    let generated = driver_with(("clock.rs", "use crate::THIS_MODULE;"));
    assert_eq!(problems(&generated), [""; 0]);
    let imports: Vec<_> = modules
        .imports()
        .iter()
        .map(|import| import.path.as_str())
        .collect();
    assert_eq!(
        imports,
        [
            "crate::sink::wake",
            "crate::uapi::Kind",
            "crate::bus::Bus",
            "crate::file::open_file::OpenFile",
            "crate::uapi",
            "crate::kernel_ext",
            "crate::kernel_ext::lock::Guard",
            "crate::kernel_ext::lock::Lock",
            "crate::sink",
            "crate::bus::Bus",
            "crate::queue::shared::Shared",
            "crate::event::Event",
            "crate::queue::ring::Ring",
        ]
    );
}

#[test]
fn imports_from_above_and_from_beside_are_named() {
    for (file, text, expected) in [
        (
            "sink.rs",
            "\nuse crate::{\n    bus::Bus, //\n};",
            "sink.rs:3: crate::bus::Bus is from above",
        ),
        (
            "queue/ring.rs",
            "fn f() { let x = { println!(\"{}\", crate::bus::LIMIT) }; }",
            "queue/ring.rs:1: crate::bus::LIMIT is from above",
        ),
        (
            "queue/ring.rs",
            "type T = Option::<super::super::sink::Sink>;",
            "queue/ring.rs:1: crate::sink::Sink is from above",
        ),
        (
            "clock.rs",
            "mod tests { use super::super::event::Event; }",
            "clock.rs:1: crate::event::Event is from beside",
        ),
        (
            "kernel_ext/lock.rs",
            "macro_rules! new { () => { $crate::uapi::SIZE } }",
            "kernel_ext/lock.rs:1: crate::uapi::SIZE is from above",
        ),
        (
            "kernel_ext/lock.rs",
            "use crate::THIS_MODULE;",
            "kernel_ext/lock.rs:1: crate::THIS_MODULE is from above",
        ),
    ] {
        assert_eq!(problems(&driver_with((file, text))), [expected], "{text}");
    }
}

#[test]
fn files_of_a_folder_may_not_import_in_circles() {
    let modules = driver_with((
        "queue/shared.rs",
        "use super::ring;\nuse crate::event::Event;",
    ));
    assert_eq!(
        problems(&modules),
        ["queue/ring.rs:1: crate::queue::shared::Shared\nqueue/shared.rs:1: crate::queue::ring"]
    );

    let with_parent = driver_with((
        "queue.rs",
        "pub(crate) mod ring; pub(crate) mod shared; fn f() { shared::f(); }",
    ));
    assert_eq!(problems(&with_parent), [""; 0]);
    let with_folder = read(&[
        ("main.rs", "mod queue;"),
        ("queue.rs", "mod ring; fn f() { ring::f() }"),
        ("queue/ring.rs", "use super::f;"),
    ]);
    assert_eq!(problems(&with_folder), [""; 0]);
}

#[test]
fn unsafe_code_elsewhere_is_named() {
    let text = "#![deny(unsafe_op_in_unsafe_fn)]\n// unsafe\nfn f() {\n    unsafe { g() }\n}";
    assert_eq!(
        problems(&driver_with(("event.rs", text))),
        ["event.rs:4: unsafe"]
    );
}

#[test]
fn files_without_a_layer_are_named() {
    let stray = driver_with(("hub.rs", ""));
    assert_eq!(
        problems(&stray),
        ["hub.rs: no `mod` leads to it from main.rs"]
    );
    let unknown = read(&[("main.rs", "mod hub;"), ("hub.rs", "")]);
    let said = problems(&unknown);
    assert!(
        matches!(&said[..], [one] if one.starts_with("hub.rs: its module is in no layer of ")),
        "{said:?}"
    );
}

#[test]
fn folders_may_be_declared_inline() {
    let modules = read(&[
        (
            "main.rs",
            "mod queue { pub(crate) mod ring; pub(crate) mod shared; } mod event;",
        ),
        ("event.rs", "use crate::queue::shared::Shared;"),
        ("queue/ring.rs", "use super::shared::Shared;"),
        ("queue/shared.rs", ""),
    ]);
    assert_eq!(
        problems(&modules),
        ["event.rs:1: crate::queue::shared::Shared is from above"]
    );
}
