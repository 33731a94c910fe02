"""Requests to many machines at once: dropped, or answered by one of our own addresses. In networks
of the test's own, with a client on the link."""

import re
import socket

import dgramtest
import networks

# What a client can ask: with the reason for which it is dropped, if it is, and who answers. What is
# dropped goes before what is served.
V4 = (
    ("255.255.255.255", "broadcast", "10.1.0.1"),
    ("10.1.0.255", "broadcast", "10.1.0.1"),
    ("224.0.0.1", "multicast", "10.1.0.1"),
    ("10.1.0.1", None, "10.1.0.1"),
)
V6 = (("ff02::1", "multicast", "fe80::"), ("fd01::1", None, "fd01::1"))
FAMILIES = (("v4", "0.0.0.0", socket.AF_INET, V4), ("v6", "::", socket.AF_INET6, V6))


class Broadcast(dgramtest.Case):
    def setUp(self):
        nets = self.networks = networks.Networks(self)
        self.client, server = nets.add(), nets.add()
        nets.link(server, "out", ["10.1.0.1/24", "fd01::1/64"],
                  self.client, "in", ["10.1.0.2/24", "fd01::2/64"])
        with nets.inside(self.client):
            nets.ip("route add default via 10.1.0.1")
            self.eventually(lambda: "fe80::" in nets.show("-6 address show dev in scope link"),
                            "a link-local address")

    def socket(self, family):
        with self.networks.inside(self.client):
            client = socket.socket(family, socket.SOCK_DGRAM)
            self.addCleanup(client.close)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            client.settimeout(dgramtest.PATIENCE)
            self.scope = socket.if_nametoindex("in")
        return client

    def ask(self, client, to, port):
        address = (to, port, 0, self.scope) if to.startswith("ff") else (to, port)
        self.eventually(lambda: self.is_sent(client, to, address), f"a request to {address}")

    def is_sent(self, client, to, address):
        """A new interface may take a while until IPv6 can multicast there."""
        try:
            return client.sendto(to.encode(), address)
        except OSError as error:
            print(f"# not sent yet: {address}: {error}")
            return False

    def check(self, broadcast, gro=False, **config):
        """Each is answered once, or dropped."""
        receivers = config.get("receivers", 1)
        daemon = self.start({"broadcast": broadcast, "socket": {"gro": gro}, "services": [
            {"name": name, "handler": "echo", "host": host, **config}
            for name, host, _, _ in FAMILIES]})
        for name, _, family, asked in FAMILIES:
            client = self.socket(family)
            port = daemon.address(name)[1]
            for to, _, _ in asked:
                self.ask(client, to, port)
            served = [(to, source) for to, reason, source in asked if broadcast or not reason]
            answers = [client.recvfrom(64) for _ in served]
            self.assertEqual(
                sorted((data.decode(), re.sub("^fe80::.*", "fe80::", source[0]))
                       for data, source in answers), sorted(served))
        ledgers = daemon.stop()
        for name, _, _, asked in FAMILIES:
            for reason in "broadcast", "multicast":
                count = sum(reason == of_row for _, of_row, _ in asked)
                self.assertEqual(ledgers[name][f"dropped_{reason}"],
                                 count * (receivers - broadcast), (name, reason))
            self.assertEqual(ledgers[name]["replied"], sum(
                broadcast or not reason for _, reason, _ in asked))
        return daemon

    def test_dropped(self):
        daemon = self.check(False)
        self.assertEqual({line["reason"] for line in daemon.events("datagrams lost")},
                         {"dropped_broadcast", "dropped_multicast"})

    def test_dropped_inline(self):
        self.check(False, concurrency="inline")

    def test_several_receivers(self):
        """Each has a copy."""
        for broadcast in False, True:
            self.check(broadcast, receivers=3)

    def test_trains(self):
        for broadcast in False, True:
            self.check(broadcast, gro=True)

    def test_served(self):
        self.check(True)

    def test_served_inline(self):
        self.check(True, concurrency="inline")

    def test_host_that_is_a_broadcast_address(self):
        """It receives nothing else; 255.255.255.255 is no other."""
        for host in "10.1.0.255", "255.255.255.255":
            for broadcast in False, True:
                with self.subTest(host=host, broadcast=broadcast):
                    daemon = self.start({
                        "handler": "echo", "host": host, "broadcast": broadcast,
                        "logging": {"level": "debug"}})
                    client = self.socket(socket.AF_INET)
                    self.ask(client, host, daemon.port)
                    daemon.wait_for("request" if broadcast else "datagrams lost")
                    if broadcast:
                        self.assertEqual(
                            client.recvfrom(64), (host.encode(), ("10.1.0.1", daemon.port)))
                    ledger = daemon.stop()["echo"]
                    self.assertEqual((ledger["received"], ledger["replied"]), (1, broadcast))
                    self.assertEqual(ledger["dropped_broadcast"], not broadcast)

    def test_specific_host(self):
        """What is sent to many does not come to it."""
        daemon = self.start({"handler": "echo", "host": "10.1.0.1"})
        client = self.socket(socket.AF_INET)
        for to, _, _ in V4:
            self.ask(client, to, daemon.port)
        self.assertEqual(client.recv(64), b"10.1.0.1")
        self.assertEqual(daemon.stop()["echo"]["received"], 1)


dgramtest.main()
