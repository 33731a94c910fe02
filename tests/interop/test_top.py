"""dgramctl top on a terminal, which is tmux's."""

import os
import shutil
import signal
import subprocess
import unittest

import dgramtest

CTL = os.path.join(dgramtest.BUILD, "dgramctl")


@unittest.skipUnless(shutil.which("tmux"), "tmux is not installed")
class Top(dgramtest.Case):
    def tmux(self, *arguments):
        done = subprocess.run(
            ["tmux", "-L", self.name, "-f", "/dev/null", *arguments], capture_output=True, text=True, check=False,
            timeout=dgramtest.PATIENCE)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout

    def start_top(self, config):
        daemon = self.start({
            **dgramtest.UNWARNED, "admin": {"socket": "admin.sock"}, "shutdown": {"drain_timeout_ms": 0}, **config})
        daemon.wait_for("admin endpoint")
        self.name = f"dgramctl-{os.getpid()}-{self.id().rpartition('.')[2]}"
        self.tmux(
            "new-session", "-d", "-x", "110", "-y", "24",
            f"{CTL} --socket {daemon.directory}/admin.sock top; echo ended with $?; cat")
        self.addCleanup(self.tmux, "kill-server")
        self.eventually(lambda: "THREAD" in self.screen(), "a table")
        return daemon

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def rows(self):
        lines = self.screen().splitlines()
        return [line.split() for line in lines[4:] if line.strip()]

    def must_see(self, condition, what):
        try:
            self.eventually(condition, what)
        except AssertionError as error:
            raise AssertionError(self.screen()) from error

    def test_a_worker_that_is_stuck(self):
        """Its row says for how long, in bold, and is the first when sorted by that."""
        daemon = self.start_top({
            "handler": "simulate", "options": {"block_us": 60000000}, "pool": {"workers": 3}})
        with dgramtest.socket_for(daemon.address()) as client:
            client.sendto(b"x", daemon.address())
            self.must_see(lambda: [row for row in self.rows() if row[1] == "busy" and row[4] == "s"], "seconds")
            self.press("Right", "Right", ">")
            self.must_see(lambda: self.rows()[0][1] == "busy", "the busy one first")
            self.press("r")
            self.must_see(lambda: self.rows()[-1][1] == "busy", "the busy one last")
            busy = self.rows()[-1]
            self.assertEqual(busy[2], "simulate")
            self.assertRegex(busy[-3], r"^(100|[5-9]\d)%$")  # of a second by the clock of the one who asks
            line = next(
                line for line in self.tmux("capture-pane", "-p", "-e").splitlines() if "simulate" in line)
            self.assertIn("\x1b[1m", line)
            self.assertIn("workers 1 of 3 busy", self.screen())
            self.press("q")
            self.must_see(lambda: "ended with 0" in self.screen(), "the end")

    def test_rates_and_sizes(self):
        """What goes on is in a second; a small window shows what fits, and scrolls. Ctrl-\\ ends nothing."""
        daemon = self.start_top({"handler": "echo", "pool": {"workers": 30}})
        self.press("C-\\")

        def received():
            for _ in range(50):
                daemon.ask()
            return "received 0," not in self.screen()

        self.must_see(received, "requests in a second")
        self.assertEqual(self.rows()[0][0], "w0")
        self.assertEqual(len(self.rows()), 20)
        self.tmux("resize-window", "-x", "80", "-y", "10")
        self.must_see(lambda: len(self.rows()) == 6, "six rows")
        self.press("Down")
        self.must_see(lambda: self.rows()[0][0] == "w1", "the next row")
        self.tmux("resize-window", "-x", "120", "-y", "40")
        self.must_see(lambda: len(self.rows()) == 31, "all rows")

    def test_a_narrow_terminal(self):
        """All columns fit into 80. Where they do not, none is shown in part, and nothing is left behind the rows."""
        self.start_top({"handler": "echo", "pool": {"workers": 2}})
        for width, last in (80, "P99"), (79, "P50"), (40, "PER_S"), (30, "SERVICE"), (110, "P99"):
            self.tmux("resize-window", "-x", str(width), "-y", "24")
            self.must_see(lambda last=last: self.screen().splitlines()[3].split()[-1] == last, f"{last} at {width}")
            self.must_see(lambda: [row[0] for row in self.rows()] == ["w0", "w1", "rx0"], f"three rows at {width}")
            for line in self.screen().splitlines()[4:7]:
                self.assertTrue(line.endswith(" 0" if last == "PER_S" else " -"), line)

    def test_a_daemon_that_does_not_answer(self):
        """Ctrl-C ends it while it waits for the daemon."""
        daemon = self.start_top({})
        daemon.kill(signal.SIGSTOP)
        self.addCleanup(daemon.kill, signal.SIGCONT)
        self.press("C-c")
        self.must_see(lambda: "ended with" in self.screen(), "the end")
        self.assertIn("ended with 1\n", self.screen())

    def test_the_end_of_the_daemon(self):
        """It gives the terminal back, and says why."""
        daemon = self.start_top({})
        daemon.stop()
        self.must_see(lambda: "ended with 69" in self.screen(), "the end")
        self.assertIn("admin.sock: No such file or directory", self.screen())


dgramtest.main()
