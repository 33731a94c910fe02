"""Two servers above port 1024 that answer each other's answers, after forged datagrams: such loops end. In a network
of the test's own, whose kernel counts the datagrams."""

import itertools
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
import unittest

import dgramtest
import networks

ANSWERING = [name for name in dgramtest.handlers() if name != "discard"]
HOSTS = ("192.0.2.1", "192.0.2.2")
BEHIND_NAT = "198.51.100.1"
QUIET_S = 0.1  # in which a loop would turn


class LoopGuard(dgramtest.Case):
    def setUp(self):
        networks.Networks(self).add()
        for host in HOSTS:
            subprocess.run(["ip", "address", "add", host, "dev", "lo"], check=True)
        subprocess.run(["ip", "route", "add", "default", "dev", "lo"], check=True)
        # It receives nothing, so it does not keep copies of a loop's datagrams.
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.addCleanup(self.raw.close)

    def forge(self, source, to, count):
        """So many different datagrams, without a checksum."""
        head = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0) + b"".join(
            socket.inet_aton(host) for host, _ in (source, to)) + struct.pack("!4H", source[1], to[1], 16, 0)
        for number in range(count):
            self.raw.sendto(head + struct.pack("!Q", number), (to[0], 0))

    @staticmethod
    def delivered():
        """How many datagrams this network's kernel gave to sockets so far."""
        with open("/proc/self/net/snmp", encoding="ascii") as file:
            rows = [line.split() for line in file if line.startswith("Udp:")]
        return int(dict(zip(*rows))["InDatagrams"])

    def await_quiet(self):
        """Until no more come."""
        begin = time.monotonic()
        seen = None
        while (now := self.delivered()) != seen:
            self.assertLess(time.monotonic() - begin, dgramtest.PATIENCE, f"{now} turned, and no end")
            seen = now
            time.sleep(QUIET_S)

    @staticmethod
    def processor_s(daemon):
        """Seconds of a processor that it took so far."""
        with open(f"/proc/{daemon.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def must_end(self, daemons, pairs, count):
        """Within two seconds, of which other programs have no part."""
        before = list(map(self.processor_s, daemons)), self.delivered()
        for source, to in pairs:
            self.forge(source, to, count)
        self.await_quiet()
        took = [self.processor_s(daemon) - since for daemon, since in zip(daemons, before[0])]
        print(f"# {count} datagrams for each of {len(pairs)} pairs: {self.delivered() - before[1]} turned in "
              f"{max(took):.2f} s of a processor")
        self.assertLess(max(took), 2 * dgramtest.SLOW)

    def start_two(self, **config):
        daemons = [self.start({
            "services": [{"name": name, "handler": name, "host": host} for name in ANSWERING],
            "loop_guard": True, "max_reply_factor": 0, "shutdown": {"drain_timeout_ms": 0}, **config})
            for host in HOSTS]
        return daemons, [daemon.addresses() for daemon in daemons]

    def test_all_pairs_of_services(self):
        daemons, (ones, others) = self.start_two()
        pairs = list(itertools.product(ones, others))
        for count in (1, 100):
            self.must_end(daemons, pairs, count)
        dropped = [daemon.stop()[name]["dropped_loop"] for daemon in daemons for name in ANSWERING]
        self.assertGreater(min(dropped), 0)

    def test_ten_thousand(self):
        """A pair at a time, because a queue has less room than all of them need."""
        daemons, (ones, others) = self.start_two()
        pairs = [(ones[one], others[other]) for one, other in itertools.combinations_with_replacement(
            range(len(ANSWERING)), 2)]
        for pair in pairs[::dgramtest.SLOW]:
            self.must_end(daemons, [pair], dgramtest.scaled(10000))

    def test_live(self):
        """Without the guard a loop turns until a reload turns it on."""
        daemons, (ones, others) = self.start_two(loop_guard=False)
        self.forge(ones[0], others[0], 100)
        before = self.delivered()
        self.eventually(lambda: self.delivered() > before + 20000, "a loop")
        for daemon in daemons:
            daemon.write_config({**daemon.config, "loop_guard": True})
            daemon.kill(signal.SIGHUP)
            daemon.wait_for("reloaded")
        self.await_quiet()

    def test_a_client_that_repeats_itself(self):
        """It loses none of 100 in a second, and one in 100 of the next 900. 40 are ten deviations more than 9."""
        for repeats, most in ((100, 0), (1000, 40)):
            daemon = self.start({
                "handler": "echo", "host": HOSTS[0], "concurrency": "inline", "loop_guard": True})
            with dgramtest.socket_for(daemon.address()) as client:
                client.connect(daemon.address())
                answered = 0
                for number in range(repeats + 1):
                    client.send(b"the same")
                    client.send(b"%d" % number)
                    while client.recv(64) == b"the same":
                        answered += 1
            ledger = daemon.stop()["echo"]
            self.assertEqual(ledger["dropped_loop"], repeats + 1 - answered)
            self.assertLessEqual(ledger["dropped_loop"], most)
            self.assertEqual(ledger["replied"], repeats + 1 + answered)

    def start_behind_nat(self, **config):
        """A daemon whose answers to another host come back to it, as from there."""
        daemon = self.start({
            "host": HOSTS[0], "handler": "echo", "loop_guard": True,
            "max_reply_factor": 0, "shutdown": {"drain_timeout_ms": 0}, **config})
        subprocess.run(["nft", (
            "add table ip t; add chain ip t o { type route hook output priority -300; };"
            f"add rule ip t o ip daddr {BEHIND_NAT} udp dport {daemon.port} "
            f"ip saddr set {BEHIND_NAT} ip daddr set {HOSTS[0]}")], check=True)
        return daemon, (BEHIND_NAT, daemon.port)

    @unittest.skipUnless(shutil.which("nft"), "no nft")
    def test_one_with_itself_behind_nat(self):
        for count in (1, 100, dgramtest.scaled(10000)):
            daemon, outside = self.start_behind_nat()
            self.must_end([daemon], [(outside, daemon.address())], count)
            self.assertGreater(daemon.stop()["echo"]["dropped_loop"], 0)


dgramtest.main()
