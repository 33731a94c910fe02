"""Replies over paths of any MTU: a router between the server and its client, whose link is as wide
as the server's interface, or narrower, or the server's route says its MTU. In networks of the
test's own."""

import signal
import socket
import struct

import dgramtest
import networks

HEADERS = {socket.AF_INET: 28, socket.AF_INET6: 48}  # IP and UDP
JOINED = 4

# Each path's network; the MTU of the link to the client, and of the server's route.
PATHS = {
    "interface": (2, 1500, None),
    "narrower link": (3, 1420, None),
    "route's mtu": (4, 1400, 1400),
}
SERVICES = {
    f"{concurrency}-{kind}{family}": {"handler": "echo", "concurrency": concurrency, "host": host}
    for concurrency in ("pool", "inline")
    for kind, family, host in (
        ("any", 4, "0.0.0.0"), ("own", 4, "10.1.0.1"), ("any", 6, "::"), ("own", 6, "fd01::1"))}


class Paths(dgramtest.Case):
    def setUp(self):
        nets = self.networks = networks.Networks(self)
        self.client, router, self.server = nets.add(), nets.add(), nets.add()
        nets.link(self.server, "out", ["10.1.0.1/24", "fd01::1/64"],
                  router, "in", ["10.1.0.2/24", "fd01::2/64"])
        with nets.inside(router):
            nets.set("ipv4/ip_forward", 1)
            nets.set("ipv6/conf/all/forwarding", 1)
        for number, mtu, route_mtu in PATHS.values():
            nets.link(router, f"r{number}", [f"10.{number}.0.2/24", f"fd0{number}::2/64"],
                      self.client, f"c{number}", [f"10.{number}.0.1/24", f"fd0{number}::1/64"], mtu)
            told = f" mtu {route_mtu}" if route_mtu else ""
            nets.ip(f"route add 10.{number}.0.0/24 via 10.1.0.2{told}",
                    f"route add fd0{number}::/64 via fd01::2{told}")
        with nets.inside(self.client):
            nets.ip("route add default via 10.2.0.2", "route add default via fd02::2")
        self.daemon = self.start({
            "pool": {"workers": 1},
            "services": [{"name": name, **service} for name, service in SERVICES.items()]})

    def ask(self, service, path, family):
        """The client at the end of a path, which has been answered once."""
        host = f"10.{PATHS[path][0]}.0.1" if family == socket.AF_INET else f"fd0{PATHS[path][0]}::1"
        with self.networks.inside(self.client):
            client = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.settimeout(dgramtest.PATIENCE)
        client.bind((host, 0))
        client.connect((
            "10.1.0.1" if family == socket.AF_INET else "fd01::1",
            self.daemon.address(service)[1]))
        self.settle(client)
        return client

    def settle(self, client):
        """Short replies, asked for after all others and answered; returns what came before."""
        before = 0
        for mark in b"one", b"two":
            client.send(mark)
            while (reply := client.recv(65536)) != mark:
                before += 1
                self.assertEqual(reply, reply[:1] * len(reply))
        return before

    def answered(self, client, length, count):
        """How many of so many replies of this length come, which wait together to be sent."""
        if count > 1:
            self.daemon.freeze()
        for number in range(count):
            client.send(bytes([number]) * length)
        if count > 1:
            self.daemon.kill(signal.SIGCONT)
        return self.settle(client)

    def check_path(self, service, path, family):
        """The first reply that is too long for an IPv6 router's link may be lost, and no other."""
        client = self.ask(service, path, family)
        fits = PATHS[path][1] - HEADERS[family]
        lost = 0
        for length in fits - 1, fits, fits + 1, 3000:
            for count in 1, JOINED:
                with self.subTest(service=service, path=path, length=length, count=count):
                    missing = count - self.answered(client, length, count)
                    if missing and family == socket.AF_INET6 and path == "narrower link":
                        lost += 1
                        self.assertGreater(length, fits)
                        missing = count - self.answered(client, length, count)
                    self.assertEqual(missing, 0)
        self.assertLessEqual(lost, 1)

    def check_family(self, family, digit):
        for path in PATHS:
            for service in SERVICES:
                if service.endswith(digit):
                    self.networks.ip("-6 route flush cache")  # what was learned of path MTUs
                    self.check_path(service, path, family)
        for name, ledger in self.daemon.stop().items():
            self.assertEqual(ledger["received"], ledger["replied"], name)
        self.assertTrue(self.daemon.events("replies not joined"))  # so some were to be

    def test_ipv4(self):
        self.check_family(socket.AF_INET, "4")

    def test_ipv6(self):
        self.check_family(socket.AF_INET6, "6")

    def forge_too_big(self, to, mtu):
        """From anybody, "a packet of yours to that address was too big"."""
        port = self.daemon.address("pool-any6")[1]
        packet = struct.pack("!IHBB16s16sHHHH", 6 << 28, 1400, socket.IPPROTO_UDP, 64,
                             socket.inet_pton(socket.AF_INET6, "fd01::1"),
                             socket.inet_pton(socket.AF_INET6, to), port, 9, 1400, 0)
        with self.networks.inside(self.client), socket.socket(
                socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
            raw.sendto(struct.pack("!BBHI", 2, 0, 0, mtu) + packet + bytes(1000), ("fd01::1", 0))

    def test_forged_too_big(self):
        """It makes replies to one address fragments, no smaller than 1280 bytes, and loses none."""
        client = self.ask("pool-any6", "interface", socket.AF_INET6)
        for mtu, believed in (68, False), (1279, False), (1280, True), (68, True):
            self.forge_too_big("fd02::1", mtu)
            self.settle(client)
            route = self.networks.show("-6 route get fd02::1")
            self.assertEqual("mtu 1280" in route, believed, (mtu, route))
            for length in 1232, 1233, 1452, 1453, 3000:
                for count in 1, JOINED:
                    self.assertEqual(self.answered(client, length, count), count)
        self.assertNotIn("mtu", self.networks.show("-6 route get fd03::1"))


dgramtest.main()
