# SPDX-License-Identifier: MIT OR Apache-2.0
"""Creates a card's image (.wic.zst) from Debian's root, linux-mypoll and the layer's files. Run it under fakeroot, to keep the
owners of files."""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

import layer

MIB = 1 << 20
# IDs from files/wic/mypoll-sdcard.wks.in.
DISK = "4d5b4f0c"
BOOT = "4D5B4F0C"

FSTAB = f"""\
PARTUUID={DISK}-02 / ext4 ro 0 0
UUID={BOOT[:4]}-{BOOT[4:]} /boot vfat ro,nofail 0 0
tmpfs /var/log tmpfs mode=0755 0 0
tmpfs /var/tmp tmpfs mode=1777 0 0
"""

# The tests read the journal of a boot on the console.
COMMAND_LINE = f"root=PARTUUID={DISK}-02 rootfstype=ext4 rootwait ro systemd.journald.forward_to_console=1\n"

SSHD = """\
PermitRootLogin yes
PermitEmptyPasswords yes
UsePAM no
"""


def run(*command):
    subprocess.run(command, check=True)


def make_root(root, build, arguments):
    root.mkdir()
    # The kernel creates the devices.
    run("tar", "-C", root, "-xf", arguments.debian, "--exclude=./dev/*")
    for folder in ("boot", "usr/lib/modules"):
        shutil.rmtree(root / folder)
        (root / folder).mkdir()
    for service in ("serve-lab", "mosquitto"):
        (root / "etc/systemd/system/multi-user.target.wants" / f"{service}.service").unlink()
    layer.install(root, build)
    for program in ("mypoll-agent", "mypollctl"):
        shutil.copy(arguments.userspace / program, root / "usr/bin")

    (version,) = (arguments.kernel / "modules/lib/modules").iterdir()
    modules = root / "usr/lib/modules" / version.name
    shutil.copytree(version, modules, symlinks=True, ignore=shutil.ignore_patterns("build"))
    (modules / "extra").mkdir()
    shutil.copy(arguments.driver, modules / "extra")
    run("depmod", "-b", root, version.name)

    (root / "etc/fstab").write_text(FSTAB, encoding="ascii")
    (root / "etc/ssh/sshd_config.d/tests.conf").write_text(SSHD, encoding="ascii")
    shadow = root / "etc/shadow"
    shadow.write_text(shadow.read_text(encoding="ascii").replace("root:*:", "root::", 1), encoding="ascii")
    # Empty: systemd mounts a transient ID over it.
    (root / "etc/machine-id").write_text("", encoding="ascii")


def make_file_systems(folder, root, kernel):
    """The partitions' files by name, in the order of the partitions."""
    files = {name: folder / f"{name}.part" for name in ("boot", "root", "data")}
    used = int(subprocess.run(["du", "-sm", root], check=True, capture_output=True, text=True).stdout.split()[0])
    for file, size in zip(files.values(), (64, used * 5 // 4 + 32, 128), strict=True):
        with file.open("wb") as empty:
            empty.truncate(size * MIB)
    run("mkfs.vfat", "-n", "boot", "-i", BOOT, files["boot"])
    (folder / "cmdline.txt").write_text(COMMAND_LINE, encoding="ascii")
    run("mcopy", "-i", files["boot"], kernel / "Image", "::kernel8.img")
    run("mcopy", "-i", files["boot"], folder / "cmdline.txt", "::cmdline.txt")
    run("mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", root, files["root"])
    run("mke2fs", "-q", "-t", "ext4", "-b", "4096", "-L", "mypoll-data", files["data"])
    return files


def make_card(card, files):
    """Creates the card. Partitions are aligned to 4 MiB, as in the layout."""
    lines, end = [f"label: dos\nlabel-id: 0x{DISK}"], 4
    with card.open("wb") as disk:
        for (name, file), kind in zip(files.items(), ("c", "83", "83"), strict=True):
            size = -(-file.stat().st_size // (4 * MIB)) * 4
            lines.append(f"start={end}MiB, size={size}MiB, type={kind}{', bootable' if name == 'boot' else ''}")
            disk.seek(end * MIB)
            with file.open("rb") as part:
                shutil.copyfileobj(part, disk, MIB)
            end += size
        disk.truncate(end * MIB)
    subprocess.run(["sfdisk", "--quiet", card], check=True, text=True, input="\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--debian", type=Path, required=True, help="Debian's root file system, a .tar")
    parser.add_argument("--kernel", type=Path, required=True, help="a folder with Image and modules/")
    parser.add_argument("--driver", type=Path, required=True, help="mypoll.ko")
    parser.add_argument("--userspace", type=Path, required=True, help="a folder with mypoll-agent and mypollctl")
    parser.add_argument("image", type=Path, help="the result, a .wic.zst")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.image.parent) as name:
        folder = Path(name)
        make_root(folder / "root", folder, arguments)
        make_card(folder / "card", make_file_systems(folder, folder / "root", arguments.kernel))
        run("zstd", "-q", "-1", "-T0", "-f", folder / "card", "-o", arguments.image)


if __name__ == "__main__":
    main()
