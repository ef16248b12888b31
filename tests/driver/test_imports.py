# SPDX-License-Identifier: MIT OR Apache-2.0
"""The driver's architecture: a file imports from the layers below its own, and `unsafe` code stays where it belongs."""

import functools
import graphlib
import re
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[2] / "recipes-kernel/mypoll/mypoll"

# The top-level modules, from top to bottom; above them is main.rs. None imports from another one of its layer.
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
# What `module!` puts into the crate root for the kernel's macros. The bottom layer does without.
GENERATED = ("THIS_MODULE",)

NO_CODE = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^\\'])'""", re.DOTALL)
BRANCHES = re.compile(r"([\w:]+)::\s*\{([^{}]*)\}")
PATH = re.compile(r"(?<!\bin )(?<![\w:])(?:crate|super)(?:::\w+)+")


def driver(**changes):
    """What the driver's modules say, by their paths from the crate root, without comments and strings. Text is added to
    the module of its name, in which __ stands for the slash."""
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
    return NO_CODE.sub(lambda match: "\n" * match[0].count("\n"), text)


def branch_by_branch(match):
    """`a::{b, c}` as `a::b, a::c`, with its lines."""
    branches = match[2].split(",")
    return ",".join(re.sub(r"\w+", lambda word: f"{match[1]}::{word[0]}", branch, count=1) for branch in branches)


@functools.cache
def without_branches(text):
    count = 1
    while count:
        text, count = BRANCHES.subn(branch_by_branch, text)
    return text


def imports(modules):
    """For each path to another module: the line, both modules, and the path from the crate root."""
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
            yield f"{module}: no `mod` in the file above leads to it"
        elif layer(module) is None:
            yield f"{module}: it is in none of LAYERS"


def upward(modules):
    for place, module, target, path in imports(modules):
        generated = path == GENERATED and layer(module) < len(LAYERS) - 1
        if module and target[:1] != module[:1] and not generated and layer(target) <= layer(module):
            yield f"{place}: {'::'.join(path)} is not below"


def circles(modules):
    """A module that uses what is in its own folder is one with it: that is no import."""
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


def test_no_circle_of_files():
    assert list(circles(driver())) == []


def test_unsafe_code_is_in_kernel_ext_and_uapi_alone():
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
        (circles, "queue__ring", "use super::settings;"),
        (unsafe_code, "event", "fn f() { unsafe { g() } }"),
        (unsafe_code, "main", "unsafe impl Send for MyPoll {}"),
    ],
)
def test_what_is_wrong_is_found(check, module, text):
    before = list(check(driver()))
    changes = {module: text, "hub": ""} if "mod hub" in text else {module: text}
    assert len([problem for problem in check(driver(**changes)) if problem not in before]) == 1


@pytest.mark.parametrize(
    ("check", "module", "text"),
    [
        (upward, "bus", 'use crate::THIS_MODULE; /* crate::file */ fn f() { g("crate::file") } // super::file'),
        (upward, "file__ioctl", "pub(in crate::file) use kernel::file::File;"),
        (circles, "queue", "fn f() { ring::f(); crate::queue::shared::f() }"),
        (unsafe_code, "event", "#![deny(unsafe_op_in_unsafe_fn)] // unsafe"),
    ],
)
def test_what_is_right_passes(check, module, text):
    assert list(check(driver(**{module: text}))) == []
