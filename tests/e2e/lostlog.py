"""What the tests of a log that loses lines share."""

import fcntl
import os
import signal

import dgramtest
import probe

DEBUG = {"level": "debug", "summary_interval_s": 0}
PIPE_BYTES = 16384  # four pages: poll(2) finds no room in a pipe of one that holds a byte


def small_pipe():
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return reading, writing


class LostCase(dgramtest.Case):
    def start_echo(self, logging=None, **options):
        """At debug: each request makes a line."""
        config = {"handler": "echo", "logging": {**DEBUG, **(logging or {})}}
        daemon = self.start(config, ready=False, **options)
        self.eventually(lambda: probe.udp_ports(daemon.process.pid), "a socket")
        self.eventually(lambda: len(probe.workers(daemon.process.pid)) == 4, "workers")
        daemon.echo = ("127.0.0.1", probe.udp_ports(daemon.process.pid)[0])
        return daemon

    def must_answer(self, daemon, count):
        with dgramtest.socket_for(daemon.echo) as client:
            client.connect(daemon.echo)
            for number in range(count):
                payload = b"%d" % number
                client.send(payload)
                self.assertEqual(client.recv(64), payload)
        return count

    def answer_until_told(self, daemon, read_lines):
        """What was lost is told with the next line that is written. Returns the requests."""
        requests = 0

        def told():
            nonlocal requests
            requests += self.must_answer(daemon, 1)
            return any("log lines lost" in line for line in read_lines())

        self.eventually(told, "the loss is told")
        return requests

    def must_end(self, daemon):
        daemon.kill(signal.SIGTERM)
        daemon.wait()

    def must_account_for(self, lines, requests):
        """All lines were written, or counted: in the ledger, and where lines are missing."""
        parsed = list(filter(None, map(dgramtest.parse_line, lines)))
        ledger = [line for line in parsed if line["event"] == "ledger"][-1]
        self.assertEqual(ledger["replied"], str(requests))
        written = sum(line["event"] == "request" for line in parsed)
        told = sum(int(line["lost"]) for line in parsed if line["event"] == "log lines lost")
        self.assertEqual(int(ledger["log_lines_lost"]), told)
        self.assertGreater(told, 0)
        return written, told

    def new_target(self, daemon, target):
        """Lets the log go on into a file; returns its path."""
        daemon.write_config({**daemon.config, "logging": {**DEBUG, "target": target}})
        daemon.kill(signal.SIGHUP)
        path = os.path.join(daemon.directory, target)
        self.eventually(lambda: os.path.exists(path) and any(
            "reloaded" in line for line in self.read(path)), "the new log")
        return path

    def read_text(self, path):
        with open(path, "rb") as file:
            return file.read().decode("ascii")

    def read(self, path):
        return self.read_text(path).split("\n")[:-1]
