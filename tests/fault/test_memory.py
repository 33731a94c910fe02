"""Memory: all of it is taken at the start. Serving allocates nothing and touches little."""

import json
import os
import struct
import subprocess
import tempfile

import dgramtest

SHIM = os.path.join(dgramtest.BUILD, "tests/fault/count_malloc.so")
LOAD = os.path.join(dgramtest.BUILD, "dgramload")


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def load(case, port, count, *arguments, **options):
    """Sends `count` requests of 32 bytes, 256 at a time; all must be answered."""
    done = subprocess.run(
        [LOAD, "--json", "--sockets", "16", "--in-flight", "16", "--patience", "20000", "--count",
         str(count), *arguments, str(port)],
        check=True, capture_output=True, timeout=dgramtest.PATIENCE * 2, **options)
    case.assertEqual(json.loads(done.stdout)["answered"], count)


class Counter:
    """Counts the allocations of programs that are started with its environment."""

    def __init__(self, case):
        self._file = tempfile.NamedTemporaryFile()
        case.addCleanup(self._file.close)
        self._file.write(bytes(8))
        self._file.flush()
        self.environment = {"LD_PRELOAD": SHIM, "COUNT_MALLOC": self._file.name}

    def read(self):
        with open(self._file.name, "rb") as now:
            return struct.unpack("=Q", now.read(8))[0]


class Memory(dgramtest.Case):
    def test_no_malloc_per_request(self):
        counter = Counter(self)
        for handler in dgramtest.handlers():
            daemon = self.start(
                {"handler": handler, "logging": {"level": "debug", "summary_interval_s": 1}},
                environment=counter.environment)
            self.served = 0
            self.serve(daemon, handler)
            warm = counter.read()
            self.assertGreater(warm, 0, "the counter does not count")
            self.serve(daemon, handler)
            self.assertEqual(counter.read() - warm, 0, f"{handler} allocates")

    def test_the_load_generator_allocates_nothing_per_request(self):
        counter = Counter(self)
        daemon = self.start({"handler": "echo"})
        counts = []
        for requests in (300, 300, 30000):
            before = counter.read()
            load(self, daemon.port, requests, "--check",
                 env={**os.environ, **counter.environment})
            counts.append(counter.read() - before)
        self.assertGreater(counts[0], 0, "the counter does not count")
        self.assertEqual(counts, [counts[0]] * 3)

    def test_resident_memory_is_small_and_flat(self):
        daemon = self.start({"handler": "echo"})
        load(self, daemon.port, 20000)
        warm = resident_kib(daemon.process.pid)
        load(self, daemon.port, 100000)
        after = resident_kib(daemon.process.pid)
        self.assertLess(after, 16 * 1024)
        self.assertLessEqual(after - warm, 1024)
        self.assertEqual(int(daemon.stop()["echo"]["failed_handler"]), 0)

    def serve(self, daemon, handler):
        """So many requests that each worker has had some; returns when the books have them all."""
        self.served += 500
        with dgramtest.socket_for(daemon.address()) as client:
            client.connect(daemon.address())
            for _ in range(500):
                client.send(b"?")
                if handler != "discard":
                    client.recv(100)
        self.eventually(lambda: self.books(daemon, handler) >= self.served, "500 more are served")

    def books(self, daemon, handler):
        sums = daemon.summed(handler)
        return sums["replied"] + sums["no_reply"]


dgramtest.main()
