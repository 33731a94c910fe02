"""Clients that other people wrote, asking the services they know: over IPv4 and IPv6, on a port that
is fixed and on one that the kernel picked. A client that is not installed is a counted skip."""

import datetime
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import dgramtest

PLUGINS = "/usr/lib/nagios/plugins"
REQUESTS = 1000


def client(*words):
    """Runs a foreign client to its end; returns what it wrote."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin:{PLUGINS}"
    program = shutil.which(words[0], path=path)
    if not program:
        raise dgramtest.unittest.SkipTest(f"{words[0]} is not installed")
    done = subprocess.run(
        [program, *map(str, words[1:])], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False, timeout=2 * dgramtest.PATIENCE,
        env={**os.environ, "LC_ALL": "C", "TZ": "UTC"})
    if done.returncode != 0:
        raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def free_port(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def recipe_in_readme():
    """The three lines of Python that the README gives for trying it."""
    with open(os.path.join(dgramtest.TOP, "README.md"), encoding="utf-8") as readme:
        blocks = re.findall(r"```python\n(.*?)```", readme.read(), re.DOTALL)
    return next(block for block in blocks if "sendto(b''" in block)


class Sink(threading.Thread):
    """A socket that takes what is sent to it, so that nobody is told that its port is closed."""

    def __init__(self, host):
        super().__init__()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((host, 0))
        self.socket.settimeout(dgramtest.PATIENCE)
        self.port = self.socket.getsockname()[1]
        self.sizes = []

    def run(self):
        try:
            while len(self.sizes) < REQUESTS:
                self.sizes.append(len(self.socket.recv(65536)))
        except TimeoutError:
            pass
        self.socket.close()


class Clients:
    host = None
    fixed = False

    @property
    def version(self):
        return "-6" if ":" in self.host else "-4"

    def serve(self, handler):
        port = free_port(self.host) if self.fixed else 0
        daemon = self.start(
            {"host": self.host, "port": port, "handler": handler}, environment={"TZ": "UTC"})
        if self.fixed:
            self.assertEqual(daemon.port, port)
        return daemon

    def assert_books(self, daemon, handler, replied):
        ledger = daemon.stop()[handler]
        self.assertEqual((ledger["received"], ledger["replied"]), (replied, replied))

    def assert_now(self, text, form):
        told = datetime.datetime.strptime(text.strip(), form)
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        self.assertLess(abs(now - told), datetime.timedelta(seconds=dgramtest.PATIENCE), text)

    def test_recipe(self):
        daemon = self.serve("time")
        recipe = recipe_in_readme().replace("20000", str(daemon.port))
        self.assertEqual(len(recipe.strip().splitlines()), 3)
        if ":" in self.host:
            recipe = recipe.replace("AF_INET", "AF_INET6").replace("127.0.0.1", self.host)
        before = int(time.time())
        told = client("python3", "-c", recipe).rstrip("\n")
        after = int(time.time())
        self.assertIn(told, [time.asctime(time.gmtime(s)) for s in range(before, after + 1)])
        self.assert_books(daemon, "time", 1)

    def test_check_udp_time(self):
        daemon = self.serve("time")
        told = client(
            "check_udp", self.version, "-H", self.host, "-p", daemon.port, "-s", "x", "-e", ":")
        self.assert_now(re.search(r"\[(.*)\]", told)[1], "%a %b %d %H:%M:%S %Y")
        self.assert_books(daemon, "time", 1)

    def test_check_udp_echo(self):
        daemon = self.serve("echo")
        told = client(
            "check_udp", self.version, "-H", self.host, "-p", daemon.port, "-s", "ping", "-e", "ping")
        self.assertIn("[ping]", told)
        self.assert_books(daemon, "echo", 1)

    def test_check_time(self):
        daemon = self.serve("time-rfc868")
        told = client("check_time", "-H", self.host, "-p", daemon.port, "-u", "-w", 5, "-c", 10)
        self.assertIn("TIME OK", told)
        self.assert_books(daemon, "time-rfc868", 1)

    def test_rdate(self):
        daemon = self.serve("time-rfc868")
        told = client("rdate", self.version, "-p", "-u", "-o", daemon.port, self.host)
        self.assert_now(told, "%a %b %d %H:%M:%S UTC %Y")
        self.assert_books(daemon, "time-rfc868", 1)

    def test_nmap_daytime(self):
        if os.geteuid() != 0:
            self.skipTest("nmap -sU needs root")
        daemon = self.serve("daytime")
        family = ["-6"] if self.version == "-6" else []
        told = client(
            "nmap", *family, "-Pn", "-n", "-sU", "-p", daemon.port, "--script", "+daytime", self.host)
        self.assertRegex(told, rf"{daemon.port}/udp +open ")
        said = re.search(r"_daytime: (.*?)(\\x0D)?\s*$", told, re.MULTILINE)[1]
        self.assert_now(said, "%A, %B %d, %Y %H:%M:%S-UTC")
        ledger = daemon.stop()["daytime"]  # it probes the port several times
        self.assertGreater(ledger["replied"], 0)
        self.assertEqual(ledger["received"], ledger["replied"])

    def test_nping_echo(self):
        if os.geteuid() != 0:
            self.skipTest("nping needs root")
        daemon = self.serve("echo")
        asking = ["-p", daemon.port, "--data-length", 1400, "-c", REQUESTS, "--delay", "1ms", "-H"]
        if self.version == "-6":  # it sends nothing to ::1 from a raw socket
            client("nping", "-6", "--udp", "--unprivileged", "-g", free_port(self.host), *asking,
                   self.host)
        else:
            sink = Sink(self.host)
            sink.start()
            client("nping", "--udp", "-g", sink.port, *asking, self.host)
            sink.join()
            self.assertEqual(sink.sizes, [1400] * REQUESTS)
        self.assert_books(daemon, "echo", REQUESTS)

    def test_socat(self):
        daemon = self.serve("echo")
        if not shutil.which("socat"):
            self.skipTest("socat is not installed")
        peer = f"UDP6:[{self.host}]" if ":" in self.host else f"UDP4:{self.host}"
        socat = subprocess.Popen(
            ["socat", "-", f"{peer}:{daemon.port}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(socat.communicate)
        self.addCleanup(socat.kill)
        for sent in (b"x", b"a line\n", bytes(range(256))):
            socat.stdin.write(sent)
            socat.stdin.flush()
            self.assertEqual(os.read(socat.stdout.fileno(), 65536), sent)
        self.assert_books(daemon, "echo", 3)


class Ipv4FixedPort(Clients, dgramtest.Case):
    host = "127.0.0.1"
    fixed = True


class Ipv4PortZero(Clients, dgramtest.Case):
    host = "127.0.0.1"


class Ipv6FixedPort(Clients, dgramtest.Case):
    host = "::1"
    fixed = True


class Ipv6PortZero(Clients, dgramtest.Case):
    host = "::1"


class Wildcard(dgramtest.Case):
    def ask_from_anywhere(self, address):
        """The answer, and where it came from, on a socket that takes it from anywhere."""
        with dgramtest.socket_for(address) as asker:
            asker.sendto(b"who?", address)
            return asker.recvfrom(65536)

    def test_answers_come_from_the_address_that_was_asked(self):
        daemon = self.start({"host": ["0.0.0.0", "::"], "handler": "echo"})
        port4, port6 = (address[1] for address in daemon.addresses())
        asked = [(f"127.{i}.{2 * i}.{i + 1}", port4) for i in range(20)]
        asked += [("127.0.0.1", port4), ("::1", port6, 0, 0)]
        for address in asked:
            answer, source = self.ask_from_anywhere(address)
            self.assertEqual((answer, source), (b"who?", address))
        self.assertEqual(daemon.stop()["echo"]["replied"], len(asked))

    def test_socat_takes_the_answer_from_each_address(self):
        if not shutil.which("socat"):
            self.skipTest("socat is not installed")
        daemon = self.start({"host": "0.0.0.0", "handler": "echo"})
        for host in ("127.0.0.1", "127.0.0.9", "127.9.8.7"):
            socat = subprocess.Popen(  # a connected socket: it sees no answer from elsewhere
                ["socat", "-", f"UDP4:{host}:{daemon.port}"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE)
            self.addCleanup(socat.communicate)
            self.addCleanup(socat.kill)
            socat.stdin.write(b"here")
            socat.stdin.flush()
            self.assertEqual(os.read(socat.stdout.fileno(), 65536), b"here")


dgramtest.main()
