"""Replies that the system really refuses to send: a firewall's rule, a missing route. In a network
of the test's own, with a loopback interface and nothing else; for root only."""

import shutil
import signal
import socket
import subprocess

import dgramtest
import namespaces

GOOD, BAD = 29, 3


class SendErrors(dgramtest.Case):
    def setUp(self):
        namespaces.skip_without(self, namespaces.NETWORK)
        namespaces.unshare(namespaces.NETWORK)
        self.tool("ip", "link", "set", "lo", "up")
        self.daemon = self.start({"handler": "echo", "pool": {"workers": 1}})

    def tool(self, *command):
        if not shutil.which(command[0]):
            self.skipTest(f"no {command[0]}")
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    def client(self, host="127.0.0.1"):
        client = dgramtest.socket_for(self.daemon.address())
        self.addCleanup(client.close)
        client.bind((host, 0))
        client.connect(self.daemon.address())
        return client

    def exchange(self, good, bad, between=lambda: None):
        """Requests of both, among each other, taken as one batch; what became of the bad ones."""
        self.daemon.freeze()
        for i in range(GOOD + BAD):
            (bad if i % 10 == 4 else good).send(str(i).encode())
        between()
        self.daemon.kill(signal.SIGCONT)
        got = sorted(int(good.recv(16)) for _ in range(GOOD))
        self.assertEqual(got, [i for i in range(GOOD + BAD) if i % 10 != 4])
        ledger = self.daemon.stop()["echo"]
        self.assertEqual((ledger["received"], ledger["replied"]), (GOOD + BAD, GOOD))
        self.assertEqual(len(self.daemon.events("reply not sent")), 1)
        return {name: count for name, count in ledger.items() if "failed" in name and count}

    def gone(self, *route):
        """The bad client's address leaves this machine while its requests wait."""
        self.tool("ip", "address", "add", "10.9.0.1/32", "dev", "lo")
        good, bad = self.client(), self.client("10.9.0.1")

        def between():
            self.tool("ip", "address", "del", "10.9.0.1/32", "dev", "lo")
            if route:
                self.tool("ip", "route", "add", *route, "10.9.0.1/32")
        return self.exchange(good, bad, between)

    def test_firewall(self):
        good, bad = self.client(), self.client()
        self.tool("nft", "add table inet t; add chain inet t out { type filter hook output "
                  f"priority 0; }}; add rule inet t out udp dport {bad.getsockname()[1]} drop")
        self.assertEqual(self.exchange(good, bad), {"failed_send_forbidden": BAD})

    def test_no_route(self):
        self.assertEqual(self.gone(), {"failed_send_unreachable": BAD})

    def test_unreachable(self):
        self.assertEqual(self.gone("unreachable"), {"failed_send_unreachable": BAD})

    def test_prohibited(self):
        self.assertEqual(self.gone("prohibit"), {"failed_send_forbidden": BAD})

    def test_small_mtu(self):
        """A reply that is larger than the interface takes goes in fragments."""
        self.tool("ip", "link", "set", "lo", "mtu", "1280")
        client = self.client()
        client.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER, IP_PMTUDISC_DONT
        for length in 1252, 1253, 4000, 8192:
            client.send(b"x" * length)
            self.assertEqual(len(client.recv(65536)), length)
        self.assertEqual(self.daemon.stop()["echo"]["replied"], 4)


dgramtest.main()
