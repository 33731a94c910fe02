"""Datagrams that must not be answered, because the answer could be answered in turn: from our own
addresses, from port 0, from the ports where services live."""

import os
import unittest

import dgramtest
import probe

ANSWERING = [name for name in dgramtest.handlers() if name != "discard"]
HOST = probe.HOST  # raw sockets see no other test's datagrams


class Loops(dgramtest.Case):
    def settle(self, daemon, services=ANSWERING):
        """Asked after the others and answered: so the others are in the books."""
        for service in services:
            daemon.ask(b"settle", service=service)

    def must_drop(self, daemon, reason, dropped, received, service="echo"):
        ledger = daemon.stop()[service]
        self.assertEqual(
            (ledger[reason], ledger["received"], ledger["replied"]),
            (dropped, received, received - dropped))

    def test_from_the_socket_itself(self):
        for host in (HOST, "::1"):
            raw = probe.RawUdp(self, host)
            daemon = self.start({"handler": "echo", "host": host})
            raw.send(daemon.port, daemon.address(), b"loop")
            self.settle(daemon, ["echo"])
            self.must_drop(daemon, "dropped_source_self", 1, received=2)
            self.assertEqual(raw.seen({daemon.port}), 1)
            self.assertEqual(daemon.events("datagrams lost")[0]["reason"], "dropped_source_self")

    def test_services_of_one_daemon_against_each_other(self):
        """All ordered pairs, each with itself, too."""
        raw = probe.RawUdp(self, HOST)
        daemon = self.start(
            {"services": [{"name": name, "handler": name, "host": HOST} for name in ANSWERING]})
        addresses = daemon.addresses()
        ports = {port for _, port in addresses}
        for _, source in addresses:
            for to in addresses:
                raw.send(source, to, b"loop")
        self.settle(daemon)
        ledgers = daemon.stop()
        for name in ANSWERING:
            ledger = ledgers[name]
            self.assertEqual(ledger["dropped_source_self"], len(ANSWERING))
            self.assertEqual(
                (ledger["received"], ledger["replied"]), (len(ANSWERING) + 1, 1))
        self.assertEqual(raw.seen(ports), len(ANSWERING)**2)

    def test_from_another_host_of_the_service(self):
        raw = probe.RawUdp(self, HOST)
        daemon = self.start({"handler": "echo", "host": ["127.0.0.1", HOST]})
        one, two = daemon.addresses()
        raw.send(two[1], one, b"loop")
        self.settle(daemon, ["echo"])
        self.must_drop(daemon, "dropped_source_self", 1, received=2)

    def test_wildcard_and_a_local_address(self):
        """Any of the machine's addresses is our own, when its port is."""
        for wildcard, hosts in (("0.0.0.0", [HOST, "127.0.0.1", "127.0.0.5"]), ("::", ["::1"])):
            daemon = self.start({"handler": "echo", "host": wildcard})
            for host in hosts:
                to = dgramtest.parse_address(
                    f"[{host}]:{daemon.port}" if ":" in host else f"{host}:{daemon.port}")
                probe.RawUdp(self, host).send(daemon.port, to, b"loop")
                with dgramtest.socket_for(to) as client:
                    client.connect(to)
                    client.send(b"settle")
                    self.assertEqual(client.recv(64), b"settle")
            self.must_drop(daemon, "dropped_source_self", len(hosts), received=2 * len(hosts))

    def test_same_port_of_an_address_that_is_not_ours(self):
        """Two daemons on one port, each on its own address: the other one is a client like any."""
        daemon = self.start({"handler": "echo", "host": HOST, "port": probe.free_port()})
        with dgramtest.socket_for(daemon.address()) as client:
            client.bind((probe.OTHER_HOST, daemon.port))
            client.sendto(b"hello", daemon.address())
            self.assertEqual(client.recv(64), b"hello")
        self.must_drop(daemon, "dropped_source_self", 0, received=1)

    def test_from_port_zero(self):
        for host in (HOST, "::1"):
            raw = probe.RawUdp(self, host)
            daemon = self.start({"handler": "echo", "host": host, "min_source_port": 1})
            raw.send(0, daemon.address(), b"nobody")
            self.settle(daemon, ["echo"])
            self.must_drop(daemon, "dropped_source_port_zero", 1, received=2)

    def low_client(self, address):
        """A client on a port below 1024."""
        client = dgramtest.socket_for(address)
        self.addCleanup(client.close)
        host = "::1" if ":" in address[0] else HOST
        client.bind((host, probe.free_port(600, 1024, host)))
        return client

    def test_from_a_low_port(self):
        for host in ("127.0.0.1", "::1"):
            daemon = self.start({"handler": "echo", "host": host})
            self.low_client(daemon.address()).sendto(b"low", daemon.address())
            self.settle(daemon, ["echo"])
            self.must_drop(daemon, "dropped_source_port_low", 1, received=2)

    def test_low_ports_can_be_allowed(self):
        daemon = self.start({"handler": "echo", "min_source_port": 1})
        client = self.low_client(daemon.address())
        client.sendto(b"low", daemon.address())
        self.assertEqual(client.recv(64), b"low")
        self.must_drop(daemon, "dropped_source_port_low", 0, received=1)

    def test_from_the_ports_of_other_servers(self):
        for host in (HOST, "::1"):
            raw = probe.RawUdp(self, host)
            daemon = self.start({"handler": "echo", "host": host})
            for port in (1434, 1900, 3702, 5353, 11211):
                raw.send(port, daemon.address(), b"answer")
            self.settle(daemon, ["echo"])
            self.must_drop(daemon, "dropped_source_port_refused", 5, received=6)

    def test_ports_of_other_servers_can_be_allowed(self):
        raw = probe.RawUdp(self, HOST)
        daemon = self.start({"handler": "echo", "host": HOST, "refuse_source_ports": [5353]})
        for port in (1434, 5353):
            raw.send(port, daemon.address(), b"answer")
        self.settle(daemon, ["echo"])
        self.must_drop(daemon, "dropped_source_port_refused", 1, received=3)

    def test_limit_is_the_lowest_that_is_served(self):
        with dgramtest.socket_for(("127.0.0.1", 0)) as client:
            client.bind(("127.0.0.1", 0))
            port = client.getsockname()[1]
            for least, answered in ((port, 1), (port + 1, 0)):
                daemon = self.start({
                    "logging": {"level": "debug"}, "services": [
                        {"name": "limited", "handler": "echo", "min_source_port": least}]})
                client.sendto(b"limit", daemon.address())
                daemon.wait_for("request" if answered else "datagrams lost")
                ledger = daemon.stop()["limited"]
                self.assertEqual(ledger["replied"], answered)
                self.assertEqual(ledger["dropped_source_port_low"], 1 - answered)

    @unittest.skipIf(os.geteuid() != 0, "ports below 1024 need root")
    def test_two_daemons_on_service_ports(self):
        hosts = [HOST.replace("127.77", "127.78"), HOST.replace("127.77", "127.79")]
        raws = [probe.RawUdp(self, host) for host in hosts]
        daemons = [
            self.start({"handler": "echo", "host": host, "port": probe.free_port(600, 1024, host)})
            for host in hosts]
        ports = {daemon.port for daemon in daemons}
        raws[0].send(daemons[0].port, daemons[1].address(), b"loop")
        raws[1].send(daemons[1].port, daemons[0].address(), b"loop")
        for daemon in daemons:
            self.settle(daemon, ["echo"])
            self.must_drop(daemon, "dropped_source_port_low", 1, received=2)
        self.assertEqual(sum(raw.seen(ports) for raw in raws), 2)


dgramtest.main()
