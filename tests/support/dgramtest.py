"""What the end-to-end tests share: a running dgramd, its log as dicts, its books, and TAP.

    import dgramtest

    class Time(dgramtest.Case):
        def test_answers(self):
            daemon = self.start({"handler": "time"})
            self.assertEqual(len(daemon.ask(b"")), 24)
            ledger = daemon.stop()["time"]
            self.assertEqual(ledger["replied"], 1)

    dgramtest.main()

Tests are started by tests/support/run, which sets PYTHONPATH. From the environment: DGRAMD, the
program under test; DGRAM_UNDER, words to start it with (valgrind ...); DGRAM_SLOW, how much slower
than a release build it is.
"""

import collections
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DGRAMD = os.path.join(TOP, os.environ.get("DGRAMD", ".build/release/dgramd"))
BUILD = os.path.dirname(DGRAMD)
SLOW = int(os.environ.get("DGRAM_SLOW", "1"))
UNWARNED = {"user": "root"} if os.geteuid() == 0 else {}  # root who names itself is not warned of
PATIENCE = 20 * SLOW  # seconds after which something that must happen counts as missing

FIELD = re.compile(r'([A-Za-z0-9_.-]+)=("(?:[^"\\]|\\.)*"|\S*)')


def scaled(count, at_least=1):
    """A count of requests, rounds and the like, cut down for slow builds."""
    return max(at_least, count // SLOW)


def command(*arguments, program=None):
    return [*shlex.split(os.environ.get("DGRAM_UNDER", "")), program or DGRAMD, *arguments]


def run_dgramd(*arguments, program=None, **options):
    """dgramd to its end, or another program: exit code, stdout and stderr as text."""
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    return subprocess.run(
        command(*arguments, program=program), capture_output=True, text=True, check=False,
        timeout=PATIENCE, **options)


def handlers():
    """The names of the built-in handlers that need no options."""
    names = json.loads(run_dgramd("--schema").stdout)["properties"]["handler"]["anyOf"][0]["enum"]
    return [name for name in names if name != "exec"]


def parse_line(line):
    """A logfmt line: time, level, source and event by these names, then its fields; or None."""
    words = line.split(" ")
    first = next((i for i, word in enumerate(words) if "=" in word), len(words))
    if first < 4:
        return None
    parsed = dict(zip(("time", "level", "source"), words), event=" ".join(words[3:first]))
    for name, value in FIELD.findall(" ".join(words[first:])):
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        parsed[name] = value
    return parsed


def parse_address(text):
    """"127.0.0.1:7" or "[::1%lo]:7", as socket.sendto() takes it."""
    host, _, port = text.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    return socket.getaddrinfo(
        host.strip("[]"), int(port), family, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)[0][4]


@contextlib.contextmanager
def delivered():
    """What this thread sends to loopback addresses within the block is in its sockets at the end of it. The
    kernel delivers a moment later when it has much to do, but in order on one processor."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(PATIENCE)
            probe.bind(("127.0.0.1", 0))
            probe.connect(probe.getsockname())
            probe.send(b"last")
            probe.recv(4)
    finally:
        os.sched_setaffinity(0, allowed)


def socket_for(address):
    """A UDP socket of the address's family that does not wait for ever."""
    family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.settimeout(PATIENCE)
    return client


def check_ledger(ledger):
    """Raises AssertionError unless the books of one service (counts by name) balance."""
    parts = {
        name: count for name, count in ledger.items()
        if name in ("replied", "no_reply", "queued", "running")
        or name.startswith(("dropped_", "failed_")) and "kernel" not in name}
    if ledger["received"] != sum(parts.values()):
        raise AssertionError(f"received={ledger['received']}, but {sum(parts.values())} in {parts}")


def with_test_values(config):
    """The configuration, with port 0 where it names none. Where it names no max_wait_ms nothing
    expires, because a machine that stalls for a second would decide what is served. Without the
    loop guard, because clients of tests repeat themselves."""
    config = {"loop_guard": False, **config, "queue": {"max_wait_ms": 0, **config.get("queue", {})}}
    if "services" in config:
        config["services"] = [{"port": 0, **service} for service in config["services"]]
    else:
        config.setdefault("port", 0)
    return config


class Daemon:
    """A dgramd in a directory of its own, which is also where it runs. Case.start() makes one that
    ends with the test; as a context manager, it ends with the block.

    `config` is a dict, or the text of the file. With `ready`, returns when it has logged that it
    is: for that its log must go to stderr, at info, as logfmt. `program`: another one that has its
    options."""

    def __init__(self, config=None, *, arguments=(), environment=None, ready=True, program=None,
            **options):
        self.lines = []
        self._parsed = 0  # so many of them, which are in:
        self._events = collections.defaultdict(list)
        self._changed = threading.Condition()
        self.directory = tempfile.mkdtemp(prefix="dgramd-")
        self.config_path = os.path.join(self.directory, "server.json")
        self.config = config if isinstance(config, str) else with_test_values(config or {})
        self.write_config(self.config)
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.PIPE)
        self.process = subprocess.Popen(
            command("-c", self.config_path, *arguments, program=program), cwd=self.directory,
            env={**os.environ, **(environment or {})}, **options)
        self._reader = None
        if self.process.stderr:
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()
        if ready:
            try:
                self.wait_for("ready")
            except AssertionError:
                self.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def write_config(self, config):
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(config if isinstance(config, str) else json.dumps(config, indent=2))

    def _read(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._reader = None
            self._changed.notify_all()

    def _await(self, condition, what):
        with self._changed:
            met = self._changed.wait_for(lambda: condition() or not self._reader, PATIENCE)
            if not (met and condition()):
                raise AssertionError(f"never logged: {what}\n{self.text()}")

    def text(self):
        return f"exit code {self.process.poll()}\n" + "\n".join(self.lines)

    def events(self, event, **fields):
        """The log lines of this event whose fields have these values."""
        wanted = {"event": event, **{name: str(value) for name, value in fields.items()}}
        with self._changed:
            for line in filter(None, map(parse_line, self.lines[self._parsed:])):
                self._events[line["event"]].append(line)
            self._parsed = len(self.lines)
            return [line for line in self._events[event] if wanted.items() <= line.items()]

    def wait_for(self, event, count=1, **fields):
        """Waits until there are so many such lines; returns the last of them."""
        self._await(lambda: len(self.events(event, **fields)) >= count, f"{event} {fields}")
        return self.events(event, **fields)[-1]

    def summed(self, service):
        """What the summary lines of a service have counted so far."""
        total = collections.Counter()
        for line in self.events("summary", service=service, source="main"):
            total.update({name: int(value) for name, value in line.items() if value.isdigit()})
        return total

    def wait_for_sums(self, service, **counts):
        """Waits until its summary lines have counted that much."""
        self._await(lambda: counts.items() <= self.summed(service).items(), f"{service} {counts}")

    def addresses(self, service=None):
        lines = self.events("listening", **({"service": service} if service else {}))
        return [parse_address(line["address"]) for line in lines]

    def address(self, service=None):
        return self.addresses(service)[0]

    @property
    def port(self):
        return self.address()[1]

    def ask(self, payload=b"", service=None):
        """One datagram and its answer."""
        address = self.address(service)
        with socket_for(address) as client:
            client.connect(address)
            client.send(payload)
            return client.recv(65536)

    def kill(self, number):
        self.process.send_signal(number)

    def freeze(self):
        """SIGSTOP, and until all its threads have stopped: the signal alone does not wait for that."""
        limit = time.monotonic() + PATIENCE
        self.kill(signal.SIGSTOP)
        while not all(map(self._is_stopped, os.listdir(f"/proc/{self.process.pid}/task"))):
            if time.monotonic() > limit:
                raise AssertionError("its threads did not stop")
            time.sleep(0.001)

    def _is_stopped(self, task):
        with open(f"/proc/{self.process.pid}/task/{task}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    def wait(self, exit_code=0):
        """Waits for its end, and checks how it ended."""
        try:
            ended = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"dgramd did not end\n{self.text()}") from None
        reader = self._reader
        if reader:
            reader.join(PATIENCE)
        if ended != exit_code:
            raise AssertionError(f"dgramd ended with {ended}, not {exit_code}\n{self.text()}")

    def stop(self, number=signal.SIGTERM, exit_code=0):
        """Ends it; returns the last ledger of each service, having checked that it balances."""
        self.kill(number)
        self.wait(exit_code)
        return self.ledgers()

    def ledgers(self):
        ledgers = {}
        for line in self.events("ledger"):
            ledgers[line["service"]] = {
                name: int(value) for name, value in line.items() if re.fullmatch(r"\d+", value)}
        if not ledgers:
            raise AssertionError(f"no ledger\n{self.text()}")
        for ledger in ledgers.values():
            check_ledger(ledger)
        return ledgers

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        reader = self._reader
        if reader:
            reader.join(PATIENCE)
        if self.process.stderr:
            self.process.stderr.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class Case(unittest.TestCase):
    maxDiff = None

    def start(self, config=None, **options):
        """A Daemon that ends with the test."""
        daemon = Daemon(config, **options)
        self.addCleanup(daemon.close)
        return daemon

    def eventually(self, condition, what):
        """For what can only be asked again and again, as the state of another process."""
        limit = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), limit, f"never happened: {what}")
            time.sleep(0.01)


