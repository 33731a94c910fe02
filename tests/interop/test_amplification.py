"""No more is sent to a network than max_reply_factor times what came from it, and the allowance: in a network of the
test's own, whose addresses are not loopback. For root only."""

import atexit
import os
import signal
import socket
import struct
import tempfile
import time

import dgramtest
import networks
import plugins

FOLDER = tempfile.TemporaryDirectory(prefix="dgramd-amplification-")
atexit.register(FOLDER.cleanup)
PLUGIN = plugins.build(
    os.path.join(FOLDER.name, "subject.so"), os.path.join(dgramtest.TOP, "tests/e2e/subject.c"), "-DPLUGIN")
SO_RCVBUFFORCE = 33
ALLOWANCE, REFILL = 2000, 200
REQUESTS = 1000  # forged, for each service
FORGED = ("198.51.100", "2001:db8:77:")  # a /24, a /48
FACTORS = {"time": 1, "daytime": 1, "time-rfc868": 1, "echo": 3}
REPLY = 512  # of the subject: max_datagram_bytes


def headers(host):
    return 48 if ":" in host else 28


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 65535) + (total >> 16)
    return ~total & 65535 or 65535


def empty_request(source, host, port):
    """An IP packet with a UDP datagram of no bytes, from this source."""
    udp, ends = (30000, port, 8), b""
    for end in source, host:
        ends += socket.inet_pton(networks.family_of(host), end)
    if ":" in host:
        header = struct.pack("!IHBB", 6 << 28, 8, 17, 64) + ends
        summed = checksum(ends + struct.pack("!II4H", 8, 17, *udp, 0))
    else:
        header = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0) + ends
        summed = checksum(ends + struct.pack("!HH4H", 17, 8, *udp, 0))
    return header + struct.pack("!4H", *udp, summed)


