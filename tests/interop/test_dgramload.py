"""dgramload beside dnsperf and a counter of this file's own, and against DNS and NTP servers of others."""

import collections
import concurrent.futures
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import dgramtest

DGRAMLOAD = os.path.join(dgramtest.BUILD, "dgramload")
PATH = f"{os.environ['PATH']}:/usr/sbin"
RATE, SECONDS, DELAY_S, PATIENCE_S = 300, 3, 0.5, 5
SHARE = 0.02  # how far figures may be apart


def find(program):
    path = shutil.which(program, path=PATH)
    if not path:
        raise dgramtest.unittest.SkipTest(f"{program} is not installed")
    return path


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Counter(threading.Thread):
    """A DNS server that answers after DELAY_S, but not each tenth query, and counts."""

    def __init__(self, case):
        super().__init__()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.times, self.answered = [], 0
        self._waiting = collections.deque()
        self._ended = False
        case.addCleanup(self.close)
        self.start()

    def run(self):
        while not self._ended:
            wait_s = self._waiting[0][0] - time.monotonic() if self._waiting else None
            if wait_s is not None and wait_s <= 0:
                _, answer, client = self._waiting.popleft()
                self.socket.sendto(answer, client)
                self.answered += 1
                continue
            self.socket.settimeout(wait_s)
            try:
                query, client = self.socket.recvfrom(512)
            except TimeoutError:
                continue
            now = time.monotonic()
            self.times.append(now)
            if len(self.times) % 10:
                response = bytes((query[2] | 0x80,))
                self._waiting.append((now + DELAY_S, query[:2] + response + query[3:], client))

    def close(self):
        self._ended = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"end", ("127.0.0.1", self.port))
        self.join()
        self.socket.close()

    @property
    def rate(self):
        return (len(self.times) - 1) / (self.times[-1] - self.times[0])


class DgramloadCase(dgramtest.Case):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="dgramload-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def load(self, *arguments):
        done = subprocess.run(
            [DGRAMLOAD, "--json", "--patience", str(PATIENCE_S * 1000), *map(str, arguments)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=3 * dgramtest.PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def must_agree(self, one, other, what):
        self.assertLessEqual(abs(one - other), SHARE * other, f"{what}: {one} and {other}")

    def serve(self, *words):
        """Starts another's server, and ends it with the test."""
        with open(os.path.join(self.directory, "log"), "w", encoding="utf-8") as log:
            server = subprocess.Popen(  # pylint: disable=consider-using-with
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(server.wait)
        self.addCleanup(server.send_signal, signal.SIGTERM)

    def await_answer(self, *question):
        """Until the server is there."""
        self.eventually(
            lambda: subprocess.run(
                [DGRAMLOAD, "--patience", "200", *map(str, question)], check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL).returncode == 0, "an answer")

    def must_be_numbered(self, *question):
        """Each answer has the number of its request, and so the latencies are known."""
        summary = self.load("--rate", 500, "--count", 500, "--sockets", 2, *question)
        self.assertEqual(
            (summary["sent"], summary["answered"], summary["wrong"], summary["duplicates"]),
            (500, 500, 0, 0))
        self.assertGreater(summary["latency_us"]["min"], 0)


class Beside(DgramloadCase):
    """Three views of the same load."""

    def dnsperf(self, port):
        queries = os.path.join(self.directory, "queries")
        with open(queries, "w", encoding="ascii") as file:
            file.write("example.com A\n")
        text = subprocess.run(
            [find("dnsperf"), "-s", "127.0.0.1", "-p", str(port), "-d", queries, "-l", str(SECONDS),
             "-Q", str(RATE), "-q", "60000", "-t", str(PATIENCE_S)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
            timeout=3 * dgramtest.PATIENCE).stdout
        sent, completed, lost, latency = (
            float(re.search(rf"{name}: +([\d.]+)", text)[1])
            for name in ("Queries sent", "Queries completed", "Queries lost", r"Average Latency \(s\)"))
        return sent, completed, lost, latency * 1e6

    def test_figures_agree(self):
        theirs, ours = Counter(self), Counter(self)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            dnsperf = pool.submit(self.dnsperf, theirs.port)
            summary = self.load(
                "--dns", "example.com", "--rate", RATE, "--duration", SECONDS, ours.port)
        sent, completed, lost, latency_us = dnsperf.result()
        self.assertEqual(
            (summary["sent"], summary["answered"]), (len(ours.times), ours.answered))
        self.must_agree(summary["sent"], sent, "sent")
        self.must_agree(summary["answered"], completed, "answered")
        self.must_agree(summary["lost"], lost, "lost")
        self.must_agree(summary["latency_us"]["mean"], latency_us, "latency")
        self.must_agree(summary["rate_sent"], ours.rate, "rate, by the counter")
        self.must_agree(summary["rate_sent"], theirs.rate, "rate, of dnsperf by the counter")


class Others(DgramloadCase):
    def test_dnsmasq(self):
        port = free_port()
        self.serve(
            find("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
            "--no-hosts", "--listen-address=127.0.0.1", "--bind-interfaces", f"--port={port}",
            "--address=/example.test/192.0.2.7", "--user=root", "--pid-file=")
        self.await_answer("--dns", "example.test", port)
        answer = subprocess.run(
            [DGRAMLOAD, "--dns", "example.test", str(port)], check=True, capture_output=True).stdout
        self.assertIn(b"c0 00 02 07", answer.replace(b"  ", b" "))
        self.must_be_numbered("--dns", "example.test", port)

    def test_chrony(self):
        port, path = free_port(), os.path.join(self.directory, "chrony.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"port {port}\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 10\n"
                       f"cmdport 0\nbindcmdaddress /\npidfile {self.directory}/pid\n")
        self.serve(find("chronyd"), "-x", "-d", "-u", "root", "-f", path)
        self.await_answer("--ntp", port)
        self.must_be_numbered("--ntp", port)


dgramtest.main()
