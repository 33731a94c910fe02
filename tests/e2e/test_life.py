"""From the banner to the last line: starting, and stopping without losing anything."""

import os
import pty
import random
import select
import signal
import time

import dgramtest
import probe
import slowclock


class Stop(dgramtest.Case):
    def test_banner(self):
        daemon = self.start({"host": ["127.0.0.1", "::1"]})
        self.assertLessEqual(len(daemon.lines), 6)
        banner = "\n".join(daemon.lines)
        for text in ("address=127.0.0.1:", "address=[::1]:", "workers=4", "queue_capacity=4096",
                     "memory_max_bytes="):
            self.assertIn(text, banner)

    def test_a_worker_takes_little_memory(self):
        """With datagrams of 8 KiB at most 0.6 MiB each, by what the banner says."""
        most = []
        for workers in (1, 11):
            daemon = self.start({"max_datagram_bytes": 8192, "pool": {"workers": workers}})
            most.append(int(daemon.wait_for("ready")["memory_max_bytes"]))
            daemon.stop()
        self.assertLess((most[1] - most[0]) / 10, 0.6 * 2**20)
        self.assertGreater((most[1] - most[0]) / 10, 64 * 8192)

    def test_last_line_is_the_ledger(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.start()
            daemon.ask()
            daemon.stop(number)
            last = dgramtest.parse_line(daemon.lines[-1])
            self.assertEqual((last["event"], last["replied"]), ("ledger", "1"))

    def must_count(self, ledger, **expected):
        self.assertLessEqual(expected.items(), ledger.items())

    def test_what_had_arrived_is_served(self):
        """Stopped, the daemon finds a full socket and SIGTERM at once."""
        daemon = self.start({"handler": "echo"})
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            daemon.freeze()
            with dgramtest.delivered():
                for number in range(100):
                    client.sendto(b"%d" % number, address)
            daemon.kill(signal.SIGTERM)
            daemon.kill(signal.SIGCONT)
            daemon.wait()
            answers = {client.recv(64) for _ in range(100)}
        self.assertEqual(answers, {b"%d" % number for number in range(100)})
        self.must_count(daemon.ledgers()["echo"], received=100, replied=100)

    def test_what_is_queued_is_served(self):
        clock = slowclock.SlowClock(self, hold=True)
        daemon = self.start(
            {**slowclock.HELD, "pool": {"workers": 2}, "shutdown": {"drain_timeout_ms": 600000}},
            environment=clock.environment)
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            for number in range(50):
                client.sendto(b"%d" % number, address)
            self.eventually(lambda: clock.held() == 2, "both workers are busy")
            daemon.kill(signal.SIGTERM)
            daemon.wait_for("draining")
            clock.release()
            daemon.wait()
            answers = {client.recv(64) for _ in range(50)}
        self.assertEqual(answers, {b"%d" % number for number in range(50)})
        self.must_count(daemon.ledgers()["simulate"], received=50, replied=50, dropped_shutdown=0)

    def test_a_second_signal_drops_what_is_queued(self):
        """All but what the workers hold, who are not waited for."""
        clock = slowclock.SlowClock(self, hold=True)
        daemon = self.start(
            {**slowclock.HELD, "pool": {"workers": 2}, "shutdown": {"drain_timeout_ms": 600000}},
            environment=clock.environment)
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            for _ in range(2):
                client.sendto(b"", address)
            self.eventually(lambda: clock.held() == 2, "both workers are busy")
            for _ in range(48):
                client.sendto(b"", address)
            daemon.kill(signal.SIGTERM)
            self.eventually(lambda: probe.receivers(daemon.process.pid) == [], "all is received")
            daemon.kill(signal.SIGTERM)
            daemon.wait()
        daemon.wait_for("handlers still run")
        self.must_count(
            daemon.ledgers()["simulate"], received=50, replied=0, dropped_shutdown=48, running=2,
            queued=0)

    def test_expired_while_it_could_not_run(self):
        daemon = self.start({"handler": "echo", "queue": {"max_wait_ms": 50}})
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            daemon.freeze()
            with dgramtest.delivered():
                for _ in range(20):
                    client.sendto(b"old", address)
            time.sleep(0.1)
            daemon.kill(signal.SIGCONT)
            daemon.kill(signal.SIGTERM)
            daemon.wait()
        self.must_count(daemon.ledgers()["echo"], received=20, dropped_expired=20, replied=0)

    def test_full_queue(self):
        clock = slowclock.SlowClock(self, hold=True)
        daemon = self.start(
            {**slowclock.HELD, "pool": {"workers": 1}, "queue": {"capacity": 10},
             "logging": {"summary_interval_s": 1}}, environment=clock.environment)
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            client.sendto(b"first", address)
            self.eventually(lambda: clock.held() == 1, "the worker is busy")
            for _ in range(30):
                client.sendto(b"x", address)
            daemon.wait_for_sums("simulate", received=31)
            daemon.kill(signal.SIGTERM)
            daemon.wait_for("draining")
            clock.release()
            daemon.wait()
        self.must_count(
            daemon.ledgers()["simulate"], received=31, dropped_queue_full=20, replied=11,
            queued_max=10)

    def test_stopped_amid_a_burst(self):
        """Nothing is sent after the signal, so nothing is sent that the daemon cannot count."""
        chance = random.Random(42)
        for _ in range(dgramtest.scaled(20)):
            count = chance.randrange(1, 200)  # their replies find room in the client's socket
            with dgramtest.Daemon({"handler": "echo", "pool": {"workers": 2}}) as daemon:
                address = daemon.address()
                with dgramtest.socket_for(address) as client:
                    with dgramtest.delivered():
                        for number in range(count):
                            client.sendto(b"%d" % number, address)
                    ledger = daemon.stop()["echo"]
                    answers = {client.recv(64) for _ in range(ledger["replied"])}
                self.must_count(
                    ledger, received=count, replied=count, dropped_by_kernel=0)
                self.assertEqual(answers, {b"%d" % number for number in range(count)})

    def test_random_moments_under_load(self):
        """The loads go on after the signal. What comes between the daemon's last look at its socket
        and the socket's end nobody counts, so of all that was sent the books may lack some; but
        they hold none that was not sent, and each reply in them is one that a client has got. (The
        port may soon be another test's; the address may not.)"""
        chance = random.Random(2036)
        for _ in range(dgramtest.scaled(200)):
            with dgramtest.Daemon(
                    {"handler": "echo", "host": probe.HOST, "pool": {"workers": 2}}) as daemon:
                loads = [probe.Load(self, daemon.address(), window=64) for _ in range(2)]
                time.sleep(chance.expovariate(100))
                ledger = daemon.stop()["echo"]
                for load in loads:
                    load.stop()
                self.must_count(ledger, queued=0, running=0)
                sent = sum(load.sent for load in loads)
                answered = sum(load.answered for load in loads)
                failed = sum(n for name, n in ledger.items() if name.startswith("failed_"))
                self.assertEqual(failed, 0, daemon.text())
                self.assertEqual(answered, ledger["replied"], daemon.text())
                self.assertLessEqual(ledger["received"] + ledger["dropped_by_kernel"], sent)

    def test_terminal_that_nobody_reads(self):
        """A log that is full holds up the end no longer than it may."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        daemon = self.start(
            {"handler": "echo", "logging": {"level": "debug"}}, ready=False, stderr=slave)
        pid = daemon.process.pid
        self.eventually(lambda: len(probe.workers(pid)) == 4, "workers")
        address = ("127.0.0.1", probe.udp_ports(pid)[0])
        count = 2000  # a line each: far more than a terminal takes
        with dgramtest.socket_for(address) as client:
            for number in range(count):
                client.sendto(b"%d" % number, address)
                self.assertEqual(client.recv(64), b"%d" % number)
        self.eventually(lambda: select.select([], [slave], [], 0)[1] == [], "the log is full")
        daemon.kill(signal.SIGTERM)
        daemon.wait()


dgramtest.main()
