"""Memory: all of it is taken at the start. Serving allocates nothing and touches little."""

import json
import os
import struct
import subprocess
import tempfile

import dgramtest

SHIM = os.path.join(dgramtest.BUILD, "tests/fault/count_malloc.so")
DGRAMLOAD = os.path.join(dgramtest.BUILD, "dgramload")


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def load(port, seconds):
    """256 requests of 32 bytes in flight for that long; how many were answered."""
    done = subprocess.run(
        [DGRAMLOAD, "--sockets", "16", "--in-flight", "16", "--duration", str(seconds), "--json",
         f"127.0.0.1:{port}"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["answered"]


class Memory(dgramtest.Case):
    def test_no_malloc_per_request(self):
        with tempfile.NamedTemporaryFile() as counter:
            counter.write(bytes(8))
            counter.flush()

            def count():
                with open(counter.name, "rb") as now:
                    return struct.unpack("=Q", now.read(8))[0]

            for handler in ("echo", "time", "daytime", "time-rfc868", "discard"):
                daemon = self.start(
                    {"handler": handler, "logging": {"level": "debug", "summary_interval_s": 1}},
                    environment={"LD_PRELOAD": SHIM, "COUNT_MALLOC": counter.name})
                self.served = 0
                self.serve(daemon, handler)
                warm = count()
                self.assertGreater(warm, 0, "the counter does not count")
                self.serve(daemon, handler)
                self.assertEqual(count() - warm, 0, f"{handler} allocates")

    def test_resident_memory_is_small_and_flat(self):
        daemon = self.start({"handler": "echo"})
        self.assertGreater(load(daemon.port, 1), 1000)
        warm = resident_kib(daemon.process.pid)
        self.assertGreater(load(daemon.port, 2), 2000)
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
        summaries = daemon.events("summary", service=handler)
        return int(summaries[-1]["replied"]) + int(summaries[-1]["no_reply"]) if summaries else 0


dgramtest.main()
