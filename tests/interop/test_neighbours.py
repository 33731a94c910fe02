"""Forged requests from neighbours that do not exist, whose replies wait for three seconds: with what
conf/sysctl.d/dgramd.conf sets, honest clients are answered. For root only."""

import re
import socket
import struct
import time

import dgramtest
import networks

PORT = 20007
RATE, SECONDS, HONEST = 2000, 3, 100
SETTINGS = dict(re.findall(
    r"^([\w.]+) = (\d+)$", open(f"{dgramtest.TOP}/conf/sysctl.d/dgramd.conf", encoding="ascii").read(),
    re.MULTILINE))
GRANTED_BEFORE_6_18 = 212992
WARNING = "send buffer holds less than neighbours"


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 65535) + (total >> 16)
    return ~total & 65535 or 65535


class Neighbours(networks.Case):
    def setUp(self):
        super().setUp()
        daemon = self.start({"handler": "echo", "host": ["0.0.0.0", "::"]})
        said = [daemon.wait_for(WARNING, 2), daemon.events(WARNING)[0]]
        self.assertEqual({line["hint"] for line in said}, {
            f"lower net.ipv{version}.neigh.default.unres_qlen_bytes" for version in (4, 6)})
        self.neighbours = int(said[0]["neighbours"])
        daemon.stop()

    def forged(self, host, number):
        """An IP packet with a request from an address on the link, where nobody is."""
        to = socket.inet_pton(networks.family_of(host), host)
        udp, data = (30000, PORT, 8 + 32), b"x" * 32
        if len(to) == 16:
            source = to[:8] + struct.pack("!II", 1, number)
            pseudo = source + to + struct.pack("!II", 8 + 32, 17)
            header = struct.pack("!IHBB", 6 << 28, 8 + 32, 17, 64) + source + to
        else:
            source = to[:2] + bytes((1 + number // 250, 1 + number % 250))
            pseudo = source + to + struct.pack("!HH", 17, 8 + 32)
            header = struct.pack("!BBHHHBBH", 0x45, 0, 60, 0, 0, 64, 17, 0) + source + to
        summed = checksum(pseudo + struct.pack("!4H", *udp, 0) + data)
        return header + struct.pack("!4H", *udp, summed) + data

    def sockets(self, host):
        """A raw one of the forger's, and the honest client's."""
        family = networks.family_of(host)
        with self.enter(self.there):
            raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
            client = socket.socket(family, socket.SOCK_DGRAM)
        for each in raw, client:
            self.addCleanup(each.close)
        client.connect((host, PORT))
        return raw, client

    def flood(self, host, sources):
        """At RATE for SECONDS, or more slowly on a slow machine; the part of the honest that was answered."""
        raw, client = self.sockets(host)
        client.settimeout(dgramtest.PATIENCE)
        client.send(b"first")  # it is a neighbour that the kernel knows from now on
        client.recv(64)
        client.setblocking(False)
        packets = [self.forged(host, number) for number in range(sources)]
        begin, answered, honest = time.monotonic(), 0, 0
        for number in range(RATE * SECONDS):
            while time.monotonic() < begin + number / RATE:
                time.sleep(0.0005)
            raw.sendto(packets[number % sources], (host, 0))
            if number % (RATE // HONEST) == 0:
                client.send(b"honest")
                honest += 1
            answered += self.received(client)
        client.settimeout(1)
        while answered < honest:
            try:
                answered += len(client.recv(64)) > 0
            except TimeoutError:
                break
        return answered / honest

    def received(self, client):
        try:
            return len(client.recv(64)) > 0
        except BlockingIOError:
            return 0

    def must_answer(self, sources, send_buffer, at_least):
        for version, host in zip((4, 6), networks.HOSTS):
            with self.subTest(host=host):
                queue = SETTINGS[f"net.ipv{version}.neigh.default.unres_qlen_bytes"]
                self.setting(f"ipv{version}/neigh/here/unres_qlen_bytes", queue)
                daemon = self.start({
                    "handler": "echo", "host": host, "port": PORT,
                    "socket": {"send_buffer_bytes": send_buffer}})
                granted = int(daemon.wait_for("listening")["send_buffer_granted"])
                self.assertEqual(granted, send_buffer)
                self.assertGreaterEqual(self.flood(host, sources), at_least)
                self.must_warn(daemon, queue, granted)
                self.assertEqual(daemon.stop()["echo"]["failed_send_no_buffer"], 0)

    def test_a_small_send_buffer(self):
        self.must_answer(100, GRANTED_BEFORE_6_18, 0.9)

    def test_a_send_buffer_of_the_file(self):
        """As many neighbours as the network has addresses for; the kernel bears 1024 of them."""
        self.must_answer(6000, int(SETTINGS["net.core.wmem_max"]), 0.9)

    def must_warn(self, daemon, queue, granted):
        """If what may wait for all neighbours, whose number the first warning says, does not fit."""
        said = daemon.events(WARNING)
        if int(queue) * self.neighbours <= 2 * granted:
            self.assertEqual(said, [])
            return
        self.assertEqual(
            [(line["unres_qlen_bytes"], int(line["fits"])) for line in said],
            [(str(queue), 2 * granted // self.neighbours)])

    def test_no_neighbours_at_all(self):
        self.networks.add()
        for host in "0.0.0.0", "::", "127.0.0.1", "::1":
            daemon = self.start({"handler": "echo", "host": host})
            self.assertEqual(daemon.events(WARNING), [])
            daemon.stop()


dgramtest.main()
