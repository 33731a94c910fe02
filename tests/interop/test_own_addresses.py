"""Which addresses are this machine's, as the kernel has it: a forged datagram from one of them and our
port is not answered, and a client of another machine is, whatever its port. In two networks of the
test's own, a server's and its neighbour's; for root only."""

import errno
import os
import signal
import socket
import struct
import subprocess

import dgramtest
import networks
from networks import HOSTS, NEIGHBOURS, family_of

IP_FREEBIND, IPV6_FREEBIND, IPV6_CHECKSUM = 15, 78, 7
PORT = 20007
ANYIP, ANYIP_HOSTS = ("10.77.0.0/16", "2001:db8:77::/48"), ("10.77.1.2", "2001:db8:77::1:2")
WILDCARDS = ("0.0.0.0", "::")
KINDS = [(concurrency, which) for concurrency in ("pool", "inline") for which in (WILDCARDS, HOSTS)]


class OwnAddresses(networks.Case):
    def setUp(self):
        super().setUp()
        with self.enter(self.there):
            for host, prefix in zip(HOSTS, ANYIP):
                self.ip(f"route add {prefix} via {host}")

    def serve(self, hosts=WILDCARDS, concurrency="pool", **options):
        return self.start({
            "handler": "echo", "host": list(hosts), "port": PORT, "concurrency": concurrency}, **options)

    def client(self, host, port=PORT):
        """A socket of the neighbour's."""
        with self.enter(self.there):
            client = socket.socket(family_of(host), socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.bind((host, port))
        return client

    def must_answer(self, client, host, port=PORT):
        """From the address that was asked: the kernel drops others on a connected socket."""
        client.connect((host, port))

        def answered():
            client.settimeout(0.5)
            client.send(b"hello")
            try:
                return client.recv(64) == b"hello"
            except TimeoutError:
                return False
        self.eventually(answered, f"an answer of {host}")

    def forge(self, source, to):
        """One datagram from `source` and our port to `to`, and one that is answered after it."""
        family = family_of(to)
        with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
            if family == socket.AF_INET6:
                raw.setsockopt(socket.IPPROTO_IPV6, IPV6_CHECKSUM, 6)
                raw.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
            else:
                raw.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
            raw.bind((source, 0))
            raw.sendto(struct.pack("!4H", PORT, PORT, 8 + 4, 0) + b"loop", (to, 0))
        with dgramtest.socket_for((to, 0) if family == socket.AF_INET else (to, 0, 0, 0)) as client:
            client.connect((to, PORT))
            client.send(b"settle")
            self.assertEqual(client.recv(64), b"settle")

    def must_drop(self, daemon, dropped):
        """And answer all others. A loop would end only with the daemon, and without a drop."""
        ledger = daemon.stop()["echo"]
        self.assertEqual(ledger["dropped_source_self"], dropped)
        self.assertEqual(ledger["replied"], ledger["received"] - dropped)
        self.assertEqual(daemon.events("own addresses unknown"), [])

    def test_clients_on_our_port(self):
        """Where every address can be bound, too (keepalived, HAProxy)."""
        for nonlocal_bind in 0, 1:
            self.setting("ipv4/ip_nonlocal_bind", nonlocal_bind)
            self.setting("ipv6/ip_nonlocal_bind", nonlocal_bind)
            for concurrency, hosts in KINDS:
                with self.subTest(nonlocal_bind=nonlocal_bind, concurrency=concurrency, hosts=hosts):
                    daemon = self.serve(hosts, concurrency)
                    for host, neighbour in zip(HOSTS, NEIGHBOURS):
                        with self.client(neighbour) as client:
                            self.must_answer(client, host)
                    self.must_drop(daemon, 0)

    def test_forged_from_ourselves(self):
        for concurrency, hosts in KINDS:
            with self.subTest(concurrency=concurrency, hosts=hosts):
                daemon = self.serve(hosts, concurrency)
                for host in HOSTS:
                    self.forge(host, host)
                self.must_drop(daemon, 2)

    def test_forged_from_a_router_s_anycast_address(self):
        self.setting("ipv6/conf/all/forwarding", 1)
        daemon = self.serve()
        self.forge("2001:db8:9::", HOSTS[1])
        self.must_drop(daemon, 1)

    def test_address_that_comes(self):
        """A loop that begins before the daemon has heard of the address ends then, with one drop."""
        for concurrency in "pool", "inline":
            daemon = self.serve(concurrency=concurrency)
            added = ("10.9.0.77", "2001:db8:9::77")
            self.add("here", *added)
            for host in added:
                self.forge(host, host)
            self.eventually(lambda: sum(int(line["lost"]) for line in daemon.events("datagrams lost")) == 2,
                            "two drops")
            self.must_drop(daemon, 2)
            for host in added:
                self.ip(f"address del {host}/" + ("64" if ":" in host else "16") + " dev here")

    def test_address_that_goes(self):
        """To the neighbour."""
        moved = ("10.9.0.77", "2001:db8:9::77")
        self.add("here", *moved)
        for concurrency in "pool", "inline":
            daemon = self.serve(concurrency=concurrency)
            for host in moved:
                self.forge(host, host)
                self.ip(f"address del {host}/" + ("64" if ":" in host else "16") + " dev here")
            with self.enter(self.there):
                self.add("there", *moved)
            for host, neighbour in zip(HOSTS, moved):
                with self.client(neighbour) as client:
                    self.must_answer(client, host)
            self.assertGreaterEqual(daemon.stop()["echo"]["dropped_source_self"], 2)
            for host in moved:
                with self.enter(self.there):
                    self.ip(f"address del {host}/" + ("64" if ":" in host else "16") + " dev there")
            self.add("here", *moved)

    def test_device_that_goes(self):
        """The kernel tells of the device, and not of the routes of IPv4 that go with it."""
        self.ip("link add gone type veth peer name other")
        self.ip("link set gone up")
        self.ip("route add local 10.66.0.0/16 dev gone")
        daemon = self.serve()
        self.forge("10.66.0.2", "10.66.0.1")
        self.ip("link del gone")
        with self.enter(self.there):
            self.ip("address add 10.66.0.2/32 dev there")
        self.ip("route add 10.66.0.2/32 dev here")
        with self.client("10.66.0.2") as client:
            self.must_answer(client, HOSTS[0])
        self.assertGreaterEqual(daemon.stop()["echo"]["dropped_source_self"], 1)

    def anyip(self, hosts, concurrency, asked):
        daemon = self.serve(hosts, concurrency)
        for host in asked:
            neighbour = NEIGHBOURS[":" in host]
            with self.client(neighbour, 0) as client:
                self.must_answer(client, host)
            self.forge(host, host)
        self.must_drop(daemon, len(asked))

    def test_prefixes_that_are_ours(self):
        """AnyIP: all of a prefix is served, and what claims to come from our port of it is not."""
        for prefix in ANYIP:
            self.ip(f"route add local {prefix} dev lo")
        for concurrency in "pool", "inline":
            self.anyip(WILDCARDS, concurrency, ANYIP_HOSTS)
            self.anyip(ANYIP_HOSTS[:1], concurrency, ANYIP_HOSTS[:1])
        daemon = self.serve()
        for host in ANYIP_HOSTS:  # from another address of the prefix
            self.forge(host[:-1] + "7", host)
        self.must_drop(daemon, 2)

    def test_what_a_proxy_marks(self):
        """A default route of type local that only marked packets take (TPROXY) makes no address ours."""
        for default in "0.0.0.0/0", "::/0":
            self.ip(f"route add local {default} dev lo table 100")
            self.ip(f"{'-6 ' if ':' in default else ''}rule add fwmark 1 lookup 100")
        daemon = self.serve()
        for host, neighbour in zip(HOSTS, NEIGHBOURS):
            with self.client(neighbour) as client:
                self.must_answer(client, host)
        for host in HOSTS:
            self.forge(host, host)
        self.must_drop(daemon, 2)

    def without_netlink(self, nth, error=errno.EAFNOSUPPORT):
        """The daemon's socket of this number, after two that it listens on, is refused, as a sandbox does it."""
        return {
            "LD_PRELOAD": os.path.join(dgramtest.BUILD, "tests/fault/shim.so"), "FAULT_CALL": "socket",
            "FAULT_NTH": str(nth), "FAULT_ERRNO": str(error)}

    def test_list_that_is_not_to_be_had(self):
        """Said in a line; then all that comes from a port of ours is dropped, and the rest is served."""
        for nth in 3, 4:
            daemon = self.serve(environment=self.without_netlink(nth))
            said = daemon.events("own addresses unknown")
            self.assertEqual([line["level"] for line in said], ["warn"])
            self.assertIn("AF_NETLINK", said[0]["hint"])
            for host, neighbour in zip(HOSTS, NEIGHBOURS):
                with self.client(neighbour) as same_port, self.client(neighbour, 0) as other_port:
                    same_port.sendto(b"dropped", (host, PORT))
                    other_port.connect((host, PORT))
                    other_port.settimeout(dgramtest.PATIENCE)
                    other_port.send(b"answered")
                    self.assertEqual(other_port.recv(64), b"answered")
            ledger = daemon.stop()["echo"]
            self.assertEqual((ledger["dropped_source_self"], ledger["replied"]), (2, 2))
            self.assertEqual(len(daemon.events("own addresses unknown")), 1)

    def test_list_that_is_to_be_had_later(self):
        """It is asked for again, without a notice."""
        for nth in 3, 4:
            daemon = self.serve(environment=self.without_netlink(nth, errno.EMFILE))
            self.assertIn("each second", daemon.events("own addresses unknown")[0]["hint"])
            for host, neighbour in zip(HOSTS, NEIGHBOURS):
                with self.client(neighbour) as client:
                    self.must_answer(client, host)
            self.assertEqual(len(daemon.events("own addresses unknown")), 1)
            daemon.stop()

    def test_no_wildcard_needs_no_list(self):
        daemon = self.serve(HOSTS)
        with open("/proc/net/netlink", encoding="ascii") as file:
            self.assertNotIn(str(daemon.process.pid), [line.split()[2] for line in file])
        daemon.stop()

    def test_many_changes(self):
        """More than the notices' buffer holds, while the daemon does not read: it asks again."""
        daemon = self.serve()
        daemon.freeze()
        batch = "".join(f"address add 10.{i >> 8}.{i & 255}.9/32 dev lo\n" for i in range(1024))
        subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)
        with open("/proc/net/netlink", encoding="ascii") as file:
            drops = [int(line.split()[8]) for line in file if line.split()[2] == str(daemon.process.pid)]
        self.assertGreater(sum(drops), 0)
        daemon.kill(signal.SIGCONT)
        self.forge("10.3.255.9", "10.3.255.9")
        daemon.wait_for("datagrams lost")
        self.must_drop(daemon, 1)


dgramtest.main()
