"""The built-in services, asked as their clients ask."""
# valgrind

import os
import struct
import subprocess
import sys
import time

import dgramtest
import probe
import slowclock

SECONDS_1900_TO_1970 = 2208988800
WRAPS = 2**32 - SECONDS_1900_TO_1970  # 2036-02-07 06:28:16 UTC

RECIPE = """\
import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b'', ('127.0.0.1', {port}))
print(s.recvfrom(8192)[0].decode('ascii'))
"""


def seconds_around(ask):
    """What `ask` returns, and the seconds of Unix time that it ran in."""
    before = int(time.time())
    reply = ask()
    return reply, range(before, int(time.time()) + 1)


def ctime_texts(seconds):
    return [time.ctime(second).encode() for second in seconds]


def daytime_texts(seconds):
    texts = []
    for second in seconds:
        local = time.localtime(second)
        texts.append(time.strftime(f"%A, %B {local.tm_mday}, %Y %H:%M:%S-%Z\r\n", local).encode())
    return texts


def seconds_of(reply):
    """The Unix time of an RFC 868 reply, before 2036."""
    return struct.unpack("!I", reply)[0] - SECONDS_1900_TO_1970


class Services(dgramtest.Case):
    def test_recipe_client(self):
        port = self.start().port
        reply, seconds = seconds_around(lambda: subprocess.run(
            [sys.executable, "-c", RECIPE.format(port=port)], capture_output=True, check=True,
            timeout=dgramtest.PATIENCE).stdout)
        self.assertIn(reply, [text + b"\n" for text in ctime_texts(seconds)])

    def test_time_over_a_change_of_the_second(self):
        daemon = self.start({"handler": "time", "pool": {"workers": 2}})
        texts = set()
        while len(texts) < 3:
            reply, seconds = seconds_around(daemon.ask)
            self.assertIn(reply, ctime_texts(seconds))
            texts.add(reply)

    def test_time_zone(self):
        zone = "XYZ-5:30ABC,M3.2.0,M11.1.0"
        services = [{"name": name, "handler": name} for name in ("time", "daytime")]
        daemon = self.start({"services": services}, environment={"TZ": zone})
        before = os.environ.get("TZ")
        try:
            os.environ["TZ"] = zone
            time.tzset()
            reply, seconds = seconds_around(lambda: daemon.ask(service="time"))
            self.assertIn(reply, ctime_texts(seconds))
            reply, seconds = seconds_around(lambda: daemon.ask(service="daytime"))
            self.assertIn(reply, daytime_texts(seconds))
        finally:
            os.environ.pop("TZ")
            if before is not None:
                os.environ["TZ"] = before
            time.tzset()

    def test_daytime(self):
        daemon = self.start({"handler": "daytime"})
        reply, seconds = seconds_around(daemon.ask)
        self.assertIn(reply, daytime_texts(seconds))

    def test_time_rfc868(self):
        daemon = self.start({"handler": "time-rfc868"})
        reply, seconds = seconds_around(daemon.ask)
        self.assertIn(seconds_of(reply), seconds)

    def test_time_rfc868_wraps_in_2036(self):
        for moment in (WRAPS - 3600, WRAPS + 3600):
            ahead = slowclock.ahead_of(moment)
            clock = slowclock.SlowClock(self, ahead_s=ahead)
            daemon = self.start({"handler": "time-rfc868"}, environment=clock.environment)
            reply, seconds = seconds_around(daemon.ask)
            expected = [(s + ahead + SECONDS_1900_TO_1970) % 2**32 for s in seconds]
            self.assertIn(struct.unpack("!I", reply)[0], expected)
            self.assertEqual(expected[0] < 2**31, moment > WRAPS)

    def test_time_after_2038(self):
        ahead = slowclock.ahead_of(2**31 + 3600)
        clock = slowclock.SlowClock(self, ahead_s=ahead)
        daemon = self.start({"handler": "time"}, environment=clock.environment)
        reply, seconds = seconds_around(daemon.ask)
        self.assertIn(reply, ctime_texts(second + ahead for second in seconds))

    def must_echo(self, daemon, address, sizes):
        with dgramtest.socket_for(address) as client:
            client.connect(address)
            for size in sizes:
                payload = os.urandom(size)
                client.send(payload)
                self.assertEqual(client.recv(65536), payload)
        ledger = daemon.stop()["echo"]
        self.assertEqual(ledger["received"], len(sizes))
        self.assertEqual(ledger["replied"], len(sizes))

    def test_echo_of_all_sizes(self):
        daemon = self.start({"handler": "echo"})
        sizes = [0, 1, 2, *range(3, 8190, 5 * dgramtest.SLOW), 8190, 8191, 8192]
        self.must_echo(daemon, daemon.address(), sizes)

    def test_echo_of_the_longest(self):
        for host in ("127.0.0.1", "::1"):
            daemon = self.start({"handler": "echo", "host": host, "max_datagram_bytes": 65507})
            self.must_echo(daemon, daemon.address(), [0, 8193, 65506, 65507])

    def test_longest_replies_of_services(self):
        """What one may reply the other need not."""
        daemon = self.start({
            "max_datagram_bytes": 100, "max_reply_bytes": 3, "services": [
                {"name": "short", "handler": "echo"},
                {"name": "long", "handler": "time", "max_reply_bytes": 65507}]})
        self.assertEqual(daemon.ask(b"123", "short"), b"123")
        with dgramtest.socket_for(daemon.address("short")) as client:
            client.sendto(b"1234", daemon.address("short"))
        self.assertEqual(len(daemon.ask(b"", "long")), 24)
        daemon.wait_for("datagrams lost", reason="failed_reply_size")
        ledgers = daemon.stop()
        self.assertEqual((ledgers["short"]["replied"], ledgers["short"]["failed_reply_size"]), (1, 1))

    def test_empty_datagrams_anywhere_in_a_batch(self):
        daemon = self.start({"handler": "echo", "pool": {"workers": 1}})
        payloads = [b"" if number % 3 else b"%d" % number for number in range(30)]
        with dgramtest.socket_for(daemon.address()) as client:
            client.connect(daemon.address())
            for payload in payloads:
                client.send(payload)
            answers = [client.recv(64) for _ in payloads]
        self.assertCountEqual(answers, payloads)  # the order of two batches is not promised

    def test_discard(self):
        daemon = self.start({"handler": "discard", "logging": {"level": "debug"}})
        with dgramtest.socket_for(daemon.address()) as client:
            client.connect(daemon.address())
            for number in range(20):
                client.send(b"x" * number)
            daemon.wait_for("request", count=20)
            ledger = daemon.stop()["discard"]
            client.setblocking(False)
            self.assertRaises((BlockingIOError, ConnectionRefusedError), client.recv, 64)
        self.assertEqual((ledger["received"], ledger["no_reply"], ledger["replied"]), (20, 20, 0))

    def test_hosts_of_both_families(self):
        hosts = ["127.0.0.1", "127.0.0.2", "::1"]
        daemon = self.start({"host": hosts, "handler": "echo"})
        self.assertEqual([address[0] for address in daemon.addresses()], hosts)
        for address in daemon.addresses():
            with dgramtest.socket_for(address) as client:
                client.connect(address)
                client.send(b"hello")
                self.assertEqual(client.recv(64), b"hello")
        self.assertEqual(daemon.stop()["echo"]["replied"], len(hosts))

    def test_fixed_port(self):
        port, hosts = probe.free_port(), [probe.HOST, probe.OTHER_HOST]
        daemon = self.start({"host": hosts, "port": port})
        self.assertEqual(daemon.addresses(), [(host, port) for host in hosts])
        reply, seconds = seconds_around(daemon.ask)
        self.assertIn(reply, ctime_texts(seconds))

    def test_all_services_in_one_daemon(self):
        services = [{"name": f"my-{name}", "handler": name, "host": ["127.0.0.1", "::1"]}
                    for name in dgramtest.handlers()]
        daemon = self.start({"services": services})
        reply, seconds = seconds_around(lambda: daemon.ask(service="my-time"))
        self.assertIn(reply, ctime_texts(seconds))
        reply, seconds = seconds_around(lambda: daemon.ask(service="my-daytime"))
        self.assertIn(reply, daytime_texts(seconds))
        reply, seconds = seconds_around(lambda: daemon.ask(service="my-time-rfc868"))
        self.assertIn(seconds_of(reply), seconds)
        self.assertEqual(daemon.ask(b"abc", service="my-echo"), b"abc")
        v6 = daemon.addresses("my-echo")[1]
        with dgramtest.socket_for(v6) as client:
            client.sendto(b"six", v6)
            self.assertEqual(client.recv(64), b"six")
        ledgers = daemon.stop()
        self.assertEqual(
            {name: ledger["received"] for name, ledger in ledgers.items()},
            {"my-time": 1, "my-daytime": 1, "my-time-rfc868": 1, "my-echo": 2, "my-discard": 0,
             "my-simulate": 0})


dgramtest.main()
