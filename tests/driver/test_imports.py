# SPDX-License-Identifier: MIT OR Apache-2.0
"""The driver's architecture: a file imports only from lower layers, and only the lowest two contain `unsafe` code."""

import functools
import graphlib
import re
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[2] / "recipes-kernel/mypoll/mypoll"

# The top-level modules, from top to bottom; main.rs is above them. Modules of one layer don't import from each other.
LAYERS = [
    {"file", "sysfs", "debugfs", "configfs"},
    {"context"},
    {"source"},
    {"bus"},
    {"sink"},
    {"queue"},
    {"event", "clock", "text", "trace"},
    {"uapi"},
    {"kernel_ext"},
]
MAY_BE_UNSAFE = {"uapi", "kernel_ext"}
# `module!` puts this into the crate root, for the kernel's macros. The bottom layer must not use it.
GENERATED = ("THIS_MODULE",)

NO_CODE = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^\\'])'""", re.DOTALL)
BRANCHES = re.compile(r"([\w:]+)::\s*\{([^{}]*)\}")
PATH = re.compile(r"(?<!\bin )(?<![\w:])(?:crate|super)(?:::\w+)+")


def driver(**changes):
    """The code of the driver's modules, by their paths from the crate root. `changes` are appended: module=text, with
    __ for the slash in the module's name."""
    modules = dict(committed())
    for name, text in changes.items():
        module = () if name == "main" else tuple(name.split("__"))
        modules[module] = code(f"{modules.get(module, '')}\n{text}\n")
    return modules


@functools.cache
def committed():
    paths = {path.relative_to(DRIVER).with_suffix(""): path for path in DRIVER.rglob("*.rs")}
    return {() if str(name) == "main" else name.parts: code(path.read_text()) for name, path in paths.items()}


def code(text):
    """Without comments and strings, but with the same line numbers."""
    return NO_CODE.sub(lambda match: "\n" * match[0].count("\n"), text)


def expanded(match):
    """`a::{b, c}` as `a::b, a::c`, with the same line numbers."""
    branches = match[2].split(",")
    return ",".join(re.sub(r"\w+", lambda word: f"{match[1]}::{word[0]}", branch, count=1) for branch in branches)


@functools.cache
def without_branches(text):
    count = 1
    while count:
        text, count = BRANCHES.subn(expanded, text)
    return text


def imports(modules):
    """For each path to another module: file and line, both modules, and the path from the crate root."""
    for module, text in modules.items():
        text = without_branches(text)
        for match in PATH.finditer(text):
            words = match[0].split("::")
            ups = words.count("super")
            path = (*module[: len(module) - ups], *words[ups:]) if ups else tuple(words[1:])
            target = next(path[:end] for end in range(len(path), -1, -1) if path[:end] in modules)
            if target != module:
                yield f"{'/'.join(module) or 'main'}.rs:{text.count(chr(10), 0, match.start()) + 1}", module, target, path


def layer(module):
    return next((number for number, names in enumerate(LAYERS) if module[0] in names), None) if module else -1


def without_a_layer(modules):
    for module in modules:
        if module and not re.search(rf"\bmod {module[-1]};", modules.get(module[:-1], "")):
            yield f"{module}: its parent module has no `mod` for it"
        elif layer(module) is None:
            yield f"{module}: not in LAYERS"


def upward(modules):
    for place, module, target, path in imports(modules):
        generated = path == GENERATED and layer(module) < len(LAYERS) - 1
        if module and target[:1] != module[:1] and not generated and layer(target) <= layer(module):
            yield f"{place}: {'::'.join(path)} is not in a lower layer"


def cycles(modules):
    """Import cycles within a folder. A module may use its submodules: that is not an import."""
    graph = {module: set() for module in modules}
    for _, module, target, _ in imports(modules):
        if target[:1] == module[:1] and target[: len(module)] != module:
            graph[module].add(target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield str(error.args[1])


def unsafe_code(modules):
    for module, text in modules.items():
        if not module or module[0] not in MAY_BE_UNSAFE:
            yield from (f"{module}: {line}" for line in text.split("\n") if re.search(r"\bunsafe\b", line))


def test_each_file_has_a_layer():
    assert list(without_a_layer(driver())) == []


def test_imports_point_downward():
    assert list(upward(driver())) == []


def test_no_import_cycles():
    assert list(cycles(driver())) == []


def test_unsafe_code_only_in_kernel_ext_and_uapi():
    assert list(unsafe_code(driver())) == []


@pytest.mark.parametrize(
    ("check", "module", "text"),
    [
        (without_a_layer, "hub", ""),
        (without_a_layer, "queue__hub", ""),
        (without_a_layer, "main", "mod hub;"),
        (upward, "sink", "use crate::{\n    clock, //\n    bus::{Bus}, //\n};"),
        (upward, "queue__ring", "fn f() { println!('{}', crate::bus::LIMIT) }"),
        (upward, "queue__ring", "type T = Option::<super::super::sink::Sink>;"),
        (upward, "clock", "use super::event::Event;"),
        (upward, "kernel_ext__rcu", "macro_rules! new { () => { $crate::uapi::SIZE } }"),
        (upward, "kernel_ext__rcu", "use crate::THIS_MODULE;"),
        (cycles, "queue__ring", "use super::settings;"),
        (unsafe_code, "event", "fn f() { unsafe { g() } }"),
        (unsafe_code, "main", "unsafe impl Send for MyPoll {}"),
    ],
)
def test_violations_are_found(check, module, text):
    before = list(check(driver()))
    changes = {module: text, "hub": ""} if "mod hub" in text else {module: text}
    assert len([problem for problem in check(driver(**changes)) if problem not in before]) == 1


@pytest.mark.parametrize(
    ("check", "module", "text"),
    [
        (upward, "bus", 'use crate::THIS_MODULE; /* crate::file */ fn f() { g("crate::file") } // super::file'),
        (upward, "file__ioctl", "pub(in crate::file) use kernel::file::File;"),
        (cycles, "queue", "fn f() { ring::f(); crate::queue::shared::f() }"),
        (unsafe_code, "event", "#![deny(unsafe_op_in_unsafe_fn)] // unsafe"),
    ],
)
def test_valid_code_passes(check, module, text):
    assert list(check(driver(**{module: text}))) == []
