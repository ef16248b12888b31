# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cards, as loop devices, that fail while scripts/flash writes them or reads them back."""

import os
import signal
import subprocess
import time

from loop_card import CARD_SIZE, DATA, MIB, OLD, CardTest, require_loop_devices, run

# Only ends a hang.
DEADLINE_S = 60


def setUpModule():
    require_loop_devices()


class Failures(CardTest):
    def start_and_pause(self):
        """Starts scripts/flash and stops it after bmaptool has written a part of the card; `resume` continues it."""
        self.bmap.unlink()
        run("zstd", "--keep", self.image)
        self.paused, self.go_on = self.folder / "paused", self.folder / "go-on"
        for fifo in (self.paused, self.go_on):
            os.mkfifo(fifo)
        # bmaptool runs `zstd -d` twice: the first time, it only rehearses.
        self.replace(
            "zstd",
            f'[ "$*" = -d ] && ! mkdir {self.folder}/rehearsed || exec $REAL "$@"\n'
            f"$REAL -d | {{ head -c {10 * MIB}; : >{self.paused}; read -r _ <{self.go_on}; cat; }}",
        )
        # A test in the background ignores SIGINT, and its children would inherit that.
        with_sigint = ["env", "--default-signal=INT"]
        flash = subprocess.Popen(
            with_sigint + self.command("--yes", "--fixed", image=self.folder / "test.wic.zst"),
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
        # bmaptool synchronizes every 6 MiB.
        deadline = time.monotonic() + DEADLINE_S
        while self.backing.read_bytes()[MIB // 2 : MIB] == OLD * (MIB // 2):
            self.assertLess(time.monotonic(), deadline, "nothing was written")
        return flash

    def kill(self, flash):
        """Cleans up after a test that failed before scripts/flash ended."""
        if flash.poll() is None:
            os.killpg(flash.pid, signal.SIGKILL)
            flash.wait()

    def resume(self):
        self.go_on.write_bytes(b"\n")

    def assert_spoilt(self, flash, says):
        stderr = flash.communicate(timeout=DEADLINE_S)[1]
        self.assertEqual(flash.returncode, 3, stderr)
        self.assertIn(says, stderr)
        self.assertIn("DO NOT USE THIS CARD", stderr)

    def when_written(self, script):
        """Runs `script` after bmaptool has written the image, but not after the rehearsal."""
        self.replace("bmaptool", f'$REAL "$@" || exit\ncase "$*" in *" /dev/null") exit ;; esac\n{script}')

    def test_card_removed_while_writing(self):
        flash = self.start_and_pause()
        # A card reader without a card has size 0.
        os.truncate(self.backing, 0)
        run("losetup", "--set-capacity", self.device)
        self.resume()
        self.assert_spoilt(flash, "bmaptool failed to write the image")

    def test_interrupted(self):
        flash = self.start_and_pause()
        # Like a terminal: to the whole process group.
        os.killpg(flash.pid, signal.SIGINT)
        self.assert_spoilt(flash, "interrupted")

    def test_terminated(self):
        flash = self.start_and_pause()
        flash.terminate()
        flash.wait(DEADLINE_S)
        # zstd still runs, and ends because its reader is gone.
        self.resume()
        self.assert_spoilt(flash, "interrupted")

    def terminate_when_closed(self):
        """Sends scripts/flash SIGTERM while it closes the card, which may take seconds. Only once the file `written` exists."""
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

    def test_terminated_after_an_interrupt(self):
        self.terminate_when_closed()
        flash = self.start_and_pause()
        self.written.touch()
        os.killpg(flash.pid, signal.SIGINT)
        self.assert_spoilt(flash, "interrupted")

    def test_terminated_after_success(self):
        self.terminate_when_closed()
        self.when_written(f"touch {self.written}")
        self.flash(status=0, says="contains the image")

    def test_write_errors(self):
        # The file system of the backing file is too small for the image.
        place = self.folder / "small"
        place.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={7 * MIB}", "tmpfs", place)
        self.addCleanup(run, "umount", place)
        self.backing = place / "card"
        with self.backing.open("wb") as file:
            file.truncate(CARD_SIZE)
        self.flash(device=self.loop(), status=3, says="bmaptool failed to write the image")

    def test_card_corrupts_data(self):
        # The page cache still has the correct data.
        at = DATA[1][0] + 12345
        self.when_written(f"printf x | dd of={self.backing} bs=1 seek={at} conv=notrunc status=none")
        self.flash(status=3, says="differ from the image")

    def test_card_removed_before_it_is_read_back(self):
        self.when_written(f"truncate --size=0 {self.backing} && losetup --set-capacity {self.device}")
        self.flash(status=3, says="the device ends at byte ")
