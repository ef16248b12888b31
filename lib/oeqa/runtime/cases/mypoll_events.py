# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tests the driver and the agent on the booted image: TEST_SUITES = "ping ssh mypoll_events"."""

import json
import re
import time
from pathlib import Path

from oeqa.core.decorator.data import skipIfNotMachine
from oeqa.core.decorator.depends import OETestDepends
from oeqa.runtime.case import OERuntimeTestCase
from oeqa.runtime.decorator.package import OEHasPackage

SPLAT_SIGNS = Path(__file__).with_name("mypoll_splat_signs.txt")
RECEIVED = "/tmp/mypoll-received"
CLIENT = "/tmp/mypoll-client.pid"
FIFO = "/run/mypoll-fifo"
# Only ends a hang: a busy host needs minutes for a restart.
DEADLINE_S = 900


class MypollCase(OERuntimeTestCase):
    def run_on_target(self, command, timeout=120):
        """The command's output; fails the test if its exit status is not 0."""
        status, output = self.target.run(command, timeout=timeout)
        self.assertEqual(status, 0, f"`{command}` ended with status {status}:\n{output}")
        return output

    def agent(self, action):
        if self.tc.td["VIRTUAL-RUNTIME_init_manager"] == "systemd":
            self.run_on_target(f"systemctl {action} mypoll-agent")
        else:
            self.run_on_target(f"/etc/init.d/mypoll-agent {action}")

    def wait_for(self, what, condition):
        """Waits until `condition` is true, and returns its value. The deadline only ends a hang."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.2)
        self.fail(f"{what} did not happen within {DEADLINE_S} s")


class MypollDriverTest(MypollCase):
    @OETestDepends(["ssh.SSHTest.test_ssh"])
    def test_loaded_at_boot(self):
        self.assertRegex(self.run_on_target("cat /proc/modules"), r"(?m)^mypoll ")
        self.run_on_target("test -c /dev/mypoll")

    @OETestDepends(["mypoll_events.MypollDriverTest.test_loaded_at_boot"])
    def test_modprobe(self):
        # The status must be modprobe's own: check it with a missing module.
        status, output = self.target.run("modprobe mypoll-of-no-kernel")
        self.assertNotIn(status, (0, 127, 255), output)
        self.agent("stop")
        try:
            self.run_on_target("modprobe -r mypoll")
            self.run_on_target("test ! -e /sys/module/mypoll")
            self.run_on_target("modprobe mypoll")
            self.run_on_target("test -e /sys/module/mypoll")
        finally:
            self.agent("start")

    @OETestDepends(["mypoll_events.MypollDriverTest.test_modprobe"])
    def test_agent_without_the_driver(self):
        # As with [gpiochip], which needs a chip.
        configuration = f'[simulated]\npath = "{FIFO}"\n'
        self.agent("stop")
        self.run_on_target(f"modprobe -r mypoll; rm -f {FIFO}; mkfifo {FIFO} && chown mypoll {FIFO}")
        self.run_on_target(f"echo '{configuration}' >{FIFO}.toml && mount --bind {FIFO}.toml /etc/mypoll-agent.toml")
        try:
            self.agent("start")
            self.wait_for("the agent", lambda: self.target.run("mypoll-agent status")[0] == 0)
        finally:
            self.agent("stop")
            self.run_on_target("umount /etc/mypoll-agent.toml; modprobe mypoll")
            self.agent("start")

    @OETestDepends(["mypoll_events.MypollDriverTest.test_modprobe"])
    @OEHasPackage(["mypoll-selftest"])
    def test_selftest(self):
        self.agent("stop")
        try:
            output = self.run_on_target("mypoll-selftest", timeout=1200)
        finally:
            self.agent("start")
        plan = re.search(r"(?m)^1\.\.(\d+)$", output)
        self.assertIsNotNone(plan, f"no plan in:\n{output}")
        results = re.findall(r"(?m)^(not )?ok \d+", output)
        self.assertEqual(len(results), int(plan[1]), f"tests are missing in:\n{output}")
        self.assertNotIn("not ", results, output)
        passed = len(re.findall(r"(?m)^ok (?!.*# SKIP)", output))
        self.assertGreater(passed, 0, output)
        self.logger.info("mypoll-selftest: %d of %s passed", passed, plan[1])


class MypollAgentTest(MypollCase):
    def setUp(self):
        super().setUp()
        self.port = self.first_port()
        self.connect()

    def tearDown(self):
        self.disconnect()
        super().tearDown()

    def first_port(self):
        """The port of the agent's first stream."""
        listen = re.search(r'listen = .*?:(\d+)"', self.run_on_target("mypoll-agent config --effective"))
        self.assertIsNotNone(listen, "the agent has no TCP stream")
        return int(listen[1])

    def connect(self):
        # The client runs on the target, because the agent may listen only on loopback.
        self.run_on_target(f"rm -f {RECEIVED}; nc 127.0.0.1 {self.port} </dev/null >{RECEIVED} 2>&1 & echo $! >{CLIENT}")
        self.wait_for("the agent's first line to its client", self.first_event)

    def disconnect(self):
        self.target.run(f"kill $(cat {CLIENT})")

    def agents(self):
        # pidof also matches the SysV script. An agent that has just ended has no exe link.
        programs = self.run_on_target(
            "for pid in $(pidof mypoll-agent); do program=$(readlink /proc/$pid/exe) && echo $pid $program || :; done"
        )
        return [pid for pid, program in map(str.split, programs.splitlines()) if program.endswith("/mypoll-agent")]

    def listens(self):
        # 0A: listening.
        return not self.target.run(f"grep -q ':{self.port:04X} 00000000:0000 0A' /proc/net/tcp")[0]

    def first_event(self):
        # A client gets only events after the agent accepted its connection: repeat until one arrives.
        self.run_on_target("echo trigger >/dev/mypoll")
        return self.received()

    def received(self, **wanted):
        lines = self.run_on_target(f"cat {RECEIVED}").splitlines()
        events = [json.loads(line) for line in lines]
        return [event for event in events if wanted.items() <= event.items()]

    @OETestDepends(["mypoll_events.MypollDriverTest.test_modprobe"])
    def test_trigger_reaches_client(self):
        self.assertTrue(self.received(source="manual", kind="trigger"))

    @OETestDepends(["mypoll_events.MypollAgentTest.test_trigger_reaches_client"])
    def test_simulated_press_reaches_client(self):
        # Redirections to a glob pattern only work in interactive shells.
        status, pull = self.target.run("ls /sys/devices/platform/gpio-sim/gpiochip*/sim_gpio0/pull")
        if status:
            self.skipTest("the kernel has no simulated GPIO chip")
        self.run_on_target(f"echo pull-up >{pull} && echo pull-down >{pull}")
        self.wait_for("the press", lambda: self.received(source="gpio", kind="rising", label="sim"))
        self.wait_for("the release", lambda: self.received(source="gpio", kind="falling", label="sim"))

    @OETestDepends(["mypoll_events.MypollAgentTest.test_trigger_reaches_client"])
    def test_reload_keeps_clients(self):
        (before,) = self.agents()
        self.agent("reload")
        self.assertIn("source", self.run_on_target("mypoll-agent status"))
        self.assertEqual(self.agents(), [before])
        triggers = len(self.received(kind="trigger"))
        self.run_on_target("echo trigger >/dev/mypoll")
        self.wait_for("another event", lambda: len(self.received(kind="trigger")) > triggers)

    @OETestDepends(["mypoll_events.MypollAgentTest.test_trigger_reaches_client"])
    def test_killed_agent_is_restarted(self):
        (before,) = self.agents()
        self.run_on_target(f"kill -KILL {before}")
        # The killed agent may still listen for a moment.
        self.wait_for("another agent", lambda: self.agents() not in ([], [before]) and self.listens())
        self.disconnect()
        self.connect()
        self.agent("stop")
        try:
            self.run_on_target("sleep 3")
            self.assertEqual(self.agents(), [], "a stopped agent was restarted")
        finally:
            self.agent("start")

    @skipIfNotMachine("qemuarm64", "the only board with a GPIO line that QEMU can press")
    @OETestDepends(["mypoll_events.MypollAgentTest.test_trigger_reaches_client"])
    def test_press_by_qemu_reaches_client(self):
        # Only a QEMU target has a runner: simpleremote and testexport use SSH.
        if getattr(self.target, "runner", None) is None:
            self.skipTest("QEMU was not started by this test: its monitor is unreachable")

        def press():
            # QEMU releases the button after 0.1 s, too soon for a loaded guest: press again until it sees a press.
            self.target.runner.run_monitor("system_powerdown")
            return self.received(source="gpio", kind="rising", label="button")

        self.wait_for("the press", press)
        self.wait_for("the release", lambda: self.received(source="gpio", kind="falling", label="button"))

    @OETestDepends(["mypoll_events.MypollAgentTest.test_trigger_reaches_client"])
    def test_press_by_wire_reaches_client(self):
        if self.tc.td.get("MYPOLL_WIRE") != "1":
            self.skipTest('MYPOLL_WIRE is not "1": no wire from GPIO27 to GPIO17')
        # The overlay's LED is GPIO27: off is low, and low is a press.
        led = "/sys/class/leds/mypoll"
        self.run_on_target(f"echo none >{led}/trigger; echo 1 >{led}/brightness")
        self.run_on_target(f"sleep 0.1; echo 0 >{led}/brightness; sleep 0.1; echo 1 >{led}/brightness")
        self.wait_for("the press", lambda: self.received(source="gpio", kind="rising", label="button"))
        self.wait_for("the release", lambda: self.received(source="gpio", kind="falling", label="button"))


