"""Addresses that come late, and interfaces that are made anew: served as soon as they are there. What waits is
said in the log, in the books and to the supervisor. In a network of the test's own; for root only."""

import os
import signal
import socket
import subprocess

import dgramtest
import namespaces
import networks

UNAVAILABLE = 69
PORT = 20000
LATE, LATE_6, LINK_LOCAL = "10.9.0.7", "2001:db8:9::7", "fe80::7"
PLACES = (LATE, LATE_6, f"{LINK_LOCAL}%late0")
KINDS = [(concurrency, receivers) for concurrency in ("pool", "inline") for receivers in (1, 3)]


class Late(dgramtest.Case):
    def setUp(self):
        self.networks = networks.Networks(self)
        self.networks.add()

    def ip(self, *commands):
        self.networks.ip(*commands)

    def make(self, name="late0", address=True):
        """An interface, and with it the link-local address."""
        self.ip(f"link add {name} type veth peer name peer{name}", f"link set peer{name} up",
                f"link set {name} up")
        if address:
            self.give(f"{LINK_LOCAL}%{name}")

    def give(self, place):
        """The address, until it can be asked: the kernel adds the route of one of IPv6 a moment later."""
        host, _, name = place.partition("%")
        self.ip(f"address add {host}/{64 if ':' in host else 24} dev {name or 'lo'}" +
                (" nodad" if ":" in host else ""))
        if ":" in host:
            self.eventually(
                lambda: f"local {host} dev {name or 'lo'} " in self.networks.show(
                    "-6 route show table local"), f"a route to {place}")

    def serve(self, host, **more):
        options = {name: more.pop(name) for name in ("ready", "preexec_fn") if name in more}
        return self.start({
            "handler": "echo", "host": host, "port": PORT, "queue": {"capacity": 64},
            "pool": {"workers": 2}, **more}, **options)

    def client(self, place):
        """A socket that asks there, and the kernel drops what comes from elsewhere."""
        host, _, name = place.partition("%")
        client = dgramtest.socket_for((host, PORT, 0, 0) if ":" in host else (host, PORT))
        self.addCleanup(client.close)
        client.connect((host, PORT, 0, socket.if_nametoindex(name) if name else 0)
                       if ":" in host else (host, PORT))
        return client

    def without(self, family):
        """What the start of a daemon that has no such sockets needs."""
        namespaces.skip_without_filters(self)
        return {"preexec_fn": lambda: namespaces.refuse_sockets(family)}

    def must_answer(self, place, count=1):
        for _ in range(count):
            client = self.client(place)
            client.send(b"here")
            self.assertEqual(client.recv(16), b"here", place)

    def shown(self, place):
        return f"[{place}]:{PORT}" if ":" in place else f"{place}:{PORT}"

    def listening(self, daemon, place, count=1):
        return daemon.wait_for("listening", count, address=self.shown(place))

    def test_each_kind(self):
        """In both families, by address and by interface, in the pool and inline, by one and by several
        receivers: said as missing, served when it is there, and all that was sent is in the books."""
        for concurrency, receivers in KINDS:
            with self.subTest(concurrency=concurrency, receivers=receivers):
                daemon = self.serve(["127.0.0.1", *PLACES], concurrency=concurrency, receivers=receivers)
                self.assertEqual(daemon.events("ready")[0]["hosts_waiting"], "3")
                self.assertEqual(
                    [line["address"] for line in daemon.events("waiting for an address", level="warn")],
                    [self.shown(place) for place in PLACES])
                self.must_answer("127.0.0.1")
                self.make(address=False)
                for place in PLACES:
                    self.give(place)
                    self.listening(daemon, place)
                    self.must_answer(place, 8)
                ledger = daemon.stop()["echo"]
                self.assertEqual((ledger["received"], ledger["replied"]), (25, 25))
                self.assertEqual(ledger["hosts_waiting"], 0)
                self.ip("link del late0", f"address del {LATE}/24 dev lo", f"address del {LATE_6}/64 dev lo")

    def test_reasons(self):
        """What is missing is named: in the line, in the summary, and in the last line."""
        self.networks.set("ipv6/conf/lo/disable_ipv6", 1)
        daemon = self.serve(["127.0.0.1", *PLACES, "::1"], logging={"summary_interval_s": 1})
        waits = (f"{LATE}:{PORT} (no such address), [{LATE_6}]:{PORT} (no such address), "
                 f"[{PLACES[2]}]:{PORT} (no such interface), [::1]:{PORT} (no such address)")
        summary = daemon.wait_for("summary", service="echo")
        self.assertEqual((summary["hosts_waiting"], summary["waiting_for"]), ("4", waits))
        hints = [line["hint"] for line in daemon.events("waiting for an address")]
        self.assertEqual(["no such interface" in hint for hint in hints], [False, False, True, False])
        self.assertEqual(daemon.stop()["echo"]["hosts_waiting"], 4)
        self.assertEqual(daemon.events("ledger")[0]["waiting_for"], waits)

    def refused(self, config, places):
        daemon = self.start(config, ready=False)
        daemon.wait(UNAVAILABLE)
        self.assertEqual([line["address"] for line in daemon.events("cannot listen")],
                         [self.shown(place) for place in places])
        self.assertEqual(daemon.events("ready"), [])

    def test_what_fails(self):
        """A service that has no address at all; with "fail" any that is missing; always a port that is
        taken."""
        for place in PLACES:
            self.refused({"host": place, "port": PORT}, [place])
            self.refused({"host": ["127.0.0.1", place], "port": PORT, "on_missing_address": "fail"}, [place])
        self.refused({"host": list(PLACES), "port": PORT}, PLACES)
        self.refused({"services": [{"name": name, "host": host, "port": PORT} for name, host in (
            ("a", "127.0.0.1"), ("b", LATE))]}, [LATE])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", PORT))
            for word in "auto", "wait", "fail":
                self.refused({"host": ["127.0.0.1", "127.0.0.2"], "port": PORT,
                              "on_missing_address": word}, ["127.0.0.1"])

    def test_ready_when_each_service_has_an_address(self):
        """The supervisor is told what is waited for until then, and READY once, also around a reload."""
        path = os.path.join(self.start().directory, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.bind(path)
            supervisor.settimeout(dgramtest.PATIENCE)
            daemon = self.start(
                {"on_missing_address": "wait", "services": [
                    {"name": "a", "handler": "echo", "host": LATE, "port": PORT},
                    {"name": "b", "handler": "echo", "host": [LATE_6, "127.0.0.1"], "port": PORT}]},
                ready=False, environment={"NOTIFY_SOCKET": path})
            daemon.wait_for("waiting for an address", 2)
            self.assertEqual(
                supervisor.recv(4096).decode(),
                "STATUS=received 0, replied 0, dropped 0, in hand 0; waiting for "
                f"{LATE}:{PORT} (no such address), [{LATE_6}]:{PORT} (no such address)")
            self.must_answer("127.0.0.1")
            daemon.kill(signal.SIGHUP)
            daemon.wait_for("reloaded")
            self.assertEqual(daemon.events("ready"), [])
            self.give(LATE)
            daemon.wait_for("ready", hosts_waiting=1)
            told = []
            while "READY=1" not in told:
                told.append(supervisor.recv(4096).decode())
            self.assertTrue(all(text.startswith("STATUS=") for text in told[:-1]), told)
            self.assertNotIn(LATE, supervisor.recv(4096).decode())
            self.must_answer(LATE)
            daemon.stop()
            self.assertEqual(len(daemon.events("ready")), 1)

    def test_end_while_it_waits(self):
        for concurrency, receivers in KINDS:
            daemon = self.serve(
                list(PLACES), concurrency=concurrency, receivers=receivers, on_missing_address="wait",
                ready=False)
            daemon.wait_for("waiting for an address", 3)
            ledger = daemon.stop()["echo"]
            self.assertEqual((ledger["received"], ledger["hosts_waiting"]), (0, 3))
            self.assertEqual(daemon.events("receive failed"), [])

    def must_follow(self, daemon, place, count):
        """What is sent there now is answered, by the interface that has the name now."""
        self.listening(daemon, place, count)
        self.must_answer(place, 8)

    def test_interface_that_is_made_anew(self):
        place = PLACES[2]
        for concurrency, receivers in KINDS:
            with self.subTest(concurrency=concurrency, receivers=receivers):
                self.make()
                daemon = self.serve([place], concurrency=concurrency, receivers=receivers)
                self.must_answer(place, 8)
                for count in 1, 2:
                    self.ip("link del late0")
                    daemon.wait_for("waiting for an address", count, address=self.shown(place))
                    daemon.write_config({**daemon.config, "logging": {"summary_interval_s": 60 + count}})
                    daemon.kill(signal.SIGHUP)  # the rest of the file counts
                    daemon.wait_for("reloaded", count)
                    self.make("other")  # so the number is another one
                    self.make()
                    self.ip("link del other")
                    self.must_follow(daemon, place, 1 + count)
                self.ip("link del late0")
                ledger = daemon.stop()["echo"]
                self.assertEqual((ledger["received"], ledger["replied"]), (24, 24))
                self.assertEqual(daemon.events("reload refused"), [])

    def test_interface_that_is_made_anew_at_once(self):
        """In one breath, while the daemon does not look: the name is there as before."""
        place = PLACES[2]
        self.make()
        daemon = self.serve([place])
        daemon.freeze()
        self.ip("link del late0")
        self.make()
        daemon.kill(signal.SIGCONT)
        self.must_follow(daemon, place, 2)
        self.assertEqual(daemon.events("waiting for an address"), [])

    def test_interface_of_another_name(self):
        """The name goes to another interface, and comes back to the first, whose socket still hears."""
        place = PLACES[2]
        self.make()
        self.make("other", address=False)
        daemon = self.serve([place, "127.0.0.1"])
        self.ip("link set late0 down", "link set late0 name away0")
        daemon.wait_for("waiting for an address", address=self.shown(place))
        self.ip("link set away0 name late0", "link set late0 up")
        self.listening(daemon, place, 2)
        self.give(place)
        self.must_answer(place)
        self.ip("link set late0 down", "link set late0 name away0", "link set other down",
                "link set other name late0", "link set late0 up")
        self.give(place)
        self.must_follow(daemon, place, 3)
        self.assertEqual(daemon.stop()["echo"]["replied"], 9)

    def test_port_that_the_kernel_picked(self):
        """It stays the same, behind an interface of another number."""
        self.make()
        daemon = self.serve([PLACES[2]], port=0)
        port = daemon.port
        self.ip("link del late0")
        self.make("other")
        self.make()
        line = daemon.wait_for("listening", 2)
        self.assertEqual(line["address"], f"[{PLACES[2]}]:{port}")

    def test_tentative(self):
        """Until no other host has claimed it: the kernel looks for about a second."""
        self.make(address=False)
        for where in "all", "late0":
            self.networks.set(f"ipv6/conf/{where}/accept_dad", 1)
        self.ip(f"address add {LATE_6}/64 dev late0")
        self.assertIn("tentative", self.networks.show("address show dev late0"))
        daemon = self.serve(["127.0.0.1", LATE_6])
        self.assertIn("tentative", daemon.wait_for("waiting for an address")["hint"])
        self.listening(daemon, LATE_6)
        self.must_answer(LATE_6)

    def test_route_that_makes_an_address_ours(self):
        """On no interface (AnyIP)."""
        daemon = self.serve(["127.0.0.1", "10.66.0.7"])
        self.ip("route add local 10.66.0.0/16 dev lo")
        self.listening(daemon, "10.66.0.7")
        self.must_answer("10.66.0.7")

    def test_broadcast_address(self):
        """Of which the kernel sends no notice, but for the address that comes before it."""
        daemon = self.serve(["127.0.0.1", "10.9.0.255"], broadcast=True)
        self.make(address=False)
        self.ip(f"address add {LATE}/24 broadcast + dev late0")
        self.listening(daemon, "10.9.0.255")
        daemon.stop()

    def test_port_that_is_taken_when_the_address_comes(self):
        """That is an error, once; and when it is free again, the address is served."""
        daemon = self.serve(["127.0.0.1", LATE])
        self.networks.set("ipv4/ip_nonlocal_bind", 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((LATE, PORT))
            self.networks.set("ipv4/ip_nonlocal_bind", 0)
            self.give(LATE)
            line = daemon.wait_for("cannot listen", address=self.shown(LATE))
            self.assertEqual(line["hint"], "another program has this port: see ss -ulnp")
            self.must_answer("127.0.0.1")
        self.listening(daemon, LATE)
        self.must_answer(LATE)
        self.assertEqual(len(daemon.events("cannot listen")), 1)
        daemon.stop()

    def test_address_that_goes_and_comes_back(self):
        """Its socket stays, and hears again: nothing is to be done or said."""
        for place in LATE, LATE_6:
            self.give(place)
            daemon = self.serve(["127.0.0.1", place])
            self.must_answer(place)
            self.ip(f"address del {place}/{64 if ':' in place else 24} dev lo")
            self.give(place)
            self.must_answer(place)
            self.assertEqual(daemon.stop()["echo"]["replied"], 2)
            self.assertEqual(daemon.events("waiting for an address"), [])

    def test_kernel_without_ipv6(self):
        """Then IPv4 is served, also for "*"."""
        for host in "*", ["127.0.0.1", "::1"]:
            daemon = self.serve(host, **self.without(socket.AF_INET6))
            self.must_answer("127.0.0.1")
            line = daemon.events("waiting for an address")[0]
            self.assertIn("there is no IPv6 here", line["hint"])
            daemon.stop()
            self.assertEqual(daemon.events("ledger")[0]["waiting_for"], f"{line['address']} (no IPv6)")
        daemon = self.serve(["127.0.0.1", "::1"], **self.without(socket.AF_INET))
        self.assertIn("there is no IPv4 here", daemon.events("waiting for an address")[0]["hint"])
        self.must_answer("::1")
        daemon.stop()

    def test_no_notices(self):
        """Where the kernel may not be asked, a look each second finds what comes."""
        self.make()
        daemon = self.serve(["127.0.0.1", LATE, PLACES[2]], **self.without(socket.AF_NETLINK))
        self.assertEqual(self.netlink_sockets(daemon), 0)
        self.give(LATE)
        self.listening(daemon, LATE)
        self.must_answer(LATE)
        self.ip("link del late0")
        self.make("other")
        self.make()
        self.must_follow(daemon, PLACES[2], 2)

    def netlink_sockets(self, daemon):
        with open("/proc/net/netlink", encoding="ascii") as file:
            return [line.split()[2] for line in file].count(str(daemon.process.pid))

    def test_lost_notices(self):
        """More than their buffer holds, while the daemon does not read."""
        daemon = self.serve(["127.0.0.1", LATE])
        self.assertEqual(self.netlink_sockets(daemon), 1)
        daemon.freeze()
        batch = "".join(f"address add 10.{i >> 8}.{i & 255}.9/32 dev lo\n" for i in range(1024))
        subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)
        self.give(LATE)
        daemon.kill(signal.SIGCONT)
        self.listening(daemon, LATE)
        self.must_answer(LATE)


dgramtest.main()
