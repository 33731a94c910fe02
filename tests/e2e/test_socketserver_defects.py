"""The known defects of Python's socketserver for UDP, each shown to be absent. (Empty and half
replies need a handler that fails in the middle: the C tests have one.)"""

import os
import signal
import time

import dgramtest
import probe
import slowclock

LONG = 20000
POLLING_S = 0.5  # of socketserver


class LongDatagrams(dgramtest.Case):
    def test_longer_than_allowed_is_dropped_not_cut(self):
        daemon = self.start({"handler": "echo"})
        with dgramtest.socket_for(daemon.address()) as client:
            client.connect(daemon.address())
            for size in (LONG, 8193, 8192):
                client.send(b"x" * size)
            self.assertEqual(client.recv(65536), b"x" * 8192)  # and this is the first to come
        ledger = daemon.stop()["echo"]
        self.assertEqual(
            (ledger["received"], ledger["dropped_truncated"], ledger["replied"]), (3, 2, 1))

    def test_as_long_as_allowed_is_served_whole(self):
        daemon = self.start({"handler": "echo", "max_datagram_bytes": LONG})
        payload = os.urandom(LONG)
        self.assertEqual(daemon.ask(payload), payload)
        self.assertEqual(daemon.stop()["echo"]["dropped_truncated"], 0)


class Shutdown(dgramtest.Case):
    """socketserver's shutdown() waits for the next turn of a polling loop. test_server_stop shows that
    ours has no such loop."""

    def test_under_load(self):
        for _ in range(dgramtest.scaled(30)):
            with dgramtest.Daemon({"handler": "echo"}) as daemon:
                load = probe.Load(self, daemon.address())
                self.eventually(lambda load=load: load.answered > 0, "an answer")
                daemon.stop()
                load.stop()

    def test_before_it_serves(self):
        """From the first line on; socketserver never returns when asked before serve_forever()."""
        for _ in range(dgramtest.scaled(100)):
            with dgramtest.Daemon(ready=False) as daemon:
                daemon.wait_for("starting")
                self.assertEqual(daemon.stop()["time"]["received"], 0)

    def test_nothing_polls(self):
        """Idle threads sleep until something happens: nothing wakes them meanwhile."""
        daemon = self.start({"logging": {"summary_interval_s": 0}})
        daemon.ask()
        counts = [-1]
        for _ in range(5):  # until all have settled
            counts.append(probe.wakeups(daemon.process.pid))
            if counts[-2] == counts[-1]:
                break
            time.sleep(4 * POLLING_S)
        self.assertEqual(counts[-2], counts[-1], counts)

    def test_second_stop_while_a_handler_hangs(self):
        """socketserver joins its threads without any limit."""
        clock = slowclock.SlowClock(self, hold=True)
        daemon = self.start(
            {**slowclock.HELD, "shutdown": {"drain_timeout_ms": 3600000}, "pool": {"workers": 2}},
            environment=clock.environment)
        with dgramtest.socket_for(daemon.address()) as client:
            for _ in range(10):
                client.sendto(b"", daemon.address())
            self.eventually(lambda: clock.held() == 2, "both workers hang")
            daemon.kill(signal.SIGTERM)
            self.eventually(lambda: probe.receivers(daemon.process.pid) == [], "all is received")
            ledger = daemon.stop()["simulate"]
        self.assertEqual((ledger["received"], ledger["running"], ledger["queued"]), (10, 2, 0))
        self.assertEqual(ledger["dropped_shutdown"], 8)

    def test_drain_has_a_limit(self):
        clock = slowclock.SlowClock(self, hold=True)
        daemon = self.start(
            {**slowclock.HELD, "shutdown": {"drain_timeout_ms": 200}, "pool": {"workers": 1}},
            environment=clock.environment)
        with dgramtest.socket_for(daemon.address()) as client:
            client.sendto(b"", daemon.address())
            self.eventually(lambda: clock.held() == 1, "the worker hangs")
            ledger = daemon.stop()["simulate"]
        self.assertEqual((ledger["received"], ledger["running"]), (1, 1))


class Threads(dgramtest.Case):
    def test_bounded_by_the_pool(self):
        clock = slowclock.SlowClock(self, hold=True)
        daemon = self.start(
            {**slowclock.HELD, "pool": {"workers": 3},
             "logging": {"summary_interval_s": 1}}, environment=clock.environment)
        pid = daemon.process.pid
        expected = ["dgram/log", "dgram/rx0", "dgram/w0", "dgram/w1", "dgram/w2"]
        self.assertEqual(probe.threads(pid), expected)
        all_threads = len(os.listdir(f"/proc/{pid}/task"))
        most = 0
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            for number in range(3000):
                client.sendto(b"", address)
                if number % 20 == 0:
                    most = max(most, len(os.listdir(f"/proc/{pid}/task")))
            self.eventually(lambda: clock.held() == 3, "all workers are busy")

            def arrived():
                sums = daemon.summed("simulate")
                return sums["received"] + sums["dropped_by_kernel"] == 3000

            self.eventually(arrived, "all datagrams are in the books")
            self.assertEqual(probe.threads(pid), expected)
            self.assertLessEqual(most, all_threads)
            clock.release()
            ledger = daemon.stop()["simulate"]
        self.assertEqual(ledger["replied"] + ledger["dropped_by_kernel"], 3000)


class SourceAddress(dgramtest.Case):
    def must_answer_from(self, daemon, hosts):
        port = daemon.port
        for host in hosts:
            address = dgramtest.parse_address(f"{host}:{port}")
            with dgramtest.socket_for(address) as client:  # not connected: it takes any answer
                client.sendto(b"who", address)
                reply, sender = client.recvfrom(64)
            self.assertEqual((reply, sender[:2]), (b"who", address[:2]))
        self.assertEqual(daemon.stop()["echo"]["replied"], len(hosts))

    def test_wildcard(self):
        hosts = ["127.0.0.1", "127.0.0.5", "127.0.0.9", "127.255.0.1", "127.0.0.5"]
        self.must_answer_from(self.start({"handler": "echo", "host": "0.0.0.0"}), hosts)

    def test_wildcard_v6(self):
        self.must_answer_from(self.start({"handler": "echo", "host": "::"}), ["[::1]"])

    def test_in_one_batch(self):
        """Answers of one batch, each from another address."""
        hosts = [f"127.0.0.{number}" for number in range(1, 31)]
        daemon = self.start({"handler": "echo", "host": "0.0.0.0", "pool": {"workers": 1}})
        port = daemon.port
        with dgramtest.socket_for(daemon.address()) as client:
            daemon.freeze()
            for host in hosts:
                client.sendto(host.encode(), (host, port))
            daemon.kill(signal.SIGCONT)
            for _ in hosts:
                reply, sender = client.recvfrom(64)
                self.assertEqual(sender, (reply.decode(), port))

    def test_one_address(self):
        self.must_answer_from(self.start({"handler": "echo", "host": "127.0.0.9"}), ["127.0.0.9"])

    def test_port_is_not_shared(self):
        """allow_reuse_address lets another process take a UDP port away."""
        for host in ("127.0.0.1", "::1"):
            daemon = self.start({"host": host})
            second = dgramtest.run_dgramd("--set", f"host={host}", "--set", f"port={daemon.port}")
            self.assertEqual(second.returncode, 69)
            daemon.ask()


dgramtest.main()