class Tap(unittest.TestResult):
    """Prints each test as one line of TAP, its failures before it as comments."""

    def __init__(self):
        super().__init__()
        self.count = 0
        self.troubles, self.skips = [], []

    def startTest(self, test):
        super().startTest(test)
        self.troubles, self.skips = [], []

    def stopTest(self, test):
        super().stopTest(test)
        self.conclude(test)

    def conclude(self, test):
        self.count += 1
        for trouble in self.troubles:
            print("# " + trouble.rstrip().replace("\n", "\n# "))
        name = test.id().removeprefix("__main__.").replace("#", "")
        verdict = "not ok" if self.troubles else "ok"
        skip = f" # SKIP {'; '.join(self.skips)}" if self.skips and not self.troubles else ""
        print(f"{verdict} {self.count} - {name}{skip}", flush=True)

    def note(self, test, trouble=None, skip=None):
        started = isinstance(test, unittest.TestCase)  # not a class that could not be set up
        if not started:
            self.troubles, self.skips = [], []
        if trouble:
            self.troubles.append(self._exc_info_to_string(trouble, test))
        if skip:
            self.skips.append(" ".join(skip.split()))
        if not started:
            self.conclude(test)

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, trouble=err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, trouble=err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.troubles.append(str(subtest))
            self.note(test, trouble=err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, skip=reason)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.troubles.append("passed, though it was expected to fail")


def main():
    """Runs the tests of the calling file (those named on the command line, if any)."""
    module = sys.modules["__main__"]
    loader = unittest.TestLoader()
    names = sys.argv[1:]
    suite = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    planned = suite.countTestCases()
    result = Tap()
    suite.run(result)
    print(f"1..{max(planned, result.count) if not result.wasSuccessful() else result.count}")
    sys.exit(0 if result.wasSuccessful() and planned else 1)
