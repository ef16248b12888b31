# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sets parameters of overlays like a Raspberry Pi's firmware. Supports only what mypoll.dtso uses."""

import re

import libfdt

# PROPERTY (a string), PROPERTY? (present or not) or PROPERTY:OFFSET (a cell); {KEY=VALUE,…} maps values.
TARGET = re.compile(r"(?P<property>[^?:{]+)(?P<kind>[?:]?)(?P<offset>\d*)(?:{(?P<table>.*)})?")
NUMBERS = {"on": 1, "true": 1, "off": 0, "false": 0}
# Bytes for longer names and values.
ROOM = 1024


def set_parameter(overlay, name, value="true"):
    """Sets the parameter `name` of `overlay`, a libfdt.Fdt; KeyError if it does not exist."""
    overlay.resize(overlay.totalsize() + ROOM)
    overrides = overlay.path_offset("/__overrides__")
    if not overlay.hasprop(overrides, name):
        raise KeyError(name)
    rest = bytes(overlay.getprop(overrides, name))
    while rest:
        phandle = int.from_bytes(rest[:4], "big")
        target, _, rest = rest[4:].partition(b"\0")
        if phandle:
            _set_property(overlay, phandle, TARGET.fullmatch(target.decode()), value)
        else:
            _set_fragment(overlay, re.fullmatch(r"=(\d+)", target.decode()), value)


def _number(value):
    return NUMBERS[value] if value in NUMBERS else int(value, 0)


def _set_property(overlay, phandle, target, value):
    node = overlay.node_offset_by_phandle(phandle)
    name, kind = target["property"], target["kind"]
    if target["table"]:
        value = dict(entry.split("=") for entry in target["table"].split(","))[value]
    if not kind:
        overlay.setprop_str(node, name, value)
    elif kind == "?":
        if _number(value):
            overlay.setprop(node, name, b"")
        elif overlay.hasprop(node, name):
            overlay.delprop(node, name)
    else:
        start = int(target["offset"])
        cells = bytearray(overlay.getprop(node, name))
        cells[start : start + 4] = _number(value).to_bytes(4, "big")
        overlay.setprop(node, name, bytes(cells))
        if name == "reg":
            path = overlay.get_path(node)
            _rename(overlay, path, f"{path.rpartition('/')[2].partition('@')[0]}@{_number(value):x}")


def _set_fragment(overlay, target, value):
    names = "__dormant__", "__overlay__"
    wanted, other = names if not _number(value) else reversed(names)
    path = f"/fragment@{target[1]}/{other}"
    if overlay.path_offset(path, quiet=libfdt.QUIET_NOTFOUND) >= 0:
        _rename(overlay, path, wanted)


def _rename(overlay, path, name):
    """Renames a node, and updates the references to it."""
    overlay.set_name(overlay.path_offset(path), name)
    local = overlay.path_offset(f"/__local_fixups__{path}", quiet=libfdt.QUIET_NOTFOUND)
    if local >= 0:
        overlay.set_name(local, name)
    renamed = f"{path.rpartition('/')[0]}/{name}"
    for table in ("/__fixups__", "/__symbols__"):
        node = overlay.path_offset(table)
        for key, value in _properties(overlay, node).items():
            places = [re.sub(f"^{re.escape(path)}(?=[/:]|$)", renamed, place) for place in value.decode().split("\0")]
            overlay.setprop(node, key, "\0".join(places).encode())


def _properties(tree, node):
    found = {}
    offset = tree.first_property_offset(node, quiet=libfdt.QUIET_NOTFOUND)
    while offset >= 0:
        prop = tree.get_property_by_offset(offset)
        found[prop.name] = bytes(prop)
        offset = tree.next_property_offset(offset, quiet=libfdt.QUIET_NOTFOUND)
    return found
