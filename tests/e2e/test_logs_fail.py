"""When the log itself fails: the standard error and the supervisor learn of it, the rest of a reload is not undone,
and what was logged before a crash is not lost."""

import os
import signal
import socket

import dgramtest
import probe
from lostlog import DEBUG, PIPE_BYTES, LostCase, small_pipe


class Supervised(LostCase):
    """A daemon with a log of its own, under a supervisor that keeps its last STATUS."""

    def start_logging(self, logging, **config):
        """The target's directory is one of the daemon's."""
        self.supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.supervisor.close)
        name = f"dgramd-test-{os.getpid()}-{id(self.supervisor)}"
        self.supervisor.bind(f"\0{name}")
        self.supervisor.setblocking(False)
        self.last_status = ""
        daemon = self.start({"handler": "echo", "logging": {"target": "stderr"}, **config},
                            environment={"NOTIFY_SOCKET": f"@{name}"})
        daemon.echo = daemon.address()
        os.mkdir(os.path.join(daemon.directory, "logs"))
        self.reload(daemon, logging=logging)
        return daemon

    def reload(self, daemon, **changes):
        daemon.config = {**daemon.config, **changes}
        daemon.write_config(daemon.config)
        daemon.kill(signal.SIGHUP)

    def status(self, daemon):
        """Sent after each signal."""
        daemon.kill(signal.SIGUSR1)
        try:
            while True:
                text = self.supervisor.recv(4096).decode("ascii")
                if text.startswith("STATUS="):
                    self.last_status = text
        except BlockingIOError:
            return self.last_status

    def lines_of(self, daemon, *names):
        path = os.path.join(daemon.directory, *names)
        if not os.path.exists(path):
            return []
        return list(filter(None, map(dgramtest.parse_line, self.read(path))))

    def events_of(self, daemon, event, *names):
        return [line for line in self.lines_of(daemon, *names) if line["event"] == event]


class Told(Supervised):
    def test_full_disk(self):
        daemon = self.start_logging({**DEBUG, "target": "/dev/full"})
        self.must_answer(daemon, 100)
        line = daemon.wait_for("cannot write the log")
        self.assertEqual(
            (line["level"], line["target"], line["error"]),
            ("error", "/dev/full", "No space left on device"))
        self.eventually(lambda: "; log: " in self.status(daemon), "STATUS")
        self.assertRegex(self.last_status, r"^STATUS=received \d+, .*; log: \d+ lines lost$")
        for _ in range(3):  # it goes on to fail: once is enough
            self.must_answer(daemon, 100)
        self.must_end(daemon)
        self.assertEqual(len(daemon.events("cannot write the log")), 1)

    def test_reader_that_does_not_read(self):
        daemon = self.start_logging({**DEBUG, "target": "stderr"})
        path = os.path.join(daemon.directory, "fifo")
        os.mkfifo(path)
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0):
            self.reload(daemon, logging={**DEBUG, "target": path})
            self.must_answer(daemon, 3000)
            line = daemon.wait_for("cannot write the log")
            self.assertEqual(line["error"], "Resource temporarily unavailable")
            self.eventually(lambda: "lines lost" in self.status(daemon), "STATUS")
            self.must_end(daemon)

    def test_form(self):
        """In the form that is configured."""
        daemon = self.start_logging({**DEBUG, "format": "json", "target": "/dev/full"})
        self.must_answer(daemon, 10)
        self.eventually(
            lambda: any('"event":"cannot write the log","target":"/dev/full"' in line
                        for line in daemon.lines), "a line of JSON")
        self.must_end(daemon)


class Reopened(Supervised):
    def test_a_failed_reopen_undoes_nothing(self):
        daemon = self.start_logging({"target": "logs/main"})
        self.eventually(lambda: self.events_of(daemon, "reloaded", "logs", "main"), "the log")
        os.rename(os.path.join(daemon.directory, "logs"), os.path.join(daemon.directory, "gone"))
        self.reload(daemon, min_source_port=2000, logging={"level": "debug", "target": "logs/main"})
        self.eventually(lambda: len(self.events_of(daemon, "reloaded", "gone", "main")) == 2, "reload")
        changes = [line["message"] for line in self.events_of(daemon, "configuration", "gone", "main")]
        self.assertIn("min_source_port 1024 -> 2000: in effect now", changes)
        daemon.wait_for("cannot reopen the logs")  # on stderr, too
        for lines in daemon.events("cannot reopen the logs"), \
                self.events_of(daemon, "cannot reopen the logs", "gone", "main"):
            self.assertEqual([line["error"] for line in lines], ["No such file or directory"])
        self.assertEqual(self.events_of(daemon, "reload refused", "gone", "main"), [])
        self.must_answer(daemon, 1)
        self.eventually(lambda: self.events_of(daemon, "request", "gone", "main"), "level debug")
        self.assertRegex(self.status(daemon), "; log: not reopened: No such file or directory$")
        os.mkdir(os.path.join(daemon.directory, "logs"))
        self.eventually(lambda: "log" not in self.status(daemon), "it was reopened")
        self.must_answer(daemon, 1)
        self.must_end(daemon)
        self.assertEqual(len(self.events_of(daemon, "request", "logs", "main")), 1)

    def test_another_target_must_be_there(self):
        daemon = self.start_logging({"target": "stderr"})
        daemon.wait_for("reloaded")
        self.reload(daemon, min_source_port=2000, logging={"target": "nowhere/main"})
        daemon.wait_for("reload refused")
        daemon.wait_for("cannot open the log", target="nowhere/main")
        self.assertEqual(daemon.events("reloaded")[1:], [])
        self.must_end(daemon)


class Crash(LostCase):
    def must_flush(self, number):
        """The pipe is full, so lines are in the rings when the signal comes."""
        reading, writing = small_pipe()
        with open(writing, "wb", buffering=0) as stderr:
            daemon = self.start_echo(stderr=stderr)
        requests = self.must_answer(daemon, PIPE_BYTES // 100)
        daemon.kill(number)
        lines = probe.Reader(reading).all_lines()
        daemon.wait(-number)
        self.assertEqual(sum(" request " in line for line in lines), requests)
        self.assertFalse(any("log lines lost" in line for line in lines))

    def test_lines_before_a_fatal_signal(self):
        numbers = [signal.SIGABRT]
        if dgramtest.SLOW == 1:  # sanitizers have handlers of their own
            numbers += [signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSYS]
        for number in numbers:
            with self.subTest(signal=number.name):
                self.must_flush(number)

    def test_a_log_that_nobody_reads_is_no_hang(self):
        reading, writing = small_pipe()
        with open(reading, "rb", buffering=0), open(writing, "wb", buffering=0) as stderr:
            daemon = self.start_echo(stderr=stderr)
            self.must_answer(daemon, 3000)
            daemon.kill(signal.SIGABRT)
            daemon.wait(-signal.SIGABRT)


dgramtest.main()
