# SPDX-License-Identifier: MIT OR Apache-2.0
"""take-boot-configuration with mypoll-agent.toml on a boot partition, here a tmpfs. MYPOLL_AGENT: the agent's path."""

import os
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from loop_card import run

TAKE = Path(__file__).resolve().parents[2] / "recipes-apps/mypoll-agent/files/take-boot-configuration"
NAME = "mypoll-agent.toml"

DEFAULT = '[[stream]]\nlisten = "127.0.0.1:7070"\n'
GOOD = '[[stream]]\nlisten = "0.0.0.0:7070"\ninsecure = true\n'
BETTER = GOOD.replace("7070", "7071")
BAD = "[[stream]]\nlisten = 7070\n"


class BootConfiguration(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("mounting takes root")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in "boot", "etc", "bin":
            (self.folder / name).mkdir()
        self.boot = self.folder / "boot"
        self.kept = self.folder / "lib/mypoll-agent" / NAME
        self.etc = self.folder / "etc" / NAME
        self.etc.write_text(DEFAULT, encoding="utf-8")
        agent = self.folder / "bin/mypoll-agent"
        agent.symlink_to(os.environ["MYPOLL_AGENT"])
        run("mount", "-t", "tmpfs", "-o", "ro", "boot", self.boot)
        self.addCleanup(run, "umount", self.boot)
        self.addCleanup(self.unmount)

    def put(self, name, text):
        """Writes a file to the boot partition, or removes it if `text` is None."""
        run("mount", "-o", "remount,rw", self.boot)
        if text is None:
            (self.boot / name).unlink()
        else:
            (self.boot / name).write_text(text, encoding="utf-8")
        run("mount", "-o", "remount,ro", self.boot)

    def unmount(self):
        # ismount() does not support files.
        if str(self.etc) in Path("/proc/self/mounts").read_text(encoding="utf-8"):
            run("umount", self.etc)

    def run_script(self):
        """Runs the script like a boot."""
        self.unmount()
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            [TAKE, self.boot, self.kept.parent, self.etc.parent],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": path},
        )

    def boot_once(self, read_only=True):
        """The agent's configuration after a boot, and the log."""
        ended = self.run_script()
        self.assertEqual(ended.returncode, 0, ended.stderr)
        if read_only:
            self.assertTrue(os.statvfs(self.boot).f_flag & os.ST_RDONLY, "the boot partition was left writable")
        return self.etc.read_text(encoding="utf-8"), ended.stderr

    def error(self):
        file = self.boot / "mypoll-agent-error.txt"
        return file.read_text(encoding="utf-8") if file.exists() else None

    def test_no_file(self):
        self.assertEqual(self.boot_once(), (DEFAULT, ""))
        self.assertIsNone(self.error())

    def test_good_file(self):
        self.put(NAME, GOOD)
        self.assertEqual(self.boot_once(), (GOOD, ""))
        self.assertEqual(self.boot_once(), (GOOD, ""))
        self.assertIsNone(self.error())

    def test_changed_file(self):
        self.put(NAME, GOOD)
        self.boot_once()
        self.put(NAME, BETTER)
        self.assertEqual(self.boot_once(), (BETTER, ""))

    def test_removed_file(self):
        self.put(NAME, GOOD)
        self.boot_once()
        self.put(NAME, None)
        self.assertEqual(self.boot_once(), (DEFAULT, ""))

    def test_bad_file(self):
        self.put(NAME, BAD)
        configuration, log = self.boot_once()
        self.assertEqual(configuration, DEFAULT)
        for text in log, self.error():
            self.assertIn(f"{self.boot / NAME}:2: stream[0].listen: ", text)

    def test_bad_file_after_a_good_one(self):
        self.put(NAME, GOOD)
        self.boot_once()
        self.put(NAME, BAD)
        self.assertEqual(self.boot_once()[0], GOOD)
        self.assertEqual(self.boot_once()[0], GOOD)

    def test_fixed_file(self):
        self.put(NAME, BAD)
        self.boot_once()
        self.put(NAME, BETTER)
        self.assertEqual(self.boot_once(), (BETTER, ""))
        self.assertIsNone(self.error())

    def test_error_file_is_not_rewritten(self):
        self.put(NAME, BAD)
        self.boot_once()
        written = (self.boot / "mypoll-agent-error.txt").stat().st_mtime_ns
        self.boot_once()
        self.assertEqual((self.boot / "mypoll-agent-error.txt").stat().st_mtime_ns, written)

    def test_name_with_hidden_suffix(self):
        self.put(f"{NAME}.txt", GOOD)
        self.assertEqual(self.boot_once()[0], DEFAULT)
        self.assertIn("without .txt", self.error())

    def test_boot_partition_is_missing(self):
        self.put(NAME, GOOD)
        self.boot_once()
        self.unmount()
        self.boot = self.folder / "not-mounted"
        self.boot.mkdir()
        self.assertEqual(self.boot_once(read_only=False), (GOOD, ""))

    def test_no_space_for_the_copy(self):
        self.put(NAME, GOOD)
        self.boot_once()
        full = self.kept.parent
        run("mount", "-t", "tmpfs", "-o", "size=8k", "full", full)
        self.addCleanup(run, "umount", full)
        self.kept.write_text(GOOD, encoding="utf-8")
        (full / "other").write_bytes(bytes(4096))
        self.put(NAME, BETTER)
        configuration, log = self.boot_once()
        self.assertEqual(configuration, GOOD)
        for text in log, self.error():
            self.assertRegex(text, f"cannot copy {self.boot / NAME}: .*No space left on device")
        (full / "other").unlink()
        self.assertEqual(self.boot_once(), (BETTER, ""))
        self.assertIsNone(self.error())
        self.unmount()

    def test_copy_that_the_agent_no_longer_accepts(self):
        self.put(NAME, GOOD)
        self.boot_once()
        self.kept.write_text(BAD, encoding="utf-8")
        self.put(NAME, BAD)
        configuration, log = self.boot_once()
        self.assertEqual(configuration, DEFAULT)
        self.assertIn(str(self.kept), log)

    def test_power_cut_while_copying(self):
        self.put(NAME, GOOD)
        self.boot_once()
        self.put(NAME, BETTER)
        sync = self.folder / "bin/sync"
        # Kill the script and its subshell, which called this.
        sync.write_text('#!/bin/sh\nkill -KILL "$(cut -d " " -f 4 "/proc/$PPID/stat")" "$PPID"\n', encoding="ascii")
        sync.chmod(0o755)
        self.assertEqual(self.run_script().returncode, -signal.SIGKILL)
        self.assertEqual(self.kept.read_text(encoding="utf-8"), GOOD)
        sync.unlink()
        self.assertEqual(self.boot_once(), (BETTER, ""))
