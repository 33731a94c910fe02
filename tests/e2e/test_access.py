"""Who is let in: real datagrams from many addresses, lists and their file read again while it serves."""

import os
import pathlib
import signal
import socket
import struct
import unittest

import dgramtest


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF) or 0xFFFF


class Access(dgramtest.Case):
    def tell(self, daemon, host, payload=b"x", service=None):
        """From this address; returns the socket."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        client = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.settimeout(dgramtest.PATIENCE)
        client.bind((host, 0))
        client.sendto(payload, daemon.address(service))
        return client

    def is_answered(self, daemon, *hosts, service=None):
        for host in hosts:
            client = self.tell(daemon, host, host.encode(), service)
            self.assertEqual(client.recv(64), host.encode())

    def list_of(self, daemon, text):
        pathlib.Path(daemon.config_path).with_name("who.list").write_text(text, encoding="ascii")

    def reload(self, daemon, event, count, **changes):
        daemon.write_config({**daemon.config, **changes})
        daemon.kill(signal.SIGHUP)
        daemon.wait_for(event, count=count)

    def test_lists(self):
        """Of the top, which one service has, and another has its own."""
        daemon = self.start({
            "access": {"allow": ["127.0.0.0/16", "::ffff:127.9.0.0/112"], "deny": ["127.0.1.0/24"]},
            "services": [{"handler": "echo", "port": 0},
                         {"name": "own", "handler": "echo", "port": 0, "host": "::1",
                          "access": {"deny": ["::1"]}}]})
        for host in ("127.0.1.1", "127.1.0.0", "127.10.0.1"):
            self.tell(daemon, host, service="echo")
        self.is_answered(daemon, "127.0.0.1", "127.0.2.1", "127.9.0.1", service="echo")
        self.tell(daemon, "::1", service="own")
        daemon.wait_for("datagrams lost", service="own", reason="dropped_access")
        line = daemon.wait_for("datagrams lost", service="echo", reason="dropped_access")
        self.assertRegex(line["client"], r"^127\.(0\.1|1\.0|10\.0)\.[01]:\d+$")
        self.assertEqual(line["hint"], "if such clients are legitimate, allow their prefix in access")
        ledgers = daemon.stop()
        self.assertEqual((ledgers["echo"]["dropped_access"], ledgers["echo"]["replied"]), (3, 3))
        self.assertEqual((ledgers["own"]["dropped_access"], ledgers["own"]["received"]), (1, 1))

    def test_the_file_is_read_again(self):
        """Refused where it is wrong or gone, and then all of the rest is, too."""
        daemon = self.start({"handler": "echo", "pool": {"workers": 3}})
        self.is_answered(daemon, "127.0.0.2")
        self.list_of(daemon, "deny 127.0.0.2 # no more\n")
        self.reload(daemon, "reloaded", 1, access={"file": "who.list"})
        self.tell(daemon, "127.0.0.2")
        self.is_answered(daemon, "127.0.0.3")
        self.list_of(daemon, "deny 127.0.0.3\n")
        self.reload(daemon, "reloaded", 2, access={"file": "who.list"})
        messages = [line["message"] for line in daemon.events("configuration")]
        self.assertEqual(messages, ["access.file  -> who.list: in effect now",
                                    "access.file who.list -> who.list, which has changed: in effect now"])
        self.tell(daemon, "127.0.0.3")
        self.is_answered(daemon, "127.0.0.2")
        self.list_of(daemon, "allow 127.0.0.0/8\ndeny 127.0.0.1/8\n")
        self.reload(daemon, "reload refused", 1, access={"file": "who.list"}, pool={"workers": 9})
        self.assertIn("who.list:2:6: error: has bits set behind the prefix; did you mean 127.0.0.0/8?",
                      daemon.events("configuration", level="error")[0]["message"])
        os.unlink(pathlib.Path(daemon.config_path).with_name("who.list"))
        self.reload(daemon, "reload refused", 2, access={"file": "who.list"}, pool={"workers": 9})
        self.tell(daemon, "127.0.0.3")
        self.is_answered(daemon, "127.0.0.2")
        self.reload(daemon, "reloaded", 3, access={})
        self.is_answered(daemon, "127.0.0.3")
        ledger = daemon.stop()["echo"]
        self.assertEqual((ledger["dropped_access"], ledger["replied"]), (3, 5))
        self.assertEqual([line["message"] for line in daemon.events("configuration", level="info")][2:],
                         ["access.file who.list -> : in effect now"])

    @unittest.skipUnless(os.geteuid() == 0, "only root forges sources")
    def test_an_ipv4_address_in_an_ipv6_datagram(self):
        """The kernel gives it also to a socket of IPv6 alone."""
        daemon = self.start({"handler": "discard", "host": "::1",
                             "access": {"deny": ["10.0.0.0/8", "::10.0.0.0/104"]}})
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            for host in ("::ffff:10.0.0.1", "::ffff:11.0.0.1", "::10.0.0.1"):
                ends = b"".join(socket.inet_pton(socket.AF_INET6, each) for each in (host, "::1"))
                datagram = struct.pack("!4H", 30000, daemon.port, 9, 0) + b"x"
                summed = checksum(ends + struct.pack("!2I", len(datagram), socket.IPPROTO_UDP) + datagram)
                datagram = datagram[:6] + struct.pack("!H", summed) + datagram[8:]
                raw.sendto(struct.pack("!IHBB", 6 << 28, len(datagram), socket.IPPROTO_UDP, 64) +
                           ends + datagram, ("::1", 0))
        ledger = daemon.stop()["discard"]
        self.assertEqual((ledger["dropped_access"], ledger["no_reply"], ledger["received"]), (2, 1, 3))


dgramtest.main()
