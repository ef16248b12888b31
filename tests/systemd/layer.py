# SPDX-License-Identifier: MIT OR Apache-2.0
"""Installs the layer's files for an image with systemd, by running the recipes' do_install."""

import re
import string
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CROSS = "aarch64-linux-gnu-"

# Patterns of recipes, and the folders of their files. For driver and agent ("."), the caller installs what is compiled.
RECIPES = {
    "recipes-core/board-watchdog/board-watchdog_*.bb": "files",
    "recipes-core/data-partition/data-partition_*.bb": "files",
    "recipes-core/grow-data-partition/grow-data-partition_*.bb": "files",
    "recipes-core/serial-hostname/serial-hostname_*.bb": "files",
    "recipes-apps/mypoll-agent/mypoll-agent-boot-conf_*.bb": "files",
    "recipes-apps/mypoll-agent/mypoll-agent-conf_*.bb": "files",
    "recipes-apps/mypoll-agent/mypoll-agent_*.bb": ".",
    "recipes-kernel/mypoll/mypoll-driver_*.bb": ".",
}

# As in oe-core with usrmerge.
FOLDERS = {
    "base_sbindir": "/usr/sbin",
    "bindir": "/usr/bin",
    "libexecdir": "/usr/libexec",
    "nonarch_base_libdir": "/usr/lib",
    "nonarch_libdir": "/usr/lib",
    "sbindir": "/usr/sbin",
    "sysconfdir": "/etc",
    "systemd_system_unitdir": "/usr/lib/systemd/system",
}


def install(root, build):
    """Installs everything into `root`. `build` is a folder for compiled programs."""
    source = REPOSITORY / "recipes-core/grow-data-partition/files/grow-ext4.c"
    subprocess.run([f"{CROSS}gcc", "-O2", "-Wall", "-o", build / "grow-ext4", source], check=True)
    for recipe, files in RECIPES.items():
        (path,) = REPOSITORY.glob(recipe)
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        variables = {**FOLDERS, "D": str(root), "UNPACKDIR": str(path.parent / files)}
        variables |= dict(re.findall(r'(?m)^(\w+) \?= "(.*)"$', text))
        lines = re.search(r"(?ms)^do_install(?::append)?\(\) \{\n(.*?)^\}", text)[1].splitlines()
        if files == ".":
            lines = [line for line in lines if "${UNPACKDIR}/" in line or line.lstrip().startswith("sed ")]
        script = string.Template("\n".join(lines)).substitute(variables)
        subprocess.run(["sh", "-euc", script], check=True, cwd=build)
        for unit in re.findall(r'(?m)^SYSTEMD_SERVICE:\$\{PN\} = "(.*)"$', text):
            enable(root, unit)
        for module in re.findall(r'(?m)^KERNEL_MODULE_AUTOLOAD \+= "(.*)"$', text):
            (root / "etc/modules-load.d" / f"{module}.conf").write_text(f"{module}\n", encoding="ascii")
    add_users(root)


def enable(root, unit):
    """Enables a unit, like a package of the class systemd when it is installed."""
    text = (root / "usr/lib/systemd/system" / unit).read_text(encoding="utf-8")
    for target in re.findall(r"(?m)^WantedBy=(.*)$", text):
        wants = root / "etc/systemd/system" / f"{target}.wants"
        wants.mkdir(parents=True, exist_ok=True)
        (wants / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")


def add_users(root):
    """Adds the user mypoll and the group gpio with the distro's IDs; Debian's users already exist."""
    ids = {
        name: dict(re.findall(r"(?m)^([\w-]+)::(\d+):", (REPOSITORY / "files" / f"mypoll-{name}").read_text(encoding="ascii")))
        for name in ("passwd", "group")
    }
    user, group, gpio = ids["passwd"]["mypoll"], ids["group"]["mypoll"], ids["group"]["gpio"]
    with (root / "etc/passwd").open("a", encoding="ascii") as file:
        file.write(f"mypoll:x:{user}:{group}::/:/usr/sbin/nologin\n")
    with (root / "etc/group").open("a", encoding="ascii") as file:
        file.write(f"mypoll:x:{group}:\ngpio:x:{gpio}:mypoll\n")
