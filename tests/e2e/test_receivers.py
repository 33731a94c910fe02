"""Receivers that run the handler: inline, and as helpers; and several of them."""

import signal
import socket
import subprocess
import sys
import time

import dgramtest
import probe

RECIPE = """\
import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b'', ('127.0.0.1', {port}))
print(s.recvfrom(8192)[0].decode('ascii'))
"""

WAYS = ("pool", "inline")
CAPACITY = 4096  # of the queue, by default


class Receivers(dgramtest.Case):
    def recipe(self, port):
        before = int(time.time())
        text = subprocess.run(
            [sys.executable, "-c", RECIPE.format(port=port)], capture_output=True, check=True,
            text=True, timeout=dgramtest.PATIENCE).stdout
        seconds = range(before, int(time.time()) + 1)
        self.assertIn(text, [time.ctime(second) + "\n" for second in seconds])

    def test_the_recipe_is_served(self):
        for concurrency in WAYS:
            for receivers in (1, 2):
                with self.subTest(concurrency=concurrency, receivers=receivers):
                    daemon = self.start({"concurrency": concurrency, "receivers": receivers})
                    for _ in range(4):  # each with a port of its own
                        self.recipe(daemon.port)
                    self.assertEqual(daemon.stop()["time"]["replied"], 4)

    def test_threads(self):
        inline = self.start({"concurrency": "inline", "receivers": 2, "pool": {"workers": 7}})
        self.assertEqual(
            probe.threads(inline.process.pid), ["dgram/log", "dgram/rx0", "dgram/rx1"])
        self.assertEqual(inline.events("ready")[0]["workers"], "0")
        pool = self.start({"receivers": 2, "host": ["127.0.0.1", "::1"], "pool": {"workers": 1}})
        self.assertEqual(
            probe.threads(pool.process.pid),
            ["dgram/log", *(f"dgram/rx{number}" for number in range(4)), "dgram/w0"])
        self.assertEqual(len(pool.addresses()), 2)  # one line each

    def test_services_of_both_kinds(self):
        daemon = self.start({
            "logging": {"level": "debug", "summary_interval_s": 0}, "services": [
                {"name": "one", "handler": "simulate", "concurrency": "inline", "receivers": 2},
                {"name": "two", "handler": "simulate"}]})
        for service in ("one", "two"):
            for number in range(60):  # each from a port of its own: one receiver never has them all
                self.assertEqual(daemon.ask(b"%d" % number, service=service), b"%d" % number)
        ledgers = daemon.stop()
        self.assertEqual({name: ledger["replied"] for name, ledger in ledgers.items()},
                         {"one": 60, "two": 60})
        sources = {service: {line["source"] for line in daemon.events("request", service=service)}
                   for service in ("one", "two")}
        self.assertEqual(sources["one"], {"rx/0", "rx/1"})
        self.assertEqual({source.split("/")[0] for source in sources["two"]}, {"worker"})

    def test_summary_names_the_receivers(self):
        daemon = self.start({
            "concurrency": "inline", "receivers": 2, "handler": "echo",
            "logging": {"summary_interval_s": 1}})
        for _ in range(40):
            daemon.ask(b"x")

        def requests(source):
            return sum(int(line["requests"]) for line in daemon.events("summary")
                       if line["source"] == source)

        self.eventually(lambda: requests("rx/0") + requests("rx/1") == 40, "summary")
        for source in ("rx/0", "rx/1"):
            self.assertGreater(requests(source), 0)
        self.assertEqual(daemon.events("summary", worker=0), [])
        daemon.wait_for_sums("echo", received=40, replied=40)

    def test_a_second_daemon_is_refused(self):
        for concurrency in WAYS:
            daemon = self.start({"concurrency": concurrency, "receivers": 2})
            for receivers in (1, 2):
                second = dgramtest.run_dgramd(
                    "--set", f"port={daemon.port}", "--set", f"receivers={receivers}")
                self.assertEqual(second.returncode, 69, second.stderr)
            self.recipe(daemon.port)

    def must_take_a_burst(self, config):
        """As many as the queue has room for, at once: all wait in the socket's buffer."""
        daemon = self.start({"handler": "echo", **config})
        granted = int(daemon.events("listening")[0]["receive_buffer_granted"])
        if granted < 4 << 20:
            self.skipTest(f"the kernel grants {granted} bytes only: net.core.rmem_max")
        address = daemon.address()
        clients = [dgramtest.socket_for(address) for _ in range(16)]
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        daemon.freeze()
        for number in range(CAPACITY):
            clients[number % 16].sendto(b"%d" % number, address)
        daemon.kill(signal.SIGCONT)
        for number, client in enumerate(clients):
            expected = {b"%d" % each for each in range(number, CAPACITY, 16)}
            self.assertEqual({client.recv(64) for _ in expected}, expected)
            client.close()
        ledger, = daemon.stop().values()
        self.assertLessEqual(
            {"received": CAPACITY, "replied": CAPACITY, "dropped_by_kernel": 0,
             "dropped_queue_full": 0}.items(), ledger.items())

    def test_bursts(self):
        for config in ({}, {"concurrency": "inline"}, {"receivers": 2},
                       {"concurrency": "inline", "receivers": 2}, {"handler": "simulate"}):
            with self.subTest(config=config):
                self.must_take_a_burst(config)

    def test_buffer_that_holds_less_than_the_queue(self):
        """The warning says how many of which length fit, and so many do."""
        for longest, length in (100, 100), (8192, 645):
            daemon = self.start({
                "handler": "echo", "max_datagram_bytes": longest,
                "socket": {"receive_buffer_bytes": 65536}})
            said = daemon.wait_for("receive buffer holds less than the queue")
            self.assertLessEqual(length, int(said["datagram_bytes"]))
            holds, address = int(said["holds"]), daemon.address()
            daemon.freeze()
            with dgramtest.socket_for(address) as client:
                for _ in range(3 * holds):
                    client.sendto(b"x" * length, address)
            daemon.kill(signal.SIGCONT)
            self.assertIn(daemon.stop()["echo"]["received"], range(holds, 2 * holds))

    def must_drain(self, config):
        """Stopped, the daemon finds a full socket and SIGTERM at once; and takes its time."""
        daemon = self.start(
            {"handler": "echo", "shutdown": {"drain_timeout_ms": 600000}, **config})
        address = daemon.address()
        clients = [dgramtest.socket_for(address) for _ in range(5)]
        daemon.freeze()
        for number in range(150):
            clients[number % 5].sendto(b"%d" % number, address)
        daemon.kill(signal.SIGTERM)
        daemon.kill(signal.SIGCONT)
        daemon.wait()
        for number, client in enumerate(clients):
            expected = [b"%d" % each for each in range(number, 150, 5)]
            self.assertEqual({client.recv(64) for _ in expected}, set(expected))
            client.close()
        ledger, = daemon.ledgers().values()
        self.assertEqual((ledger["received"], ledger["replied"]), (150, 150))

    def test_drain_serves_what_had_arrived(self):
        slow = {"handler": "simulate", "options": {"block_us": 2000}}
        for config in ({"receivers": 2}, {"concurrency": "inline"},
                       {"concurrency": "inline", "receivers": 2}, slow,
                       {"concurrency": "inline", **slow}):
            with self.subTest(config=config):
                self.must_drain(config)


dgramtest.main()
