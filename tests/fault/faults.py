"""A dgramd in which chosen calls fail: what shim.c is told, and how it all ended."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import dgramtest

SHIM = os.path.join(dgramtest.BUILD, "tests/fault/shim.so")
PLAIN = json.dumps({
    "host": "127.0.0.1", "port": 0, "handler": "time", "pool": {"workers": 2},
    "queue": {"max_wait_ms": 0}, "logging": {"target": "stderr"}})
FULL = json.dumps({
    "services": [
        {"name": "time", "handler": "time", "host": ["127.0.0.1", "::1"], "port": 0},
        {"name": "echo", "handler": "echo", "host": "0.0.0.0", "port": 0, "max_workers": 1}],
    "pool": {"workers": 3}, "queue": {"capacity": 64, "max_wait_ms": 0},
    "logging": {"target": "{worker}.log", "format": "logfmt"}})
DAEMON_ERROR = re.compile(r"dgramd: error: |\S+:(\d+:\d+:)? error: ")


def settings(call, nth, errno=0, every=0, **more):
    values = {"FAULT_CALL": call, "FAULT_NTH": nth, "FAULT_ERRNO": errno, "FAULT_EVERY": every}
    return {name: str(value) for name, value in {**values, **more}.items()}


class Run:
    """One dgramd, from its start to its end, with all that it printed and logged.

    Its log is read from the file it is in, and so is what it prints: no thread has to."""

    def __init__(self, config, environment, **options):
        self.directory = tempfile.mkdtemp(prefix="dgramd-")
        self.path("server.json", config)
        with open(self.path("stderr"), "wb") as stderr:
            self.process = subprocess.Popen(
                [dgramtest.DGRAMD, "-c", "server.json"], cwd=self.directory,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
                env={**os.environ, **environment, "LD_PRELOAD": SHIM,
                     "FAULT_REPORT": self.path("report")}, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name, text=None):
        path = os.path.join(self.directory, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def read(self, name):
        try:
            with open(self.path(name), encoding="ascii") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def lines(self):
        """What it said on stderr and, if that is elsewhere, in the main log."""
        return (self.read("stderr") + self.read("main.log")).splitlines()

    def events(self, event):
        parsed = map(dgramtest.parse_line, self.lines())
        return [line for line in parsed if line and line["event"] == event]

    def errors(self):
        """The lines that say that something went wrong."""
        parsed = [(line, dgramtest.parse_line(line)) for line in self.lines()]
        return [
            line for line, fields in parsed
            if DAEMON_ERROR.match(line) or fields and fields["level"] == "error"]

    def until(self, condition):
        """Waits until it holds, or dgramd ended; says which."""
        limit = time.monotonic() + dgramtest.PATIENCE
        while True:
            ended = self.process.poll() is not None
            if condition():
                return True
            if ended:
                return False
            if time.monotonic() > limit:
                raise AssertionError("it hangs:\n" + "\n".join(self.lines()))
            time.sleep(0.001)

    def ready(self):
        return self.until(lambda: self.events("ready"))

    def addresses(self):
        return [
            dgramtest.parse_address(line["address"].replace("0.0.0.0", "127.0.0.1"))
            for line in self.events("listening")]

    def ask(self, address, payload=b"?"):
        with dgramtest.socket_for(address) as client:
            client.sendto(payload, address)
            return client.recv(65536)

    def stop(self):
        """Ends it; its exit code, and the books of its services."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(), self.ledgers()

    def wait(self):
        try:
            return self.process.wait(dgramtest.PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError("it does not end:\n" + "\n".join(self.lines())) from None

    def ledgers(self):
        ledgers = {}
        for line in self.events("ledger"):
            ledgers[line["service"]] = {
                name: int(value) for name, value in line.items() if value.isdigit()}
            dgramtest.check_ledger(ledgers[line["service"]])
        return ledgers

    def report(self):
        """What the shim counted: calls, fired, live, fds."""
        return {name: int(value) for name, value in
                (word.split("=") for word in self.read("report").split())}