class MypollLogTest(MypollCase):
    # Runs last, because of its name: after everything that may have gone wrong.
    @OETestDepends(["mypoll_events.MypollAgentTest.test_trigger_reaches_client"])
    def test_no_splat(self):
        log = self.run_on_target("dmesg")
        self.assertRegex(log, r"Linux version", "the beginning of the log is lost: CONFIG_LOG_BUF_SHIFT is too small")
        signs = [sign for sign in SPLAT_SIGNS.read_text().splitlines() if sign and not sign.startswith("#")]
        found = [line for line in log.splitlines() if any(sign in line for sign in signs)]
        self.assertEqual(found, [], "the kernel reported bugs")


class MypollRestartTest(MypollCase):
    # Runs after MypollLogTest: a restart clears the kernel's log.
    def try_run(self, command):
        """Status and output of a command; 255 if the machine is unreachable."""
        return self.target.run(command, timeout=30, ignore_ssh_fails=True)

    def boot_id(self):
        status, output = self.try_run("cat /proc/sys/kernel/random/boot_id")
        return output if status == 0 else None

    def assert_restarts(self, after):
        before = self.boot_id()
        self.assertIsNotNone(before)
        self.try_run(f"({after}) >/dev/null 2>&1 &")
        self.wait_for("the restart", lambda: (now := self.boot_id()) and now != before)

    @OETestDepends(["mypoll_events.MypollLogTest.test_no_splat"])
    def test_board_restarts_after_a_panic(self):
        self.assert_restarts("sleep 1; echo c >/proc/sysrq-trigger")

    @OETestDepends(["mypoll_events.MypollRestartTest.test_board_restarts_after_a_panic"])
    def test_board_restarts_without_watchdog_keepalive(self):
        if self.tc.td["VIRTUAL-RUNTIME_init_manager"] == "systemd":
            self.skipTest("systemd feeds the watchdog, and can't be stopped")
        self.assertEqual(self.run_on_target("cat /sys/class/watchdog/watchdog0/state"), "active")
        self.assert_restarts("kill -STOP $(cat /run/watchdog.pid)")
