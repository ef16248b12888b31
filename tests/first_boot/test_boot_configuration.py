# SPDX-License-Identifier: MIT OR Apache-2.0
"""What take-boot-configuration makes of mypoll-agent.toml on a boot partition, which is a tmpfs here. MYPOLL_AGENT is the agent."""

import os
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from loop_card import run

TAKE = Path(__file__).resolve().parents[2] / "recipes-apps/mypoll-agent/files/take-boot-configuration"
NAME = "mypoll-agent.toml"

IMAGES_OWN = '[[stream]]\nlisten = "127.0.0.1:7070"\n'
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
        self.etc.write_text(IMAGES_OWN, encoding="utf-8")
        agent = self.folder / "bin/mypoll-agent"
        agent.symlink_to(os.environ["MYPOLL_AGENT"])
        run("mount", "-t", "tmpfs", "-o", "ro", "boot", self.boot)
        self.addCleanup(run, "umount", self.boot)
        self.addCleanup(self.end)

    def put(self, name, text):
        """Writes a file as a PC does, or removes it."""
        run("mount", "-o", "remount,rw", self.boot)
        if text is None:
            (self.boot / name).unlink()
        else:
            (self.boot / name).write_text(text, encoding="utf-8")
        run("mount", "-o", "remount,ro", self.boot)

    def end(self):
        # ismount() does not see files.
        if str(self.etc) in Path("/proc/self/mounts").read_text(encoding="utf-8"):
            run("umount", self.etc)

    def take(self):
        """What a boot runs."""
        self.end()
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            [TAKE, self.boot, self.kept.parent, self.etc.parent],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": path},
        )

    def start(self, read_only=True):
        """What the agent gets at a boot, and what is logged."""
        ended = self.take()
        self.assertEqual(ended.returncode, 0, ended.stderr)
        if read_only:
            self.assertTrue(os.statvfs(self.boot).f_flag & os.ST_RDONLY, "the boot partition was left writable")
        return self.etc.read_text(encoding="utf-8"), ended.stderr

    def error(self):
        file = self.boot / "mypoll-agent-error.txt"
        return file.read_text(encoding="utf-8") if file.exists() else None

    def test_no_file(self):
        self.assertEqual(self.start(), (IMAGES_OWN, ""))
        self.assertIsNone(self.error())

    def test_good_file(self):
        self.put(NAME, GOOD)
        self.assertEqual(self.start(), (GOOD, ""))
        self.assertEqual(self.start(), (GOOD, ""))
        self.assertIsNone(self.error())

    def test_another_file(self):
        self.put(NAME, GOOD)
        self.start()
        self.put(NAME, BETTER)
        self.assertEqual(self.start(), (BETTER, ""))

    def test_file_is_removed(self):
        self.put(NAME, GOOD)
        self.start()
        self.put(NAME, None)
        self.assertEqual(self.start(), (IMAGES_OWN, ""))

    def test_bad_file(self):
        self.put(NAME, BAD)
        configuration, log = self.start()
        self.assertEqual(configuration, IMAGES_OWN)
        for text in log, self.error():
            self.assertIn(f"{self.boot / NAME}:2: stream[0].listen: ", text)

    def test_bad_file_after_a_good_one(self):
        self.put(NAME, GOOD)
        self.start()
        self.put(NAME, BAD)
        self.assertEqual(self.start()[0], GOOD)
        self.assertEqual(self.start()[0], GOOD)

    def test_bad_file_is_mended(self):
        self.put(NAME, BAD)
        self.start()
        self.put(NAME, BETTER)
        self.assertEqual(self.start(), (BETTER, ""))
        self.assertIsNone(self.error())

    def test_the_same_mistake_is_written_once(self):
        self.put(NAME, BAD)
        self.start()
        written = (self.boot / "mypoll-agent-error.txt").stat().st_mtime_ns
        self.start()
        self.assertEqual((self.boot / "mypoll-agent-error.txt").stat().st_mtime_ns, written)

    def test_hidden_end_of_the_name(self):
        self.put(f"{NAME}.txt", GOOD)
        self.assertEqual(self.start()[0], IMAGES_OWN)
        self.assertIn("without .txt", self.error())

    def test_boot_partition_is_not_there(self):
        self.put(NAME, GOOD)
        self.start()
        self.end()
        self.boot = self.folder / "not-mounted"
        self.boot.mkdir()
        self.assertEqual(self.start(read_only=False), (GOOD, ""))

    def test_no_room_to_keep_it(self):
        self.put(NAME, GOOD)
        self.start()
        full = self.kept.parent
        run("mount", "-t", "tmpfs", "-o", "size=8k", "full", full)
        self.addCleanup(run, "umount", full)
        self.kept.write_text(GOOD, encoding="utf-8")
        (full / "other").write_bytes(bytes(4096))
        self.put(NAME, BETTER)
        configuration, log = self.start()
        self.assertEqual(configuration, GOOD)
        for text in log, self.error():
            self.assertRegex(text, f"cannot copy {self.boot / NAME}: .*No space left on device")
        (full / "other").unlink()
        self.assertEqual(self.start(), (BETTER, ""))
        self.assertIsNone(self.error())
        self.end()

    def test_kept_file_of_an_agent_that_took_it(self):
        self.put(NAME, GOOD)
        self.start()
        self.kept.write_text(BAD, encoding="utf-8")
        self.put(NAME, BAD)
        configuration, log = self.start()
        self.assertEqual(configuration, IMAGES_OWN)
        self.assertIn(str(self.kept), log)

    def test_power_cut_while_it_is_kept(self):
        self.put(NAME, GOOD)
        self.start()
        self.put(NAME, BETTER)
        sync = self.folder / "bin/sync"
        # The script, and the part of it that called this.
        sync.write_text('#!/bin/sh\nkill -KILL "$(cut -d " " -f 4 "/proc/$PPID/stat")" "$PPID"\n', encoding="ascii")
        sync.chmod(0o755)
        self.assertEqual(self.take().returncode, -signal.SIGKILL)
        self.assertEqual(self.kept.read_text(encoding="utf-8"), GOOD)
        sync.unlink()
        self.assertEqual(self.start(), (BETTER, ""))