class Amplification(networks.Case):
    def setUp(self):
        super().setUp()
        with self.enter(self.there):
            self.ip("address add 10.9.0.77/16 dev there")  # another client in the /24
        for network, version in ((prefix, "-6 " if ":" in prefix else "-4 ") for prefix in FORGED):
            whole = f"{network}:/48" if ":" in network else f"{network}.0/24"
            neighbour = networks.NEIGHBOURS[":" in network]
            self.ip(f"{version}route add {whole} via {neighbour}")
            with self.enter(self.there):
                self.ip(f"{version}route add local {whole} dev lo")

    def there_bound(self, *address):
        """A socket of the neighbour's network."""
        with self.enter(self.there):
            sock = socket.socket(networks.family_of(address[0]), socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.settimeout(dgramtest.PATIENCE)
        sock.bind(address)
        return sock

    def flood(self, daemon, host):
        """Empty requests to each service, from all over a network; the books, and what came there, by service."""
        version = ":" in host
        with self.enter(self.there):
            raw = socket.socket(networks.family_of(host), socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.addCleanup(raw.close)
        sink = self.there_bound("::" if version else "0.0.0.0", 30000)
        sink.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        services = {daemon.address(name)[1]: name for name in FACTORS}
        for number in range(REQUESTS):
            source = f"{FORGED[version]}{number % 250:x}::1" if version else f"{FORGED[version]}.{number % 250}"
            for port in services:
                raw.sendto(empty_request(source, host, port), (host, 0))
        books, came = daemon.stop(), dict.fromkeys(FACTORS, 0)
        for _ in range(sum(ledger["replied"] for ledger in books.values())):
            data, address = sink.recvfrom(65536)
            came[services[address[1]]] += len(data) + headers(host)
        sink.setblocking(False)
        self.assertRaises(BlockingIOError, sink.recv, 1)
        sink.close()
        return books, came

    def test_forged(self):
        for host in networks.HOSTS:
            with self.subTest(host=host):
                daemon = self.start({"services": [{"handler": name, "host": host} for name in FACTORS]})
                begin = time.monotonic()
                books, came = self.flood(daemon, host)
                allowance = ALLOWANCE + REFILL * (time.monotonic() - begin)
                for name, factor in FACTORS.items():
                    ledger, least = books[name], factor * books[name]["received"] * headers(host)
                    self.assertGreater(ledger["received"], 0.9 * REQUESTS)
                    self.assertLessEqual(came[name], least + allowance, name)
                    self.assertGreater(came[name], 0.95 * min(least, ledger["received"] * headers(host)), name)
                    self.assertEqual(ledger["received"], ledger["replied"] + ledger["dropped_amplification"])
                    if name != "time-rfc868":  # 4 bytes each are more than the allowance, if there is little time
                        self.assertEqual(ledger["dropped_amplification"] > 0, name != "echo", name)

    # --- one client

    def ask(self, client, payload):
        """The reply, or nothing in a while that is long beside what the server takes."""
        client.send(payload)
        try:
            return client.recv(65536)
        except TimeoutError:
            return None

    def client(self, daemon, number=2):
        sock = self.there_bound(f"10.9.0.{number}", 0)
        sock.connect(daemon.address())
        return sock

    def reload(self, daemon, count, **config):
        daemon.write_config(dgramtest.with_test_values({**daemon.config, **config}))
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded", count)

    def lost(self, daemon, reason):
        return sum(int(line["lost"]) for line in daemon.events("datagrams lost", reason=reason))

    def must_be_capped(self, daemon):
        """And the log says so, and what to do."""
        before, client = self.lost(daemon, "dropped_amplification"), self.client(daemon)
        for _ in range(100):
            client.send(b"")
        self.eventually(lambda: self.lost(daemon, "dropped_amplification") > before, "the loss")
        line = daemon.events("datagrams lost", reason="dropped_amplification")[-1]
        self.assertEqual((line["client"], line["bytes"]), ("%s:%d" % client.getsockname(), "0"))
        self.assertIn("raise max_reply_factor", line["hint"])

    def test_reload(self):
        daemon = self.start({"handler": "daytime", "host": networks.HOSTS[0]})
        self.must_be_capped(daemon)
        self.reload(daemon, 1, max_reply_factor=0)
        client = self.client(daemon)
        for _ in range(100):
            self.assertIsNotNone(self.ask(client, b""))
        self.reload(daemon, 2, max_reply_factor=1)
        self.must_be_capped(daemon)

    def test_exempt(self):
        daemon = self.start({
            "handler": "daytime", "host": networks.HOSTS[0], "limits": {"exempt": ["10.9.0.2/32"]}})
        client, neighbour = self.client(daemon), self.client(daemon, 77)
        for _ in range(100):
            self.assertIsNotNone(self.ask(client, b""))
        for _ in range(100):
            neighbour.send(b"")
        self.eventually(lambda: self.lost(daemon, "dropped_amplification") > 0, "the loss")

    def test_loopback_is_free(self):
        daemon = self.start({"handler": "daytime", "host": ["127.0.0.1", "::1"]})
        for address in daemon.addresses():
            with dgramtest.socket_for(address) as client:
                client.connect(address)
                for _ in range(100):
                    self.assertIsNotNone(self.ask(client, b""))

    # --- a handler

    def subject(self, concurrency):
        return self.start({
            "handler": PLUGIN, "concurrency": concurrency, "host": networks.HOSTS[0], "max_datagram_bytes": REPLY})

    def count(self, client):
        """Replies that have come; all have that will, because the server has ended."""
        client.setblocking(False)
        got = 0
        try:
            while True:
                got += len(client.recv(65536)) + 28
        except BlockingIOError:
            return got

    def must_be_withheld(self, request, first, concurrency):
        """Of one request, whose first reply counts as so much."""
        daemon = self.subject(concurrency)
        begin, client = time.monotonic(), self.client(daemon)
        client.send(request)
        self.eventually(lambda: self.lost(daemon, "replies_withheld") > 0, "the loss")
        ledger = daemon.stop()["subject"]
        most = 3 * (len(request) + 28) + ALLOWANCE + REFILL * (time.monotonic() - begin)
        self.assertIn(self.count(client), range(3 * (REPLY + 28), int(most) + 1))
        self.assertEqual(ledger["replies_withheld"], 1)
        self.assertEqual((ledger["replied"], ledger["replies_extra"] > 0), first)

    def test_further_replies(self):
        for concurrency in "pool", "inline", "process":
            with self.subTest(concurrency=concurrency):
                self.must_be_withheld(b"many", (1, True), concurrency)
                self.must_be_withheld(b"besides", (0, False), concurrency)

    def must_lift(self, word, concurrency):
        """For that client, and not for its neighbour; for how long it holds is test_cap's."""
        daemon = self.subject(concurrency)
        client, neighbour = self.client(daemon), self.client(daemon, 77)
        for _ in range(20):
            neighbour.send(b"fill")
        self.eventually(lambda: self.lost(daemon, "dropped_amplification") > 0, "the loss")
        for request in word, *[b"fill"] * 20:
            self.assertEqual(len(self.ask(client, request)), REPLY)
        for _ in range(20):
            neighbour.send(b"fill")
        client.close()
        ledger = daemon.stop()["subject"]
        self.assertGreater(ledger["dropped_amplification"], 20)
        self.assertEqual(ledger["received"], 61)

    def test_proven(self):
        """By handle(), and by verify()."""
        for concurrency in "pool", "process":
            for word in b"prove", b"proof":
                with self.subTest(concurrency=concurrency, word=word):
                    self.must_lift(word, concurrency)


dgramtest.main()
