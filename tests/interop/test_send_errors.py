"""Replies that the system really refuses to send: a firewall's rule, a missing route, an address of
ours that is gone. In a network of the test's own, with a loopback interface and nothing else."""

import shutil
import signal
import socket
import subprocess

import dgramtest
import networks

GOOD, BAD = 29, 3


class SendErrors(dgramtest.Case):
    def setUp(self):
        self.networks = networks.Networks(self)
        self.networks.add()
        self.serve()

    def serve(self, **config):
        self.daemon = self.start({"handler": "echo", "pool": {"workers": 1}, **config})

    def tool(self, *command):
        if not shutil.which(command[0]):
            self.skipTest(f"no {command[0]}")
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    def client(self, host="127.0.0.1", to="127.0.0.1"):
        address = (to, self.daemon.port, 0, 0)[:4 if ":" in to else 2]
        client = dgramtest.socket_for(address)
        self.addCleanup(client.close)
        client.bind((host, 0))
        client.connect(address)
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
        self.assertEqual(len(self.daemon.events("datagrams lost")), 1)
        return {name: count for name, count in ledger.items() if "failed" in name and count}

    def gone(self, *route):
        """The bad client's address leaves this machine while its requests wait."""
        self.networks.ip("address add 10.9.0.1/32 dev lo")
        good, bad = self.client(), self.client("10.9.0.1")
        return self.exchange(good, bad, lambda: self.networks.ip(
            "address del 10.9.0.1/32 dev lo", *(f"route add {kind} 10.9.0.1/32" for kind in route)))

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

    def test_no_source(self):
        """Our own address leaves while requests to it wait: that is no client's fault."""
        for concurrency in "pool", "inline":
            with self.subTest(concurrency=concurrency):
                self.networks.ip("address add 10.9.0.2/32 dev lo")
                self.serve(concurrency=concurrency, host="0.0.0.0")
                good = self.client("127.0.0.1", "127.0.0.1")
                bad = self.client("127.0.0.1", "10.9.0.2")
                failed = self.exchange(
                    good, bad, lambda: self.networks.ip("address del 10.9.0.2/32 dev lo"))
                self.assertEqual(failed, {"failed_send_no_source": BAD})
                line, = self.daemon.events("datagrams lost")
                self.assertEqual(line["reason"], "failed_send_no_source")

    def test_no_source_of_each_kind_of_host(self):
        """The same for a specific host over IPv4. Over IPv6 the kernel sends on from what a socket is bound
        to, and from what was asked on a wildcard one, because that may be at any address (IPV6_FREEBIND)."""
        for host, asked, client_host, count in (
                ("10.9.0.2", "10.9.0.2/32", "127.0.0.1", 1), ("fd09::2", "fd09::2/128", "::1", 0),
                ("::", "fd09::2/128", "::1", 0)):
            with self.subTest(host=host):
                self.networks.ip(f"address add {asked} dev lo")
                self.serve(host=host)
                client = self.client(client_host, asked.partition("/")[0])
                self.daemon.freeze()
                client.send(b"request")
                self.networks.ip(f"address del {asked} dev lo")
                self.daemon.kill(signal.SIGCONT)
                if count == 0:
                    self.assertEqual(client.recv(64), b"request")
                else:
                    self.daemon.wait_for("datagrams lost", reason="failed_send_no_source")
                ledger = self.daemon.stop()["echo"]
                self.assertEqual(
                    (ledger["received"], ledger["failed_send_no_source"]), (1, count))

    def test_closed_client(self):
        """What its machine says then reaches no socket of ours: all replies count as sent."""
        for any_host, own in ("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::", "::1"):
            with self.subTest(host=any_host):
                self.serve(host=any_host)
                good = self.client(own, own)
                for number in range(10):
                    with self.client(own, own) as closed:
                        self.daemon.freeze()
                        closed.send(b"closed")
                    self.daemon.kill(signal.SIGCONT)
                    good.send(b"%d" % number)
                    self.assertEqual(good.recv(64), b"%d" % number)
                self.assertEqual(self.daemon.stop()["echo"]["replied"], 20)

    def test_small_mtu(self):
        """A reply that is larger than the interface takes goes in fragments."""
        self.networks.ip("link set lo mtu 1280")
        client = self.client()
        client.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER, IP_PMTUDISC_DONT
        for length in 1252, 1253, 4000, 8192:
            client.send(b"x" * length)
            self.assertEqual(len(client.recv(65536)), length)
        self.assertEqual(self.daemon.stop()["echo"]["replied"], 4)


dgramtest.main()
