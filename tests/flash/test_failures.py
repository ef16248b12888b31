# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cards that fail while scripts/flash writes or reads them back: loop devices that are treated badly."""

import os
import signal
import subprocess
import time

from loop_card import CARD_SIZE, DATA, MIB, OLD, CardTest, require_loop_devices, run

# How long something is waited for that happens at once: the end of a hang, in seconds.
DEADLINE = 60


def setUpModule():
    require_loop_devices()


class Failures(CardTest):
    def start_and_pause(self):
        """scripts/flash, when bmaptool has written some of the card and waits for the rest; `resume` gives it that."""
        self.bmap.unlink()
        run("zstd", "--keep", self.image)
        self.paused, self.go_on = self.folder / "paused", self.folder / "go-on"
        for fifo in (self.paused, self.go_on):
            os.mkfifo(fifo)
        # bmaptool calls it with -d alone, the first time when it rehearses.
        self.replace(
            "zstd",
            f'[ "$*" = -d ] && ! mkdir {self.folder}/rehearsed || exec $REAL "$@"\n'
            f"$REAL -d | {{ head -c {10 * MIB}; : >{self.paused}; read -r _ <{self.go_on}; cat; }}",
        )
        # Where the tests run in the background, SIGINT is ignored, and would be here.
        as_in_a_terminal = ["env", "--default-signal=INT"]
        flash = subprocess.Popen(
            as_in_a_terminal + self.command("--yes", "--fixed", image=self.folder / "test.wic.zst"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(),
            start_new_session=True,
        )
        self.addCleanup(flash.stderr.close)
        self.addCleanup(self.kill, flash)
        self.paused.read_bytes()
        # It synchronizes every 6 MiB.
        deadline = time.monotonic() + DEADLINE
        while self.backing.read_bytes()[MIB // 2 : MIB] == OLD * (MIB // 2):
            self.assertLess(time.monotonic(), deadline, "nothing was written")
        return flash

    def kill(self, flash):
        """Where the test failed, so that it is still there."""
        if flash.poll() is None:
            os.killpg(flash.pid, signal.SIGKILL)
            flash.wait()

    def resume(self):
        self.go_on.write_bytes(b"\n")

    def assert_spoilt(self, flash, says):
        said = flash.communicate(timeout=DEADLINE)[1]
        self.assertEqual(flash.returncode, 3, said)
        self.assertIn(says, said)
        self.assertIn("DO NOT USE THIS CARD", said)

    def when_written(self, script):
        """Has `script` run when bmaptool has written all, and not only rehearsed it."""
        self.replace("bmaptool", f'$REAL "$@" || exit\ncase "$*" in *" /dev/null") exit ;; esac\n{script}')

    def test_pulled_away(self):
        flash = self.start_and_pause()
        # What a card reader does without its card: no room at all.
        os.truncate(self.backing, 0)
        run("losetup", "--set-capacity", self.device)
        self.resume()
        self.assert_spoilt(flash, "bmaptool failed to write the image")

    def test_interrupted(self):
        flash = self.start_and_pause()
        # As a terminal does: all of them.
        os.killpg(flash.pid, signal.SIGINT)
        self.assert_spoilt(flash, "interrupted")

    def test_terminated(self):
        flash = self.start_and_pause()
        flash.terminate()
        flash.wait(DEADLINE)
        # zstd is still there, and ends as its reader is gone.
        self.resume()
        self.assert_spoilt(flash, "interrupted")

    def terminate_when_closed(self):
        """Has scripts/flash get SIGTERM when it closes the card after `written` came to be: that may take seconds."""
        self.written = self.folder / "written"
        folder = self.folder / "python"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(
            "import fcntl, os, signal, stat\n"
            "def close(fd, really=os.close):\n"
            "    writable = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY\n"
            f"    if writable and stat.S_ISBLK(os.fstat(fd).st_mode) and os.path.exists({str(self.written)!r}):\n"
            "        os.kill(os.getpid(), signal.SIGTERM)\n"
            "    really(fd)\n"
            "os.close = close\n",
            encoding="ascii",
        )
        self.variables["PYTHONPATH"] = str(folder)

    def test_interrupted_once_more(self):
        self.terminate_when_closed()
        flash = self.start_and_pause()
        self.written.touch()
        os.killpg(flash.pid, signal.SIGINT)
        self.assert_spoilt(flash, "interrupted")

    def test_terminated_when_all_is_done(self):
        self.terminate_when_closed()
        self.when_written(f"touch {self.written}")
        self.flash(status=0, says="contains the image")

    def test_errors_in_the_middle(self):
        # The file behind the card finds no room for more than a part of it.
        place = self.folder / "small"
        place.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={7 * MIB}", "tmpfs", place)
        self.addCleanup(run, "umount", place)
        self.backing = place / "card"
        with self.backing.open("wb") as file:
            file.truncate(CARD_SIZE)
        self.flash(device=self.loop(), status=3, says="bmaptool failed to write the image")

    def test_does_not_hold_what_was_written(self):
        # Behind the page cache: who reads that sees what was written.
        at = DATA[1][0] + 12345
        self.when_written(f"printf x | dd of={self.backing} bs=1 seek={at} conv=notrunc status=none")
        self.flash(status=3, says="differ from the image")

    def test_gone_before_it_is_read_back(self):
        self.when_written(f"truncate --size=0 {self.backing} && losetup --set-capacity {self.device}")
        self.flash(status=3, says="the device ends at byte ")
